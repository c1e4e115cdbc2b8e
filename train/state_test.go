package train_test

import (
	"strings"
	"testing"

	"espalier/tensor"
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
