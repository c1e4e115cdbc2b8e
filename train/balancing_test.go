package train_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/data"
	"espalier/models"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/safetensors"
	"espalier/tensor"
	"espalier/train"
	"espalier/train/balance"
	"espalier/train/sample"
)

// engines are both.
func engines(t *testing.T) map[string]runtime.Engine {
	t.Helper()
	e, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]runtime.Engine{"gonum": gonum.New(), "ort": e}
}

// TestEveryMethodTrains: going over a few batches again and again lowers the sum
// of the losses, without a number that is not finite.
func TestEveryMethodTrains(t *testing.T) {
	e := engines(t)["ort"]
	m, c, d := demoData(t, "trunk.type=bag", "trunk.dropout=0", "trunk.word_dropout=0", "trunk.rare_word_dropout=0", "train.optimizer.lr=0.02")
	var batches [4]data.Batch
	for i, examples := range d.Plan(data.BatchOptions{Size: 32, Shuffle: true}, 0)[:len(batches)] {
		d.Fill(&batches[i], examples)
	}
	for _, method := range balance.Methods() {
		for _, at := range []string{"", "representation"} {
			remembers := method.Name == "moco" || method.Name == "db-mtl"
			n := method.Needs
			if at != "" && (!n.Gram && !n.Rows || remembers) {
				continue
			}
			t.Run(method.Name+" "+at, func(t *testing.T) {
				c.Balance = train.BalanceConfig{Method: method.Name, At: at}
				tr, err := train.New(m, e, c)
				if err != nil {
					t.Fatal(err)
				}
				defer tr.Close()
				var sums []float64
				for round := range 8 {
					sums = append(sums, 0)
					for i := range batches {
						more := make([]*data.Batch, n.Batches)
						for j := range more {
							more[j] = &batches[(i+j+1)%len(batches)]
						}
						losses, err := tr.Step(context.Background(), &batches[i], more...)
						if err != nil {
							t.Fatal(err)
						}
						for _, l := range losses {
							sums[round] += float64(l)
						}
					}
				}
				if !(sums[7] < 0.9*sums[0]) {
					t.Errorf("the losses of the rounds are %v", sums)
				}
				finite(t, tr)
			})
		}
	}
}

// finite fails for parameters that are not.
func finite(t *testing.T, tr *train.Trainer) {
	t.Helper()
	for name, v := range tr.Parameters() {
		for _, x := range v.Float32s() {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				t.Fatalf("%s is not finite", name)
			}
		}
	}
}

func encoded(f *safetensors.File) ([]byte, error) {
	var b bytes.Buffer
	err := safetensors.Write(&b, f)
	return b.Bytes(), err
}

// sameWhenResumed goes on from a state that was written half way, and compares where
// that ends with the run that was not broken. It returns the state as read.
func sameWhenResumed(t *testing.T, whole, resumed *train.Trainer, d *data.Dataset, half []byte) *safetensors.File {
	t.Helper()
	state, err := safetensors.Decode(half)
	if err != nil {
		t.Fatal(err)
	}
	if err := resumed.Resume(state); err != nil {
		t.Fatal(err)
	}
	if _, err := resumed.Fit(context.Background(), d, d, train.Hooks{}); err != nil {
		t.Fatal(err)
	}
	want, err1 := encoded(whole.State())
	got, err2 := encoded(resumed.State())
	if err1 != nil || err2 != nil || !bytes.Equal(want, got) {
		t.Errorf("a resumed run ends in another state (%v, %v)", err1, err2)
	}
	return state
}

// TestBalancersResumeToTheSameBytes: two epochs, and one epoch, its state
// written and read, and the second, end in the same bytes.
func TestBalancersResumeToTheSameBytes(t *testing.T) {
	for _, method := range []string{"moco", "dwa", "famo", "gradvac", "modo"} {
		t.Run(method, func(t *testing.T) {
			m, c, d := demoData(t, "train.epochs=2", "train.batch=256", "trunk.type=bag")
			c.Balance = train.BalanceConfig{Method: method}
			whole := trainerOf(t, m, c)
			var half []byte
			_, err := whole.Fit(context.Background(), d, d, train.Hooks{Epoch: func(e train.Epoch) error {
				if e.Epoch > 1 {
					return nil
				}
				var err error
				half, err = encoded(whole.State())
				return err
			}})
			if err != nil {
				t.Fatal(err)
			}
			state := sameWhenResumed(t, whole, trainerOf(t, m, c), d, half)
			c.Balance = train.BalanceConfig{Method: "gradnorm"}
			if err := trainerOf(t, m, c).Resume(state); err == nil || !strings.Contains(err.Error(), "it was written with another method") {
				t.Errorf("%s: the state of another method gives %v", method, err)
			}
		})
	}
}

