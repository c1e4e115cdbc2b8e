package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"espalier/runtime/predict"
)

// callers ask at the same time, each sentence by itself.
const callers = 2

// python compares sentences a second by two callers with onnxruntime's in Python,
// with the same tokenizer written there. They take turns: the median of the
// rounds' ratios is told.
func (b *bench) python() error {
	program := os.Getenv("ESPALIER_PYTHON")
	if program == "" {
		fmt.Println("ESPALIER_PYTHON is not set: Python is left out")
		return nil
	}
	p, err := predict.Open(b.files.all, b.options(b.engine))
	if err != nil {
		return err
	}
	defer p.Close()
	var words bytes.Buffer
	if _, err := p.Vocabulary().WriteTo(&words); err != nil {
		return err
	}
	vocabulary := b.files.all + ".words"
	if err := os.WriteFile(vocabulary, words.Bytes(), 0o600); err != nil {
		return err
	}
	peer, err := startPeer(b.ctx, program, b.files.all, vocabulary, b.texts[:200])
	if err != nil {
		return err
	}
	defer peer.close()
	var ratios, work, ours, theirs []float64
	for i := range b.rounds + 1 {
		other, err := peer.round()
		if err != nil {
			return err
		}
		own, err := b.together(p, b.texts[:200])
		if err != nil {
			return err
		}
		if i > 0 { // caches and arenas fill
			ratios, work = append(ratios, own.perSecond/other.perSecond), append(work, other.work/own.work)
			ours, theirs = append(ours, own.perSecond), append(theirs, other.perSecond)
		}
	}
	fmt.Printf("%-4s %d callers, sentence by sentence: Go / Python  %.2f  (%.0f, %.0f sentences a second; a quarter of the rounds below %.2f, a quarter above %.2f)\n",
		b.kind, callers, quantile(ratios, 0.5), quantile(ours, 0.5), quantile(theirs, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75))
	fmt.Printf("%-4s processor time of a sentence: Python / Go  %.2f\n", b.kind, quantile(work, 0.5))
	return nil
}

// pace is how fast a program was: sentences a second, and microseconds of the
// processor for each.
type pace struct{ perSecond, work float64 }

func quantile(x []float64, q float64) float64 {
	slices.Sort(x)
	return x[int(q*float64(len(x)-1)+0.5)]
}

// together answers all texts from every caller.
func (b *bench) together(p *predict.Predictor, texts []string) (pace, error) {
	var wait sync.WaitGroup
	errs := make([]error, callers)
	start, worked := time.Now(), cpu()
	for c := range callers {
		wait.Go(func() {
			for _, s := range texts {
				if _, err := p.Predict(b.ctx, s); err != nil {
					errs[c] = err
				}
			}
		})
	}
	wait.Wait()
	took, n := time.Since(start), float64(callers*len(texts))
	return pace{n / took.Seconds(), 1e6 * (cpu() - worked).Seconds() / n}, errors.Join(errs...)
}

// peer is the program in Python, which waits for its turn.
type peer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startPeer(ctx context.Context, program, file, vocabulary string, texts []string) (*peer, error) {
	p := &peer{cmd: exec.CommandContext(ctx, program, "bench/peers/predict.py", file, vocabulary, fmt.Sprint(len(texts)))}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	_, err = io.WriteString(p.in, strings.Join(texts, "\n")+"\n")
	return p, err
}

// round has it answer all texts once.
func (p *peer) round() (at pace, err error) {
	if _, err := io.WriteString(p.in, "go\n"); err != nil {
		return pace{}, err
	}
	if !p.out.Scan() {
		return pace{}, fmt.Errorf("bench/peers/predict.py: %w", errors.Join(p.out.Err(), p.cmd.Wait()))
	}
	_, err = fmt.Sscan(p.out.Text(), &at.perSecond, &at.work)
	return at, err
}

func (p *peer) close() { _ = errors.Join(p.in.Close(), p.cmd.Wait()) }
