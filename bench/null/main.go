// Command null measures how often compare gives a verdict where joint training
// changes nothing, and how often where it adds three points. The tables are
// those of docs/compare.md.
//
// Answers are drawn, not trained: both models of a task answer the same test
// examples, of which some are harder than others, and each seed's model is a
// little better or worse than the task's mean. From there on everything is what
// compare does with answers. With -train, models are trained.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
)

func main() {
	families := flag.Int("families", 400, "comparisons of each kind")
	resamples := flag.Int("resamples", 400, "draws of test examples in each")
	trained := flag.Int("train", 0, "train this many comparisons of tasks with disjoint vocabularies instead")
	jobs := flag.Int("jobs", runtime.NumCPU(), "comparisons at a time")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *trained > 0 {
		err = reportTrained(ctx, *trained, *resamples, *jobs)
	} else {
		err = reportDrawn(ctx, *families, *resamples, *jobs)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "null:", err)
		os.Exit(1)
	}
}
