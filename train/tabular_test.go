package train_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"espalier/data"
	"espalier/models"
	"espalier/recipe"
	"espalier/train"
	"espalier/train/balance"
)

// kinds is a table whose answer is the kind, one of which is missing.
func kinds(t *testing.T, set ...string) (*models.Model, *recipe.Recipe, *data.Dataset) {
	t.Helper()
	var b strings.Builder
	b.WriteString("kind,size,good\n")
	for i := range 60 {
		fmt.Fprintf(&b, "%s,%d,%s\n", []string{"a", "", "b"}[i%3], i, []string{"no", "yes", "no"}[i%3])
	}
	return tableOf(t, b.String(), `
data: {train: {format: csv, file: d.csv}}
inputs: {kind: {type: categorical, embedding: 4}, size: {type: numeric}}
trunk: {hidden: [8]}
tasks: {good: {type: classification}}
train: {epochs: 1, batch: 20, optimizer: {lr: 0.05}}
`, set...)
}

// tableOf is what a recipe makes of a table.
func tableOf(t *testing.T, table, text string, set ...string) (*models.Model, *recipe.Recipe, *data.Dataset) {
	t.Helper()
	r, err := recipe.Parse("r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r.FS = fstest.MapFS{"d.csv": {Data: []byte(table)}}
	for _, s := range set {
		path, value, _ := strings.Cut(s, "=")
		if err := r.Set(path, value); err != nil {
			t.Fatal(err)
		}
	}
	m, _, d := learned(t, r)
	return m, r, d
}

// houses is a table of three tasks of three types.
func houses(t *testing.T, set ...string) (*models.Model, train.Config, *data.Dataset) {
	t.Helper()
	var b strings.Builder
	b.WriteString("kind,place,area,age,price,sold,grade\n")
	for i := range 48 {
		area, age := 40+(i*37)%90, (i*i)%60
		fmt.Fprintf(&b, "%c,%c,%d,%d,%d,%s,%c\n", 'a'+i%4, 'p'+(i/3)%5, area, age,
			3*area-age+10*(i%4), []string{"no", "yes"}[(area+age+i%4)/50%2], 'x'+(age+10*((i/3)%5))/30%3)
	}
	m, r, d := tableOf(t, b.String(), `
data: {train: {format: csv, file: d.csv}}
columns: {categorical: [kind, place], numeric: [area, age]}
trunk: {type: mlp, hidden: [8, 6], norm: layer, dropout: 0.1}
tasks: {price: {type: regression}, sold: {type: classification}, grade: {type: classification}}
train: {epochs: 1, batch: 16, optimizer: {lr: 0.02}}
`, set...)
	return m, r.Training(), d
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

// moves are how far a step of the method takes the parameters, all of them one
// after the other by name; the first are those that tasks share.
func moves(t *testing.T, m *models.Model, c train.Config, b *data.Batch) (shared, all []float64) {
	t.Helper()
	tr := trainerOf(t, m, c)
	before := map[string][]float32{}
	for name, v := range tr.Parameters() {
		before[name] = append([]float32{}, v.Float32s()...)
	}
	if _, err := tr.Step(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	var own []float64
	for _, name := range slices.Sorted(maps.Keys(before)) {
		to := &shared
		if _, is := models.TaskOf(name); is {
			to = &own
		}
		for i, x := range tr.Parameters()[name].Float32s() {
			*to = append(*to, float64(x)-float64(before[name][i]))
		}
	}
	return shared, append(append([]float64{}, shared...), own...)
}

// TestBalancingATable: of a table, a step by parameters goes where the method
// sends gradients that plain steps on one task each have told.
func TestBalancingATable(t *testing.T) {
	for _, sharing := range []string{"hard", "mmoe", "ple", "mtan", "aitm"} {
		m, c, d := houses(t, "sharing.method="+sharing, "trunk.dropout=0")
		c.Optimizer = train.OptimizerConfig{Type: "sgd", LR: 0.01}
		var b data.Batch
		d.Fill(&b, d.Plan(data.BatchOptions{Size: 16, Shuffle: true}, 0)[0])
		tasks := m.Schema().TaskNames()
		rows := make([][]float32, len(tasks))
		for i := range tasks {
			c.Weights, c.Balance = map[string]float64{}, train.BalanceConfig{Method: "fixed"}
			for j, name := range tasks {
				if c.Weights[name] = 0; i == j {
					c.Weights[name] = 1
				}
			}
			one, _ := moves(t, m, c, &b)
			for _, x := range one {
				rows[i] = append(rows[i], float32(-x/0.01))
			}
		}
		c.Weights = nil
		for _, method := range []string{"mgda", "upgrad", "cagrad"} {
			balancer, err := balance.New(balance.Config{Method: method, Tasks: tasks})
			if err != nil {
				t.Fatal(err)
			}
			w, err := balancer.Weigh(&balance.Step{Rows: rows})
			if err != nil {
				t.Fatal(err)
			}
			c.Balance = train.BalanceConfig{Method: method}
			got, _ := moves(t, m, c, &b)
			off, length := 0.0, 0.0
			for k, x := range got {
				want := 0.0
				for i := range rows {
					want -= 0.01 * w.Shared[i] * float64(rows[i][k])
				}
				off, length = math.Hypot(off, x-want), math.Hypot(length, want)
			}
			if !(off <= 1e-3*length) || length == 0 {
				t.Errorf("%s, %s: the step is off by %v of %v", sharing, method, off, length)
			}
		}
	}
}

// TestRepresentationOfATable: where each example has vectors of its own, and
// there is nothing else to share, the gradients at the representation are those
// of the parameters.
func TestRepresentationOfATable(t *testing.T) {
	var text strings.Builder
	text.WriteString("who,good,size\n")
	for i := range 12 {
		fmt.Fprintf(&text, "%c,%s,%d\n", 'a'+i, []string{"no", "yes"}[i%2], i*i%7)
	}
	m, r, d := tableOf(t, text.String(), `
data: {train: {format: csv, file: d.csv}}
inputs: {who: {type: categorical, embedding: 4}}
trunk: {type: mlp, hidden: []}
tasks: {good: {type: classification}, size: {type: regression}}
`)
	c := r.Training()
	c.Optimizer = train.OptimizerConfig{Type: "sgd", LR: 0.1}
	var b data.Batch
	d.Fill(&b, d.Plan(data.BatchOptions{Size: 12}, 0)[0])
	for _, method := range []string{"mgda", "imtl-g", "aligned-mtl"} {
		var at [2][]float64
		for i, where := range []string{"parameters", "representation"} {
			c.Balance = train.BalanceConfig{Method: method, At: where}
			_, at[i] = moves(t, m, c, &b)
		}
		far := 0.0
		for i, x := range at[0] {
			far = max(far, math.Abs(x))
			if math.Abs(x-at[1][i]) > 1e-6 {
				t.Fatalf("%s: number %d moves by %v by the representation, by %v by parameters", method, i, at[1][i], x)
			}
		}
		if far < 1e-4 {
			t.Errorf("%s: nothing moves", method)
		}
	}
}

// TestATableIsLearnedWithBalancing: by parameters and by the representation, the
// losses fall.
func TestATableIsLearnedWithBalancing(t *testing.T) {
	for _, sharing := range []string{"hard", "mmoe", "cross_stitch"} {
		for _, b := range []train.BalanceConfig{{Method: "upgrad"}, {Method: "imtl-g", At: "representation"}, {Method: "graddrop", At: "representation"}} {
			m, c, d := houses(t, "sharing.method="+sharing)
			c.Balance = b
			tr := trainerOf(t, m, c)
			var batch data.Batch
			var first, last float64
			for epoch := range 30 {
				last = 0
				for _, examples := range d.Plan(data.BatchOptions{Size: 16, Shuffle: true, Seed: 1}, epoch) {
					d.Fill(&batch, examples)
					losses, err := tr.Step(context.Background(), &batch)
					if err != nil {
						t.Fatal(err)
					}
					for _, l := range losses {
						last += float64(l)
					}
				}
				if epoch == 0 {
					first = last
				}
			}
			if !(last < 0.6*first) {
				t.Errorf("%s, %+v: the losses of an epoch go from %v to %v", sharing, b, first, last)
			}
		}
	}
}
