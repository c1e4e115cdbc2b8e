package recipe

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/data"
	"espalier/data/source"
	"espalier/task"
)

// The data sets stand beside the project; what their page says of them is the
// oracle. Each is read straight from its files, by a recipe alone.
const (
	clinc150 = `
data:
  root: ../../shared/data/clinc150
  defaults:
    format: json
    file: data_full.json
    fields: {text: 0, intent: 1}
    values: {domain: {from: intent, file: domains.json}}
  train:
    - {path: train, set: {scope: in}}
    - {path: oos_train, fields: {text: 0}, set: {scope: out}}
  valid:
    - {path: val, set: {scope: in}}
    - {path: oos_val, fields: {text: 0}, set: {scope: out}}
  test:
    - {path: test, set: {scope: in}}
    - {path: oos_test, fields: {text: 0}, set: {scope: out}}
inputs: {text: {}}
tasks:
  intent: {type: classification}
  domain: {type: classification}
  scope: {type: classification}
`
	trec = `
data:
  root: ../../shared/data/trec
  defaults: {format: lines, encoding: latin1, pattern: '(?P<fine>(?P<coarse>[A-Z]+):\S+) (?P<text>.*)'}
  train: {file: TREC.train}
  test: {file: TREC.test}
inputs: {text: {}}
tasks:
  coarse: {type: classification}
  fine: {type: classification}
`
	goemotions = `
data:
  root: ../../shared/data/goemotions
  defaults:
    for: {split: [train]}
    format: tsv
    header: false
    file: original/{split}.tsv
    fields: {text: 0, emotions: 1, id: 2}
    join:
      - {file: "ekman/{split}.tsv", fields: {text: 0, ekman: 1, id: 2}}
      - {file: "group/{split}.tsv", fields: {text: 0, sentiment: 1, id: 2}}
    values:
      emotions: {file: original/labels.txt, separator: ","}
      ekman: {file: ekman/labels.txt, separator: ","}
      sentiment: {file: group/labels.txt, separator: ","}
  train: {}
  valid: {for: {split: [dev]}}
  test: {for: {split: [test]}}
inputs: {text: {}}
tasks:
  emotions: {type: multilabel}
  ekman: {type: multilabel}
  sentiment: {type: multilabel}
`
	conll04 = `
data:
  root: ../../shared/data/conll04
  defaults: {format: spans, file: conll04_spans.json}
  train: {path: train}
  valid: {path: dev}
  test: {path: test}
inputs: {text: {}}
tasks:
  entities: {type: tagging, scheme: bioes}
  relations: {type: relation, entities: entities}
`
	nluHome = `
data:
  root: ../../shared/data/nlu_eval_home/KFold_1
  defaults: {format: csv, delimiter: ;, inline: answer_annotation, fields: {text: answer_annotation, slots: answer_annotation},
    values: {intent: {from: "{scenario}_{intent}"}}} # as its files are named
  train: {file: "trainset/*.csv"}
  test: {file: "testset/*.csv"}
inputs: {text: {}}
tasks:
  scenario: {type: classification}
  intent: {type: classification}
  slots: {type: tagging, scheme: bio, misaligned: widen}
`
	udEWT = `
data:
  root: ../../shared/data/ud_ewt
  defaults: {format: conllu}
  train: {file: en_ewt-ud-train.conllu.gz}
  valid: {file: en_ewt-ud-dev.conllu}
  test: {file: en_ewt-ud-test.conllu}
inputs: {words: {}}
tasks:
  upos: {type: tagging}
  xpos: {type: tagging}
  feats: {type: tagging}
  deprel: {type: tagging}
  lemma: {type: tagging, field: lemma_rule}
`
	fduMTL = `
data:
  root: ../../shared/data/fdu_mtl
  defaults: {format: tsv, header: false, fields: {text: 1, "{domain}": 0}}
  train:
    - file: "{domain}.task.train"
      for: {domain: [apparel, baby, books, camera_photo, electronics, health_personal_care, imdb, kitchen_housewares, magazines,
        music, software, sports_outdoors, toys_games, video]}
    - {file: "{domain}.task.train", for: {domain: [MR, dvd]}, encoding: latin1}
  test:
    - file: "{domain}.task.test"
      for: {domain: [apparel, baby, books, camera_photo, dvd, electronics, health_personal_care, imdb, kitchen_housewares, magazines,
        music, software, sports_outdoors, toys_games, video]}
    - {file: "{domain}.task.test", for: {domain: [MR]}, encoding: latin1}
inputs: {text: {}}
tasks:
  MR: {type: classification}
  apparel: {type: classification}
  baby: {type: classification}
  books: {type: classification}
  camera_photo: {type: classification}
  dvd: {type: classification}
  electronics: {type: classification}
  health_personal_care: {type: classification}
  imdb: {type: classification}
  kitchen_housewares: {type: classification}
  magazines: {type: classification}
  music: {type: classification}
  software: {type: classification}
  sports_outdoors: {type: classification}
  toys_games: {type: classification}
  video: {type: classification}
`
)

