package train_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"espalier/data"
	"espalier/models"
	"espalier/recipe"
)

// kinds is a table whose answer is the kind, one of which is missing.
func kinds(t *testing.T, set ...string) (*models.Model, *recipe.Recipe, *data.Dataset) {
	t.Helper()
	var b strings.Builder
	b.WriteString("kind,size,good\n")
	for i := range 60 {
		fmt.Fprintf(&b, "%s,%d,%s\n", []string{"a", "", "b"}[i%3], i, []string{"no", "yes", "no"}[i%3])
	}
	r, err := recipe.Parse("r.yaml", []byte(`
data: {train: {format: csv, file: d.csv}}
inputs: {kind: {type: categorical, embedding: 4}, size: {type: numeric}}
trunk: {hidden: [8]}
tasks: {good: {type: classification}}
train: {epochs: 1, batch: 20, optimizer: {lr: 0.05}}
`))
	if err != nil {
		t.Fatal(err)
	}
	r.FS = fstest.MapFS{"d.csv": {Data: []byte(b.String())}}
	for _, s := range set {
		path, value, _ := strings.Cut(s, "=")
		if err := r.Set(path, value); err != nil {
			t.Fatal(err)
		}
	}
	e, err := r.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Learn(r.Sources("train")); err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(r.Sources("train"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := models.New(e.Schema(), r.Model())
	if err != nil {
		t.Fatal(err)
	}
	return m, r, d
}

// TestMissingValuesLearnAndUnknownOnesSayNothing: the vector of missing values
// is trained as any other, that of values which training never met stays zero.
func TestMissingValuesLearnAndUnknownOnesSayNothing(t *testing.T) {
	m, r, d := kinds(t)
	trainer := trainerOf(t, m, r.Training())
	table := trainer.Parameters()[models.ValueTable("kind")+"/table"].Float32s()
	before := append([]float32{}, table...)
	var b data.Batch
	for epoch := range 20 {
		for _, examples := range d.Plan(data.BatchOptions{Size: 20, Shuffle: true, Seed: 1}, epoch) {
			d.Fill(&b, examples)
			if _, err := trainer.Step(context.Background(), &b); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, v := range table {
		switch row := i / 4; {
		case row == 1 && v != 0:
			t.Errorf("the unknown value has %v", table[4:8])
		case row != 1 && v == before[i]:
			t.Errorf("row %d has not learned: %v", row, table[4*row:4*row+4])
		}
	}
	scores, err := trainer.Evaluate(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	if s := scores[0].Metrics; s["accuracy"] != 1 || s["auc"] != 1 || s["log_loss"] > 0.1 {
		t.Errorf("the table is not learned: %v", s)
	}
}
