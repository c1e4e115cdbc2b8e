package metric

// accuracy is the share of present labels that are predicted; for tagging,
// over tokens.
type accuracy struct{ right, total int }

func (a *accuracy) AddLabels(predicted, truth []int64) {
	for i, y := range truth {
		if y < 0 {
			continue
		}
		a.total++
		if predicted[i] == y {
			a.right++
		}
	}
}

func (a *accuracy) AddValues(_, _ []float32) {}
func (a *accuracy) Value() float64           { return ratio(a.right, a.total) }
func (a *accuracy) Count() int               { return a.total }

// exactMatch is the share of sequences all of whose present labels are
// predicted. A sequence without labels is not counted.
type exactMatch struct{ right, total int }

func (e *exactMatch) AddLabels(predicted, truth []int64) {
	seen, ok := false, true
	for i, y := range truth {
		if y >= 0 {
			seen = true
			ok = ok && predicted[i] == y
		}
	}
	if !seen {
		return
	}
	e.total++
	if ok {
		e.right++
	}
}

func (e *exactMatch) AddValues(_, _ []float32) {}
func (e *exactMatch) Value() float64           { return ratio(e.right, e.total) }
func (e *exactMatch) Count() int               { return e.total }

// f1 is the harmonic mean of precision and recall, 2*tp/(2*tp+fp+fn) (van
// Rijsbergen 1979). Macro is its mean over classes, a class that neither
// stands in the truth nor is predicted left out, as scikit-learn does when
// labels are not named; micro pools the counts of all classes.
type f1 struct {
	micro      bool
	tp, fp, fn []int
	total      int
}

func newF1(classes int, micro bool) *f1 {
	return &f1{micro: micro, tp: make([]int, classes), fp: make([]int, classes), fn: make([]int, classes)}
}

func (f *f1) AddLabels(predicted, truth []int64) {
	for i, y := range truth {
		if y < 0 {
			continue
		}
		f.total++
		if predicted[i] == y {
			f.tp[y]++
			continue
		}
		f.fn[y]++
		f.fp[predicted[i]]++
	}
}

func (f *f1) AddValues(_, _ []float32) {}
func (f *f1) Count() int               { return f.total }

func (f *f1) Value() float64 {
	var tp, rest, classes int
	mean := 0.0
	for c := range f.tp {
		tp += f.tp[c]
		rest += f.fp[c] + f.fn[c]
		if n := 2*f.tp[c] + f.fp[c] + f.fn[c]; n > 0 {
			classes++
			mean += float64(2*f.tp[c]) / float64(n)
		}
	}
	switch {
	case f.micro:
		return ratio(2*tp, 2*tp+rest)
	case classes == 0:
		return 0
	}
	return mean / float64(classes)
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
