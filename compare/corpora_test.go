package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"espalier"
	"espalier/recipe"
	"espalier/runtime/gonum"
	"espalier/train/score"
)

// corpora is a recipe of two corpora, short texts with tags and long ones with
// topics, whose batches are padded otherwise than those of each alone.
func corpora(t *testing.T, set ...string) *recipe.Recipe {
	t.Helper()
	draw := rand.New(rand.NewPCG(1, 2))
	words := []string{"ada", "bob", "to", "paris", "rome", "we", "saw", "go"}
	files := fstest.MapFS{}
	for _, split := range []string{"train", "valid", "test"} {
		var tagged, topics strings.Builder
		for range 24 {
			for range 1 + draw.IntN(5) {
				w := words[draw.IntN(len(words))]
				tag := "O"
				if w == "paris" || w == "rome" {
					tag = "B-X"
				}
				fmt.Fprintf(&tagged, "%s %s\n", w, tag)
			}
			tagged.WriteString("\n")
			for range 10 + draw.IntN(8) {
				topics.WriteString(words[draw.IntN(len(words))] + " ")
			}
			topics.WriteString("x\t" + []string{"y", "n"}[draw.IntN(2)] + "\n")
		}
		files[split+".conll"] = &fstest.MapFile{Data: []byte(tagged.String())}
		files[split+".tsv"] = &fstest.MapFile{Data: []byte(topics.String())}
	}
	source := "[{format: conll, file: %[1]s.conll, fields: {text: 0, tags: 1}}, {format: tsv, header: false, file: %[1]s.tsv, fields: {text: 0, topic: 1}}]"
	text := "name: corpora\ndata:\n"
	for _, split := range []string{"train", "valid", "test"} {
		text += "  " + split + ": " + fmt.Sprintf(source, split) + "\n"
	}
	text += `inputs: {text: {tokenizer: whitespace}}
trunk: {type: bag, embedding: 8}
tasks:
  tags: {type: tagging, scheme: bio}
  topic: {type: classification}
train: {epochs: 2, batch: 16, optimizer: {type: adam, lr: 0.01}}
`
	r, err := recipe.Parse("corpora.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range set {
		path, value, _ := strings.Cut(s, "=")
		if err := r.Set(path, value); err != nil {
			t.Fatal(err)
		}
	}
	r.FS = files
	return r
}

