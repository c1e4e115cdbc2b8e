package threshold

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"espalier/schema"
	"espalier/task"
)

// drawn returns decisions whose probabilities are right: each is true as often
// as it says.
func drawn(r *rand.Rand, n int, scale float64) []Decision {
	all := make([]Decision, n)
	for i := range all {
		p := math.Pow(r.Float64(), 3) * scale
		all[i] = Decision{float32(p), r.Float64() < p}
	}
	return all
}

// thresholdOf is the threshold that one label gets of its own.
func thresholdOf(list []Decision) (float32, bool) {
	at := []float32{-1}
	Tune([]Decisions{{List: list}}, Config{Tune: "each", Metric: "macro_f1"}, at)
	return at[0], at[0] >= 0
}

func f1At(decisions []Decision, threshold float32) float64 {
	var right, predicted, true float64
	for _, d := range decisions {
		if d.P >= threshold {
			predicted++
			if d.True {
				right++
			}
		}
		if d.True {
			true++
		}
	}
	return 2 * right / (predicted + true)
}

// TestThresholdsOfFrequentLabelsAreTheirDatas: with thousands of true decisions
// no threshold on the data is better by more than a hair.
func TestThresholdsOfFrequentLabelsAreTheirDatas(t *testing.T) {
	decisions := drawn(rand.New(rand.NewPCG(1, 1)), 20000, 1)
	at, ok := thresholdOf(decisions)
	if !ok {
		t.Fatal("there is no threshold")
	}
	best := 0.0
	for x := float32(0.01); x < 1; x += 0.01 {
		best = max(best, f1At(decisions, x))
	}
	if got := f1At(decisions, at); got < best-0.002 {
		t.Errorf("F1 is %v at %v, another threshold has %v", got, at, best)
	}
}

// TestThresholdsOfRareLabelsSuitOtherData: thresholds from a few true decisions
// are measured on data that is drawn anew, where they do better than those that
// were best on the few.
func TestThresholdsOfRareLabelsSuitOtherData(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	other := drawn(r, 200000, 0.5)
	expected, counted := 0.0, 0.0
	for range 50 {
		few := drawn(r, 100, 0.5)
		at, ok := thresholdOf(few)
		if !ok {
			continue
		}
		expected += f1At(other, at)
		best, best1 := float32(0), -1.0
		for _, d := range few {
			if f := f1At(few, d.P); f > best1 {
				best, best1 = d.P, f
			}
		}
		counted += f1At(other, best)
	}
	if !(expected > counted*1.02) {
		t.Errorf("the sum of F1 is %v, of thresholds that suit the few decisions best %v", expected, counted)
	}
}

func TestNoThresholdWithoutATrueDecision(t *testing.T) {
	if at, ok := thresholdOf([]Decision{{0.3, false}, {0.9, false}}); ok {
		t.Errorf("the threshold is %v", at)
	}
	// Perfectly apart: the threshold stands between.
	if at, ok := thresholdOf([]Decision{{0.1, false}, {0.2, false}, {0.9, true}, {0.95, true}}); !ok || at <= 0.2 || at > 0.9 {
		t.Errorf("the threshold is %v (%v)", at, ok)
	}
}

// fewLabels returns decisions about labels whose probabilities are coarse, so that
// many are equal; the last label never applies.
func fewLabels(r *rand.Rand, labels, rows int) []Decisions {
	all := make([]Decisions, labels)
	for i := range all {
		all[i].Missed = r.IntN(2)
		for range rows {
			p := float32(r.IntN(6)) / 5
			all[i].List = append(all[i].List, Decision{p, i < labels-1 && r.Float32() < 0.2+0.6*p})
		}
	}
	return all
}

// valueAt is what is tuned, written down plainly: F1 by what is counted, mixed
// with what the probabilities expect, of all decisions or as the sum over labels
// that apply somewhere; or the number of examples whose labels are all right.
func valueAt(labels []Decisions, metric string, thresholds []float32) float64 {
	sum, allRight, allPredicted, allTrue := 0.0, 0.0, 0.0, 0.0
	whole := make([]bool, len(labels[0].List))
	for row := range whole {
		whole[row] = true
	}
	for i, d := range labels {
		n := float64(d.Missed)
		for _, x := range d.List {
			if x.True {
				n++
			}
		}
		share := n / (n + expectedPositives)
		right, predicted, truth := 0.0, 0.0, share*float64(d.Missed)
		for row, x := range d.List {
			y := 0.0
			if x.True {
				y = 1
			}
			mixed := share*y + (1-share)*float64(x.P)
			truth += mixed
			if x.P >= thresholds[i] {
				right += mixed
				predicted++
			}
			whole[row] = whole[row] && x.True == (x.P >= thresholds[i])
		}
		if n > float64(d.Missed) {
			sum += 2 * right / (predicted + truth)
		}
		allRight, allPredicted, allTrue = allRight+right, allPredicted+predicted, allTrue+truth
	}
	switch metric {
	case "micro_f1":
		return 2 * allRight / (allPredicted + allTrue)
	case "exact_match":
		n := 0.0
		for _, right := range whole {
			if right {
				n++
			}
		}
		return n
	}
	return sum
}

