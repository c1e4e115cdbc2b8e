package compare

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Text writes the comparison for people, in aligned columns.
func (r *Result) Text(w io.Writer) error {
	for i, t := range r.tables() {
		if i > 0 {
			fmt.Fprintln(w)
		}
		out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, row := range t {
			fmt.Fprintln(out, strings.Join(row, "\t"))
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", r.footnote())
	return err
}

// Markdown writes tables of GitHub's Markdown.
func (r *Result) Markdown(w io.Writer) error {
	for _, t := range r.tables() {
		for i, row := range t {
			fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
			if i == 0 {
				fmt.Fprintf(w, "|%s\n", strings.Repeat("---|", len(row)))
			}
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintln(w, r.footnote())
	return err
}

// tables are the comparison's tables as rows of cells, the head first.
func (r *Result) tables() [][][]string {
	scores := [][]string{{"task", "metric", "single", "joint", "difference", "over seeds", "bootstrap", "verdict"}}
	for _, t := range r.Tasks {
		metric := t.Metric
		if !t.HigherIsBetter {
			metric += " (less is better)"
		}
		row := []string{t.Task, metric, t.Single.text(), t.Joint.text()}
		scores = append(scores, append(row, t.Difference.cells("%+.4f", 1)...))
	}
	if r.Mean != nil {
		scores = append(scores, append([]string{"mean difference", "", "", ""}, r.Mean.cells("%+.4f", 1)...))
	}
	if r.DeltaM != nil {
		scores = append(scores, append([]string{"delta-m", "%", "", ""}, r.DeltaM.cells("%+.2f", 100)...))
	}
	tables := [][][]string{scores}
	if r.Resources != nil {
		tables = append(tables, r.Resources.table())
	}
	return tables
}

func (s Sample) text() string {
	if len(s.Values) < 2 {
		return fmt.Sprintf("%.4f", s.Mean)
	}
	return fmt.Sprintf("%.4f ± %.4f", s.Mean, s.SD)
}

func (d *Difference) cells(format string, factor float64) []string {
	return []string{fmt.Sprintf(format, factor*d.Mean), d.Seeds.text(format, factor), d.Bootstrap.text(format, factor), d.Verdict}
}

func (i *Interval) text(format string, factor float64) string {
	if i == nil {
		return "-"
	}
	return fmt.Sprintf("["+format+", "+format+"]", factor*i.Low, factor*i.High)
}

func (r *Resources) table() [][]string {
	rows := [][]string{{"cost", "single models", "joint model", "joint / single"}}
	for _, c := range []struct {
		name, format string
		Cost
	}{
		{"parameters", "%.0f", r.Parameters},
		{"bytes of files", "%.0f", r.FileBytes},
		{"training steps", "%.0f", r.TrainSteps},
		{"training seconds", "%.1f", r.TrainSeconds},
	} {
		if c.Single == 0 || c.Joint == 0 {
			continue // a file was not exported
		}
		rows = append(rows, []string{c.name, fmt.Sprintf(c.format, c.Single), fmt.Sprintf(c.format, c.Joint), fmt.Sprintf("%.3f", c.Ratio)})
	}
	return rows
}

// footnote says what was compared and how.
func (r *Result) footnote() string {
	seeds := "seed"
	if len(r.Seeds) > 1 {
		seeds = "seeds"
	}
	text := fmt.Sprintf("%s: test data, %d %s, the same number of %s. Single and joint: mean ± standard deviation over seeds.\n"+
		"Intervals at %g %% of joint minus single: Student's over seeds; bootstrap of %d draws of seeds and test examples.\n"+
		"A verdict other than %q needs every interval to exclude 0.",
		r.Recipe, len(r.Seeds), seeds, r.Budget, 100*r.Confidence, r.Resamples, Unshown)
	if r.OverTasks != nil {
		text += fmt.Sprintf("\nThe mean difference with each task as one draw: %s.", r.OverTasks.text("%+.4f", 1))
	}
	for _, f := range r.Failed {
		text += "\nFailed: " + f.Error()
	}
	return text
}
