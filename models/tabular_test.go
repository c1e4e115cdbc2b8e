package models_test

import (
	"math"
	"strings"
	"testing"

	"espalier/builder"
	"espalier/models"
	"espalier/schema"
	"espalier/tensor"
)

func tableDescription() *schema.Schema {
	return &schema.Schema{
		Version: schema.Version, Name: "table",
		Inputs: []schema.Input{
			{Name: "age", Type: schema.Numeric, Mean: 40, Deviation: 10, Indicator: true},
			{Name: "work", Type: schema.Categorical, Values: []string{"farm", "shop"}},
			{Name: "wage", Type: schema.Numeric, Mean: -2, Deviation: 0.5},
			{Name: "since", Type: schema.Numeric, Mean: 1.7e9, Deviation: 80, Double: true},
		},
		Tasks: []schema.Task{
			{Name: "rich", Type: schema.Classification, Labels: []string{"no", "yes"}},
			{Name: "hours", Type: schema.Regression, Mean: 100, Deviation: 20},
			{Name: "likes", Type: schema.MultiLabel, Labels: []string{"a", "b", "c"}},
			{Name: "place", Type: schema.Classification, Labels: []string{"x", "y", "z"}},
			{Name: "until", Type: schema.Regression, Mean: 1.7e9, Deviation: 80, Double: true},
		},
	}
}

