// Command heads times how many tasks cost at inference: N heads on one pretrained encoder
// in one pass, N files of one task each, and N passes of one encoder with low-rank
// changes of each task. Weights are drawn at random, which costs the same: the folder
// needs no more than its config.json. What is compared takes turns, and medians over the
// rounds are told.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"espalier/export"
	"espalier/models"
	"espalier/onnx"
	"espalier/pretrained"
	"espalier/runtime"
	"espalier/runtime/ort"
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
	"espalier/text"
)

func main() {
	var b benchmark
	flag.StringVar(&b.folder, "folder", os.Getenv("ESPALIER_MINILM"), "folder with the encoder's config.json")
	flag.IntVar(&b.threads, "threads", 2, "threads of one operator")
	flag.IntVar(&b.length, "length", 32, "tokens of each text")
	flag.IntVar(&b.rounds, "rounds", 15, "rounds that medians are taken of")
	flag.BoolVar(&b.cpu, "cpu", false, "processor time in the place of time: where other programs run on the machine; with one thread")
	flag.Parse()
	b.start = time.Now()
	if err := b.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type benchmark struct {
	folder                  string
	threads, length, rounds int
	cpu                     bool
	start                   time.Time

	encoder *pretrained.Config
	words   *text.Vocabulary
	engine  runtime.Engine
}

// counts are the numbers of tasks that are timed.
var counts = []int{1, 3, 6, 12}

func (b *benchmark) run() (err error) {
	if b.encoder, err = pretrained.ReadConfig(b.folder); err != nil {
		return err
	}
	if b.engine, err = ort.Open(ort.Config{}); err != nil {
		return err
	}
	counter := text.NewCounter()
	for i := range b.encoder.Vocabulary - 2 {
		counter.Add(fmt.Sprint("w", i))
	}
	b.words = counter.Build(1, 0)
	many := counts[len(counts)-1]
	joint := map[int]runtime.Session{}
	for _, n := range counts {
		if joint[n], err = b.session(n, nil); err != nil {
			return err
		}
		defer joint[n].Close()
	}
	var single, lora []runtime.Session
	for range many {
		s, err := b.session(1, nil)
		if err != nil {
			return err
		}
		defer s.Close()
		single = append(single, s)
		if s, err = b.session(1, setting.Values{"tune": "lora", "own_layers": b.encoder.Layers}); err != nil {
			return err
		}
		defer s.Close()
		lora = append(lora, s)
	}
	fmt.Printf("%d layers of width %d, %d tokens, %d threads, medians of %d rounds in ms of %s\n\n", b.encoder.Layers, b.encoder.Hidden, b.length, b.threads, b.rounds, map[bool]string{false: "time", true: "processor time"}[b.cpu])
	fmt.Println("| batch | heads | one file | against one head | one file a task | against one file | low-rank changes, a pass a task | against one file |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, batch := range []int{1, 32} {
		if err := b.table(batch, joint, single, lora); err != nil {
			return err
		}
	}
	return nil
}

// session opens a file of so many tasks with random weights; low-rank changes stay nodes,
// as where one encoder serves several of them.
func (b *benchmark) session(tasks int, o setting.Values) (runtime.Session, error) {
	s := &schema.Schema{
		Version: schema.Version, Name: "heads",
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: models.IDs, VocabularySize: int(b.encoder.Vocabulary)}},
	}
	for i := range tasks {
		s.Tasks = append(s.Tasks, schema.Task{Name: fmt.Sprint("task", i), Type: schema.Classification, Labels: []string{"a", "b", "c", "d", "e", "f", "g"}})
	}
	m, err := models.NewText(s, models.Config{Trunk: models.TrunkConfig{Type: models.PretrainedTrunk, Path: b.folder, Pretrained: b.encoder, Options: o}})
	if err != nil {
		return nil, err
	}
	built, err := m.Build(models.Inference)
	if err != nil {
		return nil, err
	}
	values := map[string]*tensor.Tensor{}
	for _, v := range built.Graph.Parameters() {
		x := make([]float32, v.Parameter().Size())
		v.Parameter().Fill(x, 1)
		values[v.Name()] = tensor.Must(tensor.Of(x, v.Parameter().Shape...))
	}
	file, err := export.Model(m, values, b.words, export.Options{Adapters: export.AdaptersKept})
	if err != nil {
		return nil, err
	}
	data, err := onnx.Encode(file)
	if err != nil {
		return nil, err
	}
	return b.engine.Open(data, runtime.Options{Threads: b.threads})
}

// table times all counts of tasks at a batch size.
func (b *benchmark) table(batch int, joint map[int]runtime.Session, single, lora []runtime.Session) error {
	r := rand.New(rand.NewPCG(1, uint64(batch)))
	ids := make([]int64, batch*b.length)
	for i := range ids {
		ids[i] = 1 + r.Int64N(b.encoder.Vocabulary-1)
	}
	in := []runtime.Named{{Name: models.IDs, Tensor: tensor.Must(tensor.Of(ids, int64(batch), int64(b.length)))}}
	once := func(sessions ...runtime.Session) (ms float64, err error) {
		start := b.now()
		for _, s := range sessions {
			var out []runtime.Named
			for _, o := range s.Outputs() {
				out = append(out, runtime.Named{Name: o.Name})
			}
			if err := s.Run(context.Background(), in, out); err != nil {
				return 0, err
			}
		}
		return float64(b.now()-start) / 1e6, nil
	}
	one := make([][]float64, len(counts))
	apart, adapted := make([][]float64, len(counts)), make([][]float64, len(counts))
	for round := range b.rounds + 1 {
		for i, n := range counts {
			times := [3]float64{}
			for k, sessions := range [][]runtime.Session{{joint[n]}, single[:n], lora[:n]} {
				var err error
				if times[k], err = once(sessions...); err != nil {
					return err
				}
			}
			if round > 0 { // the first warms up
				one[i], apart[i], adapted[i] = append(one[i], times[0]), append(apart[i], times[1]), append(adapted[i], times[2])
			}
		}
	}
	for i, n := range counts {
		fmt.Printf("| %d | %d | %.2f | %.2fx | %.2f | %.2fx | %.2f | %.2fx |\n", batch, n, median(one[i]), ratio(one[i], one[0]),
			median(apart[i]), ratio(apart[i], one[i]), median(adapted[i]), ratio(adapted[i], one[i]))
	}
	return nil
}

// now is a clock: of time, or of the processor time that the process has taken.
func (b *benchmark) now() time.Duration {
	if b.cpu {
		return cpu()
	}
	return time.Since(b.start)
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// ratio is the median over the rounds of what is divided within each.
func ratio(x, by []float64) float64 {
	of := make([]float64, len(x))
	for i := range x {
		of[i] = x[i] / by[i]
	}
	return median(of)
}
