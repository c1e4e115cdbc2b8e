package step

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/builder"
	"espalier/tensor"
)

// TestCostOfOperators: by hand, with a batch of 3 and 5 tokens.
func TestCostOfOperators(t *testing.T) {
	g := builder.New("costs", builder.Options{})
	batch, sequence := builder.Named("batch"), builder.Named("sequence")
	x := g.Input("x", tensor.Float32, batch, sequence, builder.Fixed(7))
	w := g.Input("w", tensor.Float32, builder.Fixed(7), builder.Fixed(11))
	h := g.MatMul(x, w)
	r := g.Relu(h)
	flat := g.Input("flat", tensor.Float32, batch, builder.Fixed(7))
	gemm := g.Gemm(flat, w, nil, false, false)
	turned := g.Gemm(flat, g.Input("turned", tensor.Float32, builder.Fixed(11), builder.Fixed(7)), nil, false, true)
	square := g.Input("square", tensor.Float32, builder.Fixed(7), builder.Fixed(7))
	steps := g.Input("steps", tensor.Float32, sequence, batch, builder.Fixed(7))
	_, walked := g.Scan([]*builder.Value{flat}, []*builder.Value{steps}, builder.ScanOptions{}, func(b *builder.Graph, states, slices []*builder.Value) builder.Step {
		y := b.Add(b.MatMul(states[0], square), slices[0])
		return builder.Step{States: []*builder.Value{y}, Outputs: []*builder.Value{y}}
	})
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	// A step of the Scan is a product, a sum and what hands on state and output;
	// around it stand the last state and the stacked outputs.
	scan := 5*(3*7*7+3*7+handed(walked[0])*3*7) + 3*7 + 5*3*7
	for _, c := range []struct {
		v    *builder.Value
		want float64
	}{{h, 3 * 5 * 11 * 7}, {r, 3 * 5 * 11}, {gemm, 3 * 11 * 7}, {turned, 3 * 11 * 7}, {walked[0], float64(scan)}} {
		got, err := nodeCost(c.v.Node(), map[string]int64{"batch": 3, "sequence": 5, "characters": 1})
		if err != nil || got != c.want {
			t.Errorf("%s costs %v, not %v (%v)", c.v.Node().Op, got, c.want, err)
		}
	}
}

// handed is how many operators of a Scan's body only hand values on.
func handed(v *builder.Value) (n int) {
	for _, inner := range v.Node().Bodies[0].Graph.Nodes() {
		if inner.Op == "Identity" {
			n++
		}
	}
	return n
}

// TestCostsAreDivided: what two tasks need, each pays half of while both take
// part, and a task alone pays all of.
func TestCostsAreDivided(t *testing.T) {
	c := &Costs{parts: []costPart{{needs: []bool{true, true, false}}, {needs: []bool{false, false, true}}, {needs: []bool{true, false, false}}, {needs: []bool{false, false, false}}}}
	parts := []float64{100, 30, 7, 1000}
	for _, test := range []struct {
		tasks []bool
		each  []float64
		all   float64
	}{
		{[]bool{true, true, true}, []float64{57, 50, 30}, 137},
		{[]bool{true, false, false}, []float64{107, 0, 0}, 107},
		{[]bool{false, true, true}, []float64{0, 100, 30}, 130},
		{[]bool{false, false, false}, []float64{0, 0, 0}, 0},
	} {
		each, all := c.divide(parts, test.tasks)
		if diff := cmp.Diff(test.each, each); diff != "" || all != test.all {
			t.Errorf("%v: %v together\n%s", test.tasks, all, diff)
		}
	}
}

// TestCostsThatAreRemembered: however many sizes batches have, few are remembered,
// and each costs what it does.
func TestCostsThatAreRemembered(t *testing.T) {
	g := builder.New("costs", builder.Options{})
	v := g.Relu(g.Input("x", tensor.Float32, builder.Named("batch"), builder.Named("sequence")))
	c := &Costs{parts: []costPart{{needs: []bool{true}, nodes: []*builder.Node{v.Node()}}}, known: map[string][]float64{}}
	for i := range 3 * mostKnown {
		size := map[string]int64{"batch": int64(1 + i%7), "sequence": int64(1 + i), "characters": 1}
		for range 2 {
			cost, err := c.Step(size)
			if err != nil {
				t.Fatal(err)
			}
			if _, all := cost([]bool{true}); all != float64(size["batch"]*size["sequence"]) {
				t.Fatalf("%v costs %v", size, all)
			}
		}
		if len(c.known) > mostKnown {
			t.Fatalf("%d sizes are remembered", len(c.known))
		}
	}
}
