package compare

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/schema"
	"espalier/train/score"
)

// classified are a model's answers to a classification whose truth is 0 for
// the first half of the examples and 1 for the rest.
func classified(task, metric string, rows []int, predicted, truth []int64) score.TaskAnswers {
	a := score.TaskAnswers{Task: task, Metric: metric, Type: schema.Classification, Labels: []string{"a", "b"}, Rows: rows}
	for i := range predicted {
		a.Predicted = append(a.Predicted, predicted[i:i+1])
		a.Truth = append(a.Truth, truth[i:i+1])
	}
	return a
}

func upTo(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// onePair lays one task's answers of some seeds side by side.
func onePair(t *testing.T, metric string, truth []int64, single, joint [][]int64) *pairs {
	t.Helper()
	n := len(truth)
	var joints []*score.Answers
	var singles []*score.TaskAnswers
	for s := range joint {
		joints = append(joints, &score.Answers{Examples: n, Tasks: []score.TaskAnswers{classified("t", metric, upTo(n), joint[s], truth)}})
		alone := classified("t", metric, upTo(n), single[s], truth)
		singles = append(singles, &alone)
	}
	p, err := newPairs(joints, [][]*score.TaskAnswers{singles}, []string{"t"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// macroF1 is the mean of 2tp/(2tp+fp+fn) over classes that stand anywhere.
func macroF1(predicted, truth []int64) float64 {
	sum, n := 0.0, 0.0
	for class := range int64(2) {
		both, either := 0.0, 0.0
		for i := range truth {
			if truth[i] == class {
				either++
			}
			if predicted[i] == class {
				either++
			}
			if truth[i] == class && predicted[i] == class {
				both++
			}
		}
		if either > 0 {
			sum, n = sum+2*both/either, n+1
		}
	}
	return sum / n
}

// TestDrawsFollowTheBootstrap: the distribution of the difference in macro F1
// is that of all 5^5 draws of five examples, each measured from the definition,
// the mean over both seeds.
func TestDrawsFollowTheBootstrap(t *testing.T) {
	truth := []int64{0, 0, 1, 1, 1}
	single := [][]int64{{0, 1, 1, 0, 0}, {1, 1, 0, 1, 0}}
	joint := [][]int64{{0, 0, 1, 1, 0}, {0, 1, 0, 1, 1}}
	p := onePair(t, "macro_f1", truth, single, joint)
	var all []float64
	for draw := range 5 * 5 * 5 * 5 * 5 {
		var rows []int
		for i := 0; i < 5; i, draw = i+1, draw/5 {
			rows = append(rows, draw%5)
		}
		pick := func(from []int64) []int64 {
			var out []int64
			for _, r := range rows {
				out = append(out, from[r])
			}
			return out
		}
		d := func(s int) float64 {
			return macroF1(pick(joint[s]), pick(truth)) - macroF1(pick(single[s]), pick(truth))
		}
		all = append(all, (d(0)+d(1))/2)
	}
	of := func(s *sample, seed int) float64 { return s.joint[0][seed] - s.single[0][seed] }
	var drawn []float64
	for _, s := range p.resample(20000, 7) {
		drawn = append(drawn, meanOf(s, []int{0, 1}, of))
	}
	wantMean, wantSD := meanSD(all)
	gotMean, gotSD := meanSD(drawn)
	if math.Abs(gotMean-wantMean) > 4*wantSD/math.Sqrt(20000) || math.Abs(gotSD/wantSD-1) > 0.03 {
		t.Errorf("draws have mean %.4f and deviation %.4f, all of them %.4f and %.4f", gotMean, gotSD, wantMean, wantSD)
	}
	if w, g := percentileInterval(all, 0.8), percentileInterval(drawn, 0.8); math.Abs(w.Low-g.Low) > 0.02 || math.Abs(w.High-g.High) > 0.02 {
		t.Errorf("the interval is %v, of all draws %v", g, w)
	}
}

// TestTheBootstrapHoldsTheDifference as often as it says: two models with
// known accuracies that agree on many examples.
func TestTheBootstrapHoldsTheDifference(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	const trials, n, difference = 400, 150, 0.08
	held := 0
	truth := make([]int64, n)
	for range trials {
		single, joint := make([]int64, n), make([]int64, n)
		for i := range truth {
			hard := r.Float64()
			if hard > 0.70 {
				single[i] = 1
			}
			// Right where the single model is, and on part of the rest; wrong on a
			// few that the single model has right.
			if hard > 0.80 || hard < 0.02 {
				joint[i] = 1
			}
		}
		p := onePair(t, "accuracy", truth, [][]int64{single}, [][]int64{joint})
		d := judge(p, []string{"accuracy"}, 400, 0.9).Tasks[0].Difference
		if d.Seeds != nil {
			t.Fatal("one seed has an interval over seeds")
		}
		if d.Verdict != OneSeed || d.P != nil || *d.Interval != *d.Examples {
			t.Fatalf("one seed gives %+v", d)
		}
		if d.Interval.Low <= difference && difference <= d.Interval.High {
			held++
		}
	}
	// Three standard errors of a share of 0.9 in 400, and the little that the
	// percentile interval is too short for 150 examples.
	if share := float64(held) / trials; share < 0.84 || share > 0.95 {
		t.Errorf("the interval at 90 %% holds the difference in %.3f of cases", share)
	}
}

// TestNothingIsSeldomShown: two models of the same quality, with luck in seeds
// and in test examples, are told apart no more often than the confidence allows.
func TestNothingIsSeldomShown(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	const trials, n, seeds = 300, 80, 3
	truth := make([]int64, n)
	shown := 0
	for range trials {
		models := make([][]int64, 2*seeds)
		for m := range models {
			skill := 0.7 + 0.05*r.NormFloat64()
			models[m] = make([]int64, n)
			for i := range models[m] {
				if r.Float64() > skill {
					models[m][i] = 1
				}
			}
		}
		p := onePair(t, "accuracy", truth, models[:seeds], models[seeds:])
		if judge(p, []string{"accuracy"}, 200, 0.9).Tasks[0].Difference.Verdict != Unshown {
			shown++
		}
	}
	if share := float64(shown) / trials; share > 0.1 {
		t.Errorf("at 90 %% a difference is shown in %.3f of cases where there is none", share)
	}
}

func TestStrataKeepEachTasksExamples(t *testing.T) {
	none := []int64{0, 0, 0}
	joint := &score.Answers{Examples: 7, Tasks: []score.TaskAnswers{
		classified("a", "accuracy", []int{0, 1, 2}, none, none), classified("b", "accuracy", []int{2, 4, 5}, none, none),
	}}
	single := func(task string) []*score.TaskAnswers {
		alone := classified(task, "accuracy", upTo(3), none, none)
		return []*score.TaskAnswers{&alone}
	}
	p, err := newPairs([]*score.Answers{joint}, [][]*score.TaskAnswers{single("a"), single("b")}, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]int{{0, 1}, {2}, {4, 5}}, p.strata); diff != "" {
		t.Error(diff)
	}
}

func TestDataThatChangedBetweenRuns(t *testing.T) {
	truth, other := []int64{0, 1}, []int64{1, 1}
	joint := []*score.Answers{{Examples: 2, Tasks: []score.TaskAnswers{classified("t", "accuracy", upTo(2), truth, truth)}}}
	alone := classified("t", "accuracy", upTo(2), truth, other)
	single := [][]*score.TaskAnswers{{&alone}}
	_, err := newPairs(joint, single, []string{"t"})
	const want = `compare: the models of task "t" were not tested on the same examples: the data has changed between runs; start anew in another directory`
	if err == nil || err.Error() != want {
		t.Error(err)
	}
}
