// Command results trains the recipes of examples/ with several seeds and writes
// docs/results.md: what they reach on their test sets, how long an epoch takes
// and how large the files are. Every choice, of the epoch as of the recipe's
// settings, is made on validation.
//
// A run that is finished stands in the output folder and is not made again
// while its recipe says the same; one that was stopped goes on.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"espalier/runtime/ort"
)

// settings are the command's flags.
type settings struct {
	out, page   string
	linear      string
	seeds, jobs int
	only        []string
}

func main() {
	var s settings
	only := flag.String("only", "", "recipes to run, by name and separated by commas; all when empty")
	flag.StringVar(&s.out, "out", "runs/results", "folder of the runs")
	flag.StringVar(&s.page, "page", "docs/results.md", "page to write")
	flag.StringVar(&s.linear, "linear", "bench/out/linear.jsonl", "what bench/peers/linear.py wrote")
	flag.IntVar(&s.seeds, "seeds", 3, "seeds of each recipe")
	flag.IntVar(&s.jobs, "jobs", 2, "runs at a time, on one thread each")
	flag.Parse()
	if *only != "" {
		s.only = strings.Split(*only, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	e, err := ort.Open(ort.Config{})
	if err != nil {
		return err
	}
	results := make([]result, len(rows))
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(s.jobs)
	for i, row := range rows {
		results[i] = result{row: row, seeds: make([]seedResult, s.seeds)}
		if len(s.only) > 0 && !slices.Contains(s.only, row.recipe) {
			continue
		}
		for seed := range s.seeds {
			group.Go(func() error {
				dir := filepath.Join(s.out, row.recipe, fmt.Sprintf("seed-%d", seed+1))
				r, err := fit(running, e, row, seed+1, dir)
				if err != nil {
					return fmt.Errorf("%s, seed %d: %w", row.recipe, seed+1, err)
				}
				results[i].seeds[seed] = *r
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if len(s.only) > 0 {
		return nil // the page is about all
	}
	joint, err := compareDomains(ctx, e, s)
	if err != nil {
		return err
	}
	linear, err := readLinear(s.linear)
	if err != nil {
		return err
	}
	return write(s.page, results, linear, joint)
}
