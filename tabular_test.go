package espalier_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier"
	"espalier/export"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/runtime/predict"
	"espalier/schema"
)

// houses writes a table whose answers follow from its columns: the load is
// linear in the area but for the kind of house, and a house is large from 100 on.
func houses(t *testing.T, n int) string {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 3))
	var b strings.Builder
	b.WriteString("area, kind ,weight,load,large\n")
	for i := range n {
		area, kind := 40+120*r.Float64(), []string{"flat", "hut", "villa"}[r.IntN(3)]
		load := 1000 + 30*area + map[string]float64{"flat": 0, "hut": 2000, "villa": -1500}[kind]
		large := map[bool]string{true: "yes", false: "no"}[area >= 100]
		if i%50 == 7 {
			large = "" // a label may be missing, and so may a value
		}
		weight := fmt.Sprint(r.NormFloat64())
		if i%10 == 0 {
			weight = "NA"
		}
		fmt.Fprintf(&b, "%.3f, %s ,%s,%.2f,%s\n", area, kind, weight, load, large)
	}
	path := filepath.Join(t.TempDir(), "houses.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const housesRecipe = `
data:
  all: {format: csv, file: %q}
  split: {train: 0.7, valid: 0.15, test: 0.15, seed: 2, by: large}
inputs:
  weight: {type: numeric, missing: [NA]}
  kind: {type: categorical, embedding: 3, min_count: 2}
columns: {numeric: [area]}
trunk: {hidden: [32, 16], norm: layer}
sharing: {method: mmoe, experts: 3, expert_hidden: 12}
tasks:
  load: {type: regression, metric: r2, unit: watts}
  large: {type: classification, metric: auc}
train: {epochs: 25, batch: 16, optimizer: {lr: 0.01}}
`

// TestATableFromRecipeToAnswers trains on a table, exports both kinds of file,
// holds them against the trainer, and asks them by named columns.
func TestATableFromRecipeToAnswers(t *testing.T) {
	if os.Getenv(ort.LibraryVariable) == "" {
		t.Fatalf("%s is not set: run `make env`, and test with `make test`", ort.LibraryVariable)
	}
	e, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	r, err := recipe.Parse("houses.yaml", fmt.Appendf(nil, housesRecipe, houses(t, 600)))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	_, out, err := espalier.Train(ctx, r, dir, espalier.Options{Engine: e})
	if err != nil {
		t.Fatal(err)
	}
	load, large := out.Test[0].Metrics, out.Test[1].Metrics
	if load["r2"] < 0.98 || large["auc"] < 0.97 || large["log_loss"] > 0.3 || out.Test[0].Labels != 90 {
		t.Errorf("test of %d examples: load %v, large %v", out.Test[0].Labels, load, large)
	}
	run, err := espalier.OpenRun(dir) // what the directory holds is all there is
	if err != nil {
		t.Fatal(err)
	}
	for _, input := range []string{"", "ids"} {
		path := filepath.Join(dir, "houses"+input+".onnx")
		report, err := run.Export(ctx, path, espalier.ExportOptions{Input: input, Engines: []runtime.Engine{e, gonum.New()}})
		if err != nil {
			t.Fatal(err, report)
		}
		if len(report.Engines) != 2 {
			t.Errorf("%q: it ran on %v: %v", input, report.Engines, report.Missing)
		}
		p, err := predict.Open(path, predict.Options{Engine: e})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		askHouses(t, p)
		d, err := espalier.DataFor(p, r, "test", nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := espalier.EvaluateFile(ctx, p, d, r)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range m.Scores() {
			for name, v := range s.Metrics {
				if want := out.Test[i].Metrics[name]; math.Abs(v-want) > 1e-4*max(1, want) {
					t.Errorf("%q: %s of %s is %v from the file, %v from the trainer", input, name, s.Task, v, want)
				}
			}
		}
	}
	if _, err := run.Export(ctx, filepath.Join(dir, "x.onnx"), espalier.ExportOptions{Format: export.Options{Length: 3}, Engines: []runtime.Engine{e}}); err == nil ||
		err.Error() != "export: a file that reads a table has no tokens whose number could be fixed; leave the length out" {
		t.Error(err)
	}
}

// askHouses: rows of text and typed columns get the same answers, in watts.
func askHouses(t *testing.T, p *predict.Predictor) {
	t.Helper()
	ctx := context.Background()
	rows, err := p.PredictRows(ctx, map[string]string{"area": "150", "kind": " hut", "weight": "NA"}, map[string]string{"area": "50", "kind": "castle"})
	if err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	columns, err := p.PredictColumns(ctx, predict.Columns{
		Numbers: map[string][]float64{"area": {150, 50}, "weight": {nan, nan}}, Values: map[string][]string{"kind": {"hut", "castle"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if v := *rows[0].Task("load").Value; math.Abs(float64(v)-7500) > 600 || rows[0].Task("load").Unit != "watts" || rows[0].Task("large").Label != "yes" || rows[1].Task("large").Label != "no" {
		t.Errorf("answers %v %v, %v", v, rows[0].Tasks, rows[1].Tasks)
	}
	for i := range rows {
		if *rows[i].Task("load").Value != *columns[i].Task("load").Value {
			t.Errorf("row %d: %v by rows, %v by columns", i, rows[i].Tasks, columns[i].Tasks)
		}
	}
	for want, c := range map[string]predict.Columns{
		`there is no input "aera"; the model reads weight, kind, area`:        {Numbers: map[string][]float64{"aera": {1}}},
		`column "area" has 1 rows, column "kind" has 2`:                       {Numbers: map[string][]float64{"area": {1}}, Values: map[string][]string{"kind": {"a", "b"}}},
		`input "kind" is categorical; give it among the columns of that kind`: {Numbers: map[string][]float64{"kind": {1}}},
		`no column is given; the model reads weight, kind, area`:              {},
	} {
		if _, err := p.PredictColumns(ctx, c); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := p.PredictRows(ctx, map[string]string{"area": "big"}); err == nil || !strings.HasSuffix(err.Error(), `row 0: input "area" is numeric, "big" is not a finite number`) {
		t.Error(err)
	}
	if _, err := p.Predict(ctx, "a text"); err == nil {
		t.Error("a model of a table answers for a text")
	}
}

// TestColumnsKnowTheTrainingRowsAlone: whatever stands in the rows of validation
// and test, means, deviations and values are those of the training rows.
func TestColumnsKnowTheTrainingRowsAlone(t *testing.T) {
	learn := func(other string) *schema.Schema {
		dir := t.TempDir()
		text := "data:\n"
		for part, rows := range map[string]string{"train": "1,farm,no\n2,shop,yes\n6,farm,no\n", "valid": other, "test": other} {
			path := filepath.Join(dir, part+".csv")
			if err := os.WriteFile(path, []byte("wage,work,rich\n"+rows), 0o644); err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprintf("  %s: {format: csv, file: %q}\n", part, path)
		}
		r, err := recipe.Parse("r.yaml", []byte("name: r\n"+text+"columns: {numeric: [wage], categorical: [work]}\ntasks: {rich: {type: classification}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		run, err := espalier.Learn(r)
		if err != nil {
			t.Fatal(err)
		}
		return run.Model.Schema()
	}
	s := learn("3,farm,yes\n")
	if in := s.Input("wage"); in.Mean != 3 || math.Abs(in.Deviation-math.Sqrt(14.0/3)) > 1e-12 {
		t.Errorf("the mean is %v and the deviation %v", in.Mean, in.Deviation)
	}
	if diff := cmp.Diff(s, learn("90000,mill,yes\n,,no\n-5,bank,no\n")); diff != "" {
		t.Errorf("other rows of validation and test make other columns (-want +got):\n%s", diff)
	}
}

// TestWhatCannotBeLearnedIsToldBeforeTraining: a task with one class, and
// experts that are none; no run is begun.
func TestWhatCannotBeLearnedIsToldBeforeTraining(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(path, []byte("wage,rich,old\n1,no,no\n2,no,yes\n3,no,no\n4,,yes\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("name: r\ndata: {train: {format: csv, file: %q}, holdout: 0.25}\ncolumns: {numeric: [wage]}\ntasks: {old: {type: classification}, rich: {type: classification}}\n", path)
	dir := filepath.Join(t.TempDir(), "run")
	r, err := recipe.Parse("r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = espalier.Train(context.Background(), r, dir, espalier.Options{Engine: gonum.New()})
	if want := `r.yaml:4: tasks.rich: data: task "rich" has the one label "no" in training; there is nothing to tell apart`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("a run was begun: %v", err)
	}
	_, err = recipe.Parse("r.yaml", []byte(text+"sharing: {method: mmoe, experts: 0}\n"))
	if want := `r.yaml:5: sharing.experts is 0, it must be at least 1`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
