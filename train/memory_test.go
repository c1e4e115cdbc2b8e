package train_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/train"
)

// TestMemoryIsThatOfTheLargestBatch: of the longest texts, with what a trainer keeps
// beside a step.
func TestMemoryIsThatOfTheLargestBatch(t *testing.T) {
	m, c, d := demoData(t, "trunk.type=transformer", "trunk.heads=2", "train.batch=16")
	got, sizes, err := trainerOf(t, m, c).Memory(d)
	if err != nil {
		t.Fatal(err)
	}
	if sizes["batch"] != 16 || sizes["sequence"] != int64(d.Longest()) {
		t.Errorf("the largest batch has sizes %v, the longest text has %d tokens", sizes, d.Longest())
	}
	want, err := c.Memory(m, sizes)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Best != got.Moments { // two copies, as Adam has two moments
		t.Errorf("two copies of parameters take %d, two moments %d", got.Best, got.Moments)
	}
	c.Average = 0.9
	if got, err = c.Memory(m, sizes); err != nil || got.Best != 2*got.Moments {
		t.Errorf("with an average four copies take %d, two moments %d (%v)", got.Best, got.Moments, err)
	}
	for _, method := range []string{"mgda", "upgrad"} {
		c.Balance = train.BalanceConfig{Method: method}
		if of, err := c.Memory(m, sizes); err != nil || of.Gradients < 3*got.Gradients {
			t.Errorf("%s: %v, %v", method, of, err)
		}
	}
}
