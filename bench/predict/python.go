package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"espalier/runtime/predict"
)

// callers ask at the same time, each sentence by itself.
const callers = 2

// python compares sentences a second by two callers with onnxruntime's in Python,
// with the same tokenizer written there.
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
	texts := b.texts[:400]
	own := func() (float64, error) {
		var wait sync.WaitGroup
		errs := make([]error, callers)
		start := time.Now()
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
		for _, err := range errs {
			if err != nil {
				return 0, err
			}
		}
		return float64(callers*len(texts)) / time.Since(start).Seconds(), nil
	}
	var best, theirs float64
	for range 3 { // in turns, the best of each
		cmd := exec.CommandContext(b.ctx, program, "bench/peers/predict.py", b.files.all, vocabulary)
		cmd.Stdin, cmd.Stderr = strings.NewReader(strings.Join(texts, "\n")), os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("bench/peers/predict.py: %w", err)
		}
		var got struct {
			PerSecond float64 `json:"per_second"`
		}
		if err := json.Unmarshal(out, &got); err != nil {
			return err
		}
		theirs = max(theirs, got.PerSecond)
		for range 3 {
			mine, err := own()
			if err != nil {
				return err
			}
			best = max(best, mine)
		}
	}
	fmt.Printf("%-4s %d callers, sentence by sentence: Go / Python  %.2f  (%.0f, %.0f sentences a second)\n", b.kind, callers, best/theirs, best, theirs)
	return nil
}
