// Command predict measures package runtime/predict against the same work done
// by hand, as ratios in one process: what is compared takes turns in short
// rounds, and the median of the rounds' ratios is told. With -soak it predicts
// that many times instead and watches the memory.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/runtime/predict"
)

func main() {
	rounds := flag.Int("rounds", 41, "rounds of each comparison")
	soak := flag.Int("soak", 0, "predictions to make while memory is watched")
	flag.Parse()
	if err := run(context.Background(), *rounds, *soak); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds, soak int) error {
	dir, err := os.MkdirTemp("", "espalier-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	engine, err := ort.Open(ort.Config{})
	if err != nil {
		return err
	}
	texts, err := sentences()
	if err != nil {
		return err
	}
	if soak > 0 {
		return watch(ctx, engine, dir, texts, soak)
	}
	fmt.Printf("ONNX Runtime %s, 1 thread a session\n", engine.Version())
	for _, kind := range []string{"bag", "cnn"} {
		files, err := export3(dir, kind, texts)
		if err != nil {
			return err
		}
		b := &bench{ctx: ctx, engine: engine, texts: texts, rounds: rounds, kind: kind, files: files}
		for _, compare := range []func() error{b.overhead, b.heads, b.pure, b.python} {
			if err := compare(); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		}
	}
	return nil
}

type bench struct {
	ctx    context.Context
	engine runtime.Engine
	texts  []string
	rounds int
	kind   string
	files  exported
}

// options are those of every session here: one thread, so that callers and not
// operators share the cores.
func (b *bench) options(e runtime.Engine) predict.Options {
	return predict.Options{Engine: e, Session: runtime.Options{Threads: 1}}
}

// ratio returns the median over rounds of the processor time of ours to that of
// other, and their own median times. There is one caller and one thread, so this
// is the time that passes on a machine with nothing else to do.
func (b *bench) ratio(ours, other func() error) (ratio float64, a, o time.Duration, err error) {
	var ratios []float64
	var as, os []time.Duration
	for i := range b.rounds + 2 {
		start := cpu()
		if err := other(); err != nil {
			return 0, 0, 0, err
		}
		middle := cpu()
		if err := ours(); err != nil {
			return 0, 0, 0, err
		}
		end := cpu()
		if i < 2 {
			continue // caches and arenas fill
		}
		as, os = append(as, end-middle), append(os, middle-start)
		ratios = append(ratios, float64(end-middle)/float64(middle-start))
	}
	slices.Sort(ratios)
	slices.Sort(as)
	slices.Sort(os)
	return ratios[len(ratios)/2], as[len(as)/2], os[len(os)/2], nil
}

// overhead compares Predict, and a buffer, with tokenization and a run of the
// binding alone.
func (b *bench) overhead() error {
	p, err := predict.Open(b.files.all, b.options(b.engine))
	if err != nil {
		return err
	}
	defer p.Close()
	bare, err := newBare(b.files.all, p)
	if err != nil {
		return err
	}
	defer bare.close()
	buffer := p.NewBuffer()
	defer buffer.Close()
	for _, batch := range []int{1, 32} {
		var parts [][]string
		for part := range slices.Chunk(b.texts[:max(32, 10*batch)], batch) {
			parts = append(parts, part)
		}
		each := func(do func([]string) error) func() error {
			return func() error {
				for _, part := range parts {
					if err := do(part); err != nil {
						return err
					}
				}
				return nil
			}
		}
		other := each(bare.run)
		for _, way := range []struct {
			name string
			run  func([]string) error
		}{
			{"Predict", func(part []string) error { _, err := p.Predict(b.ctx, part...); return err }},
			{"Buffer.Predict", func(part []string) error { _, err := buffer.Predict(b.ctx, part...); return err }},
		} {
			r, ours, theirs, err := b.ratio(each(way.run), other)
			if err != nil {
				return err
			}
			n := len(parts)
			fmt.Printf("%-4s batch %2d  %-15s / tokenize + yalue Run      %.3f  (%v, %v a call)\n", b.kind, batch, way.name, r, ours/time.Duration(n), theirs/time.Duration(n))
		}
	}
	return nil
}

// heads compares one file of three heads with three files of one, and with the
// parts of it that one head needs.
func (b *bench) heads() error {
	p, err := predict.Open(b.files.all, b.options(b.engine))
	if err != nil {
		return err
	}
	defer p.Close()
	var single []*predict.Predictor
	for _, path := range b.files.single {
		q, err := predict.Open(path, b.options(b.engine))
		if err != nil {
			return err
		}
		defer q.Close()
		single = append(single, q)
	}
	texts := b.texts[:40]
	ask := func(predictors ...*predict.Predictor) func() error {
		return func() error {
			for _, s := range texts {
				for _, q := range predictors {
					if _, err := q.Predict(b.ctx, s); err != nil {
						return err
					}
				}
			}
			return nil
		}
	}
	r, _, _, err := b.ratio(ask(single...), ask(p))
	if err != nil {
		return err
	}
	fmt.Printf("%-4s three files of one head / one file of three heads  %.2f\n", b.kind, r)
	for _, task := range p.Schema().TaskNames() {
		part, err := p.For(task)
		if err != nil {
			return err
		}
		r, _, _, err := b.ratio(ask(part), ask(p))
		if err != nil {
			return err
		}
		fmt.Printf("%-4s only %-7s / all three heads  %.2f\n", b.kind, task, r)
	}
	return nil
}

// pure compares the pure-Go engine with ONNX Runtime.
func (b *bench) pure() error {
	p, err := predict.Open(b.files.all, b.options(b.engine))
	if err != nil {
		return err
	}
	defer p.Close()
	q, err := predict.Open(b.files.all, b.options(gonum.New()))
	if err != nil {
		return err
	}
	defer q.Close()
	for _, batch := range []int{1, 32} {
		texts := b.texts[:32]
		ask := func(p *predict.Predictor) func() error {
			return func() error {
				for part := range slices.Chunk(texts, batch) {
					if _, err := p.Predict(b.ctx, part...); err != nil {
						return err
					}
				}
				return nil
			}
		}
		r, _, _, err := b.ratio(ask(q), ask(p))
		if err != nil {
			return err
		}
		fmt.Printf("%-4s batch %2d  pure Go / ONNX Runtime  %.2f\n", b.kind, batch, r)
	}
	return nil
}

// exported are files of the same trunk.
type exported struct {
	all    string
	single []string
}

func export3(dir, kind string, texts []string) (exported, error) {
	m, err := newModel(kind, texts)
	if err != nil {
		return exported{}, err
	}
	out := exported{all: filepath.Join(dir, kind+".onnx")}
	if err := m.write(out.all, nil); err != nil {
		return exported{}, err
	}
	for _, t := range m.model.Schema().TaskNames() {
		path := filepath.Join(dir, kind+"."+t+".onnx")
		if err := m.write(path, []string{t}); err != nil {
			return exported{}, err
		}
		out.single = append(out.single, path)
	}
	return out, nil
}