// TestTasksOfDifferentCorpora: what an example is padded to in its batch is not
// part of what it is.
func TestTasksOfDifferentCorpora(t *testing.T) {
	r, dir := corpora(t), t.TempDir()
	want, err := compared(t, r, dir, Options{Seeds: 2})
	if err != nil || len(want.Tasks) != 2 {
		t.Fatalf("%+v, %v", want, err)
	}
	// Earlier versions kept rows as long as their batch.
	path := filepath.Join(dir, "seed-1", "joint-corpora", "answers.json")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var kept score.Answers
	if err := json.Unmarshal(content, &kept); err != nil {
		t.Fatal(err)
	}
	lengths := map[int]bool{}
	for i, truth := range kept.Tasks[0].Truth {
		lengths[len(truth)] = true
		for len(kept.Tasks[0].Truth[i]) < 18 {
			kept.Tasks[0].Truth[i] = append(kept.Tasks[0].Truth[i], -1)
			kept.Tasks[0].Predicted[i] = append(kept.Tasks[0].Predicted[i], 1)
		}
	}
	if len(lengths) != 5 || lengths[0] || lengths[18] {
		t.Errorf("rows have the lengths %v, the examples 1 to 5", lengths)
	}
	if content, err = json.Marshal(kept); err == nil {
		err = os.WriteFile(path, content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := compared(t, r, dir, Options{Seeds: 2})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers that were kept with padding compare otherwise: %s", diff)
	}
}

// TestAFailedComparisonKeepsWhatItTrained: a model that cannot be trained, and
// one that was tested on other examples, leave the others as they are; when the
// data is mended only what is missing is trained.
func TestAFailedComparisonKeepsWhatItTrained(t *testing.T) {
	r, dir := corpora(t, "data.unseen=error"), t.TempDir()
	files := r.FS.(fstest.MapFS)
	good := files["test.tsv"]
	files["test.tsv"] = &fstest.MapFile{Data: append([]byte("bob\tmaybe\n"), good.Data...)}
	trained := func() (names map[string]bool, result *Result, err error) {
		names = map[string]bool{}
		result, err = compared(t, r, dir, Options{Seeds: 1, Jobs: 1, Done: func(p Finished) {
			if !p.Kept && p.Err == nil {
				names[p.Model] = true
			}
		}})
		return names, result, err
	}
	names, result, err := trained()
	if err == nil || !strings.Contains(err.Error(), `seed 1, task topic alone: test.tsv:1: task "topic": label "maybe" was never seen in training`) ||
		!names["task tags alone"] || result == nil || len(result.Failed) != 2 {
		t.Fatalf("with a wrong label: trained %v, %+v, %v", names, result, err)
	}
	files["test.tsv"] = good
	if names, result, err = trained(); err != nil || len(result.Tasks) != 2 || names["task tags alone"] || !names["task topic alone"] || !names["joint model"] {
		t.Fatalf("once it is mended: trained %v, %+v, %v", names, result, err)
	}
	// Other test data for one of the models.
	path := filepath.Join(dir, "seed-1", "single-topic", "answers.json")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var kept score.Answers
	if err := json.Unmarshal(content, &kept); err != nil {
		t.Fatal(err)
	}
	topic := &kept.Tasks[0]
	topic.Rows, topic.Truth, topic.Predicted = topic.Rows[1:], topic.Truth[1:], topic.Predicted[1:]
	if content, err = json.Marshal(kept); err == nil {
		err = os.WriteFile(path, content, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	names, result, err = trained()
	want := `seed 1, task topic alone: task "topic": the models were tested on other examples, 24 together and 23 alone: the data has changed between ` +
		`their trainings, or some examples are broken for one of them alone; correct those, and start anew in another directory`
	if err == nil || err.Error() != want || len(names) != 0 || len(result.Tasks) != 1 || result.Tasks[0].Task != "tags" || len(result.Failed) != 1 {
		t.Errorf("with other examples: trained %v, %+v, %v", names, result, err)
	}
}

// TestAModelCannotTellWhatItShares: models that learn from examples that are
// read once have the bytes of those that are trained by themselves.
func TestAModelCannotTellWhatItShares(t *testing.T) {
	r, dir := corpora(t), t.TempDir()
	if _, err := compared(t, r, dir, Options{Seeds: 1, Jobs: 2}); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"joint-corpora", "single-tags", "single-topic"} {
		shared := filepath.Join(dir, "seed-1", folder)
		run, err := espalier.OpenRun(shared)
		if err != nil {
			t.Fatal(err)
		}
		run.Recipe.FS = r.FS
		own := filepath.Join(t.TempDir(), folder)
		if _, _, err := espalier.Train(context.Background(), run.Recipe, own, espalier.Options{Engine: gonum.New(), KeepAnswers: true}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"recipe.yaml", "schema.json", "vocabulary.txt", "parameters.safetensors", "state.safetensors", "answers.json", "result.json"} {
			a, err1 := os.ReadFile(filepath.Join(shared, name))
			b, err2 := os.ReadFile(filepath.Join(own, name))
			if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
				t.Errorf("%s: %s differs (%v, %v)", folder, name, err1, err2)
			}
		}
	}
}

// TestBaselinesStandBesideTheModels: they are of the same test examples, a tagger
// has no linear one, and the table, the JSON and the resumed comparison have them.
func TestBaselinesStandBesideTheModels(t *testing.T) {
	r, dir := corpora(t), t.TempDir()
	plain, err := compared(t, r, dir, Options{Seeds: 2})
	if err != nil || plain.Baselines != nil {
		t.Fatalf("%+v, %v", plain.Baselines, err)
	}
	result, err := compared(t, r, dir, Options{Seeds: 2, Baselines: true})
	if err != nil || len(result.Baselines) != 2 {
		t.Fatalf("%+v, %v", result.Baselines, err)
	}
	tags, topic := result.Baselines[0], result.Baselines[1]
	// A word is always tagged alike, so that its most frequent tag is right.
	if tags.Metric != "span_f1" || tags.Constant.Mean != 1 || tags.Linear != nil {
		t.Errorf("tags have %+v", tags)
	}
	if topic.Metric != "accuracy" || !topic.HigherIsBetter || topic.Linear == nil || topic.Linear.Strength == 0 || len(topic.Constant.Values) != 2 {
		t.Fatalf("topics have %+v", topic)
	}
	for i, d := range []*Difference{topic.Linear.Single, topic.Linear.Joint} {
		model := []Sample{result.Tasks[1].Single, result.Tasks[1].Joint}[i]
		if want := model.Mean - topic.Linear.Mean; d == nil || d.Mean < want-1e-9 || d.Mean > want+1e-9 || d.Interval == nil || d.Seeds == nil {
			t.Errorf("gain %d over the linear model is %+v, want %v", i, d, want)
		}
	}
	var text bytes.Buffer
	if err := Text(&text, result); err != nil || !strings.Contains(text.String(), "\ntask   metric    constant         linear ") || !strings.Contains(text.String(), "\nConstant: the most frequent") {
		t.Errorf("the table is %s (%v)", text.String(), err)
	}
	result.Baselines = nil
	if diff := cmp.Diff(plain, result); diff != "" {
		t.Errorf("with baselines the rest differs: %s", diff)
	}
}
