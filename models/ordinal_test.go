package models_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/models"
	"espalier/runtime/gonum"
	"espalier/schema"
	"espalier/setting"
	"espalier/task"
	"espalier/tensor"
)

// golden decodes a file that a script in testdata wrote.
func golden(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(content, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// grading is a table of numbers, and one ordinal task without a layer above them.
func grading(t *testing.T, mean, deviation []float64, counts []int, h models.HeadConfig) *models.Model {
	t.Helper()
	s := &schema.Schema{Version: schema.Version, Name: "grading"}
	for i := range mean {
		s.Inputs = append(s.Inputs, schema.Input{Name: fmt.Sprint("x", i), Type: schema.Numeric, Mean: mean[i], Deviation: deviation[i]})
	}
	s.Tasks = []schema.Task{{Name: "grade", Type: task.Ordinal, Labels: []string{"1", "2", "3", "4", "5"}, Counts: counts}}
	m, err := models.New(s, models.Config{
		Trunk: models.TrunkConfig{Options: setting.Values{"hidden": []int{}}},
		Heads: map[string]models.HeadConfig{"grade": h},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// fitting is a model's program of loss and gradients in float64, with its parameters
// among the inputs.
type fitting struct {
	run   func(map[string]*tensor.Tensor) map[string]*tensor.Tensor
	in    map[string]*tensor.Tensor
	names []string
}

func fit(t *testing.T, m *models.Model, x [][]float64, labels []int64) *fitting {
	t.Helper()
	b, err := m.BuildIn(models.Training, tensor.Float64)
	if err != nil {
		t.Fatal(err)
	}
	f := &fitting{in: map[string]*tensor.Tensor{"grade_labels": tensor.Must(tensor.Of(labels, int64(len(labels))))}}
	for j := range x[0] {
		column := make([]float64, len(x))
		for i := range x {
			column[i] = x[i][j]
		}
		f.in[fmt.Sprint("x", j)] = tensor.Must(tensor.Of(column, int64(len(x))))
	}
	loss := b.Tasks[0].Loss
	outputs := []builder.Output{{Name: "loss", Value: loss}, {Name: "count", Value: b.Tasks[0].Count}}
	parameters := b.Graph.Parameters()
	for i, d := range grad.Gradients(b.Graph, []*builder.Value{loss}, nil, parameters) {
		p := parameters[i].Parameter()
		start := make([]float32, p.Size())
		p.Fill(start, 1)
		value := tensor.Must(tensor.New(tensor.Float64, p.Shape...))
		for k, v := range start {
			value.Float64s()[k] = float64(v)
		}
		f.in[p.Name] = value
		f.names = append(f.names, p.Name)
		outputs = append(outputs, builder.Output{Name: "gradient/" + p.Name, Value: d})
	}
	f.run = programOf(t, gonum.New(), b, nil, outputs)
	return f
}

// gradient returns the loss and its gradient, all parameters one after another.
func (f *fitting) gradient() (loss float64, g []float64) {
	got := f.run(f.in)
	for _, name := range f.names {
		g = append(g, got["gradient/"+name].Float64s()...)
	}
	return got["loss"].Float64s()[0], g
}

// move adds a step to the parameters.
func (f *fitting) move(step func(i int) float64) {
	i := 0
	for _, name := range f.names {
		x := f.in[name].Float64s()
		for k := range x {
			x[k] += step(i)
			i++
		}
	}
}

// converge takes Newton's steps, with a Hessian of central differences.
func (f *fitting) converge(t *testing.T) (loss float64) {
	t.Helper()
	for range 40 {
		at, g := f.gradient()
		if loss = at; slices.Max(g)-slices.Min(g) < 1e-12 {
			break
		}
		n := len(g)
		hessian := mat.NewDense(n, n, nil)
		for j := range n {
			const h = 1e-5
			f.move(func(i int) float64 { return map[bool]float64{true: h}[i == j] })
			_, above := f.gradient()
			f.move(func(i int) float64 { return map[bool]float64{true: -2 * h}[i == j] })
			_, below := f.gradient()
			f.move(func(i int) float64 { return map[bool]float64{true: h}[i == j] })
			for i := range n {
				hessian.Set(i, j, (above[i]-below[i])/(2*h))
			}
		}
		var step mat.VecDense
		if err := step.SolveVec(hessian, mat.NewVecDense(n, g)); err != nil {
			t.Fatal(err)
		}
		size := max(1, mat.Norm(&step, 2))
		f.move(func(i int) float64 { return -step.AtVec(i) / size })
	}
	return loss
}

// TestProportionalOddsIsStatsmodelsOrderedModel: at the least loss, coefficients,
// thresholds, log likelihood and probabilities are those of statsmodels, on both engines.
func TestProportionalOddsIsStatsmodelsOrderedModel(t *testing.T) {
	var want struct {
		X             [][]float64
		Y             []int64
		Mean          []float64
		Deviation     []float64
		Coefficients  []float64
		Thresholds    []float64
		LogLikelihood float64 `json:"log_likelihood"`
		Probabilities [][]float64
	}
	golden(t, "ordinal.json", &want)
	counts := make([]int, 5)
	for _, y := range want.Y {
		counts[y]++
	}
	m := grading(t, want.Mean, want.Deviation, counts, models.HeadConfig{})
	f := fit(t, m, want.X, want.Y)
	loss := f.converge(t)
	close := func(what string, got, want float64) {
		t.Helper()
		if d := math.Abs(got - want); !(d < 1e-7*(1+math.Abs(want))) {
			t.Errorf("%s is %.12g, statsmodels has %.12g", what, got, want)
		}
	}
	close("the log likelihood", -loss*float64(len(want.Y)), want.LogLikelihood)
	shift := 0.0
	for i, c := range f.in["head/grade/score"].Float64s() {
		close(fmt.Sprint("coefficient ", i), c/want.Deviation[i], want.Coefficients[i])
		shift += c * want.Mean[i] / want.Deviation[i]
	}
	cut := f.in["head/grade/first_cut"].Float64s()[0]
	for k, at := range want.Thresholds {
		if k > 0 {
			cut += math.Log1p(math.Exp(f.in["head/grade/steps"].Float64s()[k-1]))
		}
		close(fmt.Sprint("threshold ", k), cut+shift, at)
	}
	b, err := m.Build(models.Inference)
	if err != nil {
		t.Fatal(err)
	}
	values, in := map[string]*tensor.Tensor{}, map[string]*tensor.Tensor{}
	for _, name := range f.names {
		values[name] = tensor.Must(tensor.Of(float32s(f.in[name].Float64s()), f.in[name].Shape()...))
	}
	for j := range want.Mean {
		in[fmt.Sprint("x", j)] = tensor.Must(tensor.Of(float32s(f.in[fmt.Sprint("x", j)].Float64s()[:4]), 4))
	}
	for _, e := range engines(t) {
		got := programOf(t, e, b, values, b.Tasks[0].Outputs)(in)
		p := got["grade_probabilities"].Float32s()
		for i, row := range want.Probabilities {
			for k, w := range row {
				if d := math.Abs(float64(p[5*i+k]) - w); d > 1e-5 {
					t.Errorf("%s: row %d: probability of label %d is %v, statsmodels has %v", e.Name(), i, k, p[5*i+k], w)
				}
			}
			if l := got["grade_label"].Int64s()[i]; row[l] != slices.Max(row) {
				t.Errorf("%s: row %d: the label is %d, of probabilities %v", e.Name(), i, l, row)
			}
		}
	}
}

func float32s(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// TestCoralIsItsAuthorsLoss: loss and gradients are those of the authors' code, by
// PyTorch, and the label is how many probabilities are above a half.
func TestCoralIsItsAuthorsLoss(t *testing.T) {
	var want struct {
		X              [][]float64
		Y              []int64
		Weight, Bias   []float64
		Loss           float64
		WeightGradient []float64 `json:"weight_gradient"`
		BiasGradient   []float64 `json:"bias_gradient"`
		Labels         []int64
	}
	golden(t, "coral.json", &want)
	m := grading(t, []float64{0, 0}, []float64{1, 1}, nil, models.HeadConfig{Options: setting.Values{"loss": "coral"}})
	// Examples without a label, and of one that training never had, change nothing.
	f := fit(t, m, append(slices.Clone(want.X), []float64{9, 9}, []float64{-8, 3}), append(slices.Clone(want.Y), -1, -2))
	copy(f.in["head/grade/score"].Float64s(), want.Weight)
	copy(f.in["head/grade/bias"].Float64s(), want.Bias)
	got := f.run(f.in)
	if d := got["loss"].Float64s()[0] - want.Loss; math.Abs(d) > 1e-12 || got["count"].Float64s()[0] != 12 {
		t.Errorf("the loss is %v of %v labels, want %v of 12", got["loss"].Float64s()[0], got["count"].Float64s()[0], want.Loss)
	}
	for name, of := range map[string][]float64{"score": want.WeightGradient, "bias": want.BiasGradient} {
		for i, w := range of {
			if g := got["gradient/head/grade/"+name].Float64s()[i]; math.Abs(g-w) > 1e-12 {
				t.Errorf("the gradient of %s %d is %v, PyTorch has %v", name, i, g, w)
			}
		}
	}
	b, err := m.Build(models.Inference)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]*tensor.Tensor{}
	for _, name := range f.names {
		values[name] = tensor.Must(tensor.Of(float32s(f.in[name].Float64s()), f.in[name].Shape()...))
	}
	in := map[string]*tensor.Tensor{}
	for _, name := range []string{"x0", "x1"} {
		in[name] = tensor.Must(tensor.Of(float32s(f.in[name].Float64s()), f.in[name].Shape()...))
	}
	for _, e := range engines(t) {
		got := programOf(t, e, b, values, b.Tasks[0].Outputs)(in)
		if labels := got["grade_label"].Int64s(); !slices.Equal(labels[:12], want.Labels) {
			t.Errorf("%s: labels %v, want %v", e.Name(), labels, want.Labels)
		}
		for i := range want.X {
			score := want.X[i][0]*want.Weight[0] + want.X[i][1]*want.Weight[1]
			p, sum := coralByHand(score, want.Bias)
			for k := range p {
				if g := got["grade_probabilities"].Float32s()[5*i+k]; math.Abs(float64(g)-p[k]/sum) > 1e-6 {
					t.Errorf("%s: row %d: probability of label %d is %v, want %v", e.Name(), i, k, g, p[k]/sum)
				}
			}
		}
	}
}

// coralByHand are differences of the probabilities of being above each label, none
// negative, and their sum.
func coralByHand(score float64, bias []float64) (p []float64, sum float64) {
	before := 1.0
	for _, b := range append(slices.Clone(bias), math.Inf(-1)) {
		above := 1 / (1 + math.Exp(-score-b))
		p = append(p, max(before-above, 0))
		sum += p[len(p)-1]
		before = above
	}
	return p, sum
}

// TestOrdinalHeadsStartAtTheFrequencies of the labels, each seen once more, where the
// score is 0.
func TestOrdinalHeadsStartAtTheFrequencies(t *testing.T) {
	for _, loss := range []string{"", "coral"} {
		h := models.HeadConfig{Options: setting.Values{"loss": loss}}
		if loss == "" {
			h.Options = nil
		}
		b, err := grading(t, []float64{3}, []float64{1}, []int{9, 4, 0, 19, 3}, h).Build(models.Inference)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]*tensor.Tensor{}
		for _, v := range b.Graph.Parameters() {
			data := make([]float32, v.Parameter().Size())
			v.Parameter().Fill(data, 1)
			values[v.Name()] = tensor.Must(tensor.Of(data, v.Parameter().Shape...))
		}
		for _, e := range engines(t) {
			got := programOf(t, e, b, values, b.Tasks[0].Outputs)(map[string]*tensor.Tensor{"x0": tensor.Must(tensor.Of([]float32{3}, 1))})
			for k, want := range []float64{0.25, 0.125, 0.025, 0.5, 0.1} {
				if p := got["grade_probabilities"].Float32s()[k]; math.Abs(float64(p)-want) > 1e-6 {
					t.Errorf("%s: %s: label %d starts at %v, want %v", loss, e.Name(), k, p, want)
				}
			}
		}
	}
}

// rating is a text with an ordinal task that another head reads.
func rating(t *testing.T, h models.HeadConfig, labels ...string) *models.Built {
	t.Helper()
	s := description()
	s.Tasks = []schema.Task{
		{Name: "stars", Type: task.Ordinal, Labels: labels, Counts: slices.Repeat([]int{3, 1}, 3)[:len(labels)]},
		{Name: "mood", Type: schema.Classification, Labels: []string{"bad", "good"}},
	}
	m, err := models.NewText(s, models.Config{
		Trunk: models.TrunkConfig{Embedding: 5}, Heads: map[string]models.HeadConfig{"stars": h, "mood": {Reads: []string{"stars"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.BuildIn(models.Training, tensor.Float64)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOrdinalGradients by central differences, of the task's own loss and of that of a
// head that reads its probabilities.
func TestOrdinalGradients(t *testing.T) {
	for name, c := range map[string]struct {
		head   models.HeadConfig
		labels []string
	}{
		"proportional odds": {models.HeadConfig{Hidden: 3}, []string{"1", "2", "3", "4"}},
		"weights":           {models.HeadConfig{Balanced: true, ClassWeights: map[string]float64{"2": 5}}, []string{"1", "2", "3"}},
		"two labels":        {models.HeadConfig{}, []string{"1", "2"}},
		"coral":             {models.HeadConfig{Options: setting.Values{"loss": "coral"}}, []string{"1", "2", "3", "4"}},
		"coral, two labels": {models.HeadConfig{Options: setting.Values{"loss": "coral"}}, []string{"1", "2"}},
	} {
		b := rating(t, c.head, c.labels...)
		in := ids([]int64{4, 9, 2, 17}, []int64{5, 6}, []int64{7}, []int64{3})
		in["stars_labels"] = tensor.Must(tensor.Of([]int64{1, 0, int64(len(c.labels) - 1), -1}, 4))
		in["mood_labels"] = tensor.Must(tensor.Of([]int64{1, 0, 0, 1}, 4))
		loss := b.Graph.Add(b.Tasks[0].Loss, b.Tasks[1].Loss)
		var wrt []*builder.Value
		for _, v := range b.Graph.Parameters() {
			p := v.Parameter()
			r := rand.New(rand.NewPCG(2, uint64(len(p.Name))))
			x := tensor.Must(tensor.New(tensor.Float64, p.Shape...))
			for i := range x.Float64s() {
				x.Float64s()[i] = r.NormFloat64()
			}
			if in[p.Name] = x; v.Name() != models.EmbeddingTable {
				wrt = append(wrt, v)
			}
		}
		outputs := []builder.Output{{Name: "loss", Value: loss}}
		for i, d := range grad.Gradients(b.Graph, []*builder.Value{loss}, nil, wrt) {
			if d == nil {
				t.Fatalf("%s: %s has no gradient", name, wrt[i].Name())
			}
			outputs = append(outputs, builder.Output{Name: "gradient/" + wrt[i].Name(), Value: d})
		}
		run := programOf(t, gonum.New(), b, nil, outputs)
		got, checked := run(in), 0
		for _, v := range wrt {
			g := slices.Clone(got["gradient/"+v.Name()].Float64s())
			x := in[v.Name()].Float64s()
			for i := range x {
				const step = 1e-5
				at := x[i]
				x[i] = at + step
				above := run(in)["loss"].Float64s()[0]
				x[i] = at - step
				below := run(in)["loss"].Float64s()[0]
				x[i] = at
				if want := (above - below) / (2 * step); math.Abs(g[i]-want) > 1e-7*(1+math.Abs(want)) {
					t.Errorf("%s: %s[%d] has the gradient %v, differences give %v", name, v.Name(), i, g[i], want)
				}
				checked++
			}
		}
		if checked < 10 {
			t.Errorf("%s: %d gradients", name, checked)
		}
	}
}

// TestOrdinalProbabilitiesKeepTheirDigits where a score is far from all cut points: the
// difference of two sigmoids would be 0.
func TestOrdinalProbabilitiesKeepTheirDigits(t *testing.T) {
	b, err := grading(t, []float64{0}, []float64{1}, nil, models.HeadConfig{}).Build(models.Evaluation)
	if err != nil {
		t.Fatal(err)
	}
	one := func(x ...float32) *tensor.Tensor { return tensor.Must(tensor.Of(x, int64(len(x)))) }
	values := map[string]*tensor.Tensor{
		"head/grade/score": tensor.Must(tensor.Of([]float32{1}, 1, 1)), "head/grade/first_cut": one(-1), "head/grade/steps": one(0, 1, -2),
	}
	for _, e := range engines(t) {
		outputs := append([]builder.Output{{Name: "loss", Value: b.Tasks[0].Loss}}, b.Tasks[0].Outputs...)
		got := programOf(t, e, b, values, outputs)(map[string]*tensor.Tensor{"x0": one(-40), "grade_labels": tensor.Must(tensor.Of([]int64{2}, 1))})
		// With sigmoid(z) = 1 - exp(-z) that far out, label 2 has exp(-39-ln 2) - exp(-39-ln 2-softplus(1)).
		want := math.Exp(-39)/2 - math.Exp(-39)/2/(1+math.E)
		if p := float64(got["grade_probabilities"].Float32s()[2]); math.Abs(p/want-1) > 1e-5 {
			t.Errorf("%s: probability %v, want %v", e.Name(), p, want)
		}
		if l := float64(got["loss"].Float32s()[0]); math.Abs(l+math.Log(want)) > 1e-5 {
			t.Errorf("%s: loss %v, want %v", e.Name(), l, -math.Log(want))
		}
	}
}

func TestOrdinalHeadsThatCannotBe(t *testing.T) {
	weights := map[string]float64{"2": 2}
	for want, h := range map[string]models.HeadConfig{
		`label_smoothing is not for tasks of type ordinal`:                    {LabelSmoothing: 0.1},
		`focal is not for tasks of type ordinal`:                              {Focal: 2},
		`class_weights is for loss proportional_odds, coral weighs no labels`: {ClassWeights: weights, Options: setting.Values{"loss": "coral"}},
		`balanced is for loss proportional_odds, coral weighs no labels`:      {Balanced: true, Options: setting.Values{"loss": "coral"}},
		`loss is "squares", which is not one of proportional_odds, coral`:     {Options: setting.Values{"loss": "squares"}},
	} {
		s := description()
		s.Tasks = []schema.Task{{Name: "stars", Type: task.Ordinal, Labels: []string{"1", "2", "3"}}}
		_, err := models.NewText(s, models.Config{Heads: map[string]models.HeadConfig{"stars": h}})
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
