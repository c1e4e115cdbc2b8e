package espalier_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/predict"
)

// trainedLogging trains a recipe and returns the outcome and what was logged.
func trainedLogging(t *testing.T, e runtime.Engine, dir, text string) (*espalier.Outcome, []string) {
	t.Helper()
	r, err := recipe.Parse("r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var log []string
	_, out, err := espalier.Train(context.Background(), r, dir, espalier.Options{Engine: e, Log: func(format string, args ...any) {
		log = append(log, fmt.Sprintf(format, args...))
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out, log
}

// TestTheUnitOfATargetDoesNotMatter: a year beside a topic, in years, in
// seconds and as a small number, is learned as well, and leaves the topic alone.
func TestTheUnitOfATargetDoesNotMatter(t *testing.T) {
	dir := t.TempDir()
	for unit, of := range map[string][2]float64{"years": {2001, 10}, "cents": {5e7, 25e6}, "small": {0, 1e-6}} {
		r := rand.New(rand.NewPCG(1, 1))
		for _, split := range []string{"train", "valid"} {
			n := map[string]int{"train": 200, "valid": 80}[split]
			var b strings.Builder
			b.WriteString("text\tyear\ttopic\n")
			for range n {
				i := r.IntN(2)
				year := of[0] + of[1]*(float64(2*i-1)+0.1*r.Float64())
				fmt.Fprintf(&b, "%s w%d v%d\t%v\t%s\n", []string{"b", "a"}[i], r.IntN(6), r.IntN(6), year, []string{"old", "new"}[i])
			}
			if err := os.WriteFile(filepath.Join(dir, split+".tsv"), []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out, log := trainedLogging(t, gonum.New(), filepath.Join(dir, unit), fmt.Sprintf(`
data: {train: {format: tsv, file: %q}, valid: {format: tsv, file: %q}}
inputs: {text: {type: text}}
trunk: {type: bag, embedding: 16}
tasks: {topic: {type: classification}, year: {type: regression, metric: r2}}
train: {epochs: 10, batch: 16, optimizer: {lr: 0.02}}
`, filepath.Join(dir, "train.tsv"), filepath.Join(dir, "valid.tsv")))
		topic, year := out.Valid[0].Metrics["accuracy"], out.Valid[1].Metrics["r2"]
		if topic < 0.99 || year < 0.95 {
			t.Errorf("in %s, the topic's accuracy is %v and the year's r2 %v", unit, topic, year)
		}
		if rmse := out.Valid[1].Metrics["rmse"]; rmse > 0.25*of[1] || out.Valid[1].Loss > 0.05 {
			t.Errorf("in %s, the rmse is %v and the loss %v", unit, rmse, out.Valid[1].Loss)
		}
		if !slices.ContainsFunc(log, func(s string) bool { return strings.HasPrefix(s, "task year: learned standardised, by the mean ") }) {
			t.Errorf("in %s, the log does not say how the year is learned: %q", unit, log)
		}
	}
}

// TestTimesInSecondsFromRecipeToAnswers: a column and a target of times since
// 1970, seconds apart, which float32 has hardly two of. The metrics are what the
// file's answers give beside the data as it was written, and every engine answers
// alike.
func TestTimesInSecondsFromRecipeToAnswers(t *testing.T) {
	both := engines(t)
	e := both[0]
	ctx, dir := context.Background(), t.TempDir()
	r := rand.New(rand.NewPCG(5, 5))
	var since, until, share []float64 // of valid
	for _, split := range []string{"train", "valid"} {
		n := map[string]int{"train": 200, "valid": 60}[split]
		var b strings.Builder
		b.WriteString("since,until,share\n")
		for range n {
			at := r.IntN(300)
			x, y, z := 1700000000+at, 1700000300-at, math.Round(1e4*float64(at)/300)/1e4
			fmt.Fprintf(&b, "%d,%d,%.4f\n", x, y, z)
			if split == "valid" {
				since, until, share = append(since, float64(x)), append(until, float64(y)), append(share, z)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, split+".csv"), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, log := trainedLogging(t, e, filepath.Join(dir, "run"), fmt.Sprintf(`
data: {train: {format: csv, file: %q}, valid: {format: csv, file: %q}}
columns: {numeric: [since]}
trunk: {type: mlp, hidden: [8]}
tasks: {until: {type: regression}, share: {type: regression}}
train: {epochs: 30, batch: 16, optimizer: {lr: 0.01}}
`, filepath.Join(dir, "train.csv"), filepath.Join(dir, "valid.csv")))
	if n := len(slices.DeleteFunc(log, func(s string) bool { return !strings.Contains(s, "as float64, because float32 rounds") })); n != 2 {
		t.Errorf("%d notes tell of float64, want those of since and until", n)
	}
	if out.Valid[0].Metrics["r2"] < 0.99 || out.Valid[1].Metrics["r2"] < 0.99 {
		t.Errorf("r2 is %v and %v", out.Valid[0].Metrics, out.Valid[1].Metrics)
	}
	run, err := espalier.OpenRun(filepath.Join(dir, "run"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "m.onnx")
	report, err := run.Export(ctx, path, espalier.ExportOptions{Engines: both})
	if err != nil || len(report.Engines) != 2 {
		t.Fatal(err, report)
	}
	for _, o := range report.Outputs {
		if o.Double != (o.Name == "until_value") {
			t.Errorf("output %+v", o)
		}
	}
	for _, engine := range both {
		p, err := predict.Open(path, predict.Options{Engine: engine})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		answers, err := p.PredictColumns(ctx, predict.Columns{Numbers: map[string][]float64{"since": since}})
		if err != nil {
			t.Fatal(err)
		}
		for task, truth := range map[string][]float64{"until": until, "share": share} {
			squared, mean, spread := 0.0, 0.0, 0.0
			for i, y := range truth {
				d := *answers[i].Task(task).Value - y
				squared += d * d
				mean += y / float64(len(truth))
			}
			for _, y := range truth {
				spread += (y - mean) * (y - mean)
			}
			of := out.Valid[run.Model.Schema().TaskIndex(task)].Metrics
			if rmse, r2 := math.Sqrt(squared/float64(len(truth))), 1-squared/spread; math.Abs(rmse-of["rmse"]) > 1e-3*rmse || math.Abs(r2-of["r2"]) > 1e-4 {
				t.Errorf("%s: rmse and r2 of %s are %v and %v, training says %v", engine.Name(), task, rmse, r2, of)
			}
		}
	}
}
