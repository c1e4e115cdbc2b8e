package compare

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// Report is a result that can be shown to people.
type Report interface {
	// tables have rows of cells, the head first; footnote says how to read them.
	tables() [][][]string
	footnote() string
}

// Text writes a result in aligned columns.
func Text(w io.Writer, r Report) error {
	for _, t := range r.tables() {
		out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, row := range t {
			fmt.Fprintln(out, strings.Join(row, "\t"))
		}
		fmt.Fprintln(out)
		if err := out.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, r.footnote())
	return err
}

// Markdown writes a result as tables of GitHub's Markdown.
func Markdown(w io.Writer, r Report) error {
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
	scores := [][]string{append([]string{"task", "metric", "updates, single / joint", "single", "joint", "difference"}, differenceHead...)}
	for _, t := range r.Tasks {
		metric := t.Metric
		if !t.HigherIsBetter {
			metric += " (less is better)"
		}
		if t.Undefined != "" {
			scores = append(scores, []string{t.Task, metric, t.Updates.text(), "-", "-", "-", "", "", "-", "-", "not defined"})
			continue
		}
		row := []string{t.Task, metric, t.Updates.text(), t.Single.text(), t.Joint.text()}
		scores = append(scores, append(row, t.Difference.cells("%+.4f", 1)...))
	}
	if r.Mean != nil {
		scores = append(scores, append([]string{"mean difference", "", "", "", ""}, r.Mean.cells("%+.4f", 1)...))
	}
	if r.DeltaM != nil {
		scores = append(scores, append([]string{"delta-m", "%", "", "", ""}, r.DeltaM.cells("%+.2f", 100)...))
	}
	var tables [][][]string
	if len(scores) > 1 {
		tables = append(tables, withoutEmpty(scores))
	}
	if len(r.Baselines) > 0 {
		tables = append(tables, r.baselineTable())
	}
	if r.Resources != nil {
		tables = append(tables, r.Resources.table())
	}
	return tables
}

// text leaves out the deviation of a single value. A sample may have been kept
// without its values.
func (s Sample) text() string {
	if len(s.Values) == 0 && s.Mean == 0 && s.SD == 0 {
		return "-"
	}
	if len(s.Values) < 2 && s.SD == 0 {
		return fmt.Sprintf("%.4f", s.Mean)
	}
	return fmt.Sprintf("%.4f ± %.4f", s.Mean, s.SD)
}

// differenceHead is the head of what cells returns behind the difference. The
// first two are of results that were written before there was a test.
var differenceHead = []string{"over seeds", "bootstrap", "interval", "p", "verdict"}

func (d *Difference) cells(format string, factor float64) []string {
	mean := fmt.Sprintf(format, factor*d.Mean)
	switch {
	case d.Bootstrap != nil:
		return []string{mean, d.Seeds.text(format, factor), d.Bootstrap.text(format, factor), "", "", d.Verdict}
	case d.Verdict == Undefined:
		mean = "-"
	}
	p := "-"
	switch {
	case d.Corrected == nil:
	case *d.Corrected < 0.0005:
		p = "< 0.001"
	default:
		p = fmt.Sprintf("%.3f", *d.Corrected)
	}
	return []string{mean, "", "", d.Interval.text(format, factor), p, d.Verdict}
}

// withoutEmpty leaves out the columns that have a head alone.
func withoutEmpty(rows [][]string) [][]string {
	kept := make([][]string, len(rows))
	for i := range rows[0] {
		if !slices.ContainsFunc(rows[1:], func(row []string) bool { return row[i] != "" }) {
			continue
		}
		for j, row := range rows {
			kept[j] = append(kept[j], row[i])
		}
	}
	return kept
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
	text := fmt.Sprintf("%s: test data, %s, %s. Single and joint: mean ± standard deviation over seeds.\n%s",
		r.Recipe, howMany(len(r.Seeds), "seed"), budgetInWords(r.Budget), r.reading())
	for _, t := range r.Tasks {
		if t.Undefined != "" {
			text += fmt.Sprintf("\n%s of %s is not defined on the test data, where %s; the task is left out of the mean.", t.Metric, t.Task, t.Undefined)
		}
	}
	if r.OverTasks != nil {
		text += fmt.Sprintf("\nThe mean difference with each task as one draw: %s.", r.OverTasks.text("%+.4f", 1))
	}
	if len(r.Baselines) > 0 {
		text += "\nConstant: the most frequent answer of training, or the mean. Linear: a logistic, ridge or Poisson regression on words and pairs of words, or on columns."
	}
	if u := r.Unfinished; u.Single+u.Joint > 0 {
		text += fmt.Sprintf("\nBest in the last epoch, and perhaps not done learning: %d of %d single models, %d of %d joint ones.",
			u.Single, u.SingleOf, u.Joint, u.JointOf)
	}
	return text + failures(r.Failed)
}

// reading says how to read the differences.
func (r *Result) reading() string {
	if r.before() {
		return fmt.Sprintf("Intervals at %g %% of joint minus single: Student's over seeds; bootstrap of %d draws of seeds and test examples.\n"+
			"A verdict other than %q needs every interval to exclude 0.", 100*r.Confidence, r.Resamples, Unshown)
	}
	return reading(r.claims(), len(r.Seeds), r.Confidence)
}

