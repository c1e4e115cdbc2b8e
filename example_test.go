package espalier_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"espalier"
	"espalier/examples/demo"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/predict"
)

// Three heads on one trunk: fit, export, predict.
func Example() {
	r, err := recipe.Parse("support.yaml", []byte(`
name: support
data:
  train: {format: conll, file: train.conll, fields: {text: "0", entities: "1", topic: topic, sentiment: sentiment}}
  valid: {format: conll, file: valid.conll, fields: {text: "0", entities: "1", topic: topic, sentiment: sentiment}}
inputs:
  text: {type: text, lowercase: true}
trunk: {type: bag, embedding: 32}
tasks:
  topic: {type: classification}
  sentiment: {type: classification}
  entities: {type: tagging, scheme: bio}
train: {epochs: 3, batch: 32, optimizer: {type: adam, lr: 0.02}}
`))
	if err != nil {
		log.Fatal(err)
	}
	r.FS = demo.Files // where data files are; leave it out for the file system
	dir, err := os.MkdirTemp("", "espalier")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx, engine := context.Background(), gonum.New()
	run, outcome, err := espalier.Train(ctx, r, filepath.Join(dir, "run"), espalier.Options{Engine: engine})
	if err != nil {
		log.Fatal(err)
	}
	model := filepath.Join(dir, "support.onnx")
	if _, err := run.Export(ctx, model, espalier.ExportOptions{Engines: []runtime.Engine{engine}}); err != nil {
		log.Fatal(err)
	}
	p, err := predict.Open(model, predict.Options{Engine: engine})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	answers, err := p.Predict(ctx, "Elif Novak loved the wine list in Porto")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("topic accuracy above 0.9:", outcome.Valid[0].Value() > 0.9)
	fmt.Println(answers[0].Task("topic").Label, answers[0].Task("sentiment").Label)
	for _, s := range answers[0].Task("entities").Spans {
		fmt.Println(s.Type, s.Text)
	}
	// Output:
	// topic accuracy above 0.9: true
	// food positive
	// PER Elif Novak
	// LOC Porto
}
