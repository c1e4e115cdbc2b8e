package train_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/data"
	"espalier/models"
	"espalier/train"
)

// structures are settings of every sharing structure, with which the step's parts
// meet at one value or at several.
var structures = map[string][]string{
	"hard":         nil,
	"soft":         {"sharing.l2=0.05"},
	"cross_stitch": nil,
	"mmoe":         {"sharing.experts=3"},
	"dselect_k":    {"sharing.experts=3", "sharing.entropy=0.1"},
	"cgc":          {"sharing.task_experts=1"},
	"ple":          {"sharing.levels=3", "sharing.task_experts=2"},
	"mtan":         {"sharing.bottleneck=4"},
	"aitm":         {"sharing.tower=8"},
	"adapter":      {"sharing.bottleneck=4"},
	"low_rank":     {"sharing.rank=2"},
}

// batchesOf returns so many batches of a data set, each in a memory of its own.
func batchesOf(d *data.Dataset, n, size int) []*data.Batch {
	all := make([]*data.Batch, n)
	for i := range all {
		examples := make([]int, size)
		for j := range examples {
			examples[j] = (i*size + j) % d.Len()
		}
		all[i] = new(data.Batch)
		d.Fill(all[i], examples)
	}
	return all
}

// headOf are the parameters of a task's own.
func headOf(all map[string][]float32, task string) map[string][]float32 {
	own := map[string][]float32{}
	for name, v := range all {
		if strings.HasPrefix(name, "head/"+task+"/") {
			own[name] = v
		}
	}
	return own
}

// TestHeadsLearnFromTheirLabelsAlone: steps on batches that lack a task's labels
// leave its head, the moments of its optimizer and the bias corrections as they
// are. With a trunk that does not move, the head has the bytes of a run without
// those steps.
func TestHeadsLearnFromTheirLabelsAlone(t *testing.T) {
	m, c, d := plainDemo(t)
	tasks := m.Schema().TaskNames()
	last := len(tasks) - 1
	c.Trunk.LR = 1e-30 // moves no float32
	for name, set := range map[string]func(*train.Config){
		"adam":                   func(c *train.Config) { c.Optimizer.Type, c.Optimizer.WeightDecay = "adam", 0.1 },
		"adamw":                  func(c *train.Config) { c.Optimizer.Type, c.Optimizer.WeightDecay = "adamw", 0.1 },
		"momentum":               func(c *train.Config) { c.Optimizer.Type, c.Optimizer.Momentum, c.Optimizer.LR = "sgd", 0.9, 0.1 },
		"gradients in parts":     func(c *train.Config) { c.Balance.Method = "pcgrad" },
		"remembers, by absences": func(c *train.Config) { c.Balance.Method = "moco" },
	} {
		c := c
		set(&c)
		mixed, alone := trainerOf(t, m, c), trainerOf(t, m, c)
		for i, b := range batchesOf(d, 8, 16) {
			own := new(data.Batch)
			d.Fill(own, b.Examples)
			own.Only(last)
			if _, err := alone.Step(context.Background(), own); err != nil {
				t.Fatal(err)
			}
			if _, err := mixed.Step(context.Background(), own); err != nil {
				t.Fatal(err)
			}
			before := headOf(parametersOf(mixed), tasks[last])
			for range i % 3 {
				b.Without(last)
				if _, err := mixed.Step(context.Background(), b); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(before, headOf(parametersOf(mixed), tasks[last])); diff != "" {
				t.Fatalf("%s: the head moved without a label: %s", name, diff)
			}
		}
		if diff := cmp.Diff(headOf(parametersOf(alone), tasks[last]), headOf(parametersOf(mixed), tasks[last])); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestParametersMoveWithTheLossesThatReachThem: in every sharing structure, a
// step on labels of one task moves the parameters on which its loss depends, and
// no others but those that a penalty reaches. Whether the loss does is tried by
// changing each of them.
func TestParametersMoveWithTheLossesThatReachThem(t *testing.T) {
	penalized := map[string]string{"soft": "/trunk/", "dselect_k": "/gate/code", "adversarial": "trunk/"}
	for method, set := range structures {
		t.Run(method, func(t *testing.T) {
			m, c, d := plainDemo(t, append([]string{"trunk.layers=1", "trunk.embedding=4", "sharing.method=" + method}, set...)...)
			c.Optimizer.Type, c.Optimizer.WeightDecay = "adamw", 0.1
			tr := trainerOf(t, m, c)
			batches := batchesOf(d, 3, 32)
			if _, err := tr.Step(context.Background(), batches[0]); err != nil { // moments that are not 0
				t.Fatal(err)
			}
			first, second := batches[1], batches[2]
			first.Without(1)
			first.Without(2)
			before := parametersOf(tr)
			if _, err := tr.Step(context.Background(), first); err != nil {
				t.Fatal(err)
			}
			after := parametersOf(tr)
			second.Without(1)
			second.Without(2)
			loss := func() float32 {
				s, err := tr.LossesOn(second)
				if err != nil {
					t.Fatal(err)
				}
				return s[0]
			}
			want := loss()
			for name, v := range tr.Parameters() {
				if strings.HasSuffix(name, models.Thresholds) {
					continue
				}
				x := v.Float32s()
				for i := range x {
					x[i] += 0.3 + 0.1*float32(i%7)
				}
				reaches := loss() != want || penalized[method] != "" && strings.Contains(name, penalized[method])
				copy(x, after[name])
				if moves := !slices.Equal(before[name], after[name]); moves != reaches {
					t.Errorf("%s moved: %v; the loss depends on it: %v", name, moves, reaches)
				}
			}
		})
	}
}

// TestStatesOfTheFirstFormatAreRefused, which knew one count of steps for all
// parameters.
func TestStatesOfTheFirstFormatAreRefused(t *testing.T) {
	m, c, _ := plainDemo(t)
	tr := trainerOf(t, m, c)
	f := tr.State()
	f.Metadata["format"] = "espalier-state-1"
	want := "train: the state is of an earlier version, in format espalier-state-1, and this version reads espalier-state-2: finish the run with the version that began it, or train anew in another directory"
	if err := tr.Resume(f); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
