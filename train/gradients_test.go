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
	"mixtures with a penalty": {"trunk.type=cnn", "trunk.layers=1", "sharing.method=dselect_k", "sharing.conditional=true"},
	"words without layers":    {"trunk.type=bag", "trunk.layers=0", "trunk.embedding_dropout=0"},
	"mixtures of words":       {"trunk.type=bag", "trunk.layers=0", "trunk.embedding_dropout=0", "sharing.method=mmoe"},
}

// structures are settings of every sharing structure, with which the step's parts
// meet at one value or at several.
var structures = map[string][]string{
	"hard":         nil,
	"soft":         {"sharing.l2=0.05"},
	"cross_stitch": nil,
	"mmoe":         {"sharing.experts=3"},
	"dselect_k":    {"sharing.experts=3", "sharing.entropy=0.1"},
	"cgc":          {"sharing.task_experts=1"},
	"ple":          {"sharing.levels=3", "sharing.task_experts=2"},
	"mtan":         {"sharing.bottleneck=4"},
	"aitm":         {"sharing.tower=8"},
	"adapter":      {"sharing.bottleneck=4"},
	"low_rank":     {"sharing.rank=2"},
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
				compareParts(t, tr, d)
			})
		}
	}
}

// TestPartsOfEverySharingStructure: the same for every sharing structure, of a
// text and of a table.
func TestPartsOfEverySharingStructure(t *testing.T) {
	e := engines(t)["ort"]
	for method, set := range structures {
		set := append([]string{"sharing.method=" + method}, set...)
		t.Run(method+" on text", func(t *testing.T) {
			m, c, d := demoData(t, append([]string{"trunk.type=cnn", "trunk.layers=2", "trunk.pooling=attention"}, set...)...)
			tr, err := train.New(m, e, c)
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			compareParts(t, tr, d)
		})
		t.Run(method+" on a table", func(t *testing.T) {
			m, c, d := houses(t, set...)
			tr, err := train.New(m, e, c)
			if err != nil {
				t.Fatal(err)
			}
			defer tr.Close()
			compareParts(t, tr, d)
		})
	}
}

func compareParts(t *testing.T, tr *train.Trainer, d *data.Dataset) {
	t.Helper()
	var b data.Batch
	d.Fill(&b, d.Plan(data.BatchOptions{Size: 4, Shuffle: true}, 0)[1])
	wrong, err := train.CompareParts(tr, &b)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
}
