package main

import (
	"fmt"
	"io"
	"strings"
)

// table is what one section prints: rows of numbers under a key.
type table struct {
	title, about string
	key          string   // head of the first column
	columns      []string // heads of the numbers
	rows         []row
}

type row struct {
	key     string
	numbers []int
}

// sum adds a row of the sums of all rows whose key is chosen.
func (t *table) sum(key string, chosen func(string) bool) {
	total := make([]int, len(t.columns))
	for _, r := range t.rows {
		if chosen(r.key) {
			for i, n := range r.numbers {
				total[i] += n
			}
		}
	}
	t.rows = append(t.rows, row{key, total})
}

// row returns the numbers under a key, nil where there are none.
func (t *table) row(key string) []int {
	for _, r := range t.rows {
		if r.key == key {
			return r.numbers
		}
	}
	return nil
}

// print writes the table as Markdown: the numbers of one checkout or, where a
// second is given, both where they differ.
func (t *table) print(w io.Writer, before *table) {
	fmt.Fprintf(w, "\n### %s\n\n", t.title)
	if t.about != "" {
		fmt.Fprintf(w, "%s\n\n", t.about)
	}
	fmt.Fprintf(w, "| %s | %s |\n|%s\n", t.key, strings.Join(t.columns, " | "), strings.Repeat("---|", len(t.columns)+1))
	for _, key := range keys(t, before) {
		fmt.Fprintf(w, "| %s |", key)
		now := t.row(key)
		for i := range t.columns {
			cell := figure(now, i)
			if before != nil {
				if was := figure(before.row(key), i); was != cell {
					cell = was + " → " + cell
				}
			}
			fmt.Fprintf(w, " %s |", cell)
		}
		fmt.Fprintln(w)
	}
}

// keys lists the rows of both tables, each row that only the first has after the
// one it follows there.
func keys(t, before *table) []string {
	var out []string
	seen := map[string]bool{}
	rows := t.rows
	if before != nil {
		rows = nil
		at := 0
		for _, r := range t.rows {
			if before.row(r.key) != nil {
				for at < len(before.rows) && before.rows[at].key != r.key {
					rows = append(rows, before.rows[at])
					at++
				}
			}
			rows = append(rows, r)
		}
		rows = append(rows, before.rows[at:]...)
	}
	for _, r := range rows {
		if !seen[r.key] {
			seen[r.key] = true
			out = append(out, r.key)
		}
	}
	return out
}

func figure(numbers []int, i int) string {
	if numbers == nil || numbers[i] < 0 {
		return "–"
	}
	return fmt.Sprint(numbers[i])
}
