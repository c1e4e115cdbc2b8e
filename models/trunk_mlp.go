package models

import (
	"fmt"

	"espalier/builder"
	"espalier/builder/nn"
)

// mlp is the trunk of a table: dense layers, of a width each.
const mlp = "mlp"

// mlp is a layer for each width: dense, normalised where that is asked for,
// rectified and, in training, partly dropped.
func (c *context) mlp(t TrunkConfig) []layer {
	layers := make([]layer, len(t.Widths))
	for i, width := range t.Widths {
		layers[i] = func(s *builder.Scope, x *builder.Value) *builder.Value {
			s = s.In(fmt.Sprintf("dense_%d", i))
			x = nn.Dense(s, x, width)
			if t.Norm == "layer" {
				x = nn.LayerNorm(s.In("norm"), x)
			}
			return c.dropout(c.Relu(x), t.Dropout)
		}
	}
	return layers
}

// completeWidths gives a trunk of dense layers its number of layers, and the
// width of the last.
func (t *TrunkConfig) completeWidths() error {
	if t.Type != mlp {
		if len(t.Widths) > 0 {
			return fmt.Errorf("widths are of type %s, not of %s", mlp, t.Type)
		}
		return nil
	}
	if err := oneOf("norm", t.Norm, "", "layer"); err != nil {
		return err
	}
	for _, w := range t.Widths {
		if w < 1 {
			return fmt.Errorf("a layer's width is %d, it must be at least 1", w)
		}
		t.Hidden = w
	}
	t.Layers = len(t.Widths)
	return nil
}
