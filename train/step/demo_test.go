package step_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"espalier/data"
	"espalier/examples/demo"
	"espalier/models"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
)

// engines are both.
func engines(t *testing.T) map[string]runtime.Engine {
	t.Helper()
	e, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]runtime.Engine{"gonum": gonum.New(), "ort": e}
}

// demoData is the demonstration, with a trunk that drops out everywhere.
func demoData(t *testing.T, set ...string) (*models.Model, *data.Dataset) {
	t.Helper()
	content, err := demo.Files.ReadFile("recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return learned(t, string(content), demo.Files, append([]string{
		"trunk.type=cnn", "trunk.embedding=8", "trunk.layers=1", "trunk.dropout=0.2", "trunk.embedding_dropout=0.1",
	}, set...))
}

// houses is a table of three tasks of three types.
func houses(t *testing.T, set ...string) (*models.Model, *data.Dataset) {
	t.Helper()
	var b strings.Builder
	b.WriteString("kind,place,area,age,price,sold,grade\n")
	for i := range 48 {
		area, age := 40+(i*37)%90, (i*i)%60
		fmt.Fprintf(&b, "%c,%c,%d,%d,%d,%s,%c\n", 'a'+i%4, 'p'+(i/3)%5, area, age,
			3*area-age+10*(i%4), []string{"no", "yes"}[(area+age+i%4)/50%2], 'x'+(age+10*((i/3)%5))/30%3)
	}
	return learned(t, `
data: {train: {format: csv, file: d.csv}}
columns: {categorical: [kind, place], numeric: [area, age]}
trunk: {type: mlp, hidden: [8, 6], norm: layer, dropout: 0.1}
tasks: {price: {type: regression}, sold: {type: classification}, grade: {type: classification}}
`, fstest.MapFS{"d.csv": {Data: []byte(b.String())}}, set)
}

// learned is what a recipe with some settings makes of its data.
func learned(t *testing.T, text string, files fs.FS, set []string) (*models.Model, *data.Dataset) {
	t.Helper()
	r, err := recipe.Parse("recipe.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r.FS = files
	for _, s := range set {
		path, value, _ := strings.Cut(s, "=")
		if err := r.Set(path, value); err != nil {
			t.Fatal(err)
		}
	}
	encoder, err := r.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	if err := encoder.Learn(r.Sources("train")); err != nil {
		t.Fatal(err)
	}
	d, err := encoder.Encode(r.Sources("train"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := models.New(encoder.Schema(), r.Model())
	if err != nil {
		t.Fatal(err)
	}
	return m, d
}
