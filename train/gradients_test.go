package train_test

import (
	"testing"

	"espalier/data"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/train"
)

// trunks are models whose steps are taken apart in different ways.
var trunks = map[string][]string{
	"bag":                     {"trunk.type=bag", "trunk.layers=1"},
	"cnn, attention pooling":  {"trunk.type=cnn", "trunk.layers=2", "trunk.pooling=attention"},
	"bilstm with CRF":         {"trunk.type=bilstm", "trunk.hidden=8", "tasks.entities.crf=true"},
	"transformer":             {"trunk.type=transformer", "trunk.layers=1", "trunk.heads=2", "trunk.embedding_dropout=0.1"},
	"heads that read others":  {"trunk.type=cnn", "trunk.layers=1", "tasks.entities.reads=[topic]"},
	"adapters":                {"trunk.type=cnn", "trunk.layers=1", "sharing.method=adapter"},
	"several shared values":   {"trunk.type=cnn", "trunk.layers=1", "sharing.method=mmoe"},
	"trunks with a penalty":   {"trunk.type=cnn", "trunk.layers=1", "sharing.method=soft", "sharing.l2=0.05"},
	"mixtures with a penalty": {"trunk.type=cnn", "trunk.layers=1", "sharing.method=dselect_k", "sharing.conditional=true"},
}

// engines are both.
func engines(t *testing.T) map[string]runtime.Engine {
	t.Helper()
	e, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]runtime.Engine{"gonum": gonum.New(), "ort": e}
}

// TestPartsGiveTheGradientsOfWholePrograms: for every trunk, on both engines,
// at the representation and by parameters, the combination of the tasks'
// gradients with some weights is the gradient of the plain step with them; each
// task alone and all together.
func TestPartsGiveTheGradientsOfWholePrograms(t *testing.T) {
	for name, set := range trunks {
		for engine, e := range engines(t) {
			t.Run(name+" on "+engine, func(t *testing.T) {
				m, c, d := demoData(t, set...)
				tr, err := train.New(m, e, c)
				if err != nil {
					t.Fatal(err)
				}
				defer tr.Close()
				var b data.Batch
				d.Fill(&b, d.Plan(data.BatchOptions{Size: 4, Shuffle: true}, 0)[1])
				wrong, err := train.CompareParts(tr, &b)
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range wrong {
					t.Error(w)
				}
			})
		}
	}
}
