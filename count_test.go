package espalier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/predict"
)

// poissonRegressions are counts with their columns, and what scikit-learn fits to them:
// see testdata/count/golden.py.
type poissonRegressions struct {
	X    [][]float64
	Y    []float64
	Fits []struct {
		Alpha, Intercept, Deviance, D2 float64
		Coefficients, Predictions      []float64
	}
}

func readPoisson(t *testing.T) *poissonRegressions {
	t.Helper()
	content, err := os.ReadFile("testdata/count/golden.json")
	var golden poissonRegressions
	if err == nil {
		err = json.Unmarshal(content, &golden)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &golden
}

// TestACountIsScikitLearnsPoissonRegression: a trunk without layers under a count is a
// generalised linear model. Trained to the end, with the whole data in each step, it has
// the coefficients, intercept, deviance and predictions of PoissonRegressor. The loss is
// divided by the dispersion of the data, and so is the penalty that stands for alpha.
func TestACountIsScikitLearnsPoissonRegression(t *testing.T) {
	golden := readPoisson(t)
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("a,b,c,visits\n")
	mean, square := make([]float64, 3), make([]float64, 3)
	var sum, squares float64
	for i, x := range golden.X {
		fmt.Fprintf(&b, "%v,%v,%v,%v\n", x[0], x[1], x[2], golden.Y[i])
		for j, v := range x {
			mean[j] += v / float64(len(golden.X))
			square[j] += v * v / float64(len(golden.X))
		}
		sum, squares = sum+golden.Y[i], squares+golden.Y[i]*golden.Y[i]
	}
	n := float64(len(golden.Y))
	dispersion := (squares/n - sum/n*sum/n) / (sum / n)
	path := filepath.Join(dir, "visits.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	for i, fit := range golden.Fits {
		run := filepath.Join(dir, fmt.Sprint(i))
		out, _ := trainedLogging(t, gonum.New(), run, fmt.Sprintf(`
data: {train: {format: csv, file: %q}, valid: {format: csv, file: %q}}
columns: {numeric: [a, b, c]}
trunk: {hidden: []}
tasks: {visits: {type: count}}
train: {epochs: 1, epoch_steps: 600, batch: 240, optimizer: {type: sgd, lr: 0.3, momentum: 0.9, weight_decay: %v}}
`, path, path, fit.Alpha/dispersion))
		got := out.Valid[0].Metrics
		if math.Abs(got["poisson_deviance"]-fit.Deviance) > 1e-6 || math.Abs(got["d2"]-fit.D2) > 1e-6 {
			t.Errorf("alpha %v: the deviance is %.8f and d2 %.8f, want %.8f and %.8f", fit.Alpha, got["poisson_deviance"], got["d2"], fit.Deviance, fit.D2)
		}
		if fit.Alpha == 0 && math.Abs(out.Valid[0].Loss-fit.Deviance/2/dispersion) > 1e-6 {
			t.Errorf("the loss is %v, want %v", out.Valid[0].Loss, fit.Deviance/2/dispersion)
		}
		scores := predictLogs(t, run, probes(mean, square, golden.X[:len(fit.Predictions)]))
		for j, want := range append([]float64{fit.Intercept}, fit.Coefficients...) {
			value := scores[j]
			if j > 0 {
				value -= scores[0]
			}
			if math.Abs(value-want) > 2e-5 {
				t.Errorf("alpha %v: parameter %d is %.7f, want %.7f", fit.Alpha, j, value, want)
			}
		}
		for j, want := range fit.Predictions {
			if got := math.Exp(scores[4+j]); math.Abs(got-want) > 1e-4 {
				t.Errorf("alpha %v: prediction %d is %.6f, want %.6f", fit.Alpha, j, got, want)
			}
		}
	}
}

// probes are rows: the mean, the mean with one column a deviation higher, and more.
func probes(mean, square []float64, more [][]float64) [][]float64 {
	rows := [][]float64{mean}
	for j := range mean {
		row := append([]float64{}, mean...)
		row[j] += math.Sqrt(square[j] - mean[j]*mean[j])
		rows = append(rows, row)
	}
	return append(rows, more...)
}

// predictLogs returns the logarithms of the predictions of a run's exported file.
func predictLogs(t *testing.T, dir string, rows [][]float64) []float64 {
	t.Helper()
	run, err := espalier.OpenRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "m.onnx")
	if _, err := run.Export(context.Background(), path, espalier.ExportOptions{Engines: []runtime.Engine{gonum.New()}}); err != nil {
		t.Fatal(err)
	}
	p, err := predict.Open(path, predict.Options{Engine: gonum.New()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var columns []map[string]string
	for _, x := range rows {
		columns = append(columns, map[string]string{"a": fmt.Sprint(x[0]), "b": fmt.Sprint(x[1]), "c": fmt.Sprint(x[2])})
	}
	answers, err := p.PredictRows(context.Background(), columns...)
	if err != nil {
		t.Fatal(err)
	}
	var logs []float64
	for _, a := range answers {
		logs = append(logs, math.Log(*a.Tasks[0].Value))
	}
	return logs
}

// TestCountsFromRecipeToAnswers: claims of a table's rows and of texts beside a
// classification, learned and exported by both engines. Predictions are never negative,
// whatever is read, and carry the unit.
func TestCountsFromRecipeToAnswers(t *testing.T) {
	both := engines(t)
	for _, e := range both {
		for _, kind := range []string{"table", "text"} {
			dir := t.TempDir()
			path := filepath.Join(dir, "claims.csv")
			if err := os.WriteFile(path, claims(400), 0o644); err != nil {
				t.Fatal(err)
			}
			input := "columns: {numeric: [age], categorical: [city]}\ntrunk: {hidden: [16]}"
			if kind == "text" {
				input = "inputs: {text: {type: text}}\ntrunk: {type: bag, embedding: 16}"
			}
			out, log := trainedLogging(t, e, filepath.Join(dir, "run"), fmt.Sprintf(`
data: {all: {format: csv, file: %q}, split: {train: 0.7, valid: 0.3, seed: 1}}
%s
tasks: {claims: {type: count, unit: claims}, young: {type: classification}}

train: {epochs: 20, batch: 16, optimizer: {lr: 0.02}, balance: {method: upgrad}}
`, path, input))
			if got := out.Valid[0]; got.Metric != "d2" || got.Metrics["d2"] < 0.5 || out.Valid[1].Metrics["accuracy"] < 0.9 {
				t.Errorf("%s by %s: %+v", kind, e.Name(), out.Valid)
			}
			if !strings.HasPrefix(strings.Join(log, "\n"), "task claims: counts of mean ") && !strings.Contains(strings.Join(log, "\n"), "\ntask claims: counts of mean ") {
				t.Errorf("the log does not say what was learned of the counts: %q", log)
			}
			run, err := espalier.OpenRun(filepath.Join(dir, "run"))
			if err != nil {
				t.Fatal(err)
			}
			askClaims(t, run, kind, both)
		}
	}
}

// claims are rows that one column and one word say as much of.
func claims(n int) []byte {
	r := rand.New(rand.NewPCG(4, 4))
	var b strings.Builder
	b.WriteString("age,city,text,claims,young\n")
	for range n {
		young := r.IntN(2) == 1
		city := []string{"north", "south"}[r.IntN(2)]
		age, mean := 60+10*r.Float64(), 0.5
		if young {
			age, mean = 20+10*r.Float64(), 6
		}
		if city == "south" {
			mean *= 2
		}
		fmt.Fprintf(&b, "%.1f,%s,in the %s of %s age,%d,%v\n", age, city, city, map[bool]string{true: "young", false: "old"}[young], poisson(r, mean), young)
	}
	return []byte(b.String())
}

// poisson draws a count (Knuth 1969, "The Art of Computer Programming", volume 2).
func poisson(r *rand.Rand, mean float64) (n int) {
	for p := r.Float64(); p > math.Exp(-mean); n++ {
		p *= r.Float64()
	}
	return n
}

// askClaims exports files that read values and ids, and asks them of what training had
// and of what is far from it.
func askClaims(t *testing.T, run *espalier.Run, kind string, both []runtime.Engine) {
	t.Helper()
	ctx := context.Background()
	for _, input := range []string{"", "ids"} {
		path := filepath.Join(t.TempDir(), "claims.onnx")
		report, err := run.Export(ctx, path, espalier.ExportOptions{Input: input, Engines: both})
		if err != nil || len(report.Engines) != 2 {
			t.Fatalf("%s: %v: %v", kind, err, report)
		}
		for _, e := range both {
			p, err := predict.Open(path, predict.Options{Engine: e})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			var answers []predict.Prediction
			if kind == "table" {
				answers, err = p.PredictRows(ctx, map[string]string{"age": "25", "city": "south"}, map[string]string{"age": "65", "city": "north"},
					map[string]string{"age": "-1e6", "city": "?"}, map[string]string{"age": "1e6", "city": ""})
			} else {
				answers, err = p.Predict(ctx, "in the south of young age", "in the north of old age", "", "young young young young")
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, a := range answers {
				x := a.Tasks[0]
				if *x.Value < 0 || math.IsInf(*x.Value, 0) || x.Unit != "claims" || x.Type != "count" {
					t.Errorf("%s by %s: answer %d is %+v", kind, e.Name(), i, x)
				}
			}
			if many, few := *answers[0].Tasks[0].Value, *answers[1].Tasks[0].Value; math.Abs(many-12) > 4 || math.Abs(few-0.5) > 0.5 {
				t.Errorf("%s by %s: %v and %v claims, want about 12 and 0.5", kind, e.Name(), many, few)
			}
		}
	}
}
