package models_test

import (
	"math"
	"strings"
	"testing"

	"espalier/builder"
	"espalier/models"
	"espalier/runtime/gonum"
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
)

// every has a task of every type.
func every() *schema.Schema {
	s := description()
	s.Tasks = append(
		s.Tasks,
		schema.Task{Name: "likes", Type: schema.MultiLabel, Labels: []string{"a", "b"}},
		schema.Task{Name: "rel", Type: schema.Relation, Entities: "tags", Labels: []string{"in", "of"}},
	)
	s.Tasks[2].Scheme = "bio"
	return s
}

// labelledBatch are six texts: of topic and mood; tags; none; score; likes; and
// rel, which also has a pair without labels in the third.
func labelledBatch() (in map[string]*tensor.Tensor, tasks [][]string) {
	in = ids([]int64{4, 9, 2}, []int64{3, 5}, []int64{7, 7, 7}, []int64{1}, []int64{12, 4, 20}, []int64{6, 8})
	in["topic_labels"] = tensor.Must(tensor.Of([]int64{2, -1, -1, -1, -1, -1}, 6))
	in["mood_labels"] = tensor.Must(tensor.Of([]int64{0, -1, -1, -2, -1, -1}, 6))
	in["tags_labels"] = tensor.Must(tensor.Of([]int64{-1, -1, -1, -1, 0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}, 6, 3))
	in["score_labels"] = tensor.Must(tensor.Of([]float32{0, 0, 0, 0.5, 0, 0}, 6))
	in["score_present"] = tensor.Must(tensor.Of([]float32{0, 0, 0, 1, 0, 0}, 6))
	in["likes_labels"] = tensor.Must(tensor.Of([]int64{-1, -1, -1, -1, -1, -1, -1, -1, 0, 1, -1, -1}, 6, 2))
	in["rel_pairs"] = tensor.Must(tensor.Of([]int64{15, 16, 16, 15, 6, 7}, 3, 2))
	in["rel_labels"] = tensor.Must(tensor.Of([]int64{1, 0, 0, 0, -1, -1}, 3, 2))
	return in, [][]string{{"topic", "mood"}, {"tags"}, nil, {"score"}, {"likes"}, {"rel"}}
}

