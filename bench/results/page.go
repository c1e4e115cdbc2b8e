package main

import (
	"fmt"
	"io"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"espalier/internal/atomicfile"
	"espalier/train"
)

// result is a row with what its seeds gave.
type result struct {
	row   row
	seeds []seedResult
}

const head = `# Results

Written by ` + "`make results`" + `, which trains the recipes in [examples](../examples) with %d seeds each. Figures are those of
the test sets as published, in percent: the mean over seeds, ± the standard deviation. Each recipe's settings and each
run's best epoch were chosen on validation; the test set is measured once a run, with the epoch that was kept. Nothing
is pretrained. Beside them stands what a linear model reaches on the same data
([bench/peers/linear.py](../bench/peers/linear.py)): over TF-IDF of words and characters by scikit-learn, or a linear
chain over features of words by CRFsuite, its settings chosen on validation.

| set | figure | validation | test | linear model | to reach | reached |
|---|---|---|---|---|---|---|
`

func write(path string, results []result, linear map[string]float64, joint *domains) error {
	return atomicfile.WriteFile(path, func(w io.Writer) error {
		p := &printer{w: w}
		p.printf(head, len(results[0].seeds))
		for _, r := range results {
			p.figures(r, linear)
		}
		joint.row(p)
		p.printf("\nWhat others published without pretraining, as a measure; their splits and protocols are theirs:\n\n")
		for _, r := range results {
			if r.row.published != "" {
				p.printf("- %s: %s.\n", r.row.set, r.row.published)
			}
		}
		for _, r := range results {
			if r.missed() && r.row.tried != "" {
				p.printf("\nOn %s, these reached no more on validation: %s.\n", r.row.set, r.row.tried)
			}
		}
		p.printf("\n## Cost\n\nOne thread a run, two runs at a time on two cores, which did other work beside them. The time is that of the fastest epoch, without\nvalidation; the size is that of the exported file.\n\n")
		p.printf("| set | epochs | best epoch | s per epoch | shared parameters | of the heads | file, MB |\n|---|---|---|---|---|---|---|\n")
		for _, r := range results {
			p.cost(r)
		}
		joint.details(p)
		return p.err
	})
}

// printer keeps the first error of writing.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *printer) figures(r result, linear map[string]float64) {
	set := r.row.set
	for _, f := range r.row.figures {
		var valid []float64
		for _, s := range r.seeds {
			valid = append(valid, 100*f.of(s.outcome.Valid, s.outcome.ValidWhole))
		}
		test := r.tests(f)
		reach, reached := "", ""
		if f.reach > 0 {
			reach = fmt.Sprintf("%.1f", f.reach)
			reached = verdict(stat.Mean(test, nil), f.reach)
		}
		peer := ""
		if x, ok := linear[r.row.recipe+" "+f.title]; ok {
			peer = fmt.Sprintf("%.1f", 100*x)
		}
		p.printf("| %s | %s | %s | %s | %s | %s | %s |\n", set, f.title, spread(valid), spread(test), peer, reach, reached)
		set = ""
	}
}

// missed reports whether a figure is below what was to be reached.
func (r *result) missed() bool {
	return slices.ContainsFunc(r.row.figures, func(f figure) bool {
		return f.reach > 0 && stat.Mean(r.tests(f), nil) < f.reach
	})
}

// tests are a figure's values on the test set by seed, in percent.
func (r *result) tests(f figure) []float64 {
	var x []float64
	for _, s := range r.seeds {
		x = append(x, 100*f.of(s.outcome.Test, s.outcome.TestWhole))
	}
	return x
}

func verdict(got, want float64) string {
	if got >= want {
		return "yes"
	}
	return fmt.Sprintf("no, %.1f short", want-got)
}

// of returns the figure from the scores of a split.
func (f figure) of(scores train.Scores, whole float64) float64 {
	if f.task == "" {
		return whole
	}
	for _, s := range scores {
		if s.Task == f.task {
			if v, ok := s.Metrics[f.metric]; ok {
				return v
			}
		}
	}
	return math.NaN() // stands out on the page
}

func spread(x []float64) string {
	mean, sd := stat.MeanStdDev(x, nil)
	if len(x) < 2 {
		return fmt.Sprintf("%.1f", mean)
	}
	return fmt.Sprintf("%.1f ± %.1f", mean, sd)
}

func (p *printer) cost(r result) {
	var best, seconds []float64
	heads := 0
	for _, s := range r.seeds {
		best = append(best, float64(s.outcome.Best))
		seconds = append(seconds, s.epoch)
	}
	for _, n := range r.seeds[0].outcome.Heads {
		heads += n
	}
	p.printf("| %s | %d | %.0f | %.1f | %d | %d | %.1f |\n", r.row.set, r.seeds[0].outcome.Epochs, stat.Mean(best, nil),
		slices.Min(seconds), r.seeds[0].outcome.Shared, heads, float64(r.seeds[0].size)/1e6)
}
