package sample

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var tasks = []string{"large", "small", "none"}

// TestShares: by hand, of tasks with 900, 100 and no examples.
func TestShares(t *testing.T) {
	for _, test := range []struct {
		c     Config
		epoch int
		want  float64 // of the first; the second has the rest
	}{
		{Config{Method: "proportional"}, 0, 0.9},
		{Config{Method: "uniform"}, 0, 0.5},
		{Config{Method: "round_robin"}, 0, 0.5},
		{Config{Method: "sqrt"}, 0, 0.75},
		{Config{Method: "temperature", Temperature: 2}, 0, 0.75},
		{Config{Method: "temperature", Temperature: 1}, 0, 0.9},
		{Config{Method: "annealed", Epochs: 5}, 0, 0.9},
		{Config{Method: "annealed", Epochs: 5}, 4, math.Pow(9, 0.2) / (math.Pow(9, 0.2) + 1)},
		{Config{Method: "cap", Cap: 300}, 0, 0.75},
		{Config{Method: "weights", Weights: map[string]float64{"small": 3, "none": 5}}, 0, 0.25},
		{Config{Method: "progress"}, 0, 0.5},
	} {
		test.c.Tasks = tasks
		s, err := New(test.c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Shares([]int{900, 100, 0}, test.epoch)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got[0]-test.want) > 1e-12 || math.Abs(got[1]-(1-test.want)) > 1e-12 || got[2] != 0 {
			t.Errorf("%+v in epoch %d: shares %v, the first should be %v", test.c, test.epoch, got, test.want)
		}
	}
}

// TestProgressOfATaskWithoutAScore: it is drawn as often as the others on average,
// whatever it has of examples.
func TestProgressOfATaskWithoutAScore(t *testing.T) {
	nan := math.NaN()
	for want, scores := range map[[3]float64][]float64{
		{1. / 3, 1. / 3, 1. / 3}:       {nan, nan, nan},
		{0.2 / 0.9, 0.4 / 0.9, 1. / 3}: {0.8, 0.6, nan},
		{0.5 / 1.5, 0.5 / 1.5, 1. / 3}: {0.5, nan, nan},
	} {
		s, err := New(Config{Method: "progress", Tasks: tasks})
		if err != nil {
			t.Fatal(err)
		}
		s.Learn(scores)
		got, err := s.Shares([]int{900, 100, 50}, 1)
		for i := range want {
			if err != nil || math.Abs(got[i]-want[i]) > 1e-12 {
				t.Errorf("after scores %v the shares are %v, want %v (%v)", scores, got, want, err)
			}
		}
	}
}

// TestProgress: what lacks most is drawn most, and a state goes on.
func TestProgress(t *testing.T) {
	s, err := New(Config{Method: "progress", Tasks: tasks})
	if err != nil {
		t.Fatal(err)
	}
	s.Learn([]float64{0.99, 0.5, math.NaN()})
	again, _ := New(Config{Method: "progress", Tasks: tasks})
	if err := again.Restore(s.State()); err != nil {
		t.Fatal(err)
	}
	got, err := again.Shares([]int{900, 100, 0}, 1)
	if err != nil || math.Abs(got[0]-0.1/0.6) > 1e-12 {
		t.Errorf("shares %v (%v)", got, err)
	}
	if err := again.Restore([]float64{1}); err == nil {
		t.Error("a state of other tasks is taken")
	}
}

// TestPlan: the same seed and epoch give the same plan, others another; steps
// hold examples of their task; shares come out over many steps.
func TestPlan(t *testing.T) {
	examples := make([][]int, 3)
	for i := range 4000 {
		task := min(i/3000, 1)
		examples[task] = append(examples[task], i)
	}
	for _, batches := range []string{"single", "mixed"} {
		plan := func(seed uint64, epoch int) []Step {
			s, err := New(Config{Method: "uniform", Tasks: tasks, Seed: seed, Batches: batches})
			if err != nil {
				t.Fatal(err)
			}
			p, err := s.Plan(examples, Batching{Size: 4}, epoch)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		one := plan(1, 2)
		if !cmp.Equal(one, plan(1, 2)) || cmp.Equal(one, plan(2, 2)) || cmp.Equal(one, plan(1, 3)) {
			t.Errorf("%s: plans do not follow from seed and epoch", batches)
		}
		small := 0
		for _, step := range one {
			if len(step.Examples) != 4 {
				t.Fatalf("%s: a step of %d examples", batches, len(step.Examples))
			}
			for _, e := range step.Examples {
				of := min(e/3000, 1)
				small += of
				if (batches == "mixed") != (step.Task == -1) || step.Task >= 0 && step.Task != of {
					t.Fatalf("%s: example %d in a step of task %d", batches, e, step.Task)
				}
			}
		}
		if share := float64(small) / 4000; len(one) != 1000 || math.Abs(share-0.5) > 0.07 {
			t.Errorf("%s: %d steps, %v of the examples are of the small task", batches, len(one), share)
		}
	}
}

// TestRoundRobin: one task after the other, without those that have no
// examples; every example of a task before any comes again.
func TestRoundRobin(t *testing.T) {
	s, err := New(Config{Method: "round_robin", Tasks: tasks})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.Plan([][]int{{0, 1, 2, 3, 4, 5}, {6, 7}, nil}, Batching{Size: 2}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var order []int
	seen := map[int]bool{}
	for _, step := range plan {
		order = append(order, step.Task)
		for _, e := range step.Examples {
			if step.Task == 0 && seen[e] {
				t.Errorf("example %d comes again", e)
			}
			seen[e] = true
		}
	}
	if !cmp.Equal(order, []int{0, 1, 0, 1}) {
		t.Errorf("the order is %v", order)
	}
}

func TestWhatCannotBeSampled(t *testing.T) {
	for _, test := range []struct {
		c    Config
		want string
	}{
		{Config{Method: "temperature", Temperature: -1}, "sample: temperature is -1, it must be above 0"},
		{Config{Method: "temperature"}, "sample: temperature is 0, it must be above 0"},
		{Config{Method: "unifrom"}, `sample: there is no method "unifrom": did you mean "uniform"?`},
		{Config{Method: "cap"}, "sample: cap is 0, it must be at least 1"},
		{Config{Method: "weights"}, "sample: method weights needs weights"},
		{Config{Method: "weights", Weights: map[string]float64{"x": 1}}, `sample: a weight is given for task "x", there are large, small, none`},
		{Config{Method: "weights", Weights: map[string]float64{"small": -1}}, `sample: the weight of task "small" is -1, it must be a number of at least 0`},
		{Config{Method: "uniform", Cap: 5}, "sample: cap is set, but method uniform does not read it"},
		{Config{Method: "uniform", Batches: "double"}, `sample: batches are "double", they are single or mixed`},
		{Config{Method: "round_robin", Batches: "mixed"}, "sample: round_robin takes one task a batch, batches cannot be mixed"},
	} {
		test.c.Tasks = tasks
		if _, err := New(test.c); fmt.Sprint(err) != test.want {
			t.Errorf("%+v:\n got %v\nwant %s", test.c, err, test.want)
		}
	}
	s, err := New(Config{Method: "weights", Weights: map[string]float64{"large": 0, "small": 0}, Tasks: tasks})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Plan([][]int{{1}, {2}, nil}, Batching{Size: 2}, 0); err == nil {
		t.Error("no task has a weight and a plan comes out")
	}
}
