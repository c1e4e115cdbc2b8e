// Command pretrained times the training step of a pretrained encoder with two heads
// through ONNX Runtime and prints one line of JSON, as bench/peers/minilm_step.py does:
// batch 32 of texts of one length without padding, heads of 7 classes for the text and
// 72 for every token; AdamW; 2 threads. Weights are drawn at random, which costs the
// same: the folder needs no more than its config.json.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"

	"espalier/bench/steptimes"
	"espalier/data"
	"espalier/models"
	"espalier/pretrained"
	"espalier/runtime/ort"
	"espalier/schema"
	"espalier/setting"
	"espalier/task"
	"espalier/train"
)

type benchmark struct {
	folder, tune, profile string
	batch, length, steps  int
	dropout               bool
}

func main() {
	b := benchmark{}
	flag.StringVar(&b.folder, "folder", os.Getenv("ESPALIER_MINILM"), "folder with the encoder's config.json")
	flag.StringVar(&b.tune, "tune", "all", "what learns: all, lora, none")
	flag.IntVar(&b.batch, "batch", 32, "texts in a step")
	flag.IntVar(&b.length, "length", 64, "tokens of each text")
	flag.IntVar(&b.steps, "steps", 10, "steps to time")
	flag.StringVar(&b.profile, "profile", "", "prefix of a file for ONNX Runtime's times of operators")
	flag.BoolVar(&b.dropout, "dropout", true, "the dropout of config.json; false: none")
	flag.Parse()
	if err := b.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (b *benchmark) trainer() (*train.Trainer, *pretrained.Config, error) {
	c, err := pretrained.ReadConfig(b.folder)
	if err != nil {
		return nil, nil, err
	}
	s := &schema.Schema{
		Version: schema.Version, Name: "bench",
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: models.IDs, VocabularySize: int(c.Vocabulary)}},
		Tasks: []schema.Task{
			{Name: "class", Type: schema.Classification, Labels: steptimes.Labels(7)},
			{Name: "tags", Type: schema.Tagging, Labels: steptimes.Labels(72)},
		},
	}
	trunk := models.TrunkConfig{Type: models.PretrainedTrunk, Pretrained: c, Path: b.folder, Options: setting.Values{"tune": b.tune}}
	if !b.dropout {
		trunk.Options["dropout"], trunk.Options["attention_dropout"] = 0.0, 0.0
	}
	m, err := models.NewText(s, models.Config{Trunk: trunk})
	if err != nil {
		return nil, nil, err
	}
	e, err := ort.Open(ort.Config{})
	if err != nil {
		return nil, nil, err
	}
	t, err := train.New(m, e, train.Config{Batch: b.batch, Threads: 2, Profile: b.profile, Optimizer: train.OptimizerConfig{Type: "adamw", LR: 0.0001}})
	return t, c, err
}

func (b *benchmark) run() error {
	t, c, err := b.trainer()
	if err != nil {
		return err
	}
	defer t.Close()
	r := rand.New(rand.NewPCG(1, 2))
	batch := &data.Batch{Counts: []int{b.batch, b.batch * b.length}}
	batch.SetSize(task.Examples, b.batch)
	batch.SetSize(task.Sequence, b.length)
	draw := func(name string, least, n int64, shape ...int) { steptimes.Draw(batch, r, name, least, n, shape...) }
	times, err := steptimes.Measure(t, func() *data.Batch {
		draw(schema.IDs, c.Padding+1, c.Vocabulary, b.batch, b.length)
		draw(task.LabelsInput("class"), 0, 7, b.batch)
		draw(task.LabelsInput("tags"), 0, 72, b.batch, b.length)
		return batch
	}, 2, b.steps)
	if err != nil {
		return err
	}
	return steptimes.Print(os.Stdout, "espalier", fmt.Sprintf("%s, %d x %d", b.tune, b.batch, b.length), times)
}
