package source

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAMisspeltColumnIsNamed: where no example of a source has a task's field, a
// column or key that is close to it and that nothing else reads is named.
func TestAMisspeltColumnIsNamed(t *testing.T) {
	csv := func(s Source, content string) Source {
		s.Format, s.File, s.FS = "csv", "v.csv", files("v.csv", content)
		return s
	}
	json := func(content string) Source {
		return Source{Format: "jsonl", File: "v.jsonl", FS: files("v.jsonl", content)}
	}
	for name, c := range map[string]struct {
		source Source
		want   string
	}{
		"another case":     {csv(Source{}, "text,TOPIC\nred,a\n"), `v.csv: no example has "topic", which "topic" is read from; did you mean "TOPIC"?`},
		"a letter":         {csv(Source{}, "text,topics\nred,a\n"), `v.csv: no example has "topic", which "topic" is read from; did you mean "topics"?`},
		"through names":    {csv(Source{Names: map[string]string{"topic": "label"}}, "text,Label\nred,a\n"), `v.csv: no example has "label", which "topic" is read from; did you mean "Label"?`},
		"a key":            {json(`{"text": "red", "Topic": "a"}`), `v.jsonl: no example has "topic", which "topic" is read from; did you mean "Topic"?`},
		"parallel files":   {Source{Format: "lines", Files: map[string]string{"text": "t", "topik": "u"}, FS: files("t", "red\n", "u", "a\n")}, `t, u: no example has "topic", which "topic" is read from; did you mean "topik"?`},
		"nothing close":    {csv(Source{}, "text,price\nred,1\n"), ""},
		"it is there":      {csv(Source{}, "text,topic,Topic\nred,,b\n"), ""},
		"a key, somewhere": {json(`{"text": "red", "Topic": "a"}` + "\n" + `{"text": "red", "topic": "a"}`), ""},
		"it is set":        {csv(Source{Set: map[string]string{"topic": "a"}}, "text,Topic\nred,a\n"), ""},
		"read for another": {csv(Source{Fields: map[string]string{"tone": "Topic"}}, "text,Topic\nred,a\n"), ""},
	} {
		counts, err := Each(c.source, []string{"text", "topic", "tone"}, func(*Record) error { return nil })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, counts.Lacking("topic")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if len(counts.Lacks) > 1 || len(counts.Lacks) == 1 && c.want == "" {
			t.Errorf("%s: it lacks %v", name, counts.Lacks)
		}
	}
}
