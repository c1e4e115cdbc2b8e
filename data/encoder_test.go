package data

import (
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/data/source"
	"espalier/schema"
	"espalier/task"
	"espalier/text"
)

// threeTasks reads "text" and answers one task of each type.
func threeTasks() *schema.Schema {
	return &schema.Schema{
		Version: schema.Version,
		Inputs:  []schema.Input{{Name: "text", Type: schema.Text, Lowercase: true, MinCount: 2}},
		Tasks: []schema.Task{
			{Name: "topic", Type: schema.Classification},
			{Name: "slots", Type: schema.Tagging, Scheme: "bio"},
			{Name: "score", Type: schema.Regression},
		},
	}
}

// files makes a file system of names and contents.
func files(pairs ...string) fs.FS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func objects(lines ...string) source.List {
	return source.List{{Format: "jsonl", File: "d.jsonl", FS: files("d.jsonl", strings.Join(lines, "\n"))}}
}

func encoder(t *testing.T, s *schema.Schema) *Encoder {
	t.Helper()
	e, err := NewEncoder(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var training = []string{
	`{"text": "Play jazz", "topic": "music", "slots": "O B-genre", "score": 1}`,
	`{"text": ["play", "Jazz", "now"], "slots": ["O", "B-genre", ""]}`,
	`{"text": "play on", "topic": " ", "score": "-2.5"}`,
	`{"text": "", "topic": "news", "slots": [], "score": null}`,
}

func TestLearnAndEncode(t *testing.T) {
	e := encoder(t, threeTasks())
	if err := e.Learn(objects(training...)); err != nil {
		t.Fatal(err)
	}
	s := e.Schema()
	if diff := cmp.Diff([]string{"music", "news"}, s.Tasks[0].Labels); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"O", "B-genre"}, s.Tasks[1].Labels); diff != "" {
		t.Error(diff)
	}
	if s.Tasks[2].Labels != nil || s.Inputs[0].VocabularySize != 4 { // padding, unknown, play, jazz
		t.Errorf("labels %v of a regression, %d words", s.Tasks[2].Labels, s.Inputs[0].VocabularySize)
	}
	d, err := e.Encode(objects(training...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Stats{Tokens: 7, Unknown: 2}, d.Stats); diff != "" {
		t.Error(diff)
	}
	for i, want := range []int{2, 3, 2} {
		if got := d.Labelled(i); got != want && i != 1 || i == 1 && got != 4 {
			t.Errorf("task %d has %d labels", i, got)
		}
	}
	var b Batch
	d.Fill(&b, []int{0, 1, 2, 3})
	if diff := cmp.Diff(map[string]int64{task.Examples: 4, task.Sequence: 3}, b.Sizes()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]int{{2, 3, 2, 0}, {0, 1, 2, 3}, {2, 4, 2}}, [][]int{b.Lengths, b.Examples, b.Counts}); diff != "" {
		t.Errorf("lengths, examples and counts: %s", diff)
	}
	// There is no relation, and no set of labels.
	want := map[string]any{
		schema.IDs: []int64{
			2, 3, 0,
			2, 3, 1,
			2, 1, 0,
			0, 0, 0,
		},
		task.LabelsInput("topic"): []int64{0, -1, -1, 1},
		task.LabelsInput("slots"): []int64{
			0, 1, -1,
			0, 1, -1,
			-1, -1, -1,
			-1, -1, -1,
		},
		task.LabelsInput("score"):  []float32{1, 0, -1, 0},
		task.PresentInput("score"): []float32{1, 0, 1, 0},
	}
	tensors, _, _ := contents(&b)
	if diff := cmp.Diff(want, tensors); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{1, math.NaN(), -2.5, math.NaN()}, valuesOf(d, "score"), cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
}

