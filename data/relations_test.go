package data

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/data/source"
	"espalier/schema"
	"espalier/task"
	"espalier/text"
)

// pairing reads "text", the spans in it and the relations between them.
func pairing() *schema.Schema {
	return &schema.Schema{
		Version: schema.Version, Inputs: []schema.Input{{Name: "text", Type: schema.Text}},
		Tasks: []schema.Task{
			{Name: "rel", Type: schema.Relation, Entities: "ent"}, // before what it joins
			{Name: "ent", Type: schema.Tagging, Scheme: "bio"},
		},
	}
}

var related4 = []string{
	// "b c" and "e", with two labels, and "e" and "a".
	`{"text": ["a", "b", "c", "d", "e"], "ent": [{"type": "y", "start": 4, "end": 5}, {"type": "x", "start": 1, "end": 3}, {"type": "x", "start": 0, "end": 1}],
		"rel": [{"type": "near", "head": 1, "tail": 0}, {"label": "far", "head": 1, "tail": 0}, {"type": "near", "head": 0, "tail": 2}, {"type": "near", "head": 0, "tail": 2}]}`,
	`{"text": ["a", "b"], "ent": [{"type": "x", "start": 0, "end": 1}]}`,            // nothing is said of relations
	`{"text": ["a", "b"], "ent": [{"type": "x", "start": 0, "end": 1}], "rel": []}`, // there is none
	`{"text": "a b c", "ent": "B-x I-x B-y", "rel": [{"type": "near", "head": 1, "tail": 0}]}`,
}

func inOneLine(lines []string) []string {
	var out []string
	for _, l := range lines {
		out = append(out, strings.NewReplacer("\n", "", "\t", "").Replace(l))
	}
	return out
}