func reading(claims []claim, seeds int, confidence float64) string {
	fewer, more := false, false
	for _, c := range claims {
		fewer, more = fewer || c.Verdict == FewerUpdates, more || c.Verdict == MorePasses
	}
	if seeds < 2 {
		return fmt.Sprintf("Intervals at %g %% are over test examples alone: another seed may give another difference. Verdicts take --seeds 3 or more.", 100*confidence)
	}
	text := fmt.Sprintf("Intervals at %g %% are over seeds and test examples", 100*confidence)
	if tests := tested(claims); tests > 0 {
		text += fmt.Sprintf(", p is that of the same test, corrected for %s at a time (Benjamini-Hochberg).\n"+
			"A verdict other than %q takes a p of at most %.2g", howMany(tests, "test"), Unshown, 1-confidence)
	}
	text += "."
	if more {
		text += "\nNo verdict where the joint model is worse and the single one sees its task's examples more than twice as often, which may be all that helps it."
	}
	if fewer {
		text += "\nNo verdict where the single model has fewer updates of its task than the joint one, which may be all that helps: compare with --budget updates."
	}
	return text
}

// tested counts the claims that have a p.
func tested(claims []claim) int {
	n := 0
	for _, c := range claims {
		if c.P != nil {
			n++
		}
	}
	return n
}

// before reports whether the result was written before differences had a test.
func (r *Result) before() bool {
	return slices.ContainsFunc(r.Tasks, func(t Task) bool { return t.Difference.Bootstrap != nil }) || r.Mean != nil && r.Mean.Bootstrap != nil
}

func failures(failed []Failure) string {
	text := ""
	for _, f := range failed {
		text += "\nFailed: " + f.Error()
	}
	return text
}

// tables of a sweep have a row for each weighting, in the order of their scores,
// the best one and equal weights marked.
func (s *Sweep) tables() [][][]string {
	head := []string{"", "score"}
	for _, t := range s.Tasks {
		head = append(head, "weight "+t, t)
	}
	rows := [][]string{head}
	order := make([]int, len(s.Trials))
	for n := range order {
		order[n] = n
	}
	scored := func(n int) float64 {
		if len(s.Trials[n].Score.Values) < len(s.Seeds) {
			return math.Inf(-1)
		}
		return s.Trials[n].Score.Mean
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scored(b), scored(a)) })
	for _, n := range order {
		w := s.Trials[n]
		row := []string{"", w.Score.text()}
		switch {
		case n == s.Best && n == 0:
			row[0] = "best, equal"
		case n == s.Best:
			row[0] = "best"
		case n == 0:
			row[0] = "equal"
		}
		for _, t := range s.Tasks {
			metric := "-"
			if v, ok := w.Tasks[t]; ok {
				metric = fmt.Sprintf("%.4f", v)
			}
			row = append(row, fmt.Sprintf("%.3f", w.Weights[t]), metric)
		}
		if len(w.Score.Values) == 0 {
			row[0], row[1] = "no score", "-"
			if slices.ContainsFunc(s.Failed, func(f Failure) bool { return f.Model == weightsName(n) }) {
				row[0] = "failed"
			}
		}
		rows = append(rows, row)
	}
	return [][][]string{rows}
}

func (s *Sweep) footnote() string {
	text := fmt.Sprintf("%s: validation data, seeds %v. The score is what epochs are chosen by, at the best epoch; the test data was not read.", s.Recipe, s.Seeds)
	if len(s.Seeds) == 1 {
		text += "\nOne seed says little of weights that are close to the best; --seeds 3 says more."
	}
	if s.Best >= 0 {
		text += "\nThe best weights:"
		for _, setting := range s.Settings() {
			text += " --set " + setting
		}
	}
	return text + failures(s.Failed)
}

// tables of an affinity are the matrix in thousandths.
func (a *Affinity) tables() [][][]string {
	rows := [][]string{append([]string{"step on \\ loss of"}, a.Tasks...)}
	for i, t := range a.Tasks {
		row := []string{t}
		for j := range a.Tasks {
			cell := "-"
			if a.Looks[i][j] > 0 {
				cell = fmt.Sprintf("%+.3f", 1000*a.Matrix[i][j])
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return [][][]string{rows}
}

func (a *Affinity) footnote() string {
	var groups []string
	for _, g := range a.Groups {
		groups = append(groups, "{"+strings.Join(g, ", ")+"}")
	}
	pairs, clear := 0, 0
	for i := range a.Matrix {
		for j := range a.Matrix[i] {
			if i != j && a.Looks[i][j] > 0 {
				pairs++
				if a.clear(i, j) {
					clear++
				}
			}
		}
	}
	unseen := ""
	if len(a.Unseen) > 0 {
		unseen = fmt.Sprintf("\nIn no batch that was looked at: %s. Look more often, for longer, or at larger batches.", strings.Join(a.Unseen, ", "))
	}
	return fmt.Sprintf("%s: by how many thousandths the loss of the column's task falls with a gradient step of rate %.3g on the row's task alone,\n"+
		"on the same batch; the mean over looks in %d steps of training. Above 0 the row helps the column.\n"+
		"Of %d pairs %d are apart from 0, by Student's interval of that mean at 95 %%.\n"+
		"Suggested groups: %s, score %.3f. A suggestion is no result: compare the groups' recipes.",
		a.Recipe, a.Rate, a.Steps, pairs, clear, strings.Join(groups, " "), 1000*a.Score) + unseen
}
