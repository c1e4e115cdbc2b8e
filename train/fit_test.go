package train_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/data"
	"espalier/examples/demo"
	"espalier/models"
	"espalier/recipe"
	"espalier/runtime/gonum"
	"espalier/schema"
	"espalier/task"
	"espalier/train"
	"espalier/train/threshold"
)

// demoData is the demonstration, with a trunk that drops out everywhere.
func demoData(t *testing.T, set ...string) (*models.Model, train.Config, *data.Dataset) {
	t.Helper()
	return learned(t, demoRecipe(t, set...))
}

func demoRecipe(t *testing.T, set ...string) *recipe.Recipe {
	t.Helper()
	content, err := demo.Files.ReadFile("recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse("recipe.yaml", content)
	if err != nil {
		t.Fatal(err)
	}
	r.FS = demo.Files
	for _, s := range append([]string{
		"train.epochs=1", "trunk.type=cnn", "trunk.embedding=8", "trunk.layers=1", "trunk.dropout=0.2",
		"trunk.embedding_dropout=0.1", "trunk.word_dropout=0.2", "trunk.rare_word_dropout=0.5",
	}, set...) {
		path, value, _ := strings.Cut(s, "=")
		if err := r.Set(path, value); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// learned is what a recipe makes of its data.
func learned(t *testing.T, r *recipe.Recipe) (*models.Model, train.Config, *data.Dataset) {
	t.Helper()
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
	return m, r.Training(), d
}

func trainerOf(t *testing.T, m *models.Model, c train.Config) *train.Trainer {
	t.Helper()
	trainer, err := train.New(m, gonum.New(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { trainer.Close() })
	return trainer
}

// TestFitTakesTheStepsOneByOneWould: batches and masks that are made ahead of
// their turn are those of steps made one after the other, in the same order.
func TestFitTakesTheStepsOneByOneWould(t *testing.T) {
	m, c, d := demoData(t, "trunk.rare_word_dropout=0") // frequencies are counted by Fit
	one := trainerOf(t, m, c)
	var want [][]float32
	var b data.Batch
	for _, examples := range d.Plan(data.BatchOptions{Size: c.Batch, Shuffle: true, Seed: c.Seed}, 0) {
		d.Fill(&b, examples)
		losses, err := one.Step(context.Background(), &b)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, append([]float32{}, losses...))
	}
	fitted := trainerOf(t, m, c)
	var got [][]float32
	_, err := fitted.Fit(context.Background(), d, d, train.Hooks{Step: func(_, _, _ int, losses []float32) {
		got = append(got, append([]float32{}, losses...))
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 5 {
		t.Errorf("losses of %d steps differ:\n%s", len(want), diff)
	}
	for name, v := range one.Parameters() {
		if !cmp.Equal(v.Float32s(), fitted.Parameters()[name].Float32s()) {
			t.Errorf("parameter %s differs", name)
		}
	}
}

// TestFrozenWordVectors: they stay as they are given while all else learns, have
// no gradient, no moments, and count as nothing that is learned.
func TestFrozenWordVectors(t *testing.T) {
	m, c, d := demoData(t)
	frozen := m.Config()
	frozen.Trunk.Frozen = true
	fm, err := models.NewText(m.Schema(), frozen)
	if err != nil {
		t.Fatal(err)
	}
	trainer := trainerOf(t, fm, c)
	before := map[string][]float32{}
	for name, v := range trainer.Parameters() {
		before[name] = append([]float32{}, v.Float32s()...)
	}
	if _, err := trainer.Fit(context.Background(), d, d, train.Hooks{}); err != nil {
		t.Fatal(err)
	}
	for name, v := range trainer.Parameters() {
		if same := cmp.Equal(before[name], v.Float32s()); same != (name == models.EmbeddingTable) {
			t.Errorf("parameter %s stayed as it was: %v", name, same)
		}
	}
	for name := range trainer.State().Tensors {
		if strings.HasPrefix(name, "optimizer/"+models.EmbeddingTable) {
			t.Errorf("the optimizer keeps %s", name)
		}
	}
	whole, err := m.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	rest, err := fm.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := whole.Shared-rest.Shared, len(before[models.EmbeddingTable]); got != want {
		t.Errorf("%d numbers are not learned any more, the table has %d", got, want)
	}
}

// labelsOf are the labels of the model's task i in a batch.
func labelsOf(m *models.Model, b *data.Batch, i int) []int64 {
	return b.Int64s(task.LabelsInput(m.Schema().Tasks[i].Name))
}

// TestThresholdsThatCannotBe are refused before anything is compiled: the decisions about
// pairs of entities are in no rows that could be right as a whole.
func TestThresholdsThatCannotBe(t *testing.T) {
	s := &schema.Schema{Version: schema.Version, Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: schema.IDs, VocabularySize: 4}}, Tasks: []schema.Task{
		{Name: "ent", Type: schema.Tagging, Scheme: "bio", Labels: []string{"O", "B-x", "I-x"}},
		{Name: "rel", Type: schema.Relation, Labels: []string{"of"}, Entities: "ent"},
	}}
	m, err := models.New(s, models.Config{Trunk: models.TrunkConfig{Type: "cnn"}})
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]map[string]threshold.Config{
		`train: thresholds are chosen for task "moods"; the model has [ent rel]`:                            {"moods": {}},
		`train: task "ent" is tagging, which has no thresholds`:                                             {"ent": {}},
		`train: the thresholds of task "rel" are chosen by "all"; choose one of auto, each, one, none`:      {"rel": {Tune: "all"}},
		`train: the thresholds of task "rel" are tuned for "exact_match"; choose one of macro_f1, micro_f1`: {"rel": {Metric: "exact_match"}},
	} {
		if _, err := train.New(m, gonum.New(), train.Config{Thresholds: c}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
