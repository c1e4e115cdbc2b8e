// Command results trains the recipes of examples/ with several seeds and writes
// docs/results.md: what they reach on their test sets, how long an epoch takes
// and how large the files are. Every choice, of the epoch as of the recipe's
// settings, is made on validation.
//
// The page is written from the folder figures, which has a file for each part
// of it; -sets says which of them are measured anew. A run that is finished
// stands in the output folder and is not made again while its recipe says the
// same; one that was stopped goes on.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"espalier/internal/atomicfile"
	"espalier/runtime"
	"espalier/runtime/ort"
)

// bench is the command's settings and the engine.
type bench struct {
	engine      runtime.Engine
	out         string // of runs
	figures     string // folder that is kept
	page        string
	linear      string
	peers       string
	seeds, jobs int
}

func main() {
	b := &bench{}
	sets := flag.String("sets", "", "parts of the page to measure anew, separated by spaces, each by its name or by how it starts and a *; all when empty, or none")
	flag.StringVar(&b.out, "out", "runs/results", "folder of the runs")
	flag.StringVar(&b.figures, "figures", "bench/results/figures", "folder of what was measured")
	flag.StringVar(&b.page, "page", "docs/results.md", "page to write")
	flag.StringVar(&b.linear, "linear", "bench/out/linear.jsonl", "what bench/peers/linear.py wrote")
	flag.StringVar(&b.peers, "peers", "bench/out", "folder in which bench/peers/tabular.py left a file for each set")
	flag.IntVar(&b.seeds, "seeds", 3, "seeds of each recipe")
	flag.IntVar(&b.jobs, "jobs", 2, "runs at a time, on one thread each")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, b, strings.Fields(*sets)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, b *bench, sets []string) error {
	chosen, err := choose(parts(), sets)
	if err != nil {
		return err
	}
	if len(chosen) > 0 {
		if b.engine, err = ort.Open(ort.Config{}); err != nil {
			return err
		}
	}
	for _, p := range chosen {
		figures, err := p.measure(ctx, b)
		if err != nil {
			return err
		}
		if err := save(b.figures, p.name, figures); err != nil {
			return err
		}
	}
	return atomicfile.WriteFile(b.page, func(w io.Writer) error { return page(w, b.figures) })
}