// TestATaskThatIsAbsentForAnEpoch: no method makes numbers that are not finite
// of it, and its own parameters stay.
func TestATaskThatIsAbsentForAnEpoch(t *testing.T) {
	e := engines(t)["ort"]
	m, c, d := demoData(t, "trunk.type=bag")
	for _, method := range balance.Methods() {
		c.Balance = train.BalanceConfig{Method: method.Name}
		c.Optimizer = train.OptimizerConfig{Type: "sgd", LR: 0.1}
		tr, err := train.New(m, e, c)
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		was := map[string][]float32{}
		for name, v := range tr.Parameters() {
			was[name] = append([]float32{}, v.Float32s()...)
		}
		var b [3]data.Batch
		plan := d.Plan(data.BatchOptions{Size: 32, Shuffle: true}, 0)[:5]
		for i := range plan {
			more := make([]*data.Batch, method.Needs.Batches)
			for j := range b {
				d.Fill(&b[j], plan[(i+j)%len(plan)])
				b[j].Counts[1] = 0
				for k := range labelsOf(m, &b[j], 1) {
					labelsOf(m, &b[j], 1)[k] = -1
				}
				if j > 0 && j <= len(more) {
					more[j-1] = &b[j]
				}
			}
			if _, err := tr.Step(context.Background(), &b[0], more...); err != nil {
				t.Fatalf("%s: %v", method.Name, err)
			}
		}
		finite(t, tr)
		own := 0
		for name, v := range tr.Parameters() {
			if strings.HasPrefix(name, "head/"+m.Schema().Tasks[1].Name+"/") {
				own++
				if !cmp.Equal(was[name], v.Float32s()) {
					t.Errorf("%s: %s moved without a label", method.Name, name)
				}
			}
		}
		if own == 0 {
			t.Fatal("the task has no parameters")
		}
	}
}