func TestRelations(t *testing.T) {
	sources := objects(inOneLine(related4)...)
	e := encoder(t, pairing())
	if err := e.Learn(sources); err != nil {
		t.Fatal(err)
	}
	if got := e.Schema().Tasks[0]; !slices.Equal(got.Labels, []string{"far", "near"}) || !slices.Equal(got.Counts, []int{1, 4}) || got.Examples != 8 {
		t.Errorf("labels %v, %v times of %d pairs", got.Labels, got.Counts, got.Examples)
	}
	d, err := e.Encode(sources)
	if err != nil {
		t.Fatal(err)
	}
	if n, with := d.Labelled(0), d.With(0); n != 3 || !slices.Equal(with, []int{0, 2, 3}) {
		t.Errorf("%d examples have the label: %v", n, with)
	}
	var b Batch
	d.Fill(&b, []int{0, 1, 2, 3})
	// Places of the first row are 0, 2 and 4, those of the fourth 1 and 2 of 5.
	pairs := []int64{0, 2, 0, 4, 2, 0, 2, 4, 4, 0, 4, 2, 16, 17, 17, 16}
	labels := []int64{0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1}
	relations := [][]int64{
		{1, 2, 0, 4, 4, 1, 0, 1, 2, 0, 4, 4, 1, 1, 4, 4, 1, 0, 0, 0, 1}, nil, {}, {2, 2, 1, 0, 1, 0, 1},
	}
	if diff := cmp.Diff(pairs, b.Int64s(task.PairsInput("rel"))); diff != "" || b.Size(task.PairsInput("rel")) != 8 || b.Counts[0] != 8 {
		t.Errorf("%d pairs: %s", b.Size(task.PairsInput("rel")), diff)
	}
	if diff := cmp.Diff(labels, b.Int64s(task.LabelsInput("rel"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(relations, relationsOf(d, "rel")); diff != "" {
		t.Error(diff)
	}
	// Without any pair there is one without labels, so that no tensor is empty.
	d.Fill(&b, []int{1, 2})
	if diff := cmp.Diff([][]int64{{0, 0}, {-1, -1}}, [][]int64{b.Int64s(task.PairsInput("rel")), b.Int64s(task.LabelsInput("rel"))}); diff != "" || b.Size(task.PairsInput("rel")) != 1 || b.Counts[0] != 0 {
		t.Errorf("%d pairs: %s", b.Size(task.PairsInput("rel")), diff)
	}
	rest, held := d.Split(0.5, 1)
	if rest.Labelled(0)+held.Labelled(0) != 3 {
		t.Errorf("of the parts %d and %d examples have the label", rest.Labelled(0), held.Labelled(0))
	}
	b.Only(1)
}

// A relation goes where its entities go: it is left out with one that is, and
// ends where the text is cut.
func TestRelationsFollowTheirEntities(t *testing.T) {
	lines := []string{
		`{"text": ["a", "b", "c", "d", "e"], "ent": [{"type": "x", "start": 0, "end": 1}, {"type": "x", "start": 2, "end": 4}, {"type": "y", "start": 4, "end": 5}], "rel": [{"type": "r", "head": 0, "tail": 1}, {"type": "r", "head": 2, "tail": 0}]}`,
		`{"text": ["a", "b", "c"], "ent": [{"type": "x", "start": 0, "end": 2}, {"type": "y", "start": 1, "end": 2}, {"type": "x", "start": 2, "end": 3}], "rel": [{"type": "r", "head": 1, "tail": 2}, {"type": "r", "head": 0, "tail": 2}]}`,
	}
	s := pairing()
	s.Inputs[0].MaxLength = 3
	e := encoder(t, s)
	e.Rules = map[string]TagRules{"ent": {Overlap: "longest"}}
	if err := e.Learn(objects(lines...)); err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(objects(lines...))
	if err != nil {
		t.Fatal(err)
	}
	want := [][]int64{{0, 0, 0, 2, 2, 0, 0}, {0, 1, 0, 2, 2, 0, 0}}
	if diff := cmp.Diff(want, relationsOf(d, "rel")); diff != "" {
		t.Error(diff)
	}
	if d.Stats.Labels.Unrelated != 2 || !slices.Contains(d.Stats.Notes(), "2 relations were left out because an entity of theirs was") {
		t.Errorf("%d relations were left out: %q", d.Stats.Labels.Unrelated, d.Stats.Notes())
	}
}

// With pieces of words a place is that of the last word's first piece.
func TestRelationsOfPieces(t *testing.T) {
	v, err := text.ReadSubwords([]byte(piecesFile))
	if err != nil {
		t.Fatal(err)
	}
	s := pairing()
	s.Inputs[0] = schema.Input{Name: "text", Type: schema.Text, Tokenizer: text.Subword}
	e, err := NewSubwordEncoder(s, v)
	if err != nil {
		t.Fatal(err)
	}
	sources := objects(`{"text": "playing jazzy now", "ent": [{"type": "x", "start": 0, "end": 13}, {"type": "y", "start": 14, "end": 17}], "rel": [{"type": "r", "head": 1, "tail": 0}]}`)
	if err := e.Learn(sources); err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(sources)
	if err != nil {
		t.Fatal(err)
	}
	// play ##ing jazz ##y now
	if diff := cmp.Diff([][]int64{{4, 4, 1, 0, 2, 0, 0}}, relationsOf(d, "rel")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{2, 4, 4, 2}, all(d).Int64s(task.PairsInput("rel"))); diff != "" {
		t.Error(diff)
	}
}

func TestRelationsThatCannotBe(t *testing.T) {
	const start = `{"text": ["a", "b"], "ent": [{"type": "x", "start": 0, "end": 1}, {"type": "y", "start": 1, "end": 2}], "rel": `
	for _, c := range []struct{ line, want string }{
		{start + `[{"type": "r", "head": 0, "tail": 2}]}`, `task "rel": relation 0, r from 0 to 2, joins entity 2, but the example has 2, counted from 0`},
		{start + `[{"type": "r", "head": -1, "tail": 1}]}`, `task "rel": relation 0, r from -1 to 1, joins entity -1, but the example has 2, counted from 0`},
		{start + `[{"type": "r", "head": 1, "tail": 1}]}`, `task "rel": relation 0, r from 1 to 1, joins an entity with itself`},
		{start + `[{"type": "r", "head": 1}]}`, `key "rel": the tail of relation 0 is missing; it is the number of an entity, from 0`},
		{start + `[{"type": "r", "head": 1.5, "tail": 1}]}`, `key "rel": the head of relation 0 is not a whole number; it is the number of an entity, from 0`},
		{start + `[{"head": 0, "tail": 1}]}`, `key "rel": relation 0 has no type; it stands under "type" or "label"`},
		{start + `[{"type": "r", "head": 0, "tail": 1}, 7]}`, `key "rel": relation 1 is a number, the ones before it are objects`},
		{start + `"r"}`, `task "rel" is relation, but its field is not a list of relations: objects with head, tail and type`},
		{start + `[{"type": "r", "start": 0, "end": 1}]}`, `task "rel" is relation, but its field is not a list of relations: objects with head, tail and type`},
		{`{"text": ["a", "b"], "rel": [{"type": "r", "head": 0, "tail": 1}]}`, `task "rel" has relations, but the example has no entities: task "ent", whose spans they join, has no label`},
		{`{"text": ["a", "b"], "ent": [{"type": "x", "start": 0, "end": 5}], "rel": []}`, `task "ent": span 0, x from 0 to 5, is not within the 2 tokens`},
		{`{"text": ["a", "b"], "ent": [{"type": "x", "head": 0, "tail": 1}]}`, `task "ent" is tagging, but its field is a list of 1 relations`},
		{`{"text": [{"type": "x", "head": 0, "tail": 1}], "ent": []}`, `there is no field for input "text"`},
		{start + `[{"type": "q", "head": 0, "tail": 1}]}`, `task "rel": label "q" was never seen in training; training has r (correct it, add it to the training data, or count it as an error by data.unseen: count)`},
	} {
		e := encoder(t, pairing())
		e.Unseen = RefuseUnseen
		good := objects(start + `[{"type": "r", "head": 0, "tail": 1}]}`)
		if err := e.Learn(good); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Encode(objects(c.line)); err == nil || err.Error() != "d.jsonl:1: "+c.want {
			t.Errorf("%s\n got %v\nwant %s", c.line, err, c.want)
		}
		e.Unseen = IgnoreUnseen
		if d, err := e.Encode(objects(start + `[{"type": "q", "head": 0, "tail": 1}]}`)); err != nil || len(d.Notes()) != 1 || len(relationsOf(d, "rel")[0]) != 0 {
			t.Errorf("a label to ignore: %v", err)
		}
	}
	s := threeTasks()
	for field, want := range map[string]string{
		"topic": `d.jsonl:1: task "topic" is classification, but its field is a list of 1 relations`,
		"score": `d.jsonl:1: task "score" is regression, but its field is a list of 1 relations`,
	} {
		err := encoder(t, s).Learn(objects(`{"text": "a", "` + field + `": [{"type": "r", "head": 0, "tail": 1}]}`))
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// FuzzRelations: whatever a file says, it is an error that names the file, or a
// batch whose relations are between entities that it has.
func FuzzRelations(f *testing.F) {
	for _, l := range inOneLine(related4) {
		f.Add([]byte(l), 0)
		f.Add([]byte(l), 2)
	}
	f.Add([]byte(`{"text": ["a"], "ent": [], "rel": [{"head": 1e3, "tail": -0, "type": "r"}]}`), 1)
	f.Add([]byte(`{"text": "a b", "ent": [[0, 1, "x"], [2, 3, "x"]], "rel": [{"head": 0, "tail": 1, "label": "r"}]}`), 0)
	f.Fuzz(func(t *testing.T, line []byte, most int) {
		s := pairing()
		s.Inputs[0].MaxLength = max(most, 0) % 8
		e := encoder(t, s)
		e.Rules = map[string]TagRules{"ent": {Repair: true, Overlap: "first", Misaligned: "widen"}}
		sources := source.List{{Format: "spans", File: "fuzzed", FS: files("fuzzed", string(line)), MaxLine: 1 << 12}}
		err := e.Learn(sources)
		var d *Dataset
		if err == nil {
			d, err = e.Encode(sources)
		}
		if err != nil {
			if !strings.Contains(err.Error(), "fuzzed") && !strings.Contains(err.Error(), "task \"") {
				t.Fatalf("the error does not name the file: %v", err)
			}
			return
		}
		var b Batch
		for i := range d.Len() {
			d.Fill(&b, []int{i})
			checkRelations(t, d, &b, i)
		}
	})
}

// checkRelations holds a batch of one example against its data set.
func checkRelations(t *testing.T, d *Dataset, b *Batch, i int) {
	t.Helper()
	n, ones := len(d.schema.Tasks[0].Labels), 0
	pairs, labels := b.Int64s(task.PairsInput("rel")), b.Int64s(task.LabelsInput("rel"))
	for at := 0; at < b.Counts[0]; at++ {
		head, tail := pairs[2*at], pairs[2*at+1]
		if head < 0 || tail < 0 || head == tail || head >= int64(d.Length(i)) || tail >= int64(d.Length(i)) {
			t.Fatalf("pair %d to %d of %d tokens", head, tail, d.Length(i))
		}
		for _, y := range labels[at*n : (at+1)*n] {
			if y != 0 && y != 1 {
				t.Fatalf("label %d of a pair", y)
			}
			ones += int(y)
		}
	}
	if relations := relationsOf(d, "rel")[i]; len(relations) != ones*schema.RelationWidth {
		t.Fatalf("%v are not the %d labels of pairs", relations, ones)
	}
}

// TestRelationsOfNoEntities: a relation whose entities cannot be found is refused before
// anything is read.
func TestRelationsOfNoEntities(t *testing.T) {
	for want, change := range map[string]func(s *schema.Schema){
		`data: task "rel": relation names no entities; they are a tagging task with a scheme`: func(s *schema.Schema) { s.Tasks[0].Entities = "" },
		`data: task "rel": its entities are "none", which is no task`:                         func(s *schema.Schema) { s.Tasks[0].Entities = "none" },
		`data: task "rel": its entities are "rel", which is not tagging with a scheme`:        func(s *schema.Schema) { s.Tasks[0].Entities = "rel" },
		`data: task "rel": its entities are "ent", which is not tagging with a scheme`:        func(s *schema.Schema) { s.Tasks[1].Scheme = "" },
		`data: task "ent": it is tagging, which joins no entities`:                            func(s *schema.Schema) { s.Tasks[1].Entities = "rel" },
	} {
		s := pairing()
		change(s)
		if _, err := NewEncoder(s); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
