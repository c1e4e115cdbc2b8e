package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing/fstest"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"espalier"
	"espalier/compare"
	"espalier/recipe"
	"espalier/runtime/gonum"
	"espalier/train/score"
)

// sizes of the training data, task after task.
var sizes = []int{40, 640, 80, 320, 160}

// With few validation examples all seeds of one data set prefer the same epoch, by
// chance another than the joint model does.
const valid, test = 200, 400

// words of each task, none of which another task has; half of them speak for
// one label and half for the other.
const words, length = 60, 8

// corpus writes examples of tasks that share neither texts nor words: what one
// learns says nothing about another.
func corpus(r *rand.Rand, tasks int) *recipe.Recipe {
	files := fstest.MapFS{}
	order := []string{"train", "valid", "test"}
	splits := map[string]*bytes.Buffer{"train": {}, "valid": {}, "test": {}}
	for t := range tasks {
		weights := make([]float64, words)
		for i := range weights {
			weights[i] = r.NormFloat64()
		}
		noise := 0.5 + 2*r.Float64()
		for i, n := range []int{sizes[t%len(sizes)], valid, test} {
			for range n {
				var text []string
				sum := noise * r.NormFloat64()
				for range length {
					w := r.IntN(words)
					sum += weights[w]
					text = append(text, fmt.Sprintf("w%d_%d", t, w))
				}
				fmt.Fprintf(splits[order[i]], "{\"text\": %q, \"t%d\": \"%v\"}\n", strings.Join(text, " "), t, sum > 0)
			}
		}
	}
	var fields, list strings.Builder
	for t := range tasks {
		fmt.Fprintf(&fields, ", t%d: t%d", t, t)
		fmt.Fprintf(&list, "  t%d: {type: classification}\n", t)
	}
	data := ""
	for _, split := range order {
		files[split+".jsonl"] = &fstest.MapFile{Data: splits[split].Bytes()}
		data += fmt.Sprintf("  %s: {format: jsonl, file: %s.jsonl, fields: {text: text%s}}\n", split, split, fields.String())
	}
	const rest = "inputs:\n  text: {type: text, tokenizer: whitespace}\ntrunk: {type: bag, embedding: 16}\n" +
		"train: {epochs: 6, batch: 32, optimizer: {type: adam, lr: 0.01}}\n"
	parsed, err := recipe.Parse("null.yaml", []byte("name: joint\ndata:\n"+data+rest+"tasks:\n"+list.String()))
	if err != nil {
		panic(err) // it is written above
	}
	parsed.FS = files
	return parsed
}

// column is what came of one budget and number of seeds.
type column struct {
	given  counts // by compare
	judged counts // if compare did not look at updates
	gain   float64
}

var trainedSeeds = []int{1, 3, 5}

// reportTrained trains comparisons of 5 tasks, and half as many of 20.
func reportTrained(ctx context.Context, families, resamples, jobs int) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "tasks\tbudget\tseeds\tmean difference\ttasks helped, %%\thurt, %%\tany at all, %%\twithout the rule of updates: helped, %%\thurt, %%\tany at all, %%\t\n")
	for _, tasks := range []int{5, 20} {
		if tasks == 20 { // they give four times as many verdicts each
			families = (families + 1) / 2
		}
		for _, budget := range compare.Budgets() {
			all := make([][]column, families)
			group, ctx := errgroup.WithContext(ctx)
			group.SetLimit(jobs)
			for i := range families {
				group.Go(func() (err error) {
					all[i], err = trainOne(ctx, corpus(rand.New(rand.NewPCG(uint64(i), 3)), tasks), budget, resamples)
					return err
				})
			}
			if err := group.Wait(); err != nil {
				return err
			}
			for n, seeds := range trainedSeeds {
				var sum column
				for _, of := range all {
					sum.given.join(&of[n].given)
					sum.judged.join(&of[n].judged)
					sum.gain += of[n].gain / float64(families)
				}
				g, j := &sum.given, &sum.judged
				fmt.Fprintf(out, "%d\t%s\t%d\t%+.4f\t%s\t%s\t%s\t%s\t%s\t%s\t\n", tasks, budget, seeds, sum.gain,
					percent(g.helped, g.tests), percent(g.hurt, g.tests), percent(g.any, g.families),
					percent(j.helped, j.tests), percent(j.hurt, j.tests), percent(j.any, j.families))
			}
			_ = out.Flush()
		}
	}
	return nil
}

// trainOne trains one comparison with the most seeds, and judges it with fewer,
// too.
func trainOne(ctx context.Context, r *recipe.Recipe, budget string, resamples int) ([]column, error) {
	dir, err := os.MkdirTemp("", "null")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	most := trainedSeeds[len(trainedSeeds)-1]
	result, err := compare.Run(ctx, r, dir, compare.Options{Engine: gonum.New(), Budget: budget, Seeds: most, Jobs: 1, Resamples: resamples})
	if err != nil {
		return nil, err
	}
	var updates []compare.Updated
	for _, t := range result.Tasks {
		updates = append(updates, *t.Updates)
	}
	joint, single, err := answers(r, dir, most)
	if err != nil {
		return nil, err
	}
	var columns []column
	for _, seeds := range trainedSeeds {
		var c column
		some := make([][]*score.TaskAnswers, len(single))
		for i := range some {
			some[i] = single[i][:seeds]
		}
		for _, of := range []struct {
			to      *counts
			updates []compare.Updated
		}{{&c.given, updates}, {&c.judged, nil}} {
			judged, err := compare.Judge(joint[:seeds], some, of.updates, compare.Options{Resamples: resamples})
			if err != nil {
				return nil, err
			}
			of.to.add(judged)
			c.gain = judged.Mean.Mean
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// answers reads what compare has left of each model.
func answers(r *recipe.Recipe, dir string, seeds int) ([]*score.Answers, [][]*score.TaskAnswers, error) {
	var joint []*score.Answers
	single := make([][]*score.TaskAnswers, len(r.Tasks))
	read := func(seed int, ends string) (*score.Answers, error) {
		found, err := filepath.Glob(filepath.Join(dir, fmt.Sprint("seed-", seed), "*-"+ends))
		if err != nil {
			return nil, err
		}
		if len(found) != 1 {
			return nil, fmt.Errorf("seed %d: %d models of %s", seed, len(found), ends)
		}
		run, err := espalier.OpenRun(found[0])
		if err != nil {
			return nil, err
		}
		return run.Answers()
	}
	for s := range seeds {
		seed := r.Train.Seed + s
		a, err := read(seed, r.Name)
		if err != nil {
			return nil, nil, err
		}
		joint = append(joint, a)
		for i, t := range r.Tasks {
			alone, err := read(seed, t.Name)
			if err != nil {
				return nil, nil, err
			}
			single[i] = append(single[i], &alone.Tasks[0])
		}
	}
	return joint, single, nil
}
