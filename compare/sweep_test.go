package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier"
	"espalier/runtime/gonum"
	"espalier/train/score"
)

func TestSweepOfTheDemo(t *testing.T) {
	r, files := small(t, "train.epochs=1")
	dir := t.TempDir()
	run := func(trials int) (s *Sweep, kept int) {
		s, err := SweepWeights(context.Background(), r, dir, SweepOptions{
			Engine: gonum.New(), Trials: trials, Seeds: 2, Done: func(p Finished) {
				if p.Kept {
					kept++
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return s, kept
	}
	first, _ := run(3)
	s, kept := run(4)
	if kept != 6 || len(s.Trials) != 4 || fmt.Sprint(first.Trials) != fmt.Sprint(s.Trials[:3]) {
		t.Errorf("a longer search keeps %d models of 6, %v of %v", kept, s.Trials, first.Trials)
	}
	if files.opens["test.conll"] != 0 || files.opens["valid.conll"] == 0 {
		t.Errorf("the search opened the test data %d times", files.opens["test.conll"])
	}
	for n, w := range s.Trials {
		if w.Score.Mean > s.Trials[s.Best].Score.Mean || len(w.Score.Values) != 2 {
			t.Errorf("trial %d scores %v, the best %v", n, w.Score, s.Trials[s.Best].Score)
		}
		mean := 0.0
		for _, v := range w.Tasks {
			mean += v / 3
		}
		if math.Abs(mean-w.Score.Mean) > 1e-12 {
			t.Errorf("trial %d scores %v, its tasks %v", n, w.Score.Mean, w.Tasks)
		}
	}
	content, err := os.ReadFile(filepath.Join(dir, "sweep-demo", "random.json"))
	var written Sweep
	if err == nil {
		err = json.Unmarshal(content, &written)
	}
	if err != nil || !cmp.Equal(*s, written) {
		t.Errorf("the file has %+v (%v)", written, err)
	}
	// The settings are those of a recipe.
	for _, setting := range s.Settings() {
		path, value, _ := strings.Cut(setting, "=")
		if err := r.Set(path, value); err != nil {
			t.Error(err)
		}
	}
	var text bytes.Buffer
	if err := Text(&text, s); err != nil || !strings.Contains(text.String(), "\nbest, equal ") || !strings.Contains(text.String(), "The best weights: --set train.balance.method=fixed --set tasks.topic.weight=") {
		t.Errorf("the table is %s (%v)", text.String(), err)
	}
}

// TestWeightings: all lists begin with equal weights, fit their number, hold
// nothing twice, and have a mean of 1.
func TestWeightings(t *testing.T) {
	for _, c := range []struct {
		kind          string
		tasks, trials int
		want          int // how many there are
		label         string
	}{
		{Grid, 2, 16, 15, "grid-16"}, // the equal ones among them; 17 parts give 16 and the equal ones
		{Grid, 3, 16, 16, "grid-7"},  // (6 choose 2) and the equal ones
		{Grid, 4, 5, 5, "grid-5"},    // (4 choose 3) and the equal ones
		{Random, 3, 9, 9, "random"},
		{Random, 16, 4, 4, "random"},
	} {
		all, label, err := weightings(c.kind, c.tasks, c.trials)
		if err != nil || len(all) != c.want || label != c.label {
			t.Errorf("%s of %d tasks in %d trials: %d weightings of %s, %v", c.kind, c.tasks, c.trials, len(all), label, err)
		}
		seen := map[string]bool{}
		for n, weights := range all {
			sum := 0.0
			for _, w := range weights {
				sum += w
				if w <= 0 || n == 0 && w != 1 {
					t.Errorf("weighting %d is %v", n, weights)
				}
			}
			if key := fmt.Sprint(weights); seen[key] || math.Abs(sum/float64(c.tasks)-1) > 1e-3 {
				t.Errorf("weighting %d is %v, twice or of another mean", n, weights)
			} else {
				seen[key] = true
			}
		}
	}
}

// TestRandomWeightsAreEven: of a Dirichlet distribution with parameters 1 over
// three tasks each share has mean 1/3 and variance 1/18.
func TestRandomWeightsAreEven(t *testing.T) {
	const n = 4000
	sum, square := 0.0, 0.0
	for i := range uint64(n) {
		share := randomWeights(3, i)[1] / 3
		sum, square = sum+share, square+share*share
	}
	mean := sum / n
	if variance := square/n - mean*mean; math.Abs(mean-1./3) > 0.012 || math.Abs(variance-1./18) > 0.004 {
		t.Errorf("shares have mean %v and variance %v", mean, variance)
	}
}

func TestSweepsThatCannotBe(t *testing.T) {
	r, _ := small(t)
	single, err := r.Single("topic")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    SweepOptions
		want string
	}{
		{SweepOptions{Kind: "bayes"}, `compare: sweep "bayes" is not one of grid, random`},
		{SweepOptions{Seeds: -1}, "compare: -1 seeds and 2 jobs; there must be at least 1 of each"},
		{SweepOptions{Trials: 1}, "compare: 1 trials; there must be at least 2: equal weights and others"},
		{SweepOptions{Kind: Grid, Trials: 3}, "compare: a grid of weights for 3 tasks does not fit in 3 trials; try more, or sweep at random"},
	} {
		c.o.Engine, c.o.Jobs = gonum.New(), 2
		if _, err := SweepWeights(context.Background(), r, t.TempDir(), c.o); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	if _, err := SweepWeights(context.Background(), single, t.TempDir(), SweepOptions{}); err == nil || err.Error() != "compare: recipe topic has one task, whose weight changes nothing" {
		t.Error(err)
	}
}

// TestTheBestWeightsComeFirst: rows follow the scores, and weightings that
// failed or have none stand last.
func TestTheBestWeightsComeFirst(t *testing.T) {
	trial := func(a, score float64, values ...float64) Weighting {
		return Weighting{Weights: map[string]float64{"a": a}, Score: Sample{Mean: score, Values: values}}
	}
	s := &Sweep{Recipe: "r", Seeds: []int{1}, Tasks: []string{"a"}, Best: 2, Trials: []Weighting{
		trial(1, 0.5, 0.5), trial(2, 0), trial(3, 0.7, 0.7), trial(4, 0.4, 0.4), trial(5, 0),
	}, Failed: []Failure{{Model: weightsName(1)}}}
	var got []string
	for _, row := range s.tables()[0][1:] {
		got = append(got, row[0]+" "+row[2])
	}
	if diff := cmp.Diff([]string{"best 3.000", "equal 1.000", " 4.000", "failed 2.000", "no score 5.000"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestUndefinedScoresWinNoSweep: weights whose models have no score are no choice,
// and those with the scores of fewer tasks lose to those with more.
func TestUndefinedScoresWinNoSweep(t *testing.T) {
	r, _ := small(t)
	scored := func(topic, mood float64) *outcome {
		var scores score.Scores
		for name, x := range map[string]float64{"topic": topic, "mood": mood} {
			s := score.TaskScore{Task: name, Metric: "auc", Labels: 1, Undefined: map[string]string{"auc": "why"}}
			if !math.IsNaN(x) {
				s.Score, s.Metrics, s.Undefined = &x, map[string]float64{"auc": x}, nil
			}
			scores = append(scores, s)
		}
		return &outcome{result: &espalier.Outcome{Valid: scores}}
	}
	s := &Sweep{Recipe: "r", Seeds: []int{1}, Tasks: []string{"topic", "mood"}, Best: -1}
	err := s.gather([][]float64{{1, 1}, {2, 0}, {0.5, 1.5}, {1.5, 0.5}},
		[]*trial{{recipe: r}, {recipe: r}, {recipe: r}, {recipe: r}},
		[]*outcome{scored(nan, nan), scored(0.9, nan), scored(0.2, 0.4), scored(0.1, 0.4)})
	if err != nil || s.Best != 2 || s.Trials[0].Score.Values != nil || s.Trials[1].Score.Mean != 0.9 {
		t.Errorf("the best is %d of %+v (%v)", s.Best, s.Trials, err)
	}
	if _, there := s.Trials[1].Tasks["mood"]; there || s.Trials[1].Tasks["topic"] != 0.9 {
		t.Errorf("the tasks have %v", s.Trials[1].Tasks)
	}
	if content, err := json.Marshal(s); err != nil || strings.Count(string(content), `"score"`) != 3 {
		t.Errorf("%s (%v)", content, err)
	}
}
