package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/schollz/progressbar/v3"

	"espalier/train"
)

// reporter tells how training goes: a bar on a terminal, a line an epoch
// everywhere.
type reporter struct {
	w         io.Writer
	bar       *progressbar.ProgressBar
	gradients bool // how they lie to each other is told, too
}

func (r *reporter) hooks() train.Hooks {
	h := train.Hooks{Epoch: r.epoch}
	if isTerminal(r.w) {
		h.Step = r.step
	}
	return h
}

func (r *reporter) step(epoch, step, steps int, _ []float32) {
	if r.bar == nil {
		r.bar = progressbar.NewOptions(steps, progressbar.OptionSetWriter(r.w), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetDescription(fmt.Sprintf("epoch %d", epoch)), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString("steps"))
	}
	_ = r.bar.Set(step) // a bar that cannot be drawn must not stop training
}

// weightsOf writes an epoch's mean weights in the order of its tasks, where they
// are not all alike.
func weightsOf(e train.Epoch) string {
	if e.Balance == nil || len(e.Balance.Weights) == 0 {
		return ""
	}
	var shown []string
	alike := true
	first, known := 0.0, false
	for _, s := range e.Valid {
		w, ok := e.Balance.Weights[s.Task]
		if !ok {
			shown = append(shown, "-")
			continue
		}
		if !known {
			first, known = w, true
		}
		alike = alike && math.Abs(w-first) < 1e-9
		shown = append(shown, fmt.Sprintf("%.3g", w))
	}
	if alike {
		return ""
	}
	return "  weights " + strings.Join(shown, "/")
}

// gradientsOf writes how the gradients of an epoch's tasks lay to each other in
// a line, nothing where they were not measured.
func gradientsOf(e train.Epoch) string {
	b := e.Balance
	if b == nil || b.Measured == 0 {
		return ""
	}
	var lengths []string
	for _, s := range e.Valid {
		if x, ok := b.Norms[s.Task]; ok {
			lengths = append(lengths, fmt.Sprintf("%.3g", x))
		} else {
			lengths = append(lengths, "-")
		}
	}
	text := fmt.Sprintf("          gradients in %d steps: lengths %s  conflicts in %.0f %%", b.Measured, strings.Join(lengths, "/"), 100**b.Conflicts)
	least, most := "", ""
	low, high := math.Inf(1), math.Inf(-1)
	for i, first := range e.Valid {
		for _, second := range e.Valid[i+1:] {
			c, ok := b.Cosines[first.Task][second.Task]
			if ok && c < low {
				low, least = c, fmt.Sprintf("%+.2f (%s, %s)", c, first.Task, second.Task)
			}
			if ok && c > high {
				high, most = c, fmt.Sprintf("%+.2f (%s, %s)", c, first.Task, second.Task)
			}
		}
	}
	switch {
	case least != "" && least == most:
		text += "  cosine " + least
	case least != "":
		text += "  cosines " + least + " to " + most
	}
	if b.Condition > 0 {
		text += fmt.Sprintf("  condition %.3g", b.Condition)
	}
	return text + "\n"
}

func (r *reporter) epoch(e train.Epoch) error {
	if r.bar != nil {
		_ = r.bar.Finish()
		r.bar = nil
	}
	fmt.Fprintf(r.w, "epoch %2d  %5.1f s ", e.Epoch, e.Seconds)
	for _, s := range e.Valid {
		loss := "-" // no label counted
		if l, ok := e.Losses[s.Task]; ok {
			loss = fmt.Sprintf("%.3f", l)
		}
		fmt.Fprintf(r.w, "  %s loss %s %s %s", s.Task, loss, s.Metric, figure(s, s.Metric))
	}
	if e.Penalty != 0 {
		fmt.Fprintf(r.w, "  penalty %.3g", e.Penalty)
	}
	fmt.Fprint(r.w, weightsOf(e))
	mark := ""
	switch {
	case e.Best && e.Score == nil: // nothing to tell epochs apart by: the last is kept
		mark = "  kept"
	case e.Best:
		mark = "  best"
	}
	fmt.Fprintln(r.w, mark)
	if r.gradients {
		fmt.Fprint(r.w, gradientsOf(e))
	}
	for _, c := range e.Changes {
		fmt.Fprintf(r.w, "task %s is %s from epoch %d on (%s)\n", c.Task, c.To, e.Epoch+1, c.Why)
	}
	return nil
}
