package schema_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/schema"
)

func example() *schema.Schema {
	return &schema.Schema{
		Version: schema.Version, Name: "example",
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: "ids", VocabularySize: 9}},
		Tasks: []schema.Task{
			{Name: "topic", Type: schema.Classification, Labels: []string{"a", "b"}, Outputs: []schema.Output{{Role: schema.Label, Tensor: "topic_label"}}},
			{Name: "score", Type: schema.Regression},
		},
	}
}

func TestRoundTrip(t *testing.T) {
	a, err := example().Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := schema.Decode(a)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(example(), got); diff != "" {
		t.Error(diff)
	}
	if b, err := got.Encode(); err != nil || !bytes.Equal(a, b) {
		t.Errorf("the same schema gave %s, %v", b, err)
	}
	if got.Task("topic").LabelIndex("b") != 1 || got.Task("topic").LabelIndex("x") != -1 || got.Task("x") != nil || got.Input("x") != nil {
		t.Error("looking up names is wrong")
	}
	if got.Task("topic").Output(schema.Label) != "topic_label" || got.Task("topic").Output(schema.Value) != "" {
		t.Error("looking up outputs is wrong")
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	for want, change := range map[string]func(s *schema.Schema){
		"schema version 0 is not one this program reads (1 to 2)": func(s *schema.Schema) { s.Version = 0 },
		"schema has no inputs": func(s *schema.Schema) { s.Inputs = nil },
		"schema has no tasks":  func(s *schema.Schema) { s.Tasks = nil },
		`input "text": type "image" is not one of text, numeric, categorical, numbers`: func(s *schema.Schema) { s.Inputs[0].Type = "image" },
		`input "text" names no tensor`:                              func(s *schema.Schema) { s.Inputs[0].Tensor = "" },
		`input "text" has a maximal length of -1 tokens and`:        func(s *schema.Schema) { s.Inputs[0].MaxLength = -1 },
		`input "text" reads 0 characters of a word; it must be one`: func(s *schema.Schema) { s.Inputs[0].Characters = &schema.Characters{Tensor: "c"} },
		`input "text" has the ids of its tokenizer.json, which needs schema version 2; this one says 1`: func(s *schema.Schema) {
			s.Inputs[0].Tokenizer, s.Inputs[0].OwnIDs = "subword", true
		},
		`input "text": padding is token 9, which is not one of the vocabulary's 9`: func(s *schema.Schema) {
			s.Version, s.Inputs[0].Tokenizer, s.Inputs[0].OwnIDs, s.Inputs[0].Padding = 2, "subword", true, 9
		},
		`input "text": padding is token 1; only an input with the ids of its tokenizer.json pads with another token than 0`: func(s *schema.Schema) { s.Inputs[0].Padding = 1 },
		`input "text": it has the ids of a tokenizer.json, which only a text with tokenizer subword has`:                    func(s *schema.Schema) { s.Inputs[0].OwnIDs = true },
		`input "text" is a pair of texts, which needs schema version 2; this one says 1`: func(s *schema.Schema) {
			s.Inputs[0].Tokenizer, s.Inputs[0].SpecialTokens, s.Inputs[0].Pair = "subword", true, "other"
		},
		`input "text": a pair is a text with tokenizer subword and special tokens, and another text of another name`: func(s *schema.Schema) { s.Version, s.Inputs[0].Pair = 2, "other" },
		`task name "a/b" must be one word without slashes`:                                                           func(s *schema.Schema) { s.Tasks[0].Name = "a/b" },
		`task name "topic" is used twice`:                                                                            func(s *schema.Schema) { s.Tasks[1].Name = "topic" },
		`task "topic": label "a" stands twice`:                                                                       func(s *schema.Schema) { s.Tasks[0].Labels[1] = "a" },
	} {
		s := example()
		change(s)
		if _, err := s.Encode(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if _, err := schema.Decode([]byte("[")); err == nil || !strings.Contains(err.Error(), "schema is not valid JSON") {
		t.Errorf("got %v", err)
	}
}

func TestSpans(t *testing.T) {
	for tags, want := range map[string][]schema.Span{
		"":                            nil,
		"O O":                         nil,
		"B-A I-A O B-B":               {{Type: "A", Start: 0, End: 2}, {Type: "B", Start: 3, End: 4}},
		"B-A B-A":                     {{Type: "A", Start: 0, End: 1}, {Type: "A", Start: 1, End: 2}},
		"I-A I-A I-B":                 {{Type: "A", Start: 0, End: 2}, {Type: "B", Start: 2, End: 3}},
		"O I-A":                       {{Type: "A", Start: 1, End: 2}},
		"S-A B-B I-B E-B S-B":         {{Type: "A", Start: 0, End: 1}, {Type: "B", Start: 1, End: 4}, {Type: "B", Start: 4, End: 5}},
		"E-A I-A":                     {{Type: "A", Start: 0, End: 1}, {Type: "A", Start: 1, End: 2}},
		"B-time-of-day I-time-of-day": {{Type: "time-of-day", Start: 0, End: 2}},
	} {
		if diff := cmp.Diff(want, schema.Spans(strings.Fields(tags))); diff != "" {
			t.Errorf("%q:\n%s", tags, diff)
		}
	}
}

// TestSpansAgreeWithConlleval states the script's rules anew: a chunk ends and
// starts between two tags by a table of both.
func TestSpansAgreeWithConlleval(t *testing.T) {
	split := func(tag string) (prefix, kind string) {
		prefix, kind, _ = strings.Cut(tag, "-")
		return prefix, kind
	}
	ends := func(a, ak, b, bk string) bool {
		switch {
		case a == "O":
			return false
		case a == "E" || a == "S" || b == "O" || b == "B" || b == "S":
			return true
		}
		return ak != bk
	}
	starts := func(a, ak, b, bk string) bool {
		switch {
		case b == "O":
			return false
		case b == "B" || b == "S" || a == "O" || a == "E" || a == "S":
			return true
		}
		return ak != bk
	}
	r := rand.New(rand.NewPCG(1, 1))
	all := []string{"O", "B-A", "I-A", "E-A", "S-A", "B-B", "I-B", "E-B", "S-B"}
	for range 2000 {
		tags := make([]string, r.IntN(8))
		for i := range tags {
			tags[i] = all[r.IntN(len(all))]
		}
		var want []schema.Span
		open := -1
		a, ak := "O", ""
		for i, tag := range append(append([]string{}, tags...), "O") {
			b, bk := split(tag)
			if open >= 0 && ends(a, ak, b, bk) {
				want = append(want, schema.Span{Type: ak, Start: open, End: i})
				open = -1
			}
			if starts(a, ak, b, bk) {
				open = i
			}
			a, ak = b, bk
		}
		if diff := cmp.Diff(want, schema.Spans(tags)); diff != "" {
			t.Fatalf("%v:\n%s", tags, diff)
		}
	}
}

func ExampleSpans() {
	for _, s := range schema.Spans([]string{"O", "B-PER", "I-PER", "O", "B-LOC"}) {
		fmt.Println(s.Type, s.Start, s.End)
	}
	// Output:
	// PER 1 3
	// LOC 4 5
}
