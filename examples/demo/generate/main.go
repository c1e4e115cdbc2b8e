// Command generate writes the demonstration's corpus: train.conll, valid.conll
// and test.conll in the folder above, or in the one given as an argument. The
// same program writes the same bytes.
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for name, content := range corpus() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// topic is a subject and the words it is told by.
type topic struct {
	name                          string
	things, places, orgs, heldOut []string
}

// missing is the share of training sentences that lack the label of a task,
// drawn for each task on its own.
const missing = 0.15

// noise is the share of sentences whose sentiment label is wrong: no model
// should reach 1.
const noise = 0.02

// corpus returns the files' content by name. No sentence stands in two files.
func corpus() map[string]string {
	g := &generator{rand: rand.New(rand.NewPCG(20, 26)), seen: map[string]bool{}}
	files := map[string]string{}
	for _, split := range []struct {
		name      string
		sentences int
		held      bool
	}{{"train", 2400, false}, {"valid", 400, true}, {"test", 400, true}} {
		var b strings.Builder
		for range split.sentences {
			b.WriteString(g.sentence(split.held))
		}
		files[split.name+".conll"] = b.String()
	}
	return files
}

type generator struct {
	rand *rand.Rand
	seen map[string]bool
}

// sentence returns a new one in the corpus's form. held says whether names
// that training never has may stand in it; its labels are all there.
func (g *generator) sentence(held bool) string {
	for {
		t := g.rand.IntN(len(topics))
		positive := g.rand.IntN(2) == 1
		words, tags := g.fill(pick(g, templates), t, positive, held)
		key := strings.Join(words, " ")
		if g.seen[key] {
			continue
		}
		g.seen[key] = true
		label := positive
		if g.rand.Float64() < noise {
			label = !label
		}
		return g.render(words, tags, topics[t].name, label, held)
	}
}

func (g *generator) render(words, tags []string, topic string, positive, whole bool) string {
	var b strings.Builder
	lacks := func() bool { return !whole && g.rand.Float64() < missing }
	if !lacks() {
		fmt.Fprintf(&b, "# topic = %s\n", topic)
	}
	if !lacks() {
		fmt.Fprintf(&b, "# sentiment = %s\n", map[bool]string{true: "positive", false: "negative"}[positive])
	}
	blank := lacks()
	for i, w := range words {
		tag := tags[i]
		if blank {
			tag = "_"
		}
		fmt.Fprintf(&b, "%s\t%s\n", w, tag)
	}
	b.WriteByte('\n')
	return b.String()
}

func pick(g *generator, words []string) string { return words[g.rand.IntN(len(words))] }

// rare picks from words, or one time in eight from those that are held out.
func (g *generator) rare(words, heldOut []string, held bool) string {
	if held && g.rand.IntN(8) == 0 {
		return pick(g, heldOut)
	}
	return pick(g, words)
}

// fill replaces a template's places and returns words and tags.
func (g *generator) fill(template string, t int, positive, held bool) (words, tags []string) {
	add := func(phrase, entity string) {
		for i, w := range strings.Fields(phrase) {
			tag := "O"
			if entity != "" {
				tag = "I-" + entity
				if i == 0 {
					tag = "B-" + entity
				}
			}
			words, tags = append(words, w), append(tags, tag)
		}
	}
	verdicts, verbs := bad, badVerbs
	if positive {
		verdicts, verbs = good, goodVerbs
	}
	subject := topics[t]
	for _, w := range strings.Fields(template) {
		switch w {
		case "{thing}":
			add(pick(g, subject.things), "")
		case "{place}":
			add(pick(g, subject.places), "")
		case "{other}":
			add(pick(g, topics[(t+1+g.rand.IntN(len(topics)-1))%len(topics)].things), "")
		case "{verdict}":
			add(pick(g, verdicts), "")
		case "{verb}":
			add(pick(g, verbs), "")
		case "{time}":
			add(pick(g, times), "")
		case "{PER}":
			name := g.rare(firstNames, newFirstNames, held)
			if g.rand.IntN(2) == 0 {
				name += " " + pick(g, lastNames)
			}
			add(name, "PER")
		case "{LOC}":
			add(g.rare(cities, newCities, held), "LOC")
		case "{ORG}":
			add(g.rare(subject.orgs, subject.heldOut, held), "ORG")
		default:
			add(w, "")
		}
	}
	return words, tags
}
