package data

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/schema"
	"espalier/task"
	"espalier/text"
)

const piecesFile = `{"normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "WhitespaceSplit"},
	"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
	"vocab": {"[UNK]": 0, "play": 1, "##ing": 2, "jazz": 3, "##y": 4, "now": 5}}}`

// TestOwnIDs: batches have the ids of the file, and are padded with its padding.
func TestOwnIDs(t *testing.T) {
	v, err := text.ReadOwnIDs([]byte(piecesFile), 5)
	if err != nil {
		t.Fatal(err)
	}
	s := threeTasks()
	s.Inputs[0] = schema.Input{Name: "text", Type: schema.Text, Tokenizer: text.Subword}
	e, err := NewSubwordEncoder(s, v)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{`{"text": "playing jazz", "topic": "music", "slots": "O B-genre", "score": 1}`, `{"text": "xyz", "topic": "b", "score": 3}`, `{"text": ""}`}
	if err := e.Learn(objects(lines...)); err != nil {
		t.Fatal(err)
	}
	if in := e.Schema().Inputs[0]; !in.OwnIDs || in.Padding != 5 || in.VocabularySize != 6 || e.Schema().Version != schema.VersionOwnIDs {
		t.Errorf("the input is %+v in version %d", in, e.Schema().Version)
	}
	d, err := e.Encode(objects(lines...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Stats{Tokens: 4, Unknown: 1}, d.Stats); diff != "" {
		t.Error(diff)
	}
	var b Batch
	d.Fill(&b, []int{0, 1, 2})
	if diff := cmp.Diff([]int64{1, 2, 3, 0, 5, 5, 5, 5, 5}, b.Int64s(schema.IDs)); diff != "" {
		t.Error(diff)
	}
	if v, err = text.ReadOwnIDs([]byte(piecesFile), -1); err != nil {
		t.Fatal(err)
	}
	want := `data: input "text": the tokenizer.json has no padding token, and none was given; batches of texts need one`
	if _, err := NewSubwordEncoder(s, v); err == nil || err.Error() != want {
		t.Errorf("without padding: %v", err)
	}
}

const specialFile = `{"normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "WhitespaceSplit"},
	"post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 6], "sep": ["[SEP]", 7]},
	"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
	"vocab": {"[UNK]": 0, "play": 1, "##ing": 2, "jazz": 3, "##y": 4, "now": 5, "[CLS]": 6, "[SEP]": 7, "[PAD]": 8}}}`

// TestCutTextsKeepTheirSpecialTokens: of one text and of two, labels stay at the pieces
// that are kept, and words of the second text have none.
func TestCutTextsKeepTheirSpecialTokens(t *testing.T) {
	v, err := text.ReadOwnIDs([]byte(specialFile), 8)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{
		`{"text": "playing now jazz", "other": "now", "topic": "music", "slots": "O B-genre O", "score": 1}`,
		`{"text": ["jazz"], "other": ["now", "playing", "jazzy"], "topic": "news", "slots": ["O"], "score": 2}`,
	}
	for _, c := range []struct {
		pair                  string
		ids, types, slots     []int64
		tokens, cut, examples int
	}{
		{"", []int64{6, 1, 2, 5, 7, 6, 3, 7, 8, 8}, nil, []int64{-1, 0, -1, 1, -1, -1, 0, -1, -1, -1}, 8, 1, 1},
		{
			"other",
			[]int64{6, 1, 7, 5, 7, 6, 3, 7, 5, 7},
			[]int64{0, 0, 0, 1, 1, 0, 0, 0, 1, 1},
			[]int64{-1, 0, -1, -1, -1, -1, 0, -1, -1, -1},
			10, 3 + 4, 2,
		},
	} {
		s := threeTasks()
		s.Inputs[0] = schema.Input{Name: "text", Type: schema.Text, Tokenizer: text.Subword, SpecialTokens: true, MaxLength: 5, Pair: c.pair}
		if c.pair != "" {
			s.Inputs[0].TokenTypes = schema.TokenTypes
		}
		e, err := NewSubwordEncoder(s, v)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Learn(objects(lines...)); err != nil {
			t.Fatal(err)
		}
		for _, cache := range []*Cache{nil, NewCache(e, 1<<20, objects(lines...))} {
			e.Cache = cache
			d, err := e.Encode(objects(lines...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Stats{Tokens: c.tokens, Truncated: c.examples, Cut: c.cut}, d.Stats); diff != "" {
				t.Error(diff)
			}
			var b Batch
			d.Select([]int{0, 1}).Fill(&b, []int{0, 1})
			if diff := cmp.Diff(c.ids, b.Int64s(schema.IDs)); diff != "" {
				t.Errorf("pair %q: %s", c.pair, diff)
			}
			if diff := cmp.Diff(c.types, b.Int64s(schema.TokenTypes)); diff != "" {
				t.Errorf("pair %q: %s", c.pair, diff)
			}
			if diff := cmp.Diff(c.slots, b.Int64s(task.LabelsInput("slots"))); diff != "" {
				t.Errorf("pair %q: %s", c.pair, diff)
			}
		}
		if c.pair == "" {
			continue
		}
		e.Cache = nil
		want := `d.jsonl:1: there is no field "other", the second text of input "text"`
		if _, err := e.Encode(objects(`{"text": "jazz", "topic": "news"}`)); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
		s.Inputs[0].MaxLength = 3
		want = `data: input "text": max_length is 3, and 3 special tokens of the tokenizer.json leave no room for the text`
		if _, err := NewSubwordEncoder(s, v); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestTagsStandAtFirstPieces(t *testing.T) {
	v, err := text.ReadSubwords([]byte(piecesFile))
	if err != nil {
		t.Fatal(err)
	}
	s := threeTasks()
	s.Inputs[0] = schema.Input{Name: "text", Type: schema.Text, Tokenizer: text.Subword, MaxLength: 4}
	e, err := NewSubwordEncoder(s, v)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{
		`{"text": "Playing jazzy", "topic": "music", "slots": "O B-genre", "score": 1}`,
		`{"text": ["now", "playing", "JazzY", "jazz"], "topic": "news", "slots": ["O", "", "B-genre", "I-genre"], "score": 2}`,
		`{"text": "now xyz", "slots": [{"type": "genre", "start": 4, "end": 7}]}`,
	}
	if err := e.Learn(objects(lines...)); err != nil {
		t.Fatal(err)
	}
	if n := e.Schema().Inputs[0].VocabularySize; n != 8 || e.Vocabulary() != v {
		t.Errorf("the vocabulary has %d words", n)
	}
	d, err := e.Encode(objects(lines...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Stats{Tokens: 10, Unknown: 1, Truncated: 1, Cut: 2}, d.Stats); diff != "" {
		t.Error(diff)
	}
	var b Batch
	d.Fill(&b, []int{0, 1, 2})
	if diff := cmp.Diff([]int64{3, 4, 5, 6, 7, 3, 4, 5, 7, 1, 0, 0}, b.Int64s(schema.IDs)); diff != "" {
		t.Error(diff)
	}
	// Labels are O, B-genre, I-genre; the word that is cut keeps its tag.
	if diff := cmp.Diff([]int64{0, -1, 1, -1, 0, -1, -1, 1, 0, 1, -1, -1}, b.Int64s(task.LabelsInput("slots"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{1, 0, 1, 0, 1, 1, 0, 1, 1, 1, 0, 0}, b.Int64s(schema.WordStarts)); diff != "" {
		t.Error(diff)
	}
	if n := b.Counts[1]; n != 6 {
		t.Errorf("%d tags have a loss", n)
	}
	if b.CountWhole(1); b.Counts[1] != 4 { // the second text has a word without a tag
		t.Errorf("%d tags have a loss where a text's tags count together", b.Counts[1])
	}
	d.Select([]int{2, 0}).Fill(&b, []int{0, 1})
	if diff := cmp.Diff([]int64{1, 1, 0, 0, 1, 0, 1, 0}, b.Int64s(schema.WordStarts)); diff != "" {
		t.Errorf("of examples that were selected: %s", diff)
	}
	if diff := cmp.Diff([]string{"O", "B-genre", "I-genre"}, e.Schema().Tasks[1].Labels); diff != "" {
		t.Error(diff)
	}
	if _, err := NewEncoder(s); err == nil || err.Error() != "text: the subword tokenizer needs a tokenizer.json" {
		t.Errorf("without a file: %v", err)
	}
	wrong := objects(`{"text": "playing", "slots": "O O"}`)
	if _, err := e.Encode(wrong); err == nil || err.Error() != `d.jsonl:1: task "slots" has 2 tags for 1 tokens` {
		t.Errorf("got %v", err)
	}
}

// TestSpecialTokensSayNothingOfTexts: they are neither counted as tokens of a text nor as
// known ones.
func TestSpecialTokensSayNothingOfTexts(t *testing.T) {
	v, err := text.ReadOwnIDs([]byte(specialFile), 8)
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewSubwordEncoder(&schema.Schema{
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: text.Subword, SpecialTokens: true}},
		Tasks:  []schema.Task{{Name: "topic", Type: schema.Classification}},
	}, v)
	if err != nil {
		t.Fatal(err)
	}
	train := objects(`{"text": "play now", "topic": "a"}`, `{"text": "jazz now", "topic": "b"}`)
	if err := e.Learn(train); err != nil {
		t.Fatal(err)
	}
	set, err := e.Encode(train)
	if err != nil {
		t.Fatal(err)
	}
	valid, err := e.Encode(objects(`{"text": "xyz now uvw", "topic": "a"}`))
	if err != nil {
		t.Fatal(err)
	}
	want := "a text has 2.0 tokens of 3.5 characters on average, and 66.7 % of the tokens of validation are unknown: the training texts hardly tell what those of validation are made of"
	if got := TokenizerNote(set, valid); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
