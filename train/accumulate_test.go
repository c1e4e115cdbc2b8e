package train_test

import (
	"math"
	"strings"
	"testing"

	"espalier/train"
)

// TestAccumulatedBatchesAreOneLargeBatch: steps on four batches of eight examples end
// with the parameters, and tell the losses, of steps on all 32 of them at once.
func TestAccumulatedBatchesAreOneLargeBatch(t *testing.T) {
	for _, method := range []string{"", "rlw", "uncertainty", "dwa", "gls", "pcgrad", "mgda", "upgrad", "moco"} { // not graddrop, whose signs rounding may turn
		t.Run(method, func(t *testing.T) {
			m, c, all := demoData(t, append(layered, "train.epochs=6", "train.batch=32", "train.clip_norm=1")...)
			var examples []int
			for i := range 32 {
				examples = append(examples, i*7)
			}
			d := all.Select(examples)
			c.Balance = train.BalanceConfig{Method: method}
			c.Optimizer = train.OptimizerConfig{Type: "sgd", LR: 0.1, Momentum: 0.9}
			c.Trunk.LR = 0.5
			if method == "" {
				c.Balance.Diagnostics = 2
			}
			run := func(batch, accumulate int) (*train.Trainer, *train.Result) {
				c.Batch, c.Accumulate = batch, accumulate
				tr := trainerOf(t, m, c)
				res, err := tr.Fit(t.Context(), d, d, train.Hooks{})
				if err != nil {
					t.Fatal(err)
				}
				return tr, res
			}
			whole, want := run(32, 1)
			parts, got := run(8, 4)
			for name, v := range whole.Parameters() {
				of := parts.Parameters()[name].Float32s()
				for i, x := range v.Float32s() {
					if off := math.Abs(float64(x - of[i])); !(off <= 1e-5) {
						t.Fatalf("%s is off by %v", name, off)
					}
				}
			}
			for i, e := range want.Epochs {
				if got.Epochs[i].Steps != e.Steps {
					t.Errorf("epoch %d ends after %d steps, want %d", e.Epoch, got.Epochs[i].Steps, e.Steps)
				}
				for task, loss := range e.Losses {
					if off := math.Abs(got.Epochs[i].Losses[task] - loss); !(off <= 1e-5) {
						t.Errorf("epoch %d: the loss of %s is off by %v", e.Epoch, task, off)
					}
				}
			}
		})
	}
}

// TestAccumulatedStepsAreCountedAndResumed: an epoch's last step may have fewer batches;
// schedules, updates of tasks and the log count steps. A resumed run, which drops out,
// ends in the same bytes.
func TestAccumulatedStepsAreCountedAndResumed(t *testing.T) {
	m, c, all := demoData(t, "trunk.type=bag", "train.epochs=4", "train.batch=8")
	d := all.Select([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29})
	c.Accumulate = 3 // of 8, 8, 8 and 6 examples
	c.Schedule = train.ScheduleConfig{Type: "linear", Warmup: 0.25}
	whole := trainerOf(t, m, c)
	var half []byte
	var steps [][2]int
	_, err := whole.Fit(t.Context(), d, d, train.Hooks{
		Step: func(_, step, of int, _ []float32) { steps = append(steps, [2]int{step, of}) },
		Epoch: func(e train.Epoch) error {
			if e.Steps != 2*e.Epoch {
				t.Errorf("epoch %d ends after %d steps", e.Epoch, e.Steps)
			}
			var err error
			if e.Epoch == 2 {
				half, err = encoded(whole.State())
			}
			return err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 8 || steps[0] != [2]int{1, 2} || steps[7] != [2]int{2, 2} {
		t.Errorf("steps are %v", steps)
	}
	sameWhenResumed(t, whole, trainerOf(t, m, c), d, half)
	n, updates, err := c.Updates(d, m.Schema().TaskNames())
	if err != nil || n != 2 || updates[0].Steps != 2 || updates[0].Examples != d.Labelled(0) {
		t.Errorf("%d steps, %v, %v", n, updates, err)
	}
	c.EpochSteps = 3
	if n, _, err = c.Updates(d, m.Schema().TaskNames()); err != nil || n != 3 {
		t.Errorf("%d steps, %v", n, err)
	}
}

// TestWhatCannotBeAccumulated is refused by name.
func TestWhatCannotBeAccumulated(t *testing.T) {
	m, c, _ := demoData(t)
	c.Accumulate = 2
	for want, b := range map[string]train.BalanceConfig{
		"accumulate is 2, and gradients at the representation are by the values of one batch: balance at parameters, or leave accumulate out": {Method: "mgda", At: "representation"},
		"accumulate is 2, and modo compares gradients of several batches itself: leave accumulate out":                                        {Method: "modo"},
		"accumulate is 2, and famo reads the losses after the step, of a batch that is still there: leave accumulate out":                     {Method: "famo"},
	} {
		c.Balance = b
		if err := c.CheckBalance(m.Schema().TaskNames()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}
