// Command generate writes the corpus of requests in Chinese: train.jsonl,
// valid.jsonl and test.jsonl in the current folder, or in the one given as an
// argument. The same program writes the same bytes.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"unicode/utf8"
)

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for name, content := range corpus() {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// request is a line of the corpus.
type request struct {
	Text   string `json:"text"`
	Intent string `json:"intent"`
	Slots  []slot `json:"slots"`
}

// slot is a span of characters.
type slot struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Type  string `json:"type"`
}

// corpus returns the files' content by name. No text stands in two files, and
// validation and test have words that training never has.
func corpus() map[string][]byte {
	draw := rand.New(rand.NewPCG(20, 27))
	seen := map[string]bool{}
	files := map[string][]byte{}
	for _, split := range []struct {
		name string
		n    int
		held bool
	}{{"train", 480, false}, {"valid", 120, true}, {"test", 120, true}} {
		var b bytes.Buffer
		out := json.NewEncoder(&b)
		for made := 0; made < split.n; {
			r := fill(draw, templates[draw.IntN(len(templates))], split.held)
			if seen[r.Text] {
				continue
			}
			seen[r.Text] = true
			made++
			if err := out.Encode(r); err != nil {
				panic(err) // of texts and numbers
			}
		}
		files[split.name+".jsonl"] = b.Bytes()
	}
	return files
}

var place = regexp.MustCompile(`\{(\w+)\}`)

// fill puts words into a template. held says whether those may be among them
// that training never has.
func fill(draw *rand.Rand, t template, held bool) request {
	r := request{Intent: t.intent, Slots: []slot{}}
	last := 0
	for _, at := range place.FindAllStringSubmatchIndex(t.text, -1) {
		r.Text += t.text[last:at[0]]
		last = at[1]
		kind := t.text[at[2]:at[3]]
		words := slots[kind].words
		if held && draw.IntN(4) == 0 {
			words = slots[kind].held
		}
		start := utf8.RuneCountInString(r.Text)
		r.Text += words[draw.IntN(len(words))]
		r.Slots = append(r.Slots, slot{start, utf8.RuneCountInString(r.Text), kind})
	}
	r.Text += t.text[last:]
	return r
}
