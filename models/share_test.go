package models

import (
	"testing"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/tensor"
)

// TestStructuresWorkOnWholeExamples: on hidden states [batch, n], without
// tokens and without a mask, every task reads [batch, m].
func TestStructuresWorkOnWholeExamples(t *testing.T) {
	dense := func(name string) layer {
		return func(s *builder.Scope, x *builder.Value) *builder.Value { return s.Relu(nn.Dense(s.In(name), x, 6)) }
	}
	for _, method := range []string{"hard", "soft", "cross_stitch", "mmoe", "dselect_k", "cgc", "ple", "mtan", "aitm", "adapter", "low_rank", "adversarial"} {
		for _, conditional := range []bool{false, true} {
			g := builder.New("examples", builder.Options{})
			x := g.Input("x", tensor.Float32, builder.Named("batch"), builder.Fixed(4))
			config := Config{Sharing: SharingConfig{
				Method: method, TaskExperts: 1, Conditional: conditional, Entropy: 1, L2: 1,
			}}
			trunk := TrunkConfig{Hidden: 6, Layers: 2}
			if err := config.Sharing.Complete(&trunk, nil); err != nil {
				t.Fatal(err)
			}
			c := &network{Graph: g, mode: Training, config: config, tasks: []string{"a", "b", "c"}}
			states := c.share(g.Scope("trunk"), x, []layer{dense("first"), dense("second")})
			if g.Err() != nil {
				t.Errorf("%s: %v", method, g.Err())
				continue
			}
			want := builder.Shape{builder.Named("batch"), builder.Fixed(6)}
			if method == "adversarial" { // of two trunks
				want[1] = builder.Fixed(12)
			}
			for i, s := range states {
				if len(states) != 3 || !s.Shape().Equal(want) {
					t.Errorf("%s: task %d of %d reads %v, want %v", method, i, len(states), s, want)
				}
			}
			if penalised := method == "soft" || method == "dselect_k"; penalised != (c.penalty != nil) || penalised && c.penalty.Rank() != 0 {
				t.Errorf("%s: the penalty is %v", method, c.penalty)
			}
		}
	}
}
