package train_test

import (
	"fmt"
	"slices"
	"testing"

	"espalier/data"
	"espalier/runtime/gonum"
	"espalier/train"
)

// TestEpochsOfSteps: an epoch has the steps that it is given, however many a
// pass over the data takes; every example is seen as often as any other, give or
// take one; and a limit of tokens changes the batches alone.
func TestEpochsOfSteps(t *testing.T) {
	m, c, d := plainDemo(t)
	c.Epochs, c.Batch = 3, 32
	for _, tokens := range []int{0, 60} {
		c.MaxTokens, c.EpochSteps = tokens, 0
		pass, _, err := c.Updates(d, m.Schema().TaskNames())
		if err != nil {
			t.Fatal(err)
		}
		for _, steps := range []int{1, pass / 2, 2*pass + 3} {
			c.EpochSteps = steps
			var seen []int
			made := 0
			tr := trainerOf(t, m, c)
			res, err := tr.Fit(t.Context(), d, d, train.Hooks{Before: func(b *data.Batch) error {
				made++
				for _, e := range b.Examples {
					for len(seen) <= e {
						seen = append(seen, 0)
					}
					seen[e]++
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Epochs) != 3 || made != 3*steps || res.Epochs[1].Steps != 2*steps {
				t.Errorf("3 epochs of %d steps are %d of %d", steps, len(res.Epochs), made)
			}
			if 3*steps >= pass && slices.Max(seen)-slices.Min(seen) > 1 {
				t.Errorf("with %d steps an epoch and %d a pass examples are seen %d to %d times", steps, pass, slices.Min(seen), slices.Max(seen))
			}
		}
	}
	c.Sampling.Method = "uniform"
	_, err := train.New(m, gonum.New(), c)
	if want := "train: epoch_steps and sampling both lay out an epoch; leave one of them out"; fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
