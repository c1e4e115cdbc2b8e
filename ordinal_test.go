package espalier_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/runtime/predict"
	"espalier/task"
)

var qualities = []string{"poor", "fair", "good", "great"}

// graded are examples whose quality rises with what their columns or words say; a missing
// quality, and one that only the last examples have, stand among them.
func graded(n int, line func(r *rand.Rand, strength float64, quality, stars string) string) string {
	r := rand.New(rand.NewPCG(6, 6))
	var b strings.Builder
	for i := range n {
		strength := r.NormFloat64()
		noisy := strength + 0.2*r.NormFloat64()
		level := 0
		for _, cut := range []float64{-0.7, 0.1, 0.9} {
			if noisy > cut {
				level++
			}
		}
		quality := qualities[level]
		if i%25 == 3 {
			quality = ""
		}
		b.WriteString(line(r, strength, quality, fmt.Sprint(2*level+8)))
	}
	return b.String()
}

const gradedTasks = `
tasks:
  quality: {type: ordinal, order: [poor, fair, good, great], balanced: true}
  stars: {type: ordinal, loss: coral, metric: rank_mae, hidden: 8}
  high: {type: classification, reads: [quality]}
train: {epochs: 12, batch: 16, optimizer: {lr: 0.02}}
`

// ordinalRuns are a table and texts.
func ordinalRuns(t *testing.T) map[string]string {
	t.Helper()
	high := func(stars string) string {
		return map[bool]string{true: "yes", false: "no"}[stars == "12" || stars == "14"]
	}
	table := "size,colour,quality,stars,high\n" + graded(400, func(r *rand.Rand, strength float64, quality, stars string) string {
		return fmt.Sprintf("%.4f,%s,%s,%s,%s\n", 50+10*strength, []string{"red", "blue"}[r.IntN(2)], quality, stars, high(stars))
	})
	words := []string{"awful", "bad", "plain", "nice", "superb"}
	texts := "text,quality,stars,high\n" + graded(400, func(r *rand.Rand, strength float64, quality, stars string) string {
		at := min(max(int(math.Round(2+1.5*strength)), 0), 4)
		return fmt.Sprintf("a %s thing w%d,%s,%s,%s\n", words[at], r.IntN(9), quality, stars, high(stars))
	})
	data := "data: {all: {format: csv, file: %q}, split: {train: 0.6, valid: 0.2, test: 0.2, seed: 2}}\n"
	return map[string]string{
		"table": fmt.Sprintf(data, writeFile(t, "graded.csv", table)) + "columns: {numeric: [size], categorical: [colour]}\ntrunk: {hidden: [16]}\n" + gradedTasks,
		"text":  fmt.Sprintf(data, writeFile(t, "graded.csv", texts)) + "inputs: {text: {type: text}}\ntrunk: {type: bag, embedding: 12}\n" + gradedTasks,
	}
}

// TestOrdinalTasksFromRecipeToAnswers: a table and texts, trained by either engine, are
// exported with ids and with raw input, and both files answer and measure as the trainer.
func TestOrdinalTasksFromRecipeToAnswers(t *testing.T) {
	native, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	engines := []runtime.Engine{native, gonum.New()}
	ctx := context.Background()
	for name, content := range ordinalRuns(t) {
		for _, e := range engines {
			t.Run(name+"/"+e.Name(), func(t *testing.T) {
				r, err := recipe.Parse("graded.yaml", []byte(content))
				if err != nil {
					t.Fatal(err)
				}
				dir := filepath.Join(t.TempDir(), "run")
				_, out, err := espalier.Train(ctx, r, dir, espalier.Options{Engine: e})
				if err != nil {
					t.Fatal(err)
				}
				quality, stars := out.Test[0].Metrics, out.Test[1].Metrics
				if quality["quadratic_kappa"] < 0.7 || stars["quadratic_kappa"] < 0.7 || stars["rank_mae"] > 0.5 || out.Test[0].Metric != "quadratic_kappa" {
					t.Errorf("quality %v, stars %v", quality, stars)
				}
				run, err := espalier.OpenRun(dir)
				if err != nil {
					t.Fatal(err)
				}
				for _, input := range []string{"", "ids"} {
					path := filepath.Join(dir, "graded"+input+".onnx")
					if report, err := run.Export(ctx, path, espalier.ExportOptions{Input: input, Engines: engines}); err != nil {
						t.Fatal(err, report)
					}
					p, err := predict.Open(path, predict.Options{Engine: e})
					if err != nil {
						t.Fatal(err)
					}
					defer p.Close()
					askQuality(t, p, name)
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
							if want := out.Test[i].Metrics[name]; math.Abs(v-want) > 1e-4 {
								t.Errorf("%q: %s of %s is %v from the file, %v from the trainer", input, name, s.Task, v, want)
							}
						}
					}
				}
			})
		}
	}
}