func TestRealDataIsReadByRecipesAlone(t *testing.T) {
	for _, c := range []struct {
		name   string
		recipe string
		want   map[string]string // by split: examples, then labels of each task
		labels string            // of each task in training
	}{
		{
			"clinc150", clinc150,
			map[string]string{"train": "15100 [15000 15000 15100]", "valid": "3100 [3000 3000 3100]", "test": "5500 [4500 4500 5500]"},
			"[150 10 2]",
		},
		{
			"trec", trec,
			map[string]string{"train": "5452 [5452 5452]", "test": "500 [500 500]"},
			"[6 50]",
		},
		{
			"goemotions", goemotions,
			map[string]string{"train": "43410 [43410 43410 43410]", "valid": "5426 [5426 5426 5426]", "test": "5427 [5427 5427 5427]"},
			"[28 7 4]",
		},
		{
			"conll04", conll04, // a label for each token, and one text's relations are one
			map[string]string{"train": "922 [26525 922]", "valid": "231 [6993 231]", "test": "288 [8336 288]"},
			"[17 5]", // O, and BIES of four types
		},
		{
			// Goes-with parts have no lemma; labels that training never saw are
			// missing.
			"ud_ewt", udEWT,
			map[string]string{"train": "12544 [204577 204577 204577 204577 204446]", "valid": "2001 [25147 25147 25147 25147 25121]", "test": "2077 [25094 25094 25094 25094 25079]"},
			"[17 49 230 51 700]",
		},
		{
			"nlu_eval_home", nluHome,
			map[string]string{"train": "9960 [9960 9960 65295]", "test": "1076 [1076 1076 7199]"},
			"[18 64 105]",
		},
		{
			"fdu_mtl", fduMTL,
			map[string]string{
				"train": "25380 [1600 1600 1500 1600 1597 1600 1598 1600 1600 1600 1570 1600 1515 1600 1600 1600]",
				"test":  "6400 [400 400 400 400 400 400 400 400 400 400 400 400 400 400 400 400]",
			},
			"[2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2]",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := parsed(t, c.recipe)
			e, err := r.Encoder()
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Learn(r.Sources("train")); err != nil {
				t.Fatal(err)
			}
			var labels []int
			for _, task := range e.Schema().Tasks {
				labels = append(labels, len(task.Labels))
			}
			if got := fmt.Sprint(labels); got != c.labels {
				t.Errorf("labels of tasks: %s, want %s", got, c.labels)
			}
			for split, want := range c.want {
				d, err := e.Encode(r.Sources(split))
				if err != nil {
					t.Fatal(err)
				}
				var n []int
				for i := range r.Tasks {
					n = append(n, d.Labelled(i))
				}
				if got := fmt.Sprint(d.Len(), n); got != want {
					t.Errorf("%s: %s, want %s", split, got, want)
				}
				if n := severalLabels(d, r.Tasks[0].Name); c.name == "goemotions" && split == "train" && n != 7102 {
					t.Errorf("%d examples have more than one emotion, want 7102", n)
				}
			}
			// What a run directory keeps reads the same.
			if diff := cmp.Diff(r.Sources("train"), parsed(t, marshalled(t, r)).Sources("train")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// severalLabels counts the examples that have more than one label of the first task.
func severalLabels(d *data.Dataset, first string) int {
	var b data.Batch
	n := 0
	for i := range d.Len() {
		d.Fill(&b, []int{i})
		labels := 0
		for _, l := range b.Int64s(task.LabelsInput(first)) {
			labels += int(l)
		}
		if labels > 1 {
			n++
		}
	}
	return n
}

// TestCensusIsDividedAsTheRecipeSays: the page of the data counts 99,762 people,
// 6.2 % of them above 50,000 dollars and 43.2 % never married.
func TestCensusIsDividedAsTheRecipeSays(t *testing.T) {
	r, err := Read("../examples/census_income.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Set("data.root", "../../shared/data/census_income_kdd"); err != nil {
		t.Fatal(err)
	}
	total, rich, single := 0, 0, 0
	for split, want := range map[string]int{"train": 59857, "valid": 19953, "test": 19952} {
		n := 0
		_, err := source.Each(r.Sources(split), []string{"income", "never_married", "age"}, func(rec *source.Record) error {
			n++
			if rec.Fields["income"].Text == "yes" {
				rich++
			}
			if rec.Fields["never_married"].Text == "yes" {
				single++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if total += n; n != want {
			t.Errorf("%s has %d people, want %d", split, n, want)
		}
	}
	if share := func(n int) string { return fmt.Sprintf("%.1f", 100*float64(n)/float64(total)) }; total != 99762 || share(rich) != "6.2" || share(single) != "43.2" {
		t.Errorf("%d people, %s %% rich, %s %% never married", total, share(rich), share(single))
	}
}
