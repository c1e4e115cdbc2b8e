package balance_test

import (
	"fmt"

	"espalier/train/balance"
)

// Two tasks whose gradients conflict: the sum would follow the longer one, at
// the other's expense.
func Example() {
	b, err := balance.New(balance.Config{Method: "upgrad", Tasks: []string{"intent", "slots"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	rows := [][]float32{{-4, 1, 1}, {6, 1, 1}}
	w, err := b.Weigh(&balance.Step{Rows: rows})
	if err != nil {
		fmt.Println(err)
		return
	}
	direction := make([]float32, 3)
	balance.Combine(direction, rows, w.Shared)
	fmt.Printf("weights %.3f, direction %.3f\n", w.Shared, direction)
	fmt.Printf("heads %v\n", w.Heads)
	// Output:
	// weights [1.111 0.789], direction [0.293 1.900 1.900]
	// heads [1 1]
}

// A method says what it must be given, and what is wrong with its settings
// before anything is trained.
func ExampleNew() {
	b, err := balance.New(balance.Config{Method: "famo", Tasks: []string{"intent", "slots"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("losses after the step:", b.Needs().After)
	_, err = balance.New(balance.Config{Method: "cagrad", Tasks: []string{"intent"}, Options: map[string]any{"c": -1}})
	fmt.Println(err)
	_, err = balance.New(balance.Config{Method: "nashmtl", Tasks: []string{"intent"}})
	fmt.Println(err)
	// Output:
	// losses after the step: true
	// balance: cagrad: option c is -1, it must be between 0 and 100
	// balance: there is no method "nashmtl": did you mean "nash-mtl"?
}
