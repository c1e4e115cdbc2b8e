package library

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier"
	"espalier/data"
	"espalier/examples/demo"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/predict"
)

// engines are run by one thread each, so that figures do not hang on how many cores
// are free.
var engines = []string{"ort", "gonum"}

// measure runs what is measured. Beside the time that passes and what is allocated
// it reports the processor's time, which other programs on the machine move less.
func measure(b *testing.B, once func(i int) error) {
	b.Helper()
	b.ReportAllocs()
	i, start := 0, cpu()
	for b.Loop() {
		if i == 0 {
			start = cpu()
		}
		if err := once(i); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(cpu()-start)/float64(i), "cpu-ns/op")
}

// open returns an engine. A benchmark without ONNX Runtime fails: its figures would
// be missing from a table.
func open(b *testing.B, name string) runtime.Engine {
	b.Helper()
	e, err := espalier.OpenEngine(name, "")
	if err != nil {
		b.Fatal(err)
	}
	return e
}

// trunks are the models that steps are timed of, by the settings that make them from
// the demonstration's recipe or from the table's.
var trunks = []struct {
	name string
	set  []string
}{
	{"bag", nil},
	{"transformer", []string{"trunk={type: transformer, embedding: 64, hidden: 64, layers: 2, heads: 4, feedforward: 256, max_length: 128}"}},
	{"table", nil},
}

// recipeOf returns the recipe of a model.
func recipeOf(b *testing.B, model string) *recipe.Recipe {
	b.Helper()
	var r *recipe.Recipe
	var err error
	if model == "table" {
		r, err = recipe.Parse("houses", fmt.Appendf(nil, houses, table(b, 4000)))
	} else {
		var content []byte
		if content, err = demo.Files.ReadFile("recipe.yaml"); err == nil {
			r, err = recipe.Parse("recipe.yaml", content)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	if model != "table" {
		r.FS = demo.Files
	}
	for _, t := range trunks {
		if t.name != model {
			continue
		}
		for _, s := range append([]string{"train.threads=1"}, t.set...) {
			key, value, _ := strings.Cut(s, "=")
			if err := r.Set(key, value); err != nil {
				b.Fatal(err)
			}
		}
	}
	return r
}

const houses = `
data:
  all: {format: csv, file: %q}
  split: {train: 0.7, valid: 0.15, test: 0.15, seed: 2}
inputs:
  kind: {type: categorical, embedding: 8}
columns: {numeric: [area, weight, height]}
trunk: {hidden: [64, 32], norm: layer}
sharing: {method: mmoe, experts: 3, expert_hidden: 16}
tasks:
  load: {type: regression}
  large: {type: classification}
train: {epochs: 1, batch: 32}
`

// table writes rows whose answers follow from their columns.
func table(b *testing.B, rows int) string {
	b.Helper()
	r := rand.New(rand.NewPCG(3, 3))
	var out strings.Builder
	out.WriteString("area,weight,height,kind,load,large\n")
	for range rows {
		area, weight, height, kind := 40+120*r.Float64(), r.NormFloat64(), r.NormFloat64(), r.IntN(20)
		fmt.Fprintf(&out, "%.3f,%.3f,%.3f,k%d,%.2f,%v\n", area, weight, height, kind, 30*area+weight*height+float64(kind), area > 100)
	}
	path := filepath.Join(b.TempDir(), "houses.csv")
	if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
		b.Fatal(err)
	}
	return path
}

// learned returns a run that has read its data, and a split of it.
func learned(b *testing.B, model, split string) (*espalier.Run, *data.Dataset) {
	b.Helper()
	run, err := espalier.Learn(recipeOf(b, model))
	if err != nil {
		b.Fatal(err)
	}
	d, err := run.Data(split, nil)
	if err != nil {
		b.Fatal(err)
	}
	return run, d
}

// exported trains the demonstration for an epoch, without ONNX Runtime, and returns
// its file.
func exported(b *testing.B) string {
	b.Helper()
	r := recipeOf(b, "bag")
	if err := r.Set("train.epochs", "1"); err != nil {
		b.Fatal(err)
	}
	dir, e := filepath.Join(b.TempDir(), "run"), open(b, "gonum")
	run, _, err := espalier.Train(context.Background(), r, dir, espalier.Options{Engine: e})
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(dir, "demo.onnx")
	if _, err := run.Export(context.Background(), path, espalier.ExportOptions{Engines: []runtime.Engine{e}}); err != nil {
		b.Fatal(err)
	}
	return path
}

// predictor opens a file for one thread.
func predictor(b *testing.B, engine, path string) *predict.Predictor {
	b.Helper()
	p, err := predict.Open(path, predict.Options{Engine: open(b, engine), Session: runtime.Options{Threads: 1}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Close() })
	return p
}
