// Command gpu times models on execution providers of ONNX Runtime and prints a table: a
// model of SNIPS' size with the trunk of examples/snips.yaml, and an encoder of MiniLM's
// size with the same two heads. Weights are drawn at random, which costs the same as
// learned ones, so that it needs no data and, of MiniLM, its config.json alone.
//
//	go run ./bench/gpu -providers CPU,CUDA -folder .env/minilm/model
//
// Inputs and outputs are in the processor's memory: what CUDA takes has copying in it, as
// a program that predicts has. Beside the default there is CUDA without TF32, the
// arithmetic of 10 bits that it multiplies matrices in by default.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"espalier/builder"
	"espalier/models"
	"espalier/onnx"
	"espalier/pretrained"
	"espalier/runtime"
	"espalier/runtime/ort"
	"espalier/schema"
	"espalier/tensor"
)

func main() {
	var b benchmark
	folder := flag.String("folder", os.Getenv("ESPALIER_MINILM"), "folder with MiniLM's config.json")
	providers := flag.String("providers", "CPU,CUDA", "execution providers, with commas between; the first is what the others are compared with")
	sizes := flag.String("batches", "1,4,16,64,256,1024", "texts in a run, with commas between")
	flag.IntVar(&b.threads, "threads", 0, "threads of an operator; 0: all cores")
	flag.DurationVar(&b.least, "least", time.Second, "how long each figure is measured, and at least three runs")
	flag.Parse()
	if err := b.run(os.Stdout, *folder, strings.Split(*providers, ","), strings.Split(*sizes, ",")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type benchmark struct {
	engine    runtime.Engine
	providers []provider
	batches   []int64
	threads   int
	least     time.Duration
}

// provider is a column of the table.
type provider struct {
	title string
	of    runtime.Provider
}

// providersOf returns the columns of the table: CUDA has two.
func providersOf(names []string) []provider {
	var all []provider
	for _, name := range names {
		if strings.EqualFold(name, "CUDA") {
			all = append(all, provider{name + ", float32", runtime.Provider{Name: name, Options: map[string]string{"use_tf32": "0"}}})
		}
		all = append(all, provider{name, runtime.Provider{Name: name}})
	}
	return all
}

func (b *benchmark) run(w io.Writer, folder string, providers, batches []string) error {
	for _, s := range batches {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 1 {
			return fmt.Errorf("-batches has %q, which is not a number of texts", s)
		}
		b.batches = append(b.batches, n)
	}
	b.providers = providersOf(providers)
	config, err := pretrained.ReadConfig(folder)
	if err != nil {
		return fmt.Errorf("-folder: %w", err)
	}
	e, err := ort.Open(ort.Config{})
	if err != nil {
		return err
	}
	b.engine = e

	fmt.Fprintf(w, "Milliseconds of one run, medians; %d threads (0: all cores), ONNX Runtime %s. Differences are the largest from\n"+
		"the first provider, over the largest value of the output.\n\n", b.threads, e.Version())
	titles, rule := "| model | batch |", "|---|---|"
	for i, p := range b.providers {
		titles, rule = titles+" "+p.title+" |", rule+"---|"
		if i > 0 {
			titles, rule = titles+" times faster | difference |", rule+"---|---|"
		}
	}
	fmt.Fprintf(w, "%s\n%s\n", titles, rule)
	snips, err := newModel(models.TrunkConfig{
		Type: "bilstm", Embedding: 128, Hidden: 256, Pooling: "max", Characters: models.CharacterConfig{Type: "cnn", Embedding: 32, Hidden: 64},
	}, 11000, true)
	if err != nil {
		return err
	}
	minilm, err := newModel(models.TrunkConfig{Type: models.PretrainedTrunk, Pretrained: config, Path: folder}, int(config.Vocabulary), false)
	if err != nil {
		return err
	}
	return errors.Join(b.measure(w, "SNIPS, 16 tokens", snips, 16), b.measure(w, "MiniLM, 32 tokens", minilm, 32))
}

func labels(n int) []string {
	names := []string{"O"}
	for i := range n - 1 {
		names = append(names, fmt.Sprint("B-", i))
	}
	return names
}

// newModel returns the file of a model with heads of 7 labels and of 72 tags.
func newModel(trunk models.TrunkConfig, vocabulary int, crf bool) ([]byte, error) {
	in := schema.Input{Name: "text", Type: schema.Text, Tensor: models.IDs, Tokenizer: "whitespace", VocabularySize: vocabulary}
	if trunk.Characters.Type != "" {
		in.Characters = &schema.Characters{Tensor: models.Characters, Alphabet: "abcdefghijklmnopqrstuvwxyz", MaxLength: 20}
	}
	m, err := models.NewText(&schema.Schema{
		Version: schema.Version, Name: "bench", Inputs: []schema.Input{in},
		Tasks: []schema.Task{
			{Name: "intent", Type: schema.Classification, Labels: labels(7)},
			{Name: "slots", Type: schema.Tagging, Scheme: "bio", Labels: labels(72)},
		},
	}, models.Config{Trunk: trunk, Heads: map[string]models.HeadConfig{"slots": {CRF: crf}}})
	if err != nil {
		return nil, err
	}
	built, err := m.Build(models.Inference)
	if err != nil {
		return nil, err
	}
	values := map[string]*tensor.Tensor{}
	for _, v := range built.Graph.Parameters() {
		p := v.Parameter()
		numbers := make([]float32, p.Size())
		p.Fill(numbers, 1)
		if values[p.Name], err = tensor.Of(numbers, p.Shape...); err != nil {
			return nil, err
		}
	}
	var outputs []builder.Output
	for _, t := range built.Tasks {
		outputs = append(outputs, t.Outputs...)
	}
	e, err := built.Graph.Emit(builder.Emission{Outputs: outputs, Values: values})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(onnx.Simplify(e.Model.Graph), onnx.PlainLoops(e.Model.Graph), onnx.Simplify(e.Model.Graph)); err != nil {
		return nil, err
	}
	return onnx.Encode(e.Model)
}

// measure writes the rows of a model.
func (b *benchmark) measure(w io.Writer, name string, model []byte, length int64) error {
	sessions := make([]runtime.Session, len(b.providers))
	for i, p := range b.providers {
		s, err := b.engine.Open(model, runtime.Options{Threads: b.threads, Providers: []runtime.Provider{p.of}})
		if err != nil {
			return fmt.Errorf("%s: %w", p.title, err)
		}
		defer s.Close()
		sessions[i] = s
	}
	for _, batch := range b.batches {
		inputs, err := inputsOf(sessions[0], batch, length)
		if err != nil {
			return err
		}
		row := fmt.Sprintf("| %s | %d |", name, batch)
		var first []runtime.Named
		var base float64
		for i, s := range sessions {
			outputs, ms, err := b.time(s, inputs)
			if err != nil {
				return fmt.Errorf("%s, %s, batch %d: %w", name, b.providers[i].title, batch, err)
			}
			row += " " + strconv.FormatFloat(ms, 'f', max(0, 2-int(math.Log10(max(1, ms)))), 64) + " |"
			if i == 0 {
				first, base = outputs, ms
				continue
			}
			row += fmt.Sprintf(" %.2g | %.1g |", base/ms, difference(first, outputs))
		}
		fmt.Fprintln(w, row)
	}
	return nil
}

// inputsOf draws what a model reads: ids without padding.
func inputsOf(s runtime.Session, batch, length int64) ([]runtime.Named, error) {
	r := rand.New(rand.NewPCG(1, 2))
	var all []runtime.Named
	for _, in := range s.Inputs() {
		most, shape := int64(10000), []int64{batch, length}
		if in.Name == models.Characters {
			most, shape = 26, append(shape, 8)
		}
		n := int64(1)
		for _, d := range shape {
			n *= d
		}
		ids := make([]int64, n)
		for i := range ids {
			ids[i] = 2 + r.Int64N(most)
		}
		t, err := tensor.Of(ids, shape...)
		if err != nil {
			return nil, err
		}
		all = append(all, runtime.Named{Name: in.Name, Tensor: t})
	}
	return all, nil
}

// time runs a session once to prepare it, then for a while, and returns the outputs and
// the median in milliseconds.
func (b *benchmark) time(s runtime.Session, inputs []runtime.Named) ([]runtime.Named, float64, error) {
	var outputs []runtime.Named
	for _, o := range s.Outputs() {
		outputs = append(outputs, runtime.Named{Name: o.Name})
	}
	if err := s.Run(context.Background(), inputs, outputs); err != nil {
		return nil, 0, err
	}
	var times []float64
	for begun := time.Now(); len(times) < 3 || time.Since(begun) < b.least; {
		again := make([]runtime.Named, len(outputs))
		for i, o := range outputs {
			again[i].Name = o.Name
		}
		start := time.Now()
		if err := s.Run(context.Background(), inputs, again); err != nil {
			return nil, 0, err
		}
		times = append(times, time.Since(start).Seconds()*1e3)
	}
	slices.Sort(times)
	return outputs, times[len(times)/2], nil
}

// difference is the largest between the floats of two runs, as a share of the largest.
func difference(a, b []runtime.Named) float64 {
	worst := 0.0
	for i := range a {
		if a[i].Tensor.DType() != tensor.Float32 {
			continue
		}
		largest, apart := 0.0, 0.0
		y := b[i].Tensor.Float32s()
		for j, x := range a[i].Tensor.Float32s() {
			largest, apart = max(largest, math.Abs(float64(x))), max(apart, math.Abs(float64(x-y[j])))
		}
		if largest > 0 {
			worst = max(worst, apart/largest)
		}
	}
	return worst
}
