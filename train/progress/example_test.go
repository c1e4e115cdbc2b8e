package progress_test

import (
	"fmt"

	"espalier/train/progress"
)

// A task that comes first trains alone until it has not improved for an epoch;
// then its head is frozen and the other begins.
func ExampleTracker() {
	t, err := progress.New(progress.Config{
		Tasks: []string{"intent", "slots"}, Lower: []bool{false, false}, Epochs: 10,
		Order: progress.Order{Groups: [][]string{{"intent"}, {"slots"}}, By: "performance", Patience: 1, Earlier: "freeze"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for epoch, accuracy := range []float64{0.8, 0.9, 0.9, 0.91} {
		states := t.States()
		changes := t.EndEpoch([]float64{accuracy, 0.3})
		fmt.Println(epoch+1, states, len(changes))
	}
	// Output:
	// 1 [training waiting] 0
	// 2 [training waiting] 0
	// 3 [training waiting] 2
	// 4 [frozen training] 0
}

// A task with a cap of a third takes part in every third step.
func ExampleLedger() {
	l := progress.NewLedger(progress.Shares{Caps: map[string]float64{"slots": 1. / 3}}, []string{"intent", "slots"})
	for range 6 {
		fmt.Println(l.Admit([]bool{true, true}, progress.EachStep))
	}
	// Output:
	// [true false]
	// [true false]
	// [true true]
	// [true false]
	// [true false]
	// [true true]
}
