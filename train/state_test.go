package train_test

import (
	"strings"
	"testing"

	"espalier/models"
	"espalier/tensor"
	"espalier/train"
)

// TestAStateOfOtherElements: parameters of the model's shapes that are no float32 do not
// fit it.
func TestAStateOfOtherElements(t *testing.T) {
	m, c, _ := demoData(t, "trunk.type=bag")
	c.Average = 0.99
	trainer := trainerOf(t, m, c)
	state := trainer.State()
	for name, v := range trainer.Parameters() {
		state.Tensors["average/"+name] = tensor.Must(tensor.Of(make([]int32, v.Len()), v.Shape()...))
	}
	if err := trainerOf(t, m, c).Resume(state); err == nil || !strings.Contains(err.Error(), "train: the state's averaged parameters do not fit the model at") {
		t.Errorf("got %v", err)
	}
}

// TestARunWithFrozenParametersResumesToTheSameBytes, from a state that has each frozen
// parameter once.
func TestARunWithFrozenParametersResumesToTheSameBytes(t *testing.T) {
	m, c, d := demoData(t, "trunk.type=transformer", "trunk.heads=2", "train.epochs=2", "train.average=0.9")
	of := m.Config()
	of.Freeze = func(name string) bool {
		return strings.HasPrefix(name, "trunk/") && !strings.HasPrefix(name, "trunk/norm/")
	}
	m, err := models.New(m.Schema(), of)
	if err != nil {
		t.Fatal(err)
	}
	whole := trainerOf(t, m, c)
	var half []byte
	if _, err := whole.Fit(t.Context(), d, d, train.Hooks{Epoch: func(train.Epoch) error {
		if half == nil {
			half, err = encoded(whole.State())
		}
		return err
	}}); err != nil {
		t.Fatal(err)
	}
	state := sameWhenResumed(t, whole, trainerOf(t, m, c), d, half)
	for name := range whole.Parameters() {
		for prefix, want := range map[string]bool{"parameter/": true, "best/": !of.Freeze(name), "average/": !of.Freeze(name)} {
			if got := state.Tensors[prefix+name] != nil; got != want {
				t.Errorf("the state has %s%s: %v", prefix, name, got)
			}
		}
	}
}
