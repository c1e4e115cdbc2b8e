package espalier_test

import (
	"context"
	"path/filepath"
	"testing"

	"espalier"
	"espalier/examples/demo"
	"espalier/recipe"
)

// TestTrunksFromRecipeToFile: what a recipe says of a trunk trains, and the
// exported file answers as the trainer does on both engines.
func TestTrunksFromRecipeToFile(t *testing.T) {
	all := engines(t)
	for name, trunk := range map[string]string{
		"rotary": "{type: transformer, embedding: 8, heads: 2, layers: 1, positions: rotary, dropout: 0.1}",
		"stack":  "{embedding: 8, dropout: 0.1, stack: [{type: cnn, layers: 1, skip: true}, {type: bigru, hidden: 12}]}",
		"stack over characters": "{embedding: 8, characters: {type: cnn, embedding: 4, hidden: 4}, " +
			"stack: [{type: gru, hidden: 12, skip: true}, {type: transformer, layers: 1, max_length: 64}]}",
	} {
		t.Run(name, func(t *testing.T) {
			r, err := recipe.Parse("r.yaml", []byte(`
data:
  train: {format: conll, file: train.conll, fields: {text: "0", entities: "1", topic: topic}}
  valid: {format: conll, file: valid.conll, fields: {text: "0", entities: "1", topic: topic}}
inputs: {text: {type: text, lowercase: true}}
trunk: `+trunk+`
tasks: {topic: {type: classification}, entities: {type: tagging, scheme: bio, crf: true}}
train: {epochs: 1}
`))
			if err != nil {
				t.Fatal(err)
			}
			r.FS = demo.Files
			run, _, err := espalier.Train(context.Background(), r, filepath.Join(t.TempDir(), "run"), espalier.Options{Engine: all[0]})
			if err != nil {
				t.Fatal(err)
			}
			run.Recipe.FS = demo.Files
			report, err := run.Export(context.Background(), filepath.Join(t.TempDir(), "m.onnx"), espalier.ExportOptions{Engines: all})
			if err != nil {
				t.Fatal(err)
			}
			if !report.OK() || len(report.Engines) != 2 {
				t.Errorf("report:\n%s", report.Table())
			}
		})
	}
}
