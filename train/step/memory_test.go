package step

import (
	"testing"

	"espalier/builder"
	"espalier/models"
	"espalier/tensor"
)

// TestActivationsByHand: a batch of 4 rows; sizes in bytes of float32.
func TestActivationsByHand(t *testing.T) {
	const wide, narrow = 4 * 100 * 4, 4 * 10 * 4
	for _, c := range []struct {
		name  string
		build func(g *builder.Graph, x, up, down *builder.Value) *builder.Value
		want  int64
	}{
		// The result itself stands elsewhere.
		{"one product", func(g *builder.Graph, x, up, _ *builder.Value) *builder.Value { return g.MatMul(x, up) }, 0},
		{"written over", func(g *builder.Graph, x, up, down *builder.Value) *builder.Value {
			return g.MatMul(g.Relu(g.MatMul(x, up)), down)
		}, wide},
		{"read again later", func(g *builder.Graph, x, up, down *builder.Value) *builder.Value {
			h := g.MatMul(x, up)
			return g.MatMul(g.Mul(g.Relu(h), h), down)
		}, 2 * wide},
		{"a view", func(g *builder.Graph, x, up, down *builder.Value) *builder.Value {
			h := g.MatMul(x, up)
			flat := g.Reshape(h, builder.Fixed(400))
			return g.MatMul(g.Reshape(g.Relu(flat), builder.Fixed(4), builder.Fixed(100)), down)
		}, wide},
		{"dropped when read", func(g *builder.Graph, x, up, down *builder.Value) *builder.Value {
			for range 5 {
				x = g.MatMul(g.MatMul(x, up), down)
			}
			return x
		}, wide + narrow},
		{"kept until the end", func(g *builder.Graph, x, up, down *builder.Value) *builder.Value {
			first := g.MatMul(x, up)
			y := g.MatMul(g.MatMul(g.MatMul(first, down), up), down)
			return g.Add(g.MatMul(y, up), first)
		}, 2*wide + narrow},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := builder.New("memory", builder.Options{})
			x := g.Input("x", tensor.Float32, builder.Fixed(4), builder.Fixed(10))
			y := c.build(g, x, g.Input("up", tensor.Float32, builder.Fixed(10), builder.Fixed(100)), g.Input("down", tensor.Float32, builder.Fixed(100), builder.Fixed(10)))
			if err := g.Err(); err != nil {
				t.Fatal(err)
			}
			p := &program{built: &models.Built{Graph: g}, outputs: []builder.Output{{Name: "y", Value: y}}}
			got, err := p.activations(nil)
			if err != nil || got != c.want {
				t.Errorf("%d bytes, want %d (%v)", got, c.want, err)
			}
		})
	}
}
