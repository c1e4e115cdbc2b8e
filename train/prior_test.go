package train_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"espalier/data"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/tensor"
	"espalier/train"
)

// fromText returns a recipe that trains and validates on one file.
func fromText(t *testing.T, content, file string) *recipe.Recipe {
	t.Helper()
	r, err := recipe.Parse("r.yaml", []byte("data: {train: {format: tsv, file: d.tsv}, valid: {format: tsv, file: d.tsv}}\n"+
		"inputs: {text: {type: text}}\n"+content))
	if err != nil {
		t.Fatal(err)
	}
	r.FS = fstest.MapFS{"d.tsv": {Data: []byte(file)}}
	return r
}

// TestHeadsStartAtTheBestConstant: before training, no other bias of a head that
// reads nothing has a lower loss by more than counting each class once more costs,
// whatever the weights and the smoothing: with rare classes, labels that always
// apply, and a tag that nearly every token has.
func TestHeadsStartAtTheBestConstant(t *testing.T) {
	var b strings.Builder
	b.WriteString("text\trare\tthree\tmany\ttags\n")
	for i := range 300 {
		labels := []string{"always"}
		if i%5 == 0 {
			labels = append(labels, "fifth")
		}
		if i%100 == 7 {
			labels = append(labels, "seldom")
		}
		fmt.Fprintf(&b, "a b c d\t%s\t%s\t%s\t%s\n", []string{"no", "yes"}[btoi(i%50 == 3)], []string{"x", "x", "y", "x", "z"}[i%5],
			strings.Join(labels, ","), []string{"O O O O", "O N O O", "O O O V"}[min(i%9, 2)])
	}
	r := fromText(t, `trunk: {embedding: 4}
tasks:
  rare: {type: classification}
  even: {type: classification, field: rare, balanced: true}
  three: {type: classification}
  weighted: {type: classification, field: three, class_weights: {y: 4, z: 0.5}, label_smoothing: 0.3}
  many: {type: multilabel}
  heavy: {type: multilabel, field: many, class_weights: {seldom: 20}}
  soft: {type: multilabel, field: many, balanced: true, label_smoothing: 0.1}
  tags: {type: tagging}
  chain: {type: tagging, field: tags, crf: true}
`, b.String())
	m, c, d := learned(t, r)
	tr := trainerOf(t, m, c)
	for i, task := range m.Schema().Tasks {
		clear(tr.Parameters()["head/"+task.Name+"/logits/weight"].Float32s())
		bias := tr.Parameters()["head/"+task.Name+"/logits/bias"].Float32s()
		start := lossOf(t, tr, d, i)
		for j := range bias {
			for _, by := range []float32{-0.3, 0.3} {
				bias[j] += by
				if loss := lossOf(t, tr, d, i); loss < start-0.002 {
					t.Errorf("%s: the loss starts at %v; with %+v added to bias %d, %v, it is %v", task.Name, start, by, j, bias, loss)
				}
				bias[j] -= by
			}
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lossOf is a task's loss on a data set.
func lossOf(t *testing.T, tr *train.Trainer, d *data.Dataset, task int) float64 {
	t.Helper()
	scores, err := tr.Evaluate(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	return scores[task].Loss
}

// TestAMultiLabelLossIsTheSumOverItsLabels: that of binary classifications of the
// same labels, each of which starts at its frequency.
func TestAMultiLabelLossIsTheSumOverItsLabels(t *testing.T) {
	const n = 12
	var b strings.Builder
	b.WriteString("text\tmany\tone\n")
	for i := range 240 {
		var labels []string
		for j := range n {
			if i%(j+2) == 0 {
				labels = append(labels, fmt.Sprintf("l%02d", j))
			}
		}
		fmt.Fprintf(&b, "a\t%s\t%s\n", strings.Join(append(labels, "all"), ","), []string{"p", "q"}[i%2])
	}
	m, c, d := learned(t, fromText(t, "trunk: {embedding: 4}\ntasks: {many: {type: multilabel}, one: {type: classification}}\n", b.String()))
	tr := trainerOf(t, m, c)
	clear(tr.Parameters()["head/many/logits/weight"].Float32s())
	want := 0.0
	for j := range n + 1 {
		share := 1.0
		if j < n {
			share = math.Ceil(240/float64(j+2)) / 240
		}
		p := (240*share + 1) / 242
		want -= share*math.Log(p) + (1-share)*math.Log(1-p)
	}
	if got := lossOf(t, tr, d, 0); math.Abs(got-want) > 1e-5*want {
		t.Errorf("the loss is %v, want %v", got, want)
	}
}

// TestManyLabelsBesideAClassification: a text has four of 48 labels and names each
// by a word of its own. Both tasks are learned, and a text of no word that the
// model knows has few of the labels.
func TestManyLabelsBesideAClassification(t *testing.T) {
	const n = 48
	var b strings.Builder
	b.WriteString("text\ttopic\tmany\n")
	for i := range 400 {
		var words, labels []string
		for j := range 4 {
			k := (i*7 + j*j*11 + i/48*j) % n
			words = append(words, fmt.Sprintf("w%d x%d", k, (i+j)%30))
			labels = append(labels, fmt.Sprintf("l%02d", k))
		}
		fmt.Fprintf(&b, "%s t%d\tk%d\t%s\n", strings.Join(words, " "), i%3, i%3, strings.Join(labels, ","))
	}
	r := fromText(t, "trunk: {embedding: 32}\ntasks: {topic: {type: classification}, many: {type: multilabel}}\n"+
		"train: {epochs: 12, batch: 16, optimizer: {lr: 0.01}}\n", b.String())
	m, c, d := learned(t, r)
	tr := trainerOf(t, m, c)
	if _, err := tr.Fit(context.Background(), d, d, train.Hooks{}); err != nil {
		t.Fatal(err)
	}
	scores, err := tr.Evaluate(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	if scores[0].Value() < 0.98 || scores[1].Metrics["micro_f1"] < 0.95 || scores[1].Metrics["macro_f1"] < 0.95 {
		t.Errorf("accuracy %v, many labels %v", scores[0].Value(), scores[1].Metrics)
	}
	for name, ids := range map[string][]int64{"without words": {0, 0, 0}, "of unknown words": {1, 1, 1}} {
		out, err := tr.Answers(context.Background(), []runtime.Named{{Name: "ids", Tensor: tensor.Must(tensor.Of(ids, 1, 3))}})
		if err != nil {
			t.Fatal(err)
		}
		given := int64(0)
		for _, o := range out {
			if o.Name == "many_label" {
				for _, y := range o.Tensor.Int64s() {
					given += y
				}
			}
		}
		if given > n/8 {
			t.Errorf("a text %s is answered with %d of %d labels", name, given, n)
		}
	}
}

// TestThresholdsThatAreNotTuned: with none they stay at the value, whatever
// validation says; with one they are the same.
func TestThresholdsThatAreNotTuned(t *testing.T) {
	var b strings.Builder
	b.WriteString("text\tmany\n")
	for i := range 60 {
		fmt.Fprintf(&b, "w%d\t%s\n", i%4, []string{"x", "x,y", "", "y"}[i%4])
	}
	r := fromText(t, "trunk: {embedding: 4}\ntasks:\n  many: {type: multilabel}\n  stay: {type: multilabel, field: many, threshold: {tune: none, value: 0.25}}\n"+
		"  one: {type: multilabel, field: many, threshold: {tune: one}}\ntrain: {epochs: 3, batch: 8, optimizer: {lr: 0.01}}\n", b.String())
	m, c, d := learned(t, r)
	tr := trainerOf(t, m, c)
	if _, err := tr.Fit(context.Background(), d, d, train.Hooks{}); err != nil {
		t.Fatal(err)
	}
	of := func(task string) []float32 { return tr.Parameters()["head/"+task+"/thresholds"].Float32s() }
	if x := of("many"); x[0] == x[1] || x[0] == 0.5 || x[1] == 0.5 {
		t.Errorf("each is at %v", x)
	}
	if x := of("stay"); x[0] != 0.25 || x[1] != 0.25 {
		t.Errorf("none: %v, want 0.25", x)
	}
	if x := of("one"); x[0] != x[1] || x[0] == 0.5 {
		t.Errorf("one: %v", x)
	}
}
