package balance

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMistakesAreNamedBeforeTraining(t *testing.T) {
	tasks := []string{"intent", "slots"}
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Method: "cagrd", Tasks: tasks}, `balance: there is no method "cagrd": did you mean "cagrad"?`},
		{Config{Method: "CAGrad", Tasks: tasks}, `balance: there is no method "CAGrad": did you mean "cagrad"?`},
		{Config{Method: "cagrad"}, `balance: no tasks are named, there is nothing to weigh`},
		{
			Config{Method: "cagrad", Tasks: tasks, Options: map[string]any{"c": -1}},
			`balance: cagrad: option c is -1, it must be between 0 and 100`,
		},
		{
			Config{Method: "cagrad", Tasks: tasks, Options: map[string]any{"rescale": 1.5}},
			`balance: cagrad: option rescale is 1.5, it must be a whole number from 0 to 2`,
		},
		{
			Config{Method: "cagrad", Tasks: tasks, Options: map[string]any{"c": "much"}},
			`balance: cagrad: option c is much, it must be a number`,
		},
		{
			Config{Method: "cagrad", Tasks: tasks, Options: map[string]any{"rescal": 1}},
			`balance: cagrad has no option "rescal": did you mean "rescale"?`,
		},
		{
			Config{Method: "pcgrad", Tasks: tasks, Options: map[string]any{"temperature": 1}},
			`balance: pcgrad has no option "temperature", it has heads, smooth`,
		},
		{
			Config{Method: "dwa", Tasks: tasks, Options: map[string]any{"temperature": 0}},
			`balance: dwa: option temperature is 0, it must be above 0 and at most 1e+06`,
		},
		{
			Config{Method: "mgda", Tasks: tasks, Options: map[string]any{"normalize": "l3"}},
			`balance: mgda: option normalize is l3, it must be one of none, l2, loss, loss+`,
		},
		{
			Config{Method: "fixed", Tasks: tasks, Options: map[string]any{"weights": map[string]any{"slot": 2}}},
			`balance: fixed: option weights names task "slot", there are intent, slots`,
		},
		{
			Config{Method: "fixed", Tasks: tasks, Options: map[string]any{"weights": map[string]any{"slots": -2}}},
			`balance: fixed: option weights of task "slots" is -2, it must be between 0 and 3.4028234663852886e+38`,
		},
		{
			Config{Method: "fixed", Tasks: tasks, Options: map[string]any{"weights": 2}},
			`balance: fixed: option weights is 2, it must give tasks their numbers`,
		},
	} {
		_, err := New(c.config)
		if err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestStepsThatLackSomethingAreErrors(t *testing.T) {
	tasks := []string{"intent", "slots"}
	nan := float32(0)
	nan /= nan
	for _, c := range []struct {
		method string
		step   Step
		want   string
	}{
		{"mgda", Step{}, `balance: mgda needs the gradients of 2 tasks, it was given 0`},
		{"mgda", Step{Rows: [][]float32{{1, 2}, nil}}, `balance: task "slots" is present and has no gradient`},
		{"mgda", Step{Gram: []float64{1}}, `balance: mgda needs the 4 inner products of the gradients, it was given 1`},
		{"mgda", Step{Rows: [][]float32{{1, 2}, {1}}}, `balance: the gradient of task "slots" has 1 numbers, that of task "intent" has 2`},
		{"mgda", Step{Rows: [][]float32{{1, 2}, {1, nan}}}, `balance: the gradient of task "slots" is not finite, training has diverged`},
		{"graddrop", Step{Rows: [][]float32{{1, 2}, {1, nan}}, Direction: make([]float32, 2)}, `balance: the gradient of task "slots" is not finite, training has diverged`},
		{"graddrop", Step{Rows: [][]float32{{1, 2}, {1, 3}}}, `balance: graddrop writes a direction of 2 numbers, the step has room for 0`},
		{"gls", Step{Losses: []float64{1, -2}}, `balance: the loss of task "slots" is -2, gls needs losses that are not negative: use another method`},
		{"gls", Step{Losses: []float64{1}}, `balance: gls needs the loss of 2 tasks, it was given 1`},
		{"modo", Step{}, `balance: modo needs the 4 cross products of the gradients, it was given 0`},
		{"equal", Step{Present: []bool{true}}, `balance: the step says of 1 tasks whether they are present, there are 2`},
	} {
		b, err := New(Config{Method: c.method, Tasks: tasks})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Weigh(&c.step); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestWeightsOfFirstMethods(t *testing.T) {
	tasks := []string{"a", "b", "c"}
	weigh := func(b *Balancer, s *Step) []float64 {
		w, err := b.Weigh(s)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(w.Shared, w.Heads); diff != "" {
			t.Errorf("%s: heads do not follow the weights: %s", b.Method().Name, diff)
		}
		return w.Shared
	}
	b, err := New(Config{Method: "fixed", Tasks: tasks, Options: map[string]any{"weights": map[string]any{"b": 3, "c": 0.5}}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{1, 3, 0}, weigh(b, &Step{Present: []bool{true, true, false}})); diff != "" {
		t.Error(diff)
	}
}
