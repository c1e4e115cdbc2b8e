package train

import (
	"context"

	"espalier/data"
	"espalier/train/step"
)

// LossesOn evaluates the losses of a batch.
func (t *Trainer) LossesOn(b *data.Batch) ([]float32, error) {
	return t.step.Evaluate(context.Background(), step.Input{Batch: &b.Batch})
}

// WarningsOfBalance are those of a method that has nothing to balance with a set.
func WarningsOfBalance(t *Trainer, set *data.Dataset) []string {
	if note := t.balancing.idle(t.config, set); note != "" {
		t.warnings.add("%s", note)
	}
	return t.Warnings()
}