// TestPenaltyOfTheDiscriminator writes the penalty out in loops, with a task of
// every type: an example is of the tasks of which it has a label, whatever kind
// of label that is. It is in training alone, and so is what it needs.
func TestPenaltyOfTheDiscriminator(t *testing.T) {
	const factor = 0.2
	m, err := models.NewText(every(), models.Config{
		Trunk:   models.TrunkConfig{Embedding: 5, Hidden: 4, Layers: 1},
		Sharing: models.SharingConfig{Method: "adversarial", Options: setting.Values{"orthogonality": factor, "discriminator": 3}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Build(models.Training)
	if err != nil {
		t.Fatal(err)
	}
	in, of := labelledBatch()
	p := values(b)
	want, counted := 0.0, 0.0
	overlap := map[string][16]float64{}
	counts := map[string]float64{}
	text := func(row int) []int64 { return in["ids"].Int64s()[3*row : 3*row+3] }
	var all [][]float64
	for row := range of {
		all = append(all, encoded(p, "trunk/dense_0", text(row)))
	}
	standardised := standardise(all)
	for row, tasks := range of {
		shared := all[row]
		hidden := rectified(linear(p, "trunk/discriminator/hidden", standardised[row]))
		scores := linear(p, "trunk/discriminator/logits", hidden)
		sum := 0.0
		for _, s := range scores {
			sum += math.Exp(s)
		}
		for _, task := range tasks {
			want -= (scores[position(b, task)] - math.Log(sum)) / float64(len(tasks))
			products := overlap[task]
			private := encoded(p, "head/"+task+"/trunk/dense_0", text(row))
			for i := range products {
				products[i] += shared[i/4] * private[i%4]
			}
			overlap[task] = products
			counts[task]++
		}
		if len(tasks) > 0 {
			counted++
		}
	}
	want /= counted
	for task, products := range overlap {
		for _, x := range products {
			want += factor * math.Pow(x/counts[task], 2)
		}
	}
	for _, e := range engines(t) {
		got := programOf(t, e, b, p, []builder.Output{{Name: "penalty", Value: b.Penalty}})(in)["penalty"].Float32s()[0]
		if math.Abs(float64(got)-want) > 1e-5*want {
			t.Errorf("%s: the penalty is %v, loops give %v", e.Name(), got, want)
		}
	}
	for _, mode := range []models.Mode{models.Evaluation, models.Inference} {
		b, err := m.Build(mode)
		if err != nil || b.Penalty != nil {
			t.Errorf("there is a penalty outside training (%v)", err)
		}
		for _, v := range b.Graph.Parameters() {
			if strings.HasPrefix(v.Name(), "trunk/discriminator") {
				t.Errorf("%s stands outside training", v.Name())
			}
		}
	}
}

// standardise takes the mean of each column and divides by the deviation.
func standardise(rows [][]float64) [][]float64 {
	out := make([][]float64, len(rows))
	n := float64(len(rows))
	for j := range rows[0] {
		mean, square := 0.0, 0.0
		for _, x := range rows {
			mean += x[j] / n
			square += x[j] * x[j] / n
		}
		for i, x := range rows {
			out[i] = append(out[i], (x[j]-mean)/math.Sqrt(square-mean*mean+1e-5))
		}
	}
	return out
}

// encoded is the mean over a text's words of a dense layer of their vectors.
func encoded(p map[string]*tensor.Tensor, path string, text []int64) []float64 {
	var mean []float64
	words := 0.0
	for _, id := range text {
		if id == 0 {
			continue
		}
		words++
		table := p[models.EmbeddingTable]
		width := int(table.Shape()[1])
		var x []float64
		for _, v := range table.Float32s()[int(id)*width : (int(id)+1)*width] {
			x = append(x, float64(v))
		}
		y := rectified(linear(p, path, x))
		if mean == nil {
			mean = make([]float64, len(y))
		}
		for i := range y {
			mean[i] += y[i]
		}
	}
	for i := range mean {
		mean[i] /= words
	}
	return mean
}

// linear is x W + b of the parameters under a path.
func linear(p map[string]*tensor.Tensor, path string, x []float64) []float64 {
	w, b := p[path+"/weight"].Float32s(), p[path+"/bias"].Float32s()
	out := make([]float64, len(b))
	for j := range out {
		out[j] = float64(b[j])
		for i := range x {
			out[j] += x[i] * float64(w[i*len(b)+j])
		}
	}
	return out
}

func rectified(x []float64) []float64 {
	for i := range x {
		x[i] = max(x[i], 0)
	}
	return x
}

// TestHeadsReadBothTrunks: what a head answers is linear in the states of the shared
// trunk and, behind them, of the private one.
func TestHeadsReadBothTrunks(t *testing.T) {
	m, err := models.NewText(description(), models.Config{
		Trunk: models.TrunkConfig{Embedding: 5, Hidden: 4, Layers: 1}, Sharing: models.SharingConfig{Method: "adversarial"},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Build(models.Inference)
	if err != nil {
		t.Fatal(err)
	}
	p := values(b)
	text := []int64{4, 9, 2}
	both := append(encoded(p, "trunk/dense_0", text), encoded(p, "head/score/trunk/dense_0", text)...)
	want := linear(p, "head/score/value", both)[0]
	got := programOf(t, gonum.New(), b, p, answers(b))(ids(text))["score_value"].Float32s()[0]
	if math.Abs(float64(got)-want) > 1e-5 {
		t.Errorf("the score is %v, loops give %v", got, want)
	}
}