// askQuality: answers name a label of the order, with probabilities in that order.
func askQuality(t *testing.T, p *predict.Predictor, of string) {
	t.Helper()
	var rows []predict.Prediction
	var err error
	if of == "table" {
		rows, err = p.PredictRows(context.Background(), map[string]string{"size": "25", "colour": "red"}, map[string]string{"size": "75", "colour": "blue"})
	} else {
		rows, err = p.Predict(context.Background(), "an awful thing", "a superb thing")
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{{"poor", "8"}, {"great", "14"}} {
		for j, label := range want {
			a := rows[i].Tasks[j]
			sum := float32(0)
			for _, x := range a.Probabilities {
				sum += x
			}
			if a.Type != task.Ordinal || a.Label != label || len(a.Probabilities) != 4 || math.Abs(float64(sum)-1) > 1e-5 {
				t.Errorf("row %d: %+v, want label %s", i, a, label)
			}
			if j == 0 && a.Probability != slices.Max(a.Probabilities) {
				t.Errorf("row %d: %+v: another label has a higher probability", i, a)
			}
		}
	}
	s := p.Schema()
	if got := fmt.Sprint(s.Task("quality").Labels, s.Task("stars").Labels); got != "[poor fair good great] [8 10 12 14]" {
		t.Errorf("the labels are %s", got)
	}
}

// TestOrdersOfLabelsInRecipes: a mistake names its key, and numbers may be an order.
func TestOrdersOfLabelsInRecipes(t *testing.T) {
	const base = "data: {train: {format: csv, file: x.csv}}\ninputs: {text: {type: text}}\ntasks:\n  stars: {%s}\n"
	for given, want := range map[string]string{
		"type: ordinal, order: [a, b, a]":              `tasks.stars.order has "a" twice, or empty; each label stands in it once`,
		"type: ordinal, order: [a]":                    `tasks.stars.order has fewer than two labels; there is nothing to tell apart`,
		"type: ordinal, label_smoothing: 0.1":          `tasks.stars.label_smoothing is for heads that choose labels one by one, not for this one`,
		"type: ordinal, loss: corral":                  `tasks.stars.loss is "corral", which is not one of proportional_odds, coral; did you mean "coral"?`,
		"type: ordinal, loss: coral, balanced: true":   `tasks.stars.balanced is for loss proportional_odds, coral weighs no labels`,
		"type: classification, order: [a, b]":          `tasks.stars.order is for ordinal, not for classification`,
		"type: ordinal, metric: mae":                   `tasks.stars.metric is "mae", which is not one of quadratic_kappa, rank_mae, accuracy, macro_f1`,
		"type: ordinal, order: [1, 2, 3.0], hidden: 3": "",
	} {
		r, err := recipe.Parse("r.yaml", fmt.Appendf(nil, base, given))
		switch {
		case want == "" && err == nil:
			if got := fmt.Sprint(r.Schema().Tasks[0].Labels); got != "[1 2 3.0]" {
				t.Errorf("%s: the labels are %s", given, got)
			}
			again, err := r.Derive(func(*recipe.Recipe) {})
			if err != nil || fmt.Sprint(again.Schema().Tasks[0].Labels) != "[1 2 3.0]" {
				t.Errorf("%s: written and read: %v, %v", given, again, err)
			}
		case err == nil || !strings.Contains(err.Error(), want) || want == "":
			t.Errorf("%s: %v, want %s", given, err, want)
		}
	}
}
