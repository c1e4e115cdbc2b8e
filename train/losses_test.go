package train_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"espalier/data"
	"espalier/recipe"
	"espalier/train"
	"espalier/train/balance"
)

// everyLoss is a recipe with each loss that a task can have.
const everyLoss = `
data: {train: {format: tsv, file: d.tsv}}
inputs: {text: {type: text}}
trunk: {embedding: 8}
tasks:
  plain: {type: classification, field: class}
  smooth: {type: classification, field: class, label_smoothing: 0.2}
  focal: {type: classification, field: class, focal: 2}
  weighted: {type: classification, field: class, class_weights: {a: 0, b: 3}}
  balanced: {type: classification, field: class, balanced: true}
  many: {type: multilabel, field: many}
  number: {type: regression, field: number}
  tags: {type: tagging, field: tags}
  chain: {type: tagging, field: tags, crf: true}
train: {batch: 8}
`

// TestNoLossIsNegative: methods that take logarithms of losses can be given
// those of any task, however sure a model is: here after some steps of learning,
// and with parameters that are up to a hundred times as large. What a CRF's is
// below 0 by rounding counts as 0.
func TestNoLossIsNegative(t *testing.T) {
	var b strings.Builder
	b.WriteString("text\tclass\tmany\tnumber\ttags\n")
	for i := range 64 {
		n := 1 + i%25
		fmt.Fprintf(&b, "%s\t%c\t%s\t%d\t%s\n", strings.TrimSpace(strings.Repeat(fmt.Sprintf("w%d ", i%7), n)), 'a'+rune(i%2),
			[]string{"x", "x,y", "y"}[i%3], i%7, strings.Repeat("A ", n-1)+"B")
	}
	r, err := recipe.Parse("r.yaml", []byte(everyLoss))
	if err != nil {
		t.Fatal(err)
	}
	r.FS = fstest.MapFS{"d.tsv": {Data: []byte(b.String())}}
	m, _, d := learned(t, r)
	for _, method := range balance.Methods() {
		if !method.Needs.Positive {
			continue
		}
		c := r.Training()
		c.Balance = train.BalanceConfig{Method: method.Name}
		c.Optimizer.LR = 0.05
		tr := trainerOf(t, m, c)
		for round, scale := range []float32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 10} {
			for _, p := range tr.Parameters() {
				if scale == 1 {
					break
				}
				for i := range p.Float32s() {
					p.Float32s()[i] *= scale
				}
			}
			for _, examples := range d.Plan(data.BatchOptions{Size: 8, Shuffle: true}, 0)[:4] {
				var batch data.Batch
				d.Fill(&batch, examples)
				losses, err := tr.Step(context.Background(), &batch)
				if err != nil {
					t.Fatalf("%s, round %d: %v", method.Name, round, err)
				}
				for i, l := range losses {
					if l < -1e-4 {
						t.Errorf("%s: the loss of %s is %v", method.Name, m.Schema().Tasks[i].Name, l)
					}
				}
			}
		}
	}
}