// TestReportOfAnEpoch: what a run tells of balancing follows from the steps.
func TestReportOfAnEpoch(t *testing.T) {
	m, c, d := demoData(t, "train.batch=128", "trunk.type=bag")
	for _, test := range []struct {
		b        train.BalanceConfig
		measured bool
	}{
		{train.BalanceConfig{}, false},
		{train.BalanceConfig{Diagnostics: 2}, true},
		{train.BalanceConfig{Method: "uncertainty"}, false},
		{train.BalanceConfig{Method: "uncertainty", Diagnostics: 1}, true},
		{train.BalanceConfig{Method: "cagrad"}, true},
		{train.BalanceConfig{Method: "cagrad", At: "representation"}, true},
		{train.BalanceConfig{Method: "graddrop"}, true},
		{train.BalanceConfig{Method: "moco"}, true},
		{train.BalanceConfig{Method: "modo"}, true},
	} {
		c.Balance = test.b
		res, err := trainerOf(t, m, c).Fit(context.Background(), d, d, train.Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		r := res.Epochs[0].Balance
		if (r.Measured > 0) != test.measured || test.measured && (len(r.Norms) != 3 || len(r.Cosines) != 2 || r.Condition < 1 || r.Conflicts == nil || *r.Conflicts > 1) {
			t.Errorf("%+v: %+v", test.b, r)
		}
		for first, of := range r.Cosines {
			for second, x := range of {
				if !(x >= -1 && x <= 1) {
					t.Errorf("%+v: the cosine of %s and %s is %v", test.b, first, second, x)
				}
			}
		}
		if (r.Weights == nil) != (test.b.Method == "graddrop" || test.b.Method == "moco") {
			t.Errorf("%+v: weights %v", test.b, r.Weights)
		}
	}
}

// TestLooksAreAtAllParameters: what diagnostics measure of a first step does not
// depend on the method, whatever its own step computes.
func TestLooksAreAtAllParameters(t *testing.T) {
	m, c, d := demoData(t, "train.batch=4000", "train.epochs=1")
	var want map[string]float64
	for _, method := range []string{"equal", "gls", "famo", "cagrad"} {
		c.Balance = train.BalanceConfig{Method: method, Diagnostics: 1}
		res, err := trainerOf(t, m, c).Fit(context.Background(), d, d, train.Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		got := res.Epochs[0].Balance.Norms
		if want == nil {
			want = got
		}
		for task, x := range want {
			if !(math.Abs(got[task]-x) <= 1e-5*x) {
				t.Errorf("%s: the gradient of %s has length %v, with equal weights %v", method, task, got[task], x)
			}
		}
	}
}

// TestWhatCannotBeBalanced: before anything is compiled or trained.
func TestWhatCannotBeBalanced(t *testing.T) {
	m, c, _ := demoData(t)
	config := m.Config()
	config.Trunk = models.TrunkConfig{Type: "bag", Embedding: 8, Frozen: true}
	nothing, err := models.NewText(m.Schema(), config)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		b    train.BalanceConfig
		want string
	}{
		{train.BalanceConfig{Method: "cagrat"}, `train: balance: there is no method "cagrat": did you mean "cagrad"?`},
		{train.BalanceConfig{Method: "moco", At: "representation"}, "train: moco remembers gradients from step to step, and those at the representation are of other examples each time: balance at parameters"},
		{train.BalanceConfig{Method: "modo", At: "representation"}, "train: modo compares gradients of several batches, which have nothing in common at the representation: balance at parameters"},
		{train.BalanceConfig{Method: "mgda", At: "heads"}, `train: gradients are balanced at "heads", it is one of parameters, representation`},
		{train.BalanceConfig{Method: "famo", Options: map[string]any{"bound": map[string]any{"nothing": 1.0}}}, `train: balance: famo: option bound names task "nothing", there are topic, sentiment, entities`},
		{train.BalanceConfig{Diagnostics: -1}, "train: diagnostics every -1 steps; it must be at least 0, which is never"},
		{train.BalanceConfig{Method: "mgda", At: "representation"}, "train: balance at the representation: this model learns nothing before what its tasks have of their own; set balance to equal or fixed"},
	} {
		c.Balance = test.b
		model := m
		if strings.Contains(test.want, "learns nothing") {
			model = nothing
		}
		_, err := train.New(model, engines(t)["gonum"], c)
		if fmt.Sprint(err) != test.want {
			t.Errorf("%+v:\n got %v\nwant %v", test.b, err, test.want)
		}
	}
}

// TestHalfOfTheLabelsMissing: over all ways to remove half of each task's
// labels, the mean of the gradients is the gradient with all of them, whether
// tasks are weighed ahead or by their gradients.
func TestHalfOfTheLabelsMissing(t *testing.T) {
	e := engines(t)["ort"]
	m, c, d := demoData(t, "trunk.type=bag", "trunk.dropout=0", "trunk.embedding_dropout=0", "trunk.word_dropout=0", "trunk.rare_word_dropout=0")
	c.Optimizer = train.OptimizerConfig{Type: "sgd", LR: 1}
	for _, b := range []train.BalanceConfig{{}, {Method: "cagrad", Options: map[string]any{"c": 0.0}}} {
		c.Balance = b
		tr, err := train.New(m, e, c)
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		start := map[string]*tensor.Tensor{}
		for name, v := range tr.Parameters() {
			start[name] = v.Clone()
		}
		// moved adds to sums where a step goes in which of four labels of each
		// task those remain.
		moved := func(sums map[string][]float64, remain [4]bool) {
			var batch data.Batch
			d.Fill(&batch, d.Plan(data.BatchOptions{Size: 4, Shuffle: true}, 0)[0])
			for of := range batch.Counts {
				labels := labelsOf(m, &batch, of)
				n := 0
				batch.Counts[of] = 0
				for i, l := range labels {
					switch {
					case l < 0:
					case n < 4 && remain[n]:
						batch.Counts[of]++
						n++
					default:
						labels[i] = -1
						n++
					}
				}
			}
			if err := tr.SetParameters(start); err != nil {
				t.Fatal(err)
			}
			if _, err := tr.Step(context.Background(), &batch); err != nil {
				t.Fatal(err)
			}
			for name, v := range tr.Parameters() {
				if sums[name] == nil {
					sums[name] = make([]float64, v.Len())
				}
				for i, x := range v.Float32s() {
					sums[name][i] += float64(x) - float64(start[name].Float32s()[i])
				}
			}
		}
		all, halves := map[string][]float64{}, map[string][]float64{}
		moved(all, [4]bool{true, true, true, true})
		for i := range 4 {
			for j := range i {
				var remain [4]bool
				remain[i], remain[j] = true, true
				moved(halves, remain)
			}
		}
		longest := 0.0
		for name := range all {
			for i, want := range all[name] {
				longest = max(longest, math.Abs(want))
				if got := halves[name][i] / 6; math.Abs(got-want) > 1e-6 {
					t.Fatalf("%s: %s[%d] moves by %v in the mean, want %v", b.Method, name, i, got, want)
				}
			}
		}
		if longest < 1e-3 {
			t.Errorf("%s: nothing moves", b.Method)
		}
	}
}

// TestSamplingTrainsAndResumes: batches of one task each, by progress, whose
// scores are part of the state.
func TestSamplingTrainsAndResumes(t *testing.T) {
	m, c, d := demoData(t, "train.epochs=2", "train.batch=256", "trunk.type=bag")
	c.Sampling = sample.Config{Method: "progress"}
	whole := trainerOf(t, m, c)
	var half []byte
	steps := 0
	_, err := whole.Fit(context.Background(), d, d, train.Hooks{
		Before: func(b *data.Batch) error {
			there := 0
			for _, n := range b.Counts {
				if n > 0 {
					there++
				}
			}
			if steps++; there != 1 {
				t.Errorf("step %d has labels of %d tasks", steps, there)
			}
			return nil
		},
		Epoch: func(e train.Epoch) (err error) {
			if e.Epoch == 1 {
				half, err = encoded(whole.State())
			}
			return err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	sameWhenResumed(t, whole, trainerOf(t, m, c), d, half)
}
