package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"espalier/train/score"

	"espalier"
)

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

// scoreTable writes scores for people: one row a task, the metric it is judged
// by first, and where there are several the share of examples that are right
// in all of them, of so many as have labels of all. A metric that is not defined
// is a dash, and below the table stands why.
func scoreTable(w io.Writer, title string, scores score.Scores, whole score.Whole) error {
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
	ofLabels := func(s score.TaskScore) bool { _, ok := s.Metrics["macro_f1"]; return ok }
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
func figure(s score.TaskScore, metric string) string {
	if v, ok := s.Metrics[metric]; ok {
		return fmt.Sprintf("%.4f", v)
	}
	return "-"
}

// others writes the metrics that a task is not judged by.
func others(s score.TaskScore) string {
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
func undefined(s score.TaskScore) string {
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

// printOutcome writes parameters and scores of a finished run.
func printOutcome(w io.Writer, o *espalier.Outcome) error {
	if err := parameterTable(w, o); err != nil {
		return err
	}
	if err := scoreTable(w, "valid", o.Valid, score.Whole{Share: o.ValidWhole, Examples: o.ValidWholeOf}); err != nil {
		return err
	}
	if o.Test == nil {
		return nil
	}
	return scoreTable(w, "test", o.Test, score.Whole{Share: o.TestWhole, Examples: o.TestWholeOf})
}
