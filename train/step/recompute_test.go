package step_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"espalier/data"
	"espalier/models"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/train/optim"
	"espalier/train/step"
)

// TestRecomputedStepsAreTheSame: with every way of balancing, dropout included, steps
// that compute layers again end with the parameters of steps that keep them.
func TestRecomputedStepsAreTheSame(t *testing.T) {
	for trunk, set := range map[string][]string{
		"transformer": {"trunk.type=transformer", "trunk.heads=2", "trunk.layers=3", "trunk.dropout=0.2", "trunk.embedding_dropout=0.1"},
		"cnn":         {"trunk.layers=3", "trunk.dropout=0.2"},
	} {
		for _, w := range ways {
			t.Run(trunk+", "+w.name, func(t *testing.T) {
				m, d := texts(t, set...)
				kept, b1 := w.stepOf(t, m, nil)
				w.config.Recompute = true
				again, b2 := w.stepOf(t, m, nil)
				for number := range 5 {
					want, err := makeStep(kept, b1, batchOf(d, number, 0, 12), number)
					if err != nil {
						t.Fatal(err)
					}
					got, err := makeStep(again, b2, batchOf(d, number, 0, 12), number)
					if err != nil {
						t.Fatal(err)
					}
					if off := furthest(got, want); off > 1e-6 {
						t.Fatalf("step %d: losses are %v, want %v", number, got, want)
					}
					for name, v := range kept.Parameters().ByName() {
						if off := furthest(again.Parameters().ByName()[name].Float32s(), v.Float32s()); off > 1e-6 {
							t.Fatalf("step %d: %s is off by %v", number, name, off)
						}
					}
				}
			})
		}
	}
}

// TestRecomputedGradientsOnBothEngines, of the plain step and of the step in parts, with
// trunks of tasks beside the shared one.
func TestRecomputedGradientsOnBothEngines(t *testing.T) {
	for name, e := range engines(t) {
		for structure, set := range map[string][]string{"hard": nil, "soft": {"sharing.method=soft"}, "adversarial": {"sharing.method=adversarial"}} {
			t.Run(name+", "+structure, func(t *testing.T) {
				m, d := demoData(t, append(set, "trunk.type=transformer", "trunk.heads=2", "trunk.layers=2")...)
				gradients := map[bool]map[string][]float32{}
				for _, again := range []bool{false, true} {
					s, err := step.New(m, e, step.Config{Optimizer: optim.Config{Type: "sgd"}, Plain: true, Recompute: again})
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					var b data.Batch
					d.Fill(&b, []int{3, 5, 8, 13})
					in := step.Input{Batch: &b.Batch, Labels: b.Counts, Draws: new(step.Draws)}
					err = errors.Join(s.Draw(in.Draws, in.Batch, 1, 0), compute1(s, in))
					if err != nil {
						t.Fatal(err)
					}
					gradients[again] = step.GradientsNow(s)
					if structure == "soft" {
						continue // whose parts have nothing before them
					}
					wrong, err := step.CompareParts(s, in)
					if err != nil || len(wrong) > 0 {
						t.Errorf("computed again %v: %v, %v", again, err, wrong)
					}
				}
				for name, want := range gradients[false] {
					if off := furthest(gradients[true][name], want); off > 1e-6 {
						t.Errorf("the gradient of %s is off by %v", name, off)
					}
				}
			})
		}
	}
}

// compute1 computes a plain step whose losses all count once.
func compute1(s *step.Step, in step.Input) error {
	if _, err := s.Begin(context.Background(), in); err != nil {
		return err
	}
	weights := make([]float64, len(in.Labels))
	for i := range weights {
		weights[i] = 1
	}
	_, err := s.Compute(context.Background(), weights)
	return err
}