func tableModel(t *testing.T, c models.Config) *models.Model {
	t.Helper()
	m, err := models.New(tableDescription(), c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tableInputs are three rows; NaN and id 0 are missing values, id 1 an unknown one.
func tableInputs() map[string]*tensor.Tensor {
	nan := float32(math.NaN())
	return map[string]*tensor.Tensor{
		"age":  tensor.Must(tensor.Of([]float32{25, nan, 60}, 3)),
		"work": tensor.Must(tensor.Of([]int64{2, 0, 1}, 3)),
		"wage": tensor.Must(tensor.Of([]float32{-2.5, -1, nan}, 3)),
		// float32 has no number between 1.7e9 and 1.7e9+128
		"since": tensor.Must(tensor.Of([]float64{1.7e9 + 20, math.NaN(), 1.7e9 - 100}, 3)),
	}
}

// TestTabularModelAgainstLoops writes the model out in loops: standardised
// numbers, indicators, rows of tables, two dense layers and heads.
func TestTabularModelAgainstLoops(t *testing.T) {
	m := tableModel(t, models.Config{
		Trunk:  models.TrunkConfig{Widths: []int64{5, 4}, Dropout: 0.5, EmbeddingDropout: 0.5},
		Inputs: map[string]models.InputConfig{"work": {Embedding: 3}},
		Heads:  map[string]models.HeadConfig{"hours": {Hidden: 2}},
	})
	built, err := m.Build(models.Inference)
	if err != nil {
		t.Fatal(err)
	}
	p := values(built)
	dense := func(path string, x []float64, relu bool) []float64 {
		w, b := p[path+"/weight"], p[path+"/bias"]
		n := int(w.Shape()[1])
		out := make([]float64, n)
		for j := range out {
			out[j] = float64(b.Float32s()[j])
			for i := range x {
				out[j] += x[i] * float64(w.Float32s()[i*n+j])
			}
			if relu {
				out[j] = max(0, out[j])
			}
		}
		return out
	}
	features := [][]float64{{-1.5, -1, 0.25, 0}, {0, 2, 0, 1}, {2, 0, -1.25, 0}}
	ids := []int{2, 0, 1}
	for _, e := range engines(t) {
		var outputs []builder.Output
		for _, task := range built.Tasks {
			outputs = append(outputs, task.Outputs...)
		}
		got := program(t, e, built, outputs)(tableInputs())
		for row, x := range features {
			for _, v := range p["trunk/columns/work/table"].Float32s()[3*ids[row] : 3*ids[row]+3] {
				x = append(x, float64(v))
			}
			x = dense("trunk/dense_1", dense("trunk/dense_0", x, true), true)
			rich := 1 / (1 + math.Exp(-dense("head/rich/logits", x, false)[0]))
			hours := 100 + 20*dense("head/hours/value", dense("head/hours/hidden", x, true), false)[0]
			likes := 1 / (1 + math.Exp(-dense("head/likes/logits", x, false)[1]))
			until := dense("head/until/value", x, false)[0]
			for name, pair := range map[string][2]float64{
				"until": {(got["until_value"].Float64s()[row] - 1.7e9) / 80, until},
				"rich":  {float64(got["rich_probabilities"].Float32s()[2*row+1]), rich},
				"hours": {float64(got["hours_value"].Float32s()[row]) / 20, hours / 20},
				"likes": {float64(got["likes_probabilities"].Float32s()[3*row+1]), likes},
			} {
				if math.Abs(pair[0]-pair[1]) > 2e-6 {
					t.Errorf("%s: row %d: %s is %v, loops give %v", e.Name(), row, name, pair[0], pair[1])
				}
			}
		}
	}
}

// TestEverySharingStructureReadsTables: each builds for a table, and all of its
// answers are numbers on both engines, the same ones.
func TestEverySharingStructureReadsTables(t *testing.T) {
	trunk := models.TrunkConfig{Widths: []int64{6, 6}, Norm: "layer"}
	for method, c := range map[string]models.SharingConfig{
		"hard": {}, "soft": {L2: 0.1}, "cross_stitch": {}, "mmoe": {Experts: 3}, "cgc": {Experts: 2, TaskExperts: 1}, "ple": {Experts: 2, TaskExperts: 1},
		"dselect_k": {Experts: 4, Conditional: true, Entropy: 0.1}, "mtan": {Bottleneck: 3}, "aitm": {Tower: 5}, "adapter": {Bottleneck: 3}, "low_rank": {}, "adversarial": {},
	} {
		c.Method = method
		m := tableModel(t, models.Config{Trunk: trunk, Sharing: c})
		built, err := m.Build(models.Inference)
		if err != nil {
			t.Fatal(err)
		}
		var outputs []builder.Output
		for _, task := range built.Tasks {
			outputs = append(outputs, task.Outputs...)
		}
		var first map[string]*tensor.Tensor
		for _, e := range engines(t) {
			got := program(t, e, built, outputs)(tableInputs())
			if first == nil {
				first = got
			}
			for name, x := range got {
				for i, v := range x.Float32s() {
					if d := math.Abs(float64(v - first[name].Float32s()[i])); !(d < 1e-4) {
						t.Errorf("%s: %s: %s[%d] is %v, the first engine has %v", method, e.Name(), name, i, v, first[name].Float32s()[i])
					}
				}
			}
		}
		if count, err := m.Parameters(); err != nil || count.Shared == 0 {
			t.Errorf("%s: %v, %v", method, count, err)
		}
	}
}

func TestMistakesInTabularModels(t *testing.T) {
	for want, change := range map[string]func(*schema.Schema, *models.Config){
		`models: trunk: a table is read by type mlp, not cnn`:                                        func(_ *schema.Schema, c *models.Config) { c.Trunk.Type = "cnn" },
		`models: trunk: hidden is 0, it must be at least 1`:                                          func(_ *schema.Schema, c *models.Config) { c.Trunk.Widths = []int64{4, 0} },
		`models: trunk: norm is "batch", which is not one of none, layer`:                            func(_ *schema.Schema, c *models.Config) { c.Trunk.Norm = "batch" },
		`models: task "rich" is tagging, but a table's examples have no tokens`:                      func(s *schema.Schema, _ *models.Config) { s.Tasks[0].Type = schema.Tagging },
		`models: input "age": a numeric input needs a mean and a deviation above 0; it has 40 and 0`: func(s *schema.Schema, _ *models.Config) { s.Inputs[0].Deviation = 0 },
		`models: input "work": a categorical input needs at least one value`:                         func(s *schema.Schema, _ *models.Config) { s.Inputs[1].Values = nil },
		`models: input "work": value "farm" stands twice, or is empty`:                               func(s *schema.Schema, _ *models.Config) { s.Inputs[1].Missing = []string{"farm"} },
		`models: input "age" has an embedding, but is no categorical input of the schema`: func(_ *schema.Schema, c *models.Config) {
			c.Inputs = map[string]models.InputConfig{"age": {Embedding: 2}}
		},
	} {
		s, c := tableDescription(), models.Config{}
		change(s, &c)
		if _, err := models.NewTabular(s, c); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := models.NewText(description(), models.Config{Trunk: models.TrunkConfig{Type: "mlp"}}); err == nil || !strings.Contains(err.Error(), "type mlp is for tables") {
		t.Error(err)
	}
}
