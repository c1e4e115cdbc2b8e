package espalier

import (
	"context"
	"fmt"

	"espalier/data"
	"espalier/recipe"
	"espalier/runtime/predict"
	"espalier/train"
)

// EvaluateFile scores an exported file on a data set that was encoded for its
// schema: the same counts as the trainer's own evaluation, from the file's
// outputs.
func EvaluateFile(ctx context.Context, p *predict.Predictor, d *data.Dataset) (*train.Meter, error) {
	m, err := train.NewMeter(p.Schema(), d, nil, nil)
	if err != nil {
		return nil, err
	}
	var b data.Batch
	for _, examples := range d.Plan(data.BatchOptions{Size: 64}, 0) {
		d.Fill(&b, examples)
		outputs, err := p.Run(ctx, predict.Input{
			Texts: b.Texts, IDs: b.IDs, Batch: b.Size, Length: b.Length, Characters: b.Characters, Width: b.Width,
			Numbers: b.Numbers, Doubles: b.Doubles, Categories: b.Categories,
		})
		if err != nil {
			return nil, err
		}
		if err := m.Add(&b, b.Length, outputs, nil); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// DataFor encodes a split of a recipe for an exported file, with the file's own
// vocabulary and labels.
func DataFor(p *predict.Predictor, r *recipe.Recipe, split string) (*data.Dataset, error) {
	sources := r.Sources(split)
	if len(sources) == 0 {
		return nil, fmt.Errorf("the recipe names no %s data", split)
	}
	e, err := resumeEncoder(p.Schema(), p.Vocabulary())
	if err != nil {
		return nil, err
	}
	r.Configure(e)
	e.KeepText = p.Schema().Inputs[0].InGraph
	return e.Encode(sources)
}
