package espalier_test

import (
	"context"
	"path/filepath"
	"testing"

	"espalier"
	"espalier/examples/demo"
	"espalier/runtime"
	"espalier/runtime/predict"
)

// recurrentSettings are a small recurrent model with a CRF that reads
// characters.
var recurrentSettings = []string{
	"trunk.type=bilstm", "trunk.embedding=12", "trunk.hidden=16", "trunk.characters.type=cnn", "trunk.characters.embedding=6",
	"trunk.characters.hidden=8", "tasks.entities.crf=true", "train.epochs=1",
}

// TestRecurrentModelsNeedNoORT: a recurrent model with a CRF trains in pure Go,
// and its files, the one that reads ids and the one that reads raw text, give
// the trainer's answers and scores on both engines.
func TestRecurrentModelsNeedNoORT(t *testing.T) {
	all := engines(t)
	pure := all[1]
	run, _ := trained(t, pure, filepath.Join(t.TempDir(), "run"), false, recurrentSettings...)
	run.Recipe.FS = demo.Files
	d, err := run.Data("test", nil)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := run.Trainer(pure)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	want, err := trainer.Evaluate(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	for _, input := range []string{"ids", "text"} {
		path := filepath.Join(t.TempDir(), input+".onnx")
		report, err := run.Export(context.Background(), path, espalier.ExportOptions{Input: input, Engines: []runtime.Engine{pure, all[0]}})
		if err != nil {
			t.Fatal(err)
		}
		if !report.OK() || len(report.Engines) != 2 || report.Missing != nil {
			t.Errorf("%s: report:\n%s", input, report.Table())
		}
		for _, e := range all {
			p, err := predict.Open(path, predict.Options{Engine: e})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			scoresAs(t, p, run.Recipe, want, input+" on "+e.Name())
		}
	}
}
