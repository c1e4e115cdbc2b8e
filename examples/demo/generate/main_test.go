package main

import (
	"strings"
	"testing"

	"espalier/examples/demo"
)

func TestCommittedCorpusIsWhatTheGeneratorWrites(t *testing.T) {
	for name, want := range corpus() {
		got, err := demo.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what the generator writes; run go generate ./examples/demo", name)
		}
	}
}

func TestCorpusIsLargeEnoughAndLacksLabels(t *testing.T) {
	files := corpus()
	blocks := func(name string) []string {
		return strings.Split(strings.TrimSpace(files[name]), "\n\n")
	}
	for name, want := range map[string]int{"train.conll": 2400, "valid.conll": 400, "test.conll": 400} {
		if got := len(blocks(name)); got != want {
			t.Errorf("%s has %d sentences, want %d", name, got, want)
		}
	}
	for what, lacks := range map[string]func(string) bool{
		"topic":     func(b string) bool { return !strings.Contains(b, "# topic = ") },
		"sentiment": func(b string) bool { return !strings.Contains(b, "# sentiment = ") },
		"entities":  func(b string) bool { return strings.Contains(b, "\t_") },
	} {
		n := 0
		for _, b := range blocks("train.conll") {
			if lacks(b) {
				n++
			}
		}
		if share := float64(n) / 2400; share < 0.12 || share > 0.18 {
			t.Errorf("%.1f %% of the training sentences lack %s, want about 15", 100*share, what)
		}
		for _, b := range append(blocks("valid.conll"), blocks("test.conll")...) {
			if lacks(b) {
				t.Errorf("a held-out sentence lacks %s:\n%s", what, b)
			}
		}
	}
}

func TestNoSentenceStandsTwice(t *testing.T) {
	seen := map[string]string{}
	for name, content := range corpus() {
		for _, b := range strings.Split(strings.TrimSpace(content), "\n\n") {
			var words []string
			for _, line := range strings.Split(b, "\n") {
				if word, _, ok := strings.Cut(line, "\t"); ok {
					words = append(words, word)
				}
			}
			sentence := strings.Join(words, " ")
			if where, ok := seen[sentence]; ok {
				t.Errorf("%q stands in %s and %s", sentence, where, name)
			}
			seen[sentence] = name
		}
	}
}
