package models_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/models"
	"espalier/runtime/gonum"
	"espalier/schema"
	"espalier/tensor"
)

func joining() *schema.Schema {
	s := description()
	s.Tasks = []schema.Task{
		{Name: "rel", Type: schema.Relation, Entities: "tags", Labels: []string{"far", "near", "in"}, Counts: []int{1, 2, 5}},
		{Name: "tags", Type: schema.Tagging, Scheme: "bio", Labels: []string{"O", "B-X", "I-X"}},
	}
	return s
}

// relations is a model in float64, with values for its parameters and a batch.
func relations(t *testing.T, mode models.Mode, h models.HeadConfig) (*models.Built, map[string]*tensor.Tensor) {
	t.Helper()
	m, err := models.NewText(joining(), models.Config{Trunk: models.TrunkConfig{Embedding: 5}, Heads: map[string]models.HeadConfig{"rel": h}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.BuildIn(mode, tensor.Float64)
	if err != nil {
		t.Fatal(err)
	}
	in := ids([]int64{4, 9, 2, 17}, []int64{5, 6})
	for _, v := range b.Graph.Parameters() {
		p := v.Parameter()
		r := rand.New(rand.NewPCG(2, uint64(len(p.Name))))
		x := tensor.Must(tensor.New(tensor.Float64, p.Shape...))
		for i := range x.Float64s() {
			x.Float64s()[i] = r.NormFloat64()
		}
		in[p.Name] = x
	}
	// Pairs of tokens 1 and 3 of the first row and 0 and 1 of the second; the
	// last is none.
	in["rel_pairs"] = tensor.Must(tensor.Of([]int64{1, 3, 3, 1, 4, 5, 5, 4, 0, 0}, 5, 2))
	in["rel_labels"] = tensor.Must(tensor.Of([]int64{1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, -1, -1, -1}, 5, 3))
	in["tags_labels"] = tensor.Must(tensor.Of([]int64{0, 1, 0, 1, 1, 1, -1, -1}, 2, 4))
	return b, in
}

// naive is the score of one label for a pair of tokens, from their hidden
// states, as the head's comment writes it.
func naive(p map[string]*tensor.Tensor, head, tail []float64, label int) float64 {
	vector := func(name string, x []float64) []float64 {
		w, b := p["head/rel/"+name+"/weight"], p["head/rel/"+name+"/bias"].Float64s()
		out := make([]float64, len(b))
		for j := range out {
			out[j] = b[j]
			for i := range x {
				out[j] += x[i] * w.Float64s()[i*len(b)+j]
			}
			out[j] = max(out[j], 0)
		}
		return out
	}
	h, u := vector("head", head), vector("tail", tail)
	n, labels := len(h), 3
	score := p["head/rel/tail_scores/bias"].Float64s()[label]
	for i := range h {
		score += h[i] * p["head/rel/head_weight"].Float64s()[i*labels+label]
		score += u[i] * p["head/rel/tail_scores/weight"].Float64s()[i*labels+label]
		for j := range u {
			score += h[i] * p["head/rel/weight"].Float64s()[i*labels*n+label*n+j] * u[j]
		}
	}
	return score
}

func TestRelationScoresByTheFormula(t *testing.T) {
	b, in := relations(t, models.Evaluation, models.HeadConfig{Hidden: 4})
	task := b.Tasks[0]
	outputs := append([]builder.Output{{Name: "states", Value: b.Shared}, {Name: "loss", Value: task.Loss}, {Name: "count", Value: task.Count}}, task.Outputs...)
	got := programOf(t, gonum.New(), b, nil, outputs)(in)
	p, states := got["rel_probabilities"], got["states"].Float64s()
	if !p.Shape().Equal(tensor.Shape{2, 4, 4, 3}) {
		t.Fatalf("the probabilities are %v", p)
	}
	scores := make([]float64, p.Len())
	for i := range scores {
		label, tail, head, row := i%3, i/3%4, i/12%4, i/48
		scores[i] = naive(in, states[5*(4*row+head):][:5], states[5*(4*row+tail):][:5], label)
		if want := 1 / (1 + math.Exp(-scores[i])); math.Abs(p.Float64s()[i]-want) > 1e-12 {
			t.Fatalf("probability of label %d from %d to %d of row %d is %v, want %v", label, head, tail, row, p.Float64s()[i], want)
		}
	}
	loss := 0.0
	labels := in["rel_labels"].Int64s()
	for i, pair := range [][3]int{{0, 1, 3}, {0, 3, 1}, {1, 0, 1}, {1, 1, 0}} {
		for l := range 3 {
			z := scores[((pair[0]*4+pair[1])*4+pair[2])*3+l]
			if labels[3*i+l] == 1 {
				z = -z
			}
			loss += math.Log1p(math.Exp(z))
		}
	}
	if d := got["loss"].Float64s()[0] - loss/4; math.Abs(d) > 1e-12 || got["count"].Float64s()[0] != 4 {
		t.Errorf("the loss is %v over %v pairs, want %v over 4", got["loss"].Float64s()[0], got["count"].Float64s()[0], loss/4)
	}
}

// TestRelationGradients by central differences, with a layer that reads the
// entities' answers, weights and smoothing; a batch without labels has none.
func TestRelationGradients(t *testing.T) {
	h := models.HeadConfig{Hidden: 3, Reads: []string{"tags"}, Balanced: true, LabelSmoothing: 0.1}
	b, in := relations(t, models.Training, h)
	loss := b.Tasks[0].Loss
	outputs := []builder.Output{{Name: "loss", Value: loss}}
	var wrt []*builder.Value
	for _, v := range b.Graph.Parameters() {
		if !strings.HasSuffix(v.Name(), models.Thresholds) && v.Name() != models.EmbeddingTable {
			wrt = append(wrt, v)
		}
	}
	wrt = append(wrt, wordVectors(b))
	for i, d := range grad.Gradients(b.Graph, []*builder.Value{loss}, nil, wrt) {
		if d != nil {
			outputs = append(outputs, builder.Output{Name: fmt.Sprint("gradient/", wrt[i].Name()), Value: d})
		}
	}
	run, alone := programOf(t, gonum.New(), b, nil, outputs), programOf(t, gonum.New(), b, nil, outputs[:1])
	got := run(in)
	checked := 0
	for _, v := range wrt[:len(wrt)-1] {
		g := got["gradient/"+v.Name()]
		if g == nil {
			t.Errorf("%s has no gradient", v.Name())
			continue
		}
		x := in[v.Name()].Float64s()
		for i := range x {
			const step = 1e-5
			at := x[i]
			x[i] = at + step
			above := alone(in)["loss"].Float64s()[0]
			x[i] = at - step
			below := alone(in)["loss"].Float64s()[0]
			x[i] = at
			want := (above - below) / (2 * step)
			if math.Abs(g.Float64s()[i]-want) > 1e-7*(1+math.Abs(want)) {
				t.Errorf("gradient of %s[%d] is %v, differences give %v", v.Name(), i, g.Float64s()[i], want)
			}
			checked++
		}
	}
	if checked < 50 {
		t.Errorf("%d numbers were checked", checked)
	}
	for i := range in["rel_labels"].Int64s() {
		in["rel_labels"].Int64s()[i] = -1
	}
	for name, x := range run(in) {
		for i, v := range x.Float64s() {
			if v != 0 {
				t.Errorf("without labels %s[%d] is %v", name, i, v)
			}
		}
	}
}

func TestRelationAnswersDependOnTheTextAlone(t *testing.T) {
	m, err := models.NewText(joining(), models.Config{
		Trunk: models.TrunkConfig{Type: "bilstm", Embedding: 6}, Heads: map[string]models.HeadConfig{"rel": {Reads: []string{"tags"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Build(models.Inference)
	if err != nil {
		t.Fatal(err)
	}
	var first []float32
	for _, e := range engines(t) {
		run := program(t, e, b, answers(b))
		want := run(ids([]int64{4, 9, 2}))["rel_probabilities"].Float32s()
		padded := run(ids([]int64{7}, []int64{4, 9, 2}, []int64{1, 2, 3, 4, 5}, nil))["rel_probabilities"].Float32s()
		var got []float32
		for head := range 3 {
			got = append(got, padded[(1*5+head)*5*3:][:9]...)
		}
		near(t, e.Name(), got, want)
		if first == nil {
			first = padded
		}
		near(t, "engines differ", padded, first)
		if empty := run(ids())["rel_probabilities"]; empty.Len() != 0 || empty.Rank() != 4 {
			t.Errorf("an empty batch gives %v", empty)
		}
	}
}

// TestARelationAloneHasItsEntities: what one model per task would learn counts
// the head that finds them.
func TestARelationAloneHasItsEntities(t *testing.T) {
	m, err := models.NewText(joining(), models.Config{
		Trunk: models.TrunkConfig{Embedding: 5}, Heads: map[string]models.HeadConfig{"rel": {Hidden: 4, Reads: []string{"tags"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Alone()
	if err != nil {
		t.Fatal(err)
	}
	trunk, tags := 5*words, 5*3+3
	want := map[string]int{
		"tags": trunk + tags,
		"rel":  trunk + tags + (3*5 + 5) + 2*(5*4+4) + 4*3*4 + 4*3 + 4*3 + 3 + 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRelationsThatCannotBe(t *testing.T) {
	for want, change := range map[string]func(s *schema.Schema, h map[string]models.HeadConfig){
		`task "rel": relation names no entities; they are a tagging task with a scheme`: func(s *schema.Schema, _ map[string]models.HeadConfig) { s.Tasks[0].Entities = "" },
		`task "rel": its entities are "words", which is no task`:                        func(s *schema.Schema, _ map[string]models.HeadConfig) { s.Tasks[0].Entities = "words" },
		`task "rel": its entities are "tags", which is not tagging with a scheme`:       func(s *schema.Schema, _ map[string]models.HeadConfig) { s.Tasks[1].Scheme = "" },
		`task "rel": relation needs at least one label, it has 0`:                       func(s *schema.Schema, _ map[string]models.HeadConfig) { s.Tasks[0].Labels = nil },
		`task "tags": it is tagging, which joins no entities`:                           func(s *schema.Schema, _ map[string]models.HeadConfig) { s.Tasks[1].Entities = "tags" },
		`head "tags": it reads "rel", a relation, whose probabilities are of pairs of tokens`: func(_ *schema.Schema, h map[string]models.HeadConfig) {
			h["tags"] = models.HeadConfig{Reads: []string{"rel"}}
		},
	} {
		s, heads := joining(), map[string]models.HeadConfig{}
		s.Tasks[0].Counts = nil
		change(s, heads)
		_, err := models.NewText(s, models.Config{Heads: heads})
		if err == nil || err.Error() != "models: "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
