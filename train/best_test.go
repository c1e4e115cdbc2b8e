package train

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/train/score"
)

// TestWhichEpochIsKept: by hand. Each epoch has the scores of two tasks, and is
// kept (k) or not (-); an epoch with fewer of them than another neither wins nor
// counts for patience.
func TestWhichEpochIsKept(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		s      Selection
		epochs [][2]float64
		want   string
		left   int // epochs that patience counts at the end
	}{
		{"more is better", Selection{}, [][2]float64{{0.5, 0.5}, {0.4, 0.7}, {0.6, 0.4}, {0.1, 0.1}}, "kk--", 2},
		{"nothing is defined", Selection{}, [][2]float64{{nan, nan}, {nan, nan}, {nan, nan}}, "kkk", 0},
		{"a task never has a score", Selection{}, [][2]float64{{0.5, nan}, {0.6, nan}, {0.4, nan}}, "kk-", 1},
		{"the first score wins over none", Selection{}, [][2]float64{{nan, nan}, {0.1, 0.1}, {nan, nan}, {0.05, 0.1}}, "kk--", 1},
		{"a task that is left out does not win", Selection{}, [][2]float64{{0.2, 0.8}, {nan, 0.9}, {0.3, 0.8}, {nan, 0.9}}, "k-k-", 0},
		{"nor does one that was", Selection{}, [][2]float64{{nan, 0.9}, {0.2, 0.8}}, "kk", 0},
		{"one task decides", Selection{Weights: map[string]float64{"b": 1}}, [][2]float64{{0.9, 0.5}, {0, 0.6}, {1, 0.5}}, "kk-", 1},
		{"weights", Selection{Weights: map[string]float64{"a": 1, "b": 3}}, [][2]float64{{1, 0}, {0, 0.5}, {0.4, 0.4}}, "kkk", 0},
		{"losses", Selection{Loss: true}, [][2]float64{{0.1, 0.9}, {0.2, 0.2}, {0.9, 0.9}}, "k-k", 0}, // the losses are 1 - the scores
	} {
		var b best
		got := ""
		for i, of := range c.epochs {
			var scores score.Scores
			for j, x := range of {
				s := score.TaskScore{Task: []string{"a", "b"}[j], Labels: 1, Loss: 1 - x, Undefined: map[string]string{"m": "w"}}
				if !math.IsNaN(x) {
					s.Score = &x
				}
				scores = append(scores, s)
			}
			score, tasks := c.s.Score(scores)
			got += map[bool]string{true: "k", false: "-"}[b.take(score, tasks, i+1)]
		}
		if left := len(c.epochs) - b.epoch - b.without; got != c.want || left != c.left {
			t.Errorf("%s: %s and patience counts %d, want %s and %d", c.name, got, left, c.want, c.left)
		}
	}
}

// TestScoresOfFormerRuns: a result from before scores had no unit is read with
// those that its metrics have without knowing the training data.
func TestScoresOfFormerRuns(t *testing.T) {
	old := score.Scores{
		{Task: "topic", Labels: 4, Metric: "accuracy", Metrics: map[string]float64{"accuracy": 0.75}},
		{Task: "price", Labels: 4, Metric: "rmse", Metrics: map[string]float64{"rmse": 40000, "r2": 0.25}},
		{Task: "mood", Labels: 0, Metric: "accuracy", Metrics: map[string]float64{"accuracy": 0}},
	}
	if score, tasks := (Selection{}).Score(old); score != 0.5 || tasks != 2 {
		t.Errorf("the score is %v of %d tasks, want 0.5 of 2", score, tasks)
	}
}

func TestWhatCannotBeSelectedBy(t *testing.T) {
	for want, s := range map[string]Selection{
		`train: epochs are to be chosen by task "topics"; the model has [topic mood]`:                         {Weights: map[string]float64{"topics": 1}},
		`train: epochs are to be chosen with the weight -1 of task "mood", it must be a number of at least 0`: {Weights: map[string]float64{"mood": -1}},
		`train: epochs are to be chosen by tasks whose weights are all 0`:                                     {Weights: map[string]float64{"mood": 0}},
		`<nil>`: {Weights: map[string]float64{"mood": 0.5}},
	} {
		if got := fmt.Sprint(s.check([]string{"topic", "mood"})); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSomeOfMany(t *testing.T) {
	for n, want := range map[int]string{0: "", 1: "a", 2: "a and b", 3: "a, b and c", 5: "a, b, c, d and e", 7: "a, b, c, d, e and 2 more"} {
		if diff := cmp.Diff(want, some([]string{"a", "b", "c", "d", "e", "f", "g"}[:n], " and ")); diff != "" {
			t.Error(diff)
		}
	}
}
