// Command step times one training step of the two benchmark models through
// ONNX Runtime and prints one line of JSON, as the scripts in bench/peers do:
// batch 32, sequence 64, width 128, 20,000 words; heads of 10 and 2 classes
// for the sentence and 9 for every token; Adam; 2 threads.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"

	"espalier/bench/steptimes"
	"espalier/data"
	"espalier/models"
	"espalier/runtime/ort"
	"espalier/schema"
	"espalier/task"
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

// run prints the time of a step.
func run(layers int, dense bool, steps int) error {
	times, err := stepTimes(layers, dense, steps, "")
	if err != nil {
		return err
	}
	framework := "espalier, lazy rows"
	if dense {
		framework = "espalier, dense rows"
	}
	return steptimes.Print(os.Stdout, framework, modelName(layers), times)
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
			{Name: "class", Type: schema.Classification, Labels: steptimes.Labels(10)},
			{Name: "sentiment", Type: schema.Classification, Labels: steptimes.Labels(2)},
			{Name: "tags", Type: schema.Tagging, Labels: steptimes.Labels(9)},
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
	draw := func(name string, least, n int64, shape ...int) { steptimes.Draw(b, r, name, least, n, shape...) }
	return t, func() *data.Batch {
		// New ids at every step, as in training: none of them is padding.
		draw(schema.IDs, 1, words, batch, length)
		draw(task.LabelsInput("class"), 0, 10, batch)
		draw(task.LabelsInput("sentiment"), 0, 2, batch)
		draw(task.LabelsInput("tags"), 0, 9, batch, length)
		return b
	}, nil
}

// stepTimes makes steps and returns how long each took, in milliseconds, the
// first few left out.
func stepTimes(layers int, dense bool, steps int, profile string) ([]float64, error) {
	t, fill, err := benchTrainer(layers, "hard", train.Config{Profile: profile, Optimizer: train.OptimizerConfig{Dense: dense}})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	return steptimes.Measure(t, fill, 5, steps)
}
