package espalier

import (
	"context"

	"espalier/data"
	"espalier/recipe"
	"espalier/runtime/predict"
	"espalier/train"
)

// EvaluateFile scores an exported file on a data set that was encoded for its
// schema: the same counts as the trainer's own evaluation, from the file's
// outputs. The recipe names the metrics; nil leaves those of the tasks' types.
func EvaluateFile(ctx context.Context, p *predict.Predictor, d *data.Dataset, r *recipe.Recipe) (*train.Meter, error) {
	var metrics train.Config
	if r != nil {
		metrics = r.Training()
	}
	m, err := train.NewMeter(p.Schema(), d, metrics.Metrics, metrics.MoreMetrics)
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

// DataFor encodes a split of a recipe, as [Run.Data] does, for an exported file,
// with the file's own vocabulary and labels.
func DataFor(p *predict.Predictor, r *recipe.Recipe, split string, log func(string, ...any)) (*data.Dataset, error) {
	e, err := resumeEncoder(p.Schema(), p.Vocabulary())
	if err != nil {
		return nil, err
	}
	r.Configure(e)
	e.KeepText = p.Schema().Inputs[0].InGraph
	return (&Run{Recipe: r, encoder: e}).Data(split, log)
}
