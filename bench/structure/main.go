// Command structure measures how the code of a checkout is divided: what a change
// of each kind costs, how the files of each room hang together, and where task
// types and kinds of input are told apart. It reads the checkouts that it is given,
// so that the same rules measure two commits; a cell with an arrow has the figure of
// each.
//
//	go run ./bench/structure [-before CHECKOUT] [-commits KIND=HASH,HASH]... [-write] [CHECKOUT]
//
// It prints Markdown or, with -write, puts the tables into the checkout's
// docs/contributing.md and docs/structure.md.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"espalier/internal/atomicfile"
)

func main() {
	before := flag.String("before", "", "an earlier checkout to compare with")
	write := flag.Bool("write", false, "put the tables into the checkout's pages")
	commits := map[string][]string{}
	flag.Func("commits", "count what these commits changed for a kind of addition, as \"task type=1a2b3c,4d5e6f\"; may be repeated", func(s string) error {
		kind, hashes, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf("%q is not of the form KIND=HASH,HASH", s)
		}
		commits[kind] = strings.Split(hashes, ",")
		return checkKind(kind)
	})
	flag.Parse()
	dir := "."
	if flag.NArg() > 0 {
		dir = flag.Arg(0)
	}
	if err := run(dir, *before, commits, *write); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir, before string, commits map[string][]string, write bool) error {
	var earlier *structure
	if before != "" {
		var err error
		if earlier, err = measure(before, nil); err != nil {
			return err
		}
	} else if len(commits) == 0 {
		commits = nil // those that added the samples
	}
	now, err := measure(dir, commits)
	if err != nil {
		return err
	}
	if !write {
		now.printCosts(os.Stdout, earlier)
		now.printDivision(os.Stdout, earlier)
		return nil
	}
	var costs, division bytes.Buffer
	now.printCosts(&costs, earlier)
	now.printDivision(&division, earlier)
	if err := replace(filepath.Join(dir, "docs", "contributing.md"), costs.String()); err != nil {
		return err
	}
	return replace(filepath.Join(dir, "docs", "structure.md"), division.String())
}

// structure is what is measured of a checkout.
type structure struct {
	costs    []*table // what changes cost
	division []*table // how the code is divided
}

// measure returns all tables of a checkout. Without commits it counts those of
// the samples.
func measure(dir string, commits map[string][]string) (*structure, error) {
	rooms, err := load(dir)
	if err != nil {
		return nil, err
	}
	costs, err := costTable(dir, commits)
	if err != nil {
		return nil, err
	}
	return &structure{
		costs:    []*table{costs, traceTable(rooms)},
		division: append(decisionTables(rooms), roomTable(rooms), methodTable(rooms), walkTable(rooms)),
	}, nil
}

func (s *structure) printCosts(w io.Writer, before *structure) {
	if before == nil {
		before = &structure{}
	}
	printTables(w, s.costs, before.costs)
}

func (s *structure) printDivision(w io.Writer, before *structure) {
	if before == nil {
		before = &structure{}
	}
	printTables(w, s.division, before.division)
}

// printTables prints tables beside the same ones from before, if there are any.
func printTables(w io.Writer, now, before []*table) {
	for i, t := range now {
		if before == nil {
			t.print(w, nil)
		} else {
			t.print(w, before[i])
		}
	}
}

// The lines of a page between which the tables are.
const (
	begin = "<!-- begin: bench/structure -->\n"
	end   = "<!-- end: bench/structure -->\n"
)

// replace puts content between the marks of a page.
func replace(page, content string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return fmt.Errorf("%s lacks the lines %q and %q", page, begin, end)
	}
	return atomicfile.WriteFile(page, func(w io.Writer) error {
		_, err := io.WriteString(w, head+begin+content+"\n"+end+tail)
		return err
	})
}