// What was learned once encodes the same after it was stored.
// TestDecisionsAboutLabelsAreCounted: for multilabel the examples that say which
// labels apply, none included; for classification and tagging the labels; a field
// that is not there counts nothing.
func TestDecisionsAboutLabelsAreCounted(t *testing.T) {
	s := threeTasks()
	s.Tasks = append(s.Tasks, schema.Task{Name: "moods", Type: schema.MultiLabel})
	e := encoder(t, s)
	if err := e.Learn(objects(append(slices.Clone(training), `{"text": "a", "moods": ["x", "y"]}`, `{"text": "a", "moods": ["y"]}`, `{"text": "a", "moods": []}`)...)); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		examples int
		counts   []int
	}{{2, []int{1, 1}}, {4, []int{2, 2}}, {0, nil}, {3, []int{1, 2}}} {
		if got := e.Schema().Tasks[i]; got.Examples != want.examples || !slices.Equal(got.Counts, want.counts) {
			t.Errorf("%s: %v of %d, want %v of %d", got.Name, got.Counts, got.Examples, want.counts, want.examples)
		}
	}
}

func TestResume(t *testing.T) {
	e := encoder(t, threeTasks())
	if err := e.Learn(objects(training...)); err != nil {
		t.Fatal(err)
	}
	again, err := Resume(e.Schema(), e.Vocabulary())
	if err != nil {
		t.Fatal(err)
	}
	want, err := e.Encode(objects(training...))
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Encode(objects(training...))
	if err != nil {
		t.Fatal(err)
	}
	var a, b Batch
	want.Fill(&a, []int{0, 1, 2, 3})
	got.Fill(&b, []int{0, 1, 2, 3})
	of := func(b *Batch) []any {
		tensors, shapes, sizes := contents(b)
		return []any{tensors, shapes, sizes, b.Examples, b.Lengths, b.Texts, b.Counts}
	}
	if diff := cmp.Diff(of(&a), of(&b)); diff != "" {
		t.Error(diff)
	}
}

