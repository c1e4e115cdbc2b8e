package recipe

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"espalier/train"
)

const several = `name: several
data:
  train: {format: jsonl, file: t}
  valid: {format: jsonl, file: v}
trunk: {type: cnn, embedding: 8, dropout: 0.1}
sharing: {method: mmoe, experts: 2}
inputs: {text: {type: text}}
tasks:
  topic: {type: classification, weight: 0.25, metric: macro_f1}
  slots: {type: tagging, scheme: bio, crf: true, reads: [topic], dropout: 0.2, weight: 3, metrics: ["recall:place"]}
train: {epochs: 3, patience: 2, average: 0.9, balance: {method: fixed}}
`

func TestASingleTaskHasTheSameSettings(t *testing.T) {
	r := parsed(t, several)
	r.FS = fstest.MapFS{}
	before := marshalled(t, r)
	single, err := r.Single("slots")
	if err != nil {
		t.Fatal(err)
	}
	want := parsed(t, `name: slots
data:
  train: {format: jsonl, file: t}
  valid: {format: jsonl, file: v}
  unlabelled: skip
trunk: {type: cnn, embedding: 8, dropout: 0.1}
inputs: {text: {type: text}}
tasks:
  slots: {type: tagging, scheme: bio, crf: true, dropout: 0.2, metrics: ["recall:place"]}
train: {epochs: 3, patience: 2, average: 0.9}
`)
	if diff := cmp.Diff(marshalled(t, want), marshalled(t, single)); diff != "" {
		t.Error(diff)
	}
	if single.FS == nil || marshalled(t, r) != before {
		t.Error("the single-task recipe has lost its files, or the joint one has changed")
	}
	_, err = r.Single("intent")
	if err == nil || err.Error() != `recipe: there is no task "intent"; there are topic, slots` {
		t.Error(err)
	}
}

// A relation alone comes with the task of its entities, whose answers its head
// may read; that task alone reads nothing.
func TestASingleRelationHasItsEntities(t *testing.T) {
	r := parsed(t, strings.Replace(several, "train: {epochs", "  rel: {type: relation, entities: slots, reads: [slots, topic], metric: boundary_f1}\ntrain: {epochs", 1))
	single, err := r.Single("rel")
	if err != nil {
		t.Fatal(err)
	}
	want := parsed(t, `name: rel
data:
  train: {format: jsonl, file: t}
  valid: {format: jsonl, file: v}
  unlabelled: skip
trunk: {type: cnn, embedding: 8, dropout: 0.1}
inputs: {text: {type: text}}
tasks:
  rel: {type: relation, entities: slots, reads: [slots], metric: boundary_f1}
  slots: {type: tagging, scheme: bio, crf: true, dropout: 0.2, metrics: ["recall:place"]}
train: {epochs: 3, patience: 2, average: 0.9}
`)
	if diff := cmp.Diff(marshalled(t, want), marshalled(t, single)); diff != "" {
		t.Error(diff)
	}
	if s := single.Schema(); s.Tasks[0].Entities != "slots" || single.Model().Heads["rel"].Hidden != 128 {
		t.Errorf("the schema says %+v", s.Tasks[0])
	}
}

func TestWeightedRecipes(t *testing.T) {
	r := parsed(t, strings.NewReplacer("method: fixed", "method: equal", "weight: 0.25, ", "", ", weight: 3", "").Replace(several))
	weighted, err := r.Weighted([]float64{0.5, 1.5})
	if err != nil {
		t.Fatal(err)
	}
	if weighted.Train.Balance.Method != "fixed" || weighted.Tasks[0].Weight != 0.5 || weighted.Tasks[1].Weight != 1.5 {
		t.Errorf("%+v with weights %v and %v", weighted.Train.Balance, weighted.Tasks[0].Weight, weighted.Tasks[1].Weight)
	}
	if _, err := r.Weighted([]float64{1}); err == nil || err.Error() != "recipe: 1 weights for 2 tasks" {
		t.Error(err)
	}
}

func TestADerivedRecipeIsChecked(t *testing.T) {
	r := parsed(t, several)
	_, err := r.Derive(func(r *Recipe) { r.Train.Epochs = 0 })
	if err == nil || !strings.Contains(err.Error(), "a recipe made from dir/small.yaml") || !strings.Contains(err.Error(), "train.epochs is 0, it must be at least 1") {
		t.Error(err)
	}
}

// TestEveryExampleHasSingleTaskRecipes that come back as they are written.
func TestEveryExampleHasSingleTaskRecipes(t *testing.T) {
	files, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		r, err := Read(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range r.Tasks {
			single, err := r.Single(task.Name)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			again, err := single.Derive(func(*Recipe) {})
			tasks := 1
			if task.Entities != "" {
				tasks++
			}
			if err != nil || marshalled(t, again) != marshalled(t, single) || len(single.Tasks) != tasks || len(single.Data.Train) != len(r.Data.Train) {
				t.Errorf("%s: task %s alone does not come back: %v", file, task.Name, err)
			}
		}
	}
}

// TestSelection: what epochs are chosen by is read in each of its forms, comes
// back as it is written, and is left to a single task only where that has it.
func TestSelection(t *testing.T) {
	for form, want := range map[string]train.Selection{
		"mean":                   {},
		"loss":                   {Loss: true},
		"slots":                  {Weights: map[string]float64{"slots": 1}},
		"{slots: 2, topic: 0.5}": {Weights: map[string]float64{"slots": 2, "topic": 0.5}},
	} {
		r := parsed(t, strings.Replace(several, "patience: 2", "patience: 2, select: "+form, 1))
		if diff := cmp.Diff(want, r.Training().Select); diff != "" {
			t.Errorf("%s: %s", form, diff)
		}
		again, err := r.Derive(func(*Recipe) {})
		if err != nil || marshalled(t, again) != marshalled(t, r) || !cmp.Equal(again.Training().Select, want) {
			t.Errorf("%s does not come back: %v", form, err)
		}
		single, err := r.Single("topic")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(train.Selection{Loss: form == "loss"}, single.Training().Select); diff != "" {
			t.Errorf("%s, of topic alone: %s", form, diff)
		}
		if err := r.Set("train.select", "topic"); err != nil || !cmp.Equal(r.Training().Select, train.Selection{Weights: map[string]float64{"topic": 1}}) {
			t.Errorf("%s set anew is %+v (%v)", form, r.Training().Select, err)
		}
	}
}
