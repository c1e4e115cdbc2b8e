package models_test

import (
	"math"
	"testing"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/models"
	"espalier/runtime"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
)

// scored builds a count of one column that is its score, and returns its initial bias and
// a function that gives the prediction, the loss and the gradient by the score for a
// score and a label.
func scored(t *testing.T, e runtime.Engine, mean, deviation float64) (bias float64, ask func(score, y float32) (value, loss, slope float64)) {
	t.Helper()
	m, err := models.NewTabular(&schema.Schema{
		Version: schema.Version, Name: "counts", Inputs: []schema.Input{{Name: "x", Type: schema.Numeric, Deviation: 1}},
		Tasks: []schema.Task{{Name: "n", Type: task.Count, Mean: mean, Deviation: deviation}},
	}, models.Config{Trunk: models.TrunkConfig{Widths: []int64{}}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Build(models.Evaluation)
	if err != nil {
		t.Fatal(err)
	}
	var of *builder.Value
	given := map[string]*tensor.Tensor{}
	for _, p := range b.Graph.Parameters() {
		x := []float32{1} // the weight
		if p.Parameter().Name == "head/n/score/bias" {
			of = p
			p.Parameter().Fill(x, 1)
			bias, x[0] = float64(x[0]), 0
		}
		given[p.Parameter().Name] = tensor.Must(tensor.Of(x, p.Parameter().Shape...))
	}
	slope := grad.Gradients(b.Graph, []*builder.Value{b.Tasks[0].Loss}, nil, []*builder.Value{of})[0]
	run := programOf(t, e, b, given, append(b.Tasks[0].Outputs, builder.Output{Name: "loss", Value: b.Tasks[0].Loss}, builder.Output{Name: "slope", Value: slope}))
	return bias, func(score, y float32) (float64, float64, float64) {
		out := run(map[string]*tensor.Tensor{
			"x": tensor.Must(tensor.Of([]float32{score}, 1)), "n_labels": tensor.Must(tensor.Of([]float32{y}, 1)), "n_present": tensor.Must(tensor.Of([]float32{1}, 1)),
		})
		return float64(out["n_value"].Float32s()[0]), float64(out["loss"].Float32s()[0]), float64(out["slope"].Float32s()[0])
	}
}

// TestACountIsTheExponentialOfItsScore: it starts at the training mean; the loss is half
// the deviance over the dispersion, and its slope the prediction less the truth over it.
func TestACountIsTheExponentialOfItsScore(t *testing.T) {
	for _, e := range engines(t) {
		for _, of := range [][2]float64{{0.05, 0.2}, {3, 2}, {5000, 4000}} {
			bias, ask := scored(t, e, of[0], of[1])
			if math.Abs(bias-math.Log(of[0])) > 1e-6 {
				t.Errorf("%s: the bias starts at %v, want the logarithm of %v", e.Name(), bias, of[0])
			}
			dispersion := max(1, of[1]*of[1]/of[0])
			for _, relative := range []float64{-2, -0.5, 0, 1, 3} {
				for _, y := range []float64{0, 1, 2.5, 40} {
					score := math.Log(of[0]) + relative
					mu, logs := math.Exp(score), 0.0
					if y > 0 {
						logs = y * math.Log(y/mu)
					}
					value, loss, slope := ask(float32(score), float32(y))
					want := (logs - y + mu) / dispersion
					if math.Abs(value-mu) > 3e-6*mu || math.Abs(loss-want) > 1e-5*max(1, want) || math.Abs(slope-(mu-y)/dispersion) > 1e-5*max(1, mu/dispersion) {
						t.Errorf("%s: score %v of %v is %v with loss %v and slope %v, want %v, %v and %v", e.Name(), score, y, value, loss, slope, mu, want, (mu-y)/dispersion)
					}
				}
			}
		}
	}
}

// TestScoresFarFromTheTruth: whatever the score, the prediction is above 0 and finite, and
// so are the loss and its slope, which points to the truth.
func TestScoresFarFromTheTruth(t *testing.T) {
	for _, e := range engines(t) {
		for _, of := range [][2]float64{{0, 0}, {1e-3, 0.05}, {3, 2}, {1e20, 1e20}} {
			_, ask := scored(t, e, of[0], of[1])
			for _, score := range []float32{-1e9, -200, -81, 21, 79, 81, 200, 1e9} {
				for _, y := range []float32{0, 3, 4e5} {
					value, loss, slope := ask(score, y)
					finite := !math.IsNaN(loss) && !math.IsInf(loss, 0) && !math.IsInf(value, 0)
					if !finite || !(value > 0) || loss < 0 || score > 20 && of[0] < 1e6 && slope <= 0 || score < 0 && slope > 0 {
						t.Errorf("%s: mean %v: score %v of %v is %v with loss %v and slope %v", e.Name(), of[0], score, y, value, loss, slope)
					}
				}
			}
		}
	}
}