func TestLearningDoesNotChangeTheCallersSchema(t *testing.T) {
	s := threeTasks()
	if err := encoder(t, s).Learn(objects(training...)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(threeTasks(), s); diff != "" {
		t.Error(diff)
	}
}

func TestTruncationIsCounted(t *testing.T) {
	s := threeTasks()
	s.Inputs[0].MaxLength = 2
	e := encoder(t, s)
	if err := e.Learn(objects(training...)); err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(objects(training...))
	if err != nil {
		t.Fatal(err)
	}
	if d.Stats.Truncated != 1 || d.Longest() != 2 || d.Len() != 4 {
		t.Errorf("%+v, the longest of %d has %d tokens", d.Stats, d.Len(), d.Longest())
	}
}

func TestUnseenLabelsCanBeIgnored(t *testing.T) {
	e := encoder(t, threeTasks())
	e.Unseen = IgnoreUnseen
	if err := e.Learn(objects(training...)); err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(objects(`{"text": "play jazz", "topic": "sport", "slots": "B-date O"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`task "topic": 1 label that training never had is left out (data.unseen: ignore), which raises the scores: sport (1)`,
		`task "slots": 1 label that training never had is left out (data.unseen: ignore), which raises the scores: B-date (1)`,
	}
	if diff := cmp.Diff(want, d.Notes()); diff != "" || d.Labelled(0) != 0 || d.Labelled(1) != 1 {
		t.Errorf("%d and %d labels, %s", d.Labelled(0), d.Labelled(1), diff)
	}
}

func TestSourcesAreReadOneAfterTheOther(t *testing.T) {
	fsys := files("a.tsv", "text\ttopic\nplay jazz\tmusic\n", "b.conll", "Play O\njazz B-genre\n", "c.csv", "text,score,topic\nplay,3,news\nstop,4,news\n")
	sources := source.List{
		{Format: "tsv", File: "a.tsv", FS: fsys},
		{Format: "conll", File: "b.conll", FS: fsys, Fields: map[string]string{"slots": "1"}},
		{Format: "csv", File: "c.csv", FS: fsys},
	}
	e := encoder(t, threeTasks())
	if err := e.Learn(sources); err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(sources)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(d.Len(), d.Labelled(0), d.Labelled(1), d.Labelled(2))
	if got != "4 3 2 2" {
		t.Errorf("examples and labels: %s, want 4 3 2 2", got)
	}
}

func TestLearnMessages(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"empty", nil, "data: d.jsonl: there are no examples"},
		{
			"no text",
			[]string{`{"topic": "music"}`},
			`d.jsonl:1: there is no field for input "text"`,
		},
		{
			"a task without a label", append([]string{`{"text": "x", "score": 1}`}, training[1]),
			`data: task "topic" has no label in any of 2 training examples; check that its field is mapped, or remove the task`,
		},
		{
			"one label", training[:3],
			`data: task "topic" has the one label "music" in training; there is nothing to tell apart`,
		},
		{
			"a list where one label belongs",
			[]string{`{"text": "x", "topic": ["a", "b"]}`},
			`d.jsonl:1: task "topic" is classification, but its field is a list of 2 tokens; map it to a column or comment with one value`,
		},
		{
			"a tag of another scheme",
			[]string{`{"text": "a b", "slots": "O U-x"}`},
			`d.jsonl:1: task "slots": tag "U-x" is not of the scheme bio: O, or one of B, I with a dash and a type`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := encoder(t, threeTasks()).Learn(objects(c.lines...))
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// What an input lacks stands in the mistakes of learning and in the notes.
func TestAMisspeltColumnIsTold(t *testing.T) {
	e := encoder(t, &schema.Schema{Inputs: []schema.Input{{Name: "text", Type: schema.Text}}, Tasks: []schema.Task{{Name: "topic", Type: schema.Classification}}})
	const lack = `v.csv: no example has "topic", which "topic" is read from; did you mean "Topic"?`
	sources := source.List{{Format: "csv", File: "v.csv", FS: files("v.csv", "text,Topic\nred,a\n")}}
	const want = `data: task "topic" has no label in any of 1 training examples; ` + lack
	if err := e.Learn(sources); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := e.Learn(source.List{{Format: "csv", File: "v.csv", FS: files("v.csv", "text,topic\nred,a\nblue,b\n")}}); err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(sources)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{lack}, d.Stats.Notes()); diff != "" {
		t.Error(diff)
	}
}

func TestEncodeMessages(t *testing.T) {
	e := encoder(t, threeTasks())
	if _, err := e.Encode(objects(training...)); err == nil || err.Error() != "data: the encoder has not learned from training data yet" {
		t.Error(err)
	}
	if err := e.Learn(objects(training...)); err != nil {
		t.Fatal(err)
	}
	many := make([]string, 12)
	for i := range many {
		many[i] = fmt.Sprintf(`{"text": "x", "topic": "label number %d of a long list of labels that goes on"}`, i)
	}
	full := encoder(t, &schema.Schema{Inputs: threeTasks().Inputs, Tasks: threeTasks().Tasks[:1]})
	if err := full.Learn(objects(many...)); err != nil {
		t.Fatal(err)
	}
	e.Unseen, full.Unseen = RefuseUnseen, RefuseUnseen
	for _, c := range []struct {
		name string
		e    *Encoder
		line string
		want string
	}{
		{
			"a label like a known one", e, `{"text": "x", "topic": "musik"}`,
			`d.jsonl:1: task "topic": label "musik" was never seen in training; did you mean "music"? (correct it, add it to the training data, or count it as an error by data.unseen: count)`,
		},
		{
			"a label unlike any", e, `{"text": "x", "topic": "weather"}`,
			`d.jsonl:1: task "topic": label "weather" was never seen in training; training has music, news (correct it, add it to the training data, or count it as an error by data.unseen: count)`,
		},
		{
			"one of many labels", full, `{"text": "x", "topic": "?"}`,
			`d.jsonl:1: task "topic": label "?" was never seen in training; training has ` +
				strings.Join([]string{
					"label number 0 of a long list of labels ...", "label number 1 of a long list of labels ...",
					"label number 10 of a long list of labels...", "label number 11 of a long list of labels...",
					"label number 2 of a long list of labels ...", "label number 3 of a long list of labels ...",
					"label number 4 of a long list of labels ...", "label number 5 of a long list of labels ...",
				}, ", ") + " and 4 more (correct it, add it to the training data, or count it as an error by data.unseen: count)",
		},
		{
			"more tags than tokens", e, `{"text": "play jazz", "slots": "O O O"}`,
			`d.jsonl:1: task "slots" has 3 tags for 2 tokens`,
		},
		{
			"not a number", e, `{"text": "x", "score": "high"}`,
			`d.jsonl:1: task "score" is regression, "high" is not a finite number`,
		},
		{
			"not a finite number", e, `{"text": "x", "score": "NaN"}`,
			`d.jsonl:1: task "score" is regression, "NaN" is not a finite number`,
		},
		{"nothing", e, "", "data: d.jsonl: there are no examples"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.e.Encode(objects(c.line))
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// A mistake in one of several parallel files is blamed on that file.
func TestMismatchNamesTheFileOfTheTags(t *testing.T) {
	s := source.List{{
		Format: "lines", Files: map[string]string{"text": "seq.in", "slots": "seq.out", "topic": "label"},
		FS: files("seq.in", "a b\nc d\n", "seq.out", "O O\nO\n", "label", "x\ny\n"),
	}}
	e, err := Resume(&schema.Schema{
		Inputs: []schema.Input{{Name: "text", Type: schema.Text}},
		Tasks:  []schema.Task{{Name: "slots", Type: schema.Tagging, Labels: []string{"O", "B-x"}}, {Name: "topic", Type: schema.Classification, Labels: []string{"x", "y"}}},
	}, text.NewCounter().Build(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	const want = `seq.out:2: task "slots" has 1 tags for 2 tokens`
	if _, err := e.Encode(s); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestUnlabelledRecordsCanBeLeftOut(t *testing.T) {
	s := threeTasks()
	s.Inputs[0].MinCount = 1
	lines := []string{
		`{"text": "one two", "topic": "a"}`,
		`{"text": "three"}`,
		`{"text": "four", "topic": " ", "score": null}`,
		`{"text": "five", "slots": ["O"], "score": 2}`,
		`{"text": "six", "score": 1, "topic": "b", "slots": "B-x"}`,
	}
	e := encoder(t, s)
	e.SkipUnlabelled = true
	if err := e.Learn(objects(lines...)); err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(objects(lines...))
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 3 || e.Vocabulary().ID("three") != text.Unknown || e.Vocabulary().ID("five") == text.Unknown {
		t.Errorf("%d examples are left of the 3 with a label", d.Len())
	}
	_, err = e.Encode(objects(lines[1:3]...))
	if err == nil || err.Error() != "data: d.jsonl: no example has a label of topic, slots, score" {
		t.Error(err)
	}
	_, err = e.Encode(objects(`{"text": "six", "Score": 1}`))
	if err == nil || err.Error() != `data: d.jsonl: no example has a label of topic, slots, score (d.jsonl: no example has "score", which "score" is read from; did you mean "Score"?)` {
		t.Error(err)
	}
}

// TestOneTaskHoldsBackTheSameExamples as all tasks together do, of those that it
// labels.
func TestOneTaskHoldsBackTheSameExamples(t *testing.T) {
	var lines []string
	for i := range 60 {
		line := fmt.Sprintf(`{"text": "w%d", "score": %d`, i, i)
		if i%3 == 0 || i%7 == 0 {
			line += fmt.Sprintf(`, "topic": "%d"`, i%2)
		}
		lines = append(lines, line+"}")
	}
	held := func(skip bool, tasks ...schema.Task) map[string]bool {
		s := threeTasks()
		s.Inputs[0].MinCount, s.Tasks = 1, tasks
		e := encoder(t, s)
		e.SkipUnlabelled = skip
		if err := e.Learn(objects(lines...)); err != nil {
			t.Fatal(err)
		}
		d, err := e.Encode(objects(lines...))
		if err != nil {
			t.Fatal(err)
		}
		rest, back := d.Split(0.3, 11)
		if rest.Len()+back.Len() != d.Len() || rest.Len() == 0 || back.Len() == 0 {
			t.Fatalf("%d and %d examples of %d", rest.Len(), back.Len(), d.Len())
		}
		words := map[string]bool{}
		for _, id := range back.text.ids {
			w, _ := e.Vocabulary().Word(int64(id))
			words[w] = true
		}
		return words
	}
	topic, score := schema.Task{Name: "topic", Type: schema.Classification}, schema.Task{Name: "score", Type: schema.Regression}
	want := map[string]bool{}
	for w := range held(false, topic, score) {
		var i int
		if _, err := fmt.Sscanf(w, "w%d", &i); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 || i%7 == 0 {
			want[w] = true
		}
	}
	if diff := cmp.Diff(want, held(true, topic)); diff != "" {
		t.Error(diff)
	}
}

// TestAnExampleThatIsLeftOutLeavesNothing: where texts are kept, tokens that the
// tokenizer splits otherwise once they are joined make an example broken.
func TestAnExampleThatIsLeftOutLeavesNothing(t *testing.T) {
	s := threeTasks()
	s.Inputs[0].MinCount, s.Tasks = 1, s.Tasks[:1]
	lines := objects(`{"text": "a", "topic": "x"}`, `{"text": ["b c", "d"], "topic": "y"}`, `{"text": "e f"}`, `{"text": ["e", "f"], "topic": "y"}`)
	lines[0].SkipBroken = true
	e := encoder(t, s)
	e.KeepText, e.SkipUnlabelled = true, true
	if err := e.Learn(lines); err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(lines)
	if err != nil {
		t.Fatal(err)
	}
	const want = `d.jsonl:2: the text is given as 2 tokens, which the tokenizer  splits into 3 once they are joined`
	if d.Stats.Skipped != 1 || d.Stats.FirstSkipped != want || d.Stats.Tokens != 3 {
		t.Errorf("%+v", d.Stats)
	}
	b := all(d)
	if diff := cmp.Diff([]string{"a", "e f"}, b.Texts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{1, 2}, b.Lengths); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{0, 1}, classesOf(d, "topic")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{0, 2}, d.rows); diff != "" {
		t.Errorf("places among all that were read: %s", diff)
	}
}

// TestLearningAgainForgetsWhatWasLearned, also from data that was refused.
func TestLearningAgainForgetsWhatWasLearned(t *testing.T) {
	s := threeTasks()
	s.Inputs[0].MinCount = 1
	ofText := encoder(t, s)
	broken := objects(append(training[:1:1], `{"text": "a", "score": "high"}`)...)
	if err := ofText.Learn(broken); err == nil {
		t.Fatal("a score that is no number was learned")
	}
	ofTable, err := tabular(t, table(), rows(append(census[:3:3], "old,,,,")...))
	if err == nil {
		t.Fatal("an age that is no number was learned")
	}
	for sources, e := range map[*source.List]*Encoder{new(objects(training...)): ofText, new(rows(census...)): ofTable} {
		fresh := encoder(t, e.Schema())
		if err := fresh.Learn(*sources); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := e.Learn(*sources); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fresh.Schema(), e.Schema()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(fresh.Notes(), e.Notes()); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestInputsThatNoEncoderReads(t *testing.T) {
	text, number := schema.Input{Name: "text", Type: schema.Text}, schema.Input{Name: "age", Type: schema.Numeric}
	for _, c := range []struct {
		inputs []schema.Input
		want   string
	}{
		{nil, "data: the schema has no input"},
		{[]schema.Input{text, number}, "data: the schema must have one text input, or columns of a table alone"},
		{[]schema.Input{number, text}, "data: the schema must have one text input, or columns of a table alone"},
		{[]schema.Input{{Name: "x", Type: schema.Numbers}}, `data: input "x" is of type "numbers"; inputs are one text, or numeric and categorical columns`},
	} {
		s := &schema.Schema{Inputs: c.inputs, Tasks: []schema.Task{{Name: "topic", Type: schema.Classification}}}
		if _, err := NewEncoder(s); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	s := &schema.Schema{Inputs: []schema.Input{text}, Tasks: []schema.Task{{Name: "topic", Type: "odd"}}}
	if _, err := NewEncoder(s); err == nil || err.Error() != `data: task "topic" is of type "odd", which is not known` {
		t.Errorf("got %v", err)
	}
}
