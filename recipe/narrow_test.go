package recipe

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"espalier/data/source"
)

// TestASingleTaskReadsTheSameLabels: whatever a source says, or leaves unsaid,
// of where labels are, the recipe of one task reads the labels of that task that
// the recipe of all reads, and no others.
func TestASingleTaskReadsTheSameLabels(t *testing.T) {
	files := fstest.MapFS{}
	for name, content := range map[string]string{
		"ner.conll":    "# topic = x\nAda NNP B-PER\n\nit PRP O\n\n",
		"pos.conll":    "we PRP\n\ngo VB\n\n",
		"topic.tsv":    "text\tkind\na\ty\nb\tn\nc\ty\nd\tn\n",
		"a.spans":      `{"tokens": ["a", "b"], "entities": [{"type": "X", "start": 0, "end": 1}], "pos": ["P", "Q"]}` + "\n",
		"inline.csv":   "text,marked,kind\nat nine,at [time : nine],y\n",
		"labels.conll": "a P\n\n",
	} {
		files[name] = &fstest.MapFile{Data: []byte(content)}
	}
	const rest = "\ninputs: {text: {}}\ntasks:\n  ner: {type: tagging, scheme: bio}\n  pos: {type: tagging}\n  topic: {type: classification, field: kind}\n"
	const topics = ", {format: tsv, file: topic.tsv}"
	for _, c := range []struct{ name, data string }{
		{"columns of two corpora", "data: {train: [{format: conll, file: ner.conll, fields: {text: 0, ner: 2}}, {format: conll, file: pos.conll, fields: {text: 0, pos: 1}}" + topics + "]}"},
		{"a column that nothing says of", "data: {train: [{format: conll, file: ner.conll}, {format: conll, file: pos.conll, fields: {text: 0}}" + topics + "]}"},
		{"the only one that is not set", "data: {train: [{format: conll, file: pos.conll, set: {kind: y, ner: O}}" + topics + "]}"},
		{"a comment", "data: {train: {format: conll, file: ner.conll, fields: {kind: topic}}}"},
		{"spans that nothing says of", "data: {train: [{format: spans, file: a.spans}" + topics + "]}"},
		{"spans of one of two corpora", "data: {train: [{format: spans, file: a.spans, fields: {ner: entities}}, {format: spans, file: a.spans, fields: {pos: pos}}" + topics + "]}"},
		{"spans inside of a text", "data: {train: [{format: csv, file: inline.csv, inline: marked, fields: {ner: marked}}" + topics + "]}"},
		{"joined columns", "data: {train: {format: conll, file: labels.conll, join: [{file: labels.conll, fields: {pos: 1}}]}}"},
		{"looked up in a column", "data: {train: {format: conll, file: pos.conll, values: {ner: {from: raw, map: {PRP: O, VB: O}}}}}"},
		{"a share of every value", "data: {all: {format: tsv, file: topic.tsv}, split: {train: 0.5, valid: 0.5, by: topic}}"},
	} {
		joint := parsed(t, c.data+rest)
		joint.FS = files
		all := labelsOf(t, joint)
		for _, task := range joint.Tasks {
			single, err := joint.Single(task.Name)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string][]source.Field{"text": all["text"], task.Name: all[task.Name]}
			if diff := cmp.Diff(want, labelsOf(t, single)); diff != "" {
				t.Errorf("%s: %s alone reads otherwise: %s", c.name, task.Name, diff)
			}
			again, err := single.Derive(func(*Recipe) {})
			if err != nil || marshalled(t, again) != marshalled(t, single) {
				t.Errorf("%s: %s alone does not come back: %v", c.name, task.Name, err)
			}
		}
	}
}

// labelsOf reads every field of the training data, missing ones included.
func labelsOf(t *testing.T, r *Recipe) map[string][]source.Field {
	t.Helper()
	names := []string{"text"}
	for _, task := range r.Tasks {
		names = append(names, task.Name)
	}
	out := map[string][]source.Field{}
	_, err := source.Each(r.Sources("train"), names, func(rec *source.Record) error {
		for _, name := range names {
			out[name] = append(out[name], rec.Fields[name])
		}
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", r.Name, err)
	}
	return out
}
