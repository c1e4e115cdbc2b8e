package step_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"espalier/data"
	"espalier/models"
	"espalier/runtime"
	"espalier/train/optim"
	"espalier/train/step"
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
	"adversarial, without an overlap": {
		"trunk.type=cnn", "trunk.layers=1", "sharing.method=adversarial", "sharing.loss=l2", "sharing.lambda=0.5", "sharing.orthogonality=0", "sharing.discriminator=4",
	},
	"mixtures of words": {"trunk.type=bag", "trunk.layers=0", "trunk.embedding_dropout=0", "sharing.method=mmoe"},
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
	"adversarial":  {"sharing.lambda=0.5", "sharing.orthogonality=0.1"},
}

// TestPartsGiveTheGradientsOfWholePrograms: for every trunk, on both engines,
// at the representation and by parameters, the combination of the tasks'
// gradients with some weights is the gradient of the plain step with them; each
// task alone and all together.
func TestPartsGiveTheGradientsOfWholePrograms(t *testing.T) {
	for name, set := range trunks {
		for engine, e := range engines(t) {
			t.Run(name+" on "+engine, func(t *testing.T) {
				m, d := demoData(t, set...)
				compareParts(t, m, e, d)
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
			m, d := demoData(t, append([]string{"trunk.type=cnn", "trunk.layers=2", "trunk.pooling=attention"}, set...)...)
			compareParts(t, m, e, d)
		})
		t.Run(method+" on a table", func(t *testing.T) {
			m, d := houses(t, set...)
			compareParts(t, m, e, d)
		})
	}
}

// TestPartsWithACalibrator: the penalty reads the heads' answers, and the step
// taken apart has its gradient as the plain one has.
func TestPartsWithACalibrator(t *testing.T) {
	var b strings.Builder
	b.WriteString("area,kind,seen,paid\n")
	for i := range 40 {
		fmt.Fprintf(&b, "%d,%c,%s,%s\n", (i*37)%90, 'a'+i%3, []string{"no", "yes"}[i%2], []string{"no", "yes"}[i/2%2])
	}
	m, d := learned(t, `
data: {train: {format: csv, file: d.csv}}
columns: {numeric: [area], categorical: [kind]}
trunk: {type: mlp, hidden: [6]}
sharing: {method: aitm, calibrator: 5}
tasks: {seen: {type: classification}, paid: {type: classification}}
train: {epochs: 1, batch: 8, optimizer: {lr: 0.02}}
`, fstest.MapFS{"d.csv": {Data: []byte(b.String())}}, nil)
	for _, e := range engines(t) {
		compareParts(t, m, e, d)
	}
}

func compareParts(t *testing.T, m *models.Model, e runtime.Engine, d *data.Dataset) {
	t.Helper()
	s, err := step.New(m, e, step.Config{
		Optimizer: optim.Config{Type: "sgd"}, Plain: true, WordDropout: 0.2, RareWordDropout: 0.5,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var b data.Batch
	d.Fill(&b, d.Plan(data.BatchOptions{Size: 4, Shuffle: true}, 0)[1])
	wrong, err := step.CompareParts(s, step.Input{Batch: &b.Batch, Labels: b.Counts})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
}
