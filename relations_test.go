package espalier_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"espalier"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/predict"
)

// relationRecipe is of sentences in which A WORKS FOR B, which is all that there
// is to learn; some say nothing of relations, and some have none.
func relationRecipe(t *testing.T) *recipe.Recipe {
	t.Helper()
	var lines []string
	for i := range 60 {
		a, b := fmt.Sprint("Ann", i%7), fmt.Sprint("Org", i%5)
		line := fmt.Sprintf(`{"tokens": [%q, "works", "for", %q, "."], "entities": [{"type": "P", "start": 0, "end": 1}, {"type": "O", "start": 3, "end": 4}], "relations": [{"type": "Work", "head": 0, "tail": 1}]}`, a, b)
		switch i % 6 {
		case 1:
			line = fmt.Sprintf(`{"tokens": [%q, "knows", "New", %q], "entities": [{"type": "P", "start": 0, "end": 1}, {"type": "O", "start": 2, "end": 4}], "relations": []}`, a, b)
		case 2:
			line = strings.Replace(line, `, "relations"`, `, "unread"`, 1)
		case 3:
			line = fmt.Sprintf(`{"tokens": ["for", %q, "works", %q], "entities": [{"type": "O", "start": 1, "end": 2}, {"type": "P", "start": 3, "end": 4}], "relations": [{"type": "Work", "head": 1, "tail": 0}]}`, b, a)
		case 4:
			line = `{"tokens": ["nobody", "works"], "entities": [], "relations": []}`
		}
		lines = append(lines, line)
	}
	r, err := recipe.Parse("work.yaml", []byte(`data:
  train: {format: spans, file: work.jsonl}
  valid: {format: spans, file: work.jsonl}
  test: {format: spans, file: work.jsonl}
inputs: {text: {}}
trunk: {type: cnn, embedding: 16, layers: 1}
tasks:
  relations: {type: relation, entities: entities, hidden: 16}
  entities: {type: tagging, scheme: bio}
train: {epochs: 12, batch: 8, optimizer: {lr: 0.01}}
`))
	if err != nil {
		t.Fatal(err)
	}
	r.FS = fstest.MapFS{"work.jsonl": {Data: []byte(strings.Join(lines, "\n"))}}
	return r
}

// TestRelationsAreLearnedAndExported: what can be learned is, the run and its
// file are measured alike on both engines, and the relation comes back with both
// spans; asked for alone, in a file with its entities.
func TestRelationsAreLearnedAndExported(t *testing.T) {
	ctx := context.Background()
	r, dir := relationRecipe(t), t.TempDir()
	e := engines(t)
	run, _, err := espalier.Train(ctx, r, filepath.Join(dir, "run"), espalier.Options{Engine: e[0]})
	if err != nil {
		t.Fatal(err)
	}
	out, err := run.Outcome()
	if err != nil {
		t.Fatal(err)
	}
	if f1 := out.Test[0].Value(); f1 < 0.99 || out.Test[0].Metric != "relation_f1" {
		t.Errorf("%s is %v", out.Test[0].Metric, f1)
	}
	for _, o := range []espalier.ExportOptions{{Input: "ids"}, {Input: "text"}, {Heads: []string{"relations"}}} {
		file := filepath.Join(dir, "model.onnx")
		o.Engines = e[:1]
		if _, err := run.Export(ctx, file, o); err != nil {
			t.Fatal(err)
		}
		for _, e := range e {
			checkRelationFile(t, file, e, r, out)
		}
	}
}

func checkRelationFile(t *testing.T, file string, e runtime.Engine, r *recipe.Recipe, out *espalier.Outcome) {
	t.Helper()
	p, err := predict.Open(file, predict.Options{Engine: e})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	scoresAs(t, p, r, out.Test, e.Name())
	alone, err := p.For("relations")
	if err != nil {
		t.Fatal(err)
	}
	got, err := alone.Predict(context.Background(), "Ann1 works for Org2 .", "nobody works")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got[1].Tasks[0].Relations); n > 0 || len(got[0].Tasks) != 1 || len(got[0].Tasks[0].Relations) != 1 {
		t.Fatalf("%s answers %+v", e.Name(), got)
	}
	rel := got[0].Tasks[0].Relations[0]
	if rel.Label != "Work" || rel.Head.Text != "Ann1" || rel.Head.Type != "P" || rel.Tail.Text != "Org2" || rel.Tail.Type != "O" || rel.Tail.StartChar != 15 {
		t.Errorf("%s answers %+v", e.Name(), rel)
	}
}