// TestThresholdsAreTheBestThereAre: against every combination of thresholds, of
// which each label's are between its probabilities or above them.
func TestThresholdsAreTheBestThereAre(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	cuts := []float32{0.1, 0.3, 0.5, 0.7, 0.9, 1.5}
	for range 40 {
		labels := fewLabels(r, 3, 8)
		for _, metric := range task.Of(schema.MultiLabel).ThresholdMetrics() {
			for _, how := range []string{"one", "each"} {
				if how == "each" && metric == "exact_match" {
					continue // one label after the other: as good as any single change
				}
				best := math.Inf(-1)
				for n := range 6 * 6 * 6 {
					at := []float32{cuts[n%6], cuts[n/6%6], cuts[n/36]}
					if how == "one" && (at[0] != at[1] || at[0] != at[2]) {
						continue
					}
					if how == "each" && slices.ContainsFunc([]int{0, 1, 2}, func(i int) bool { return labels[i].positives() == 0 && at[i] != 0.5 }) {
						continue // which stay
					}
					best = max(best, valueAt(labels, metric, at))
				}
				got := []float32{0.5, 0.5, 0.5}
				Tune(labels, Config{Tune: how, Metric: metric}, got)
				if groupsOf(labels, how) == nil {
					continue
				}
				if value := valueAt(labels, metric, got); math.Abs(value-best) > 1e-9 {
					t.Errorf("%s, %s: %v gives %v, the best there is %v", how, metric, got, value, best)
				}
			}
		}
	}
}

// TestExactMatchHasNoBetterSingleChange: with a threshold for each label.
func TestExactMatchHasNoBetterSingleChange(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 20 {
		labels := fewLabels(r, 4, 30)
		got := []float32{0.5, 0.5, 0.5, 0.5}
		Tune(labels, Config{Tune: "each", Metric: "exact_match"}, got)
		value := valueAt(labels, "exact_match", got)
		for i := range 3 { // the last never applies, and keeps its threshold
			for _, x := range []float32{0.1, 0.3, 0.5, 0.7, 0.9, 1.5} {
				at := slices.Clone(got)
				at[i] = x
				if v := valueAt(labels, "exact_match", at); v > value {
					t.Errorf("%v has %v right, %v has %v", got, value, at, v)
				}
			}
		}
	}
}

// TestFewTrueDecisionsShareAThreshold: by default labels with fewer than
// FewPositives true decisions have one together, also those that never apply; with
// one all do; with none, and of a task that nothing is true of, they stay.
func TestFewTrueDecisionsShareAThreshold(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	labels := make([]Decisions, 4)
	for i, n := range []int{FewPositives, FewPositives - 1, 3, 0} {
		for j := range 400 {
			labels[i].List = append(labels[i].List, Decision{r.Float32() / float32(i+1), j < n})
		}
	}
	for _, c := range []struct {
		how  string
		want string
	}{{"auto", "[false true true]"}, {"one", "[true true true]"}, {"each", "[false false false]"}} {
		for _, metric := range task.Of(schema.MultiLabel).ThresholdMetrics() {
			at := []float32{0.5, 0.5, 0.5, 0.5}
			Tune(labels, Config{Tune: c.how, Metric: metric}, at)
			alike := []bool{at[0] == at[1], at[1] == at[2], at[2] == at[3]}
			if got := fmt.Sprint(alike); got != c.want || c.how == "each" && at[3] != 0.5 {
				t.Errorf("%s, %s: neighbours are alike %v, want %v: %v", c.how, metric, got, c.want, at)
			}
			alone := []float32{0.5}
			if Tune(labels[3:], Config{Tune: c.how, Metric: metric}, alone); alone[0] != 0.5 {
				t.Errorf("%s, %s: the threshold of a label that never applies became %v", c.how, metric, alone[0])
			}
		}
	}
}

// TestThresholdsStandBetweenNeighbouringNumbers: midway between two that have no
// number between them, the threshold is the upper one.
func TestThresholdsStandBetweenNeighbouringNumbers(t *testing.T) {
	upper := float32(0.3)
	lower := math.Nextafter32(upper, 0)
	var list []Decision
	for range 300 { // enough to be counted
		list = append(list, Decision{upper, true}, Decision{lower, false})
	}
	at, ok := thresholdOf(list)
	if !ok || at != upper {
		t.Errorf("the threshold is %v (%v), want %v, which %v does not reach", at, ok, upper, lower)
	}
}
