package data

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/data/source"
	"espalier/schema"
)

// The data sets stand beside the project; what their page says of them is the
// oracle: numbers of examples and labels, and no mismatch anywhere.
const shared = "../../shared/data/"

func TestRealDataHasTheCountsOfItsDescription(t *testing.T) {
	snips := func(split string) source.Source {
		return source.Source{
			Format: "lines", Root: shared + "snips/" + split,
			Files: map[string]string{"text": "seq.in", "slots": "seq.out", "intent": "label"},
		}
	}
	conll := func(file string) source.Source {
		return source.Source{Format: "conll", Root: shared + "wnut17", File: file}
	}
	tsv := func(file string) source.Source {
		return source.Source{
			Format: "tsv", Root: shared, File: file, NoHeader: true, Fields: map[string]string{"text": "0", "label": "1"},
		}
	}
	// TREC has its label in front of the text, with a space between: all is
	// text here, the characters are the point.
	trec := func(file string) source.Source {
		return source.Source{Format: "lines", Root: shared + "trec", Files: map[string]string{"text": file, "label": file}, Encoding: "latin1"}
	}
	label := schema.Task{Name: "label", Type: schema.Classification}
	for _, c := range []struct {
		name   string
		tasks  []schema.Task
		unseen string
		splits source.List
		want   []int // examples of each split
		labels []int // of each task
	}{
		{
			"snips",
			[]schema.Task{{Name: "intent", Type: schema.Classification}, {Name: "slots", Type: schema.Tagging, Scheme: "bio"}},
			RefuseUnseen,
			source.List{snips("train"), snips("valid"), snips("test")},
			[]int{13084, 700, 700},
			[]int{7, 72},
		},
		{
			"wnut17",
			[]schema.Task{{Name: "entities", Type: schema.Tagging, Scheme: "bio"}},
			RefuseUnseen,
			source.List{conll("wnut17train.conll"), conll("emerging.dev.conll"), conll("emerging.test.annotated")},
			[]int{3394, 1009, 1287},
			[]int{13},
		},
		{
			"sst2",
			[]schema.Task{label},
			RefuseUnseen,
			source.List{tsv("sst2/train.tsv"), tsv("sst2/dev.tsv"), tsv("sst2/test.tsv")},
			[]int{6920, 872, 1821},
			[]int{2},
		},
		{
			"goemotions", // a list of labels is one label here; new lists are ignored
			[]schema.Task{label},
			IgnoreUnseen,
			source.List{tsv("goemotions/original/train.tsv"), tsv("goemotions/original/dev.tsv"), tsv("goemotions/original/test.tsv")},
			[]int{43410, 5426, 5427},
			nil,
		},
		{
			"trec",
			[]schema.Task{label},
			IgnoreUnseen,
			source.List{trec("TREC.train"), trec("TREC.test")},
			[]int{5452, 500},
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := encoder(t, &schema.Schema{
				Version: schema.Version, Inputs: []schema.Input{{Name: "text", Type: schema.Text, Lowercase: true}}, Tasks: c.tasks,
			})
			e.Unseen = c.unseen
			if err := e.Learn(c.splits[:1]); err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, s := range c.splits {
				d, err := e.Encode(s)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, d.Len())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("examples: %s", diff)
			}
			for i, want := range c.labels {
				if n := len(e.Schema().Tasks[i].Labels); n != want {
					t.Errorf("task %s has %d labels, want %d", c.tasks[i].Name, n, want)
				}
			}
		})
	}
}

// The entities of each split are those of the description.
func TestRealSpansKeepTheirNumber(t *testing.T) {
	for split, want := range map[string]int{"train": 3377, "dev": 893, "test": 1079} {
		got, _, err := tagsOf(t, "bioes", TagRules{}, source.List{{Format: "spans", Root: shared + "conll04", File: "conll04_spans.json", Path: split}})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, tags := range got {
			n += len(schema.Spans(strings.Fields(tags)))
		}
		if n != want {
			t.Errorf("%s has %d entities, want %d", split, n, want)
		}
	}
}

// So are the relations between them.
func TestRealRelationsKeepTheirNumber(t *testing.T) {
	for split, want := range map[string]int{"train": 1283, "dev": 343, "test": 422} {
		sources := source.List{{
			Format: "spans", Root: shared + "conll04", File: "conll04_spans.json", Path: split, Fields: map[string]string{"text": "tokens", "ent": "entities", "rel": "relations"},
		}}
		e := encoder(t, pairing())
		if err := e.Learn(sources); err != nil {
			t.Fatal(err)
		}
		d, err := e.Encode(sources)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, set := range relationsOf(d, "rel") {
			n += len(set) / schema.RelationWidth
		}
		if n != want || d.Labelled(0) != d.Len() {
			t.Errorf("%s has %d relations, want %d", split, n, want)
		}
	}
}
