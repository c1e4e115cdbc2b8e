package balance

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/balancing.md from the methods")

// The tables of docs/balancing.md are those of the methods.
func TestDocumentationListsEveryMethod(t *testing.T) {
	const path = "../../docs/balancing.md"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for name, table := range map[string]string{"methods": methodTable(), "options": optionTable(), "properties": claimTable()} {
		begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->"
		from, to := strings.Index(text, begin), strings.Index(text, end)
		if from < 0 || to < from {
			t.Fatalf("%s has no place for the table of %s", path, name)
		}
		from += len(begin)
		if text[from:to] == table {
			continue
		}
		if !*update {
			t.Errorf("%s: the table of %s is not that of the methods: run go test ./train/balance -update", path, name)
			continue
		}
		text = text[:from] + table + text[to:]
	}
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// methodTable lists what each method needs and when to use it.
func methodTable() string {
	var s strings.Builder
	s.WriteString("| method | what it is | needs | heads | worth a try for |\n|---|---|---|---|---|\n")
	for _, m := range Methods() {
		heads := m.Heads
		if heads == "" {
			heads = map[string]string{"db-mtl": "log of the loss", "graddrop": "plain"}[m.Name]
		}
		fmt.Fprintf(&s, "| `%s` | %s. %s | %s | %s | %s |\n", m.Name, m.Title, m.Paper, needed(m.Needs), heads, m.Use)
	}
	return s.String()
}

// needed puts what a method needs into words.
func needed(n Needs) string {
	var of []string
	add := func(is bool, what string) {
		if is {
			of = append(of, what)
		}
	}
	add(n.Losses && n.Positive, "losses of at least 0")
	add(n.Losses && !n.Positive, "losses")
	add(n.Gram, "Gram matrix")
	add(n.Rows, "gradients by task")
	add(n.After, "losses after the step")
	add(n.Batches > 0, fmt.Sprintf("%d more batches", n.Batches))
	add(n.Epochs, "mean losses of epochs")
	if len(of) == 0 {
		return "nothing"
	}
	if n.Representation {
		return strings.Join(of, ", ") + " (also by the representation)"
	}
	return strings.Join(of, ", ")
}

func optionTable() string {
	var s strings.Builder
	s.WriteString("| method | option | default | range | meaning |\n|---|---|---|---|---|\n")
	for _, m := range Methods() {
		for _, o := range m.Options {
			standard := fmt.Sprint(o.Default)
			if o.PerTask {
				standard += " for each task"
			}
			fmt.Fprintf(&s, "| `%s` | `%s` | %s | %s | %s |\n", m.Name, o.Key, standard, o.Range(), o.Doc)
		}
	}
	return s.String()
}

func claimTable() string {
	var s strings.Builder
	s.WriteString("| method | never conflicts | symmetric | linear under scaling | stops only where it should |\n|---|---|---|---|---|\n")
	mark := func(is bool) string {
		if is {
			return "yes"
		}
		return ""
	}
	for _, m := range Methods() {
		if c := m.Claims; c != (Claims{}) {
			fmt.Fprintf(&s, "| `%s` | %s | %s | %s | %s |\n", m.Name, mark(c.NonConflicting), mark(c.Symmetric), mark(c.Linear), mark(c.Stationary))
		}
	}
	return s.String()
}
