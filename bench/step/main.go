// Command step times one training step of the two benchmark models through
// ONNX Runtime and prints one line of JSON, as the scripts in bench/peers do:
// batch 32, sequence 64, width 128, 20,000 words; heads of 10 and 2 classes
// for the sentence and 9 for every token; Adam; 2 threads.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"espalier/data"
	"espalier/internal/procfs"
	"espalier/models"
	"espalier/runtime/ort"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
	"espalier/train"
)

// The sizes of the comparison.
const (
	batch, length, width, words = 32, 64, 128, 20000
)

func main() {
	layers := flag.Int("layers", 2, "transformer layers; 0 is the bag model")
	dense := flag.Bool("dense", false, "update every embedding row at every step")
	steps := flag.Int("steps", 60, "steps to time")
	share := flag.Bool("share", false, "print the share of matrix products in ONNX Runtime's time instead")
	balanced := flag.Bool("balance", false, "time the ways to balance tasks beside the plain step instead")
	sharing := flag.String("sharing", "hard", "with -balance, how tasks share the trunk")
	flag.Parse()
	var err error
	if *balanced {
		err = printBalance(*layers, *sharing, *steps)
	} else if *share {
		err = printShare(*layers, *steps)
	} else {
		err = run(*layers, *dense, *steps)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func labels(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	return names
}

// run prints the time of a step.
func run(layers int, dense bool, steps int) error {
	times, err := steptimes(layers, dense, steps, "")
	if err != nil {
		return err
	}
	slices.Sort(times)
	framework := "espalier, lazy rows"
	if dense {
		framework = "espalier, dense rows"
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"framework": framework, "model": modelName(layers),
		"median_ms": times[len(times)/2], "min_ms": times[0], "peak_rss_mb": procfs.PeakMemory(),
	})
}

func modelName(layers int) string {
	if layers > 0 {
		return "transformer"
	}
	return "bag"
}

// benchTrainer returns a trainer of the benchmark's model and what fills its
// next batch.
func benchTrainer(layers int, sharing string, c train.Config) (*train.Trainer, func() *data.Batch, error) {
	s := &schema.Schema{
		Version: schema.Version, Name: "bench",
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: models.IDs, VocabularySize: words}},
		Tasks: []schema.Task{
			{Name: "class", Type: schema.Classification, Labels: labels(10)},
			{Name: "sentiment", Type: schema.Classification, Labels: labels(2)},
			{Name: "tags", Type: schema.Tagging, Labels: labels(9)},
		},
	}
	trunk := models.TrunkConfig{Type: "bag", Embedding: width}
	if layers > 0 {
		trunk = models.TrunkConfig{Type: "transformer", Embedding: width, Hidden: width, Layers: layers, Heads: 4, FeedForward: 4 * width, MaxLength: length}
	}
	m, err := models.NewText(s, models.Config{Trunk: trunk, Sharing: models.SharingConfig{Method: sharing, TaskExperts: 1}})
	if err != nil {
		return nil, nil, err
	}
	e, err := ort.Open(ort.Config{})
	if err != nil {
		return nil, nil, err
	}
	c.Batch, c.Threads = batch, 2
	c.Optimizer.Type, c.Optimizer.LR = "adam", 0.001
	t, err := train.New(m, e, c)
	if err != nil {
		return nil, nil, err
	}
	r := rand.New(rand.NewPCG(1, 2))
	b := &data.Batch{Counts: []int{batch, batch, batch * length}}
	b.SetSize(task.Examples, batch)
	b.SetSize(task.Sequence, length)
	draw := func(name string, least, n int64, shape ...int) {
		list := tensor.Fill(&b.Batch, name, int64(0), shape...)
		for j := range list {
			list[j] = least + r.Int64N(n-least)
		}
	}
	return t, func() *data.Batch {
		// New ids at every step, as in training: none of them is padding.
		draw(schema.IDs, 1, words, batch, length)
		draw(task.LabelsInput("class"), 0, 10, batch)
		draw(task.LabelsInput("sentiment"), 0, 2, batch)
		draw(task.LabelsInput("tags"), 0, 9, batch, length)
		return b
	}, nil
}

// steptimes makes steps and returns how long each took, in milliseconds, the
// first few left out.
func steptimes(layers int, dense bool, steps int, profile string) ([]float64, error) {
	t, fill, err := benchTrainer(layers, "hard", train.Config{Profile: profile, Optimizer: train.OptimizerConfig{Dense: dense}})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	var times []float64
	for i := range steps + 5 {
		b := fill()
		start := time.Now()
		if _, err := t.Step(context.Background(), b); err != nil {
			return nil, err
		}
		if i >= 5 {
			times = append(times, time.Since(start).Seconds()*1e3)
		}
	}
	return times, nil
}
