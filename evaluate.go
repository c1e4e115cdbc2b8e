package espalier

import (
	"context"

	"espalier/data"
	"espalier/recipe"
	"espalier/runtime/predict"
	"espalier/task"
	"espalier/train"
	"espalier/train/score"
)

// EvaluateFile scores an exported file on a data set that was encoded for its
// schema: the same counts as the trainer's own evaluation, from the file's
// outputs. The recipe names the metrics; nil leaves those of the tasks' types.
func EvaluateFile(ctx context.Context, p *predict.Predictor, d *data.Dataset, r *recipe.Recipe) (*score.Meter, error) {
	var metrics train.Config
	if r != nil {
		metrics = r.Training()
	}
	m, err := score.NewMeter(p.Schema(), d, metrics.Metrics, metrics.MoreMetrics)
	if err != nil {
		return nil, err
	}
	var b data.Batch
	for _, examples := range d.Plan(data.BatchOptions{Size: 64}, 0) {
		d.Fill(&b, examples)
		outputs, err := p.Run(ctx, predict.Input{
			Texts: b.Texts, Tensors: b.Tensors(),
		})
		if err != nil {
			return nil, err
		}
		if err := m.Add(&b, max(b.Size(task.Sequence), 1), outputs, nil); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// DataFor encodes a split of a recipe, as [Run.Data] does, for an exported file,
// with the file's own vocabulary and labels.
func DataFor(p *predict.Predictor, r *recipe.Recipe, split string, log func(string, ...any)) (*data.Dataset, error) {
	e, err := data.Resume(p.Schema(), p.Vocabulary())
	if err != nil {
		return nil, err
	}
	r.Configure(e)
	e.KeepText = p.Schema().Inputs[0].InGraph
	return (&Run{Recipe: r, encoder: e}).Data(split, log)
}