// TestWhatCannotBeComputedAgain: recurrent layers.
func TestWhatCannotBeComputedAgain(t *testing.T) {
	m, _ := texts(t, "trunk.type=bilstm")
	_, err := step.New(m, gonum.New(), step.Config{Optimizer: optim.Config{Type: "sgd"}, Plain: true, Recompute: true})
	const want = "train: recompute: the trunk has no layer that can be computed again: one of recurrent steps keeps what they give; leave recompute out"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

// wide are texts of 64 words and a transformer of 6 layers.
func wideTexts(t *testing.T) (*models.Model, *data.Dataset) {
	t.Helper()
	var file strings.Builder
	file.WriteString("text\ttopic\n")
	for i := range 32 {
		var words []string
		for k := range 64 {
			words = append(words, fmt.Sprint("w", (i*31+k*7)%200))
		}
		fmt.Fprintf(&file, "%s\tt%d\n", strings.Join(words, " "), i%3)
	}
	return learned(t, `
data: {train: {format: tsv, file: d.tsv}}
inputs: {text: {type: text}}
trunk: {type: transformer, embedding: 128, layers: 6, heads: 4, dropout: 0.1}
tasks: {topic: {type: classification}}
`, fstest.MapFS{"d.tsv": {Data: []byte(file.String())}}, nil)
}

// limitOfMemory is the environment variable that makes the test below a process of its
// own, as ONNX Runtime's limit of memory is one number per process.
const limitOfMemory = "ESPALIER_TEST_RECOMPUTE"

// TestRecomputationTakesLessMemory: a step on 32 texts of 64 words needs more than
// 128 MiB inside ONNX Runtime, and fewer than 72 with layers computed again. So the
// engine neither merges the copies with what it has computed, nor computes them early.
// What a step is estimated to need is right within a factor of 1.5.
func TestRecomputationTakesLessMemory(t *testing.T) {
	run := os.Getenv(limitOfMemory)
	if run == "" {
		engines(t) // says what is missing
		for _, c := range []struct {
			setting string
			fits    bool
		}{
			{"128 kept", false},
			{"72 again", true},
			{activations(t, false, 1/1.5) + " kept", false},
			{activations(t, false, 1.5) + " kept", true},
			{activations(t, true, 1/1.5) + " again", false},
			{activations(t, true, 1.5) + " again", true},
		} {
			cmd := exec.Command(os.Args[0], "-test.run=^TestRecomputationTakesLessMemory$", "-test.v")
			cmd.Env = append(os.Environ(), limitOfMemory+"="+c.setting)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", c.setting, err, out)
			}
			if fits := strings.Contains(string(out), "it fits"); fits != c.fits {
				t.Errorf("%s MiB: it fits: %v\n%s", c.setting, fits, out)
			}
		}
		return
	}
	var limit int64
	var how string
	if _, err := fmt.Sscan(run, &limit, &how); err != nil {
		t.Fatal(err)
	}
	e, err := ort.Open(ort.Config{MaxMemory: limit << 20})
	if err != nil {
		t.Fatal(err)
	}
	m, d := wideTexts(t)
	if err := stepOn(m, d, e, how == "again"); err != nil {
		t.Logf("it does not: %v", err)
		return
	}
	t.Log("it fits")
}

// activations is an estimate of what the engine needs for a step on the wide texts, in
// MiB, times a factor.
func activations(t *testing.T, again bool, factor float64) string {
	t.Helper()
	m, d := wideTexts(t)
	examples := make([]int, d.Len())
	for i := range examples {
		examples[i] = i
	}
	of, err := step.Estimate(m, step.Config{Optimizer: optim.Config{Type: "sgd"}, Plain: true, Recompute: again}, d.Sizes(examples))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("recompute %v: %v", again, of)
	return fmt.Sprint(int(factor * float64(of.Activations) / (1 << 20)))
}

// stepOn makes a step on all examples of a data set.
func stepOn(m *models.Model, d *data.Dataset, e runtime.Engine, again bool) error {
	s, err := step.New(m, e, step.Config{Optimizer: optim.Config{Type: "sgd"}, Plain: true, Recompute: again, Threads: 1})
	if err != nil {
		return err
	}
	defer s.Close()
	var b data.Batch
	examples := make([]int, d.Len())
	for i := range examples {
		examples[i] = i
	}
	d.Fill(&b, examples)
	in := step.Input{Batch: &b.Batch, Labels: b.Counts, Draws: new(step.Draws)}
	if err := s.Draw(in.Draws, in.Batch, 1, 0); err != nil {
		return err
	}
	return compute1(s, in)
}
