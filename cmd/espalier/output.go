package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/schollz/progressbar/v3"

	"espalier"
	"espalier/train"
)

// writeJSON writes a result as data.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// parameterTable writes how many numbers the model learns: those that tasks
// share, those of each task, and those of a model of each task by itself.
func parameterTable(w io.Writer, o *espalier.Outcome) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "parameters\there\talone\n  shared\t%d\t\n", o.Shared)
	all, alone := o.Shared, 0
	for _, s := range o.Valid {
		fmt.Fprintf(t, "  %s\t%d\t%d\n", s.Task, o.Heads[s.Task], o.Alone[s.Task])
		all, alone = all+o.Heads[s.Task], alone+o.Alone[s.Task]
	}
	if len(o.Valid) > 1 {
		fmt.Fprintf(t, "  all\t%d\t%d  %.0f %% of one model per task\n", all, alone, 100*float64(all)/float64(max(alone, 1)))
	}
	return t.Flush()
}

// lines logs to w, a line at a time.
func lines(w io.Writer) func(string, ...any) {
	return func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
}

// scoreTable writes scores for people: one row a task, the metric it is judged
// by first, and where there are several the share of examples that are right
// in all of them, of so many as have labels of all. A metric that is not defined
// is a dash, and below the table stands why.
func scoreTable(w io.Writer, title string, scores train.Scores, whole train.Whole) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\tlabels\tloss\tmetric\t\tothers\n", title)
	for _, s := range scores {
		if s.Labels == 0 {
			fmt.Fprintf(t, "  %s\t0\t-\t%s\t-\t\n", s.Task, s.Metric)
			continue
		}
		loss := "-"
		if s.Loss != 0 {
			loss = fmt.Sprintf("%.4f", s.Loss)
		}
		fmt.Fprintf(t, "  %s\t%d\t%s\t%s\t%s\t%s\n", s.Task, s.Labels, loss, s.Metric, figure(s, s.Metric), others(s))
	}
	ofLabels := func(s train.TaskScore) bool { _, ok := s.Metrics["macro_f1"]; return ok }
	if len(scores) > 1 && slices.ContainsFunc(scores, ofLabels) { // numbers are never right to the digit
		share := "-" // no example has labels of all
		if whole.Share != nil {
			share = fmt.Sprintf("%.4f", *whole.Share)
		}
		fmt.Fprintf(t, "  all tasks\t%d\t\texact_match\t%s\t\n", whole.Examples, share)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range scores {
		if _, err := fmt.Fprint(w, undefined(s)); err != nil {
			return err
		}
	}
	return nil
}

// figure writes a metric of a task.
func figure(s train.TaskScore, metric string) string {
	if v, ok := s.Metrics[metric]; ok {
		return fmt.Sprintf("%.4f", v)
	}
	return "-"
}

// others writes the metrics that a task is not judged by.
func others(s train.TaskScore) string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(s.Metrics)), maps.Keys(s.Undefined))
	slices.Sort(names)
	text := ""
	for _, n := range names {
		if n != s.Metric {
			text += fmt.Sprintf("%s %s  ", n, figure(s, n))
		}
	}
	return text
}

// undefined writes, for each reason, which metrics of a task are not defined.
func undefined(s train.TaskScore) string {
	if s.Labels == 0 { // which the table says
		return ""
	}
	why := map[string][]string{}
	for _, n := range slices.Sorted(maps.Keys(s.Undefined)) {
		why[s.Undefined[n]] = append(why[s.Undefined[n]], n)
	}
	text := ""
	for _, reason := range slices.Sorted(maps.Keys(why)) {
		text += fmt.Sprintf("  %s: not defined, because %s: %s\n", s.Task, reason, strings.Join(why[reason], ", "))
	}
	return text
}

// isTerminal reports whether w is one: progress is for terminals only.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

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
