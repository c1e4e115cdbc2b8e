package compare

import (
	"fmt"
	"slices"
	"strings"
)

// tables of variants are what they gain over single models, what they gain over
// the first of them, and what they cost.
func (v *Variants) tables() [][][]string {
	tables := [][][]string{v.gains()}
	if rows := v.overFirst(); len(rows) > 1 {
		tables = append(tables, rows)
	}
	if rows := v.costs(); len(rows) > 1 {
		tables = append(tables, rows)
	}
	return tables
}

func (v *Variants) gains() [][]string {
	rows := [][]string{slices.Concat([]string{"variant", "mean of tasks", "to single models"}, differenceHead, []string{"delta-m, %", "over seeds", "interval", "tasks helped", "tasks hurt"})}
	pad := func(cells ...string) []string { return append(cells, make([]string, len(rows[0])-len(cells))...) }
	if len(v.Single.Values) > 0 {
		rows = append(rows, pad("single models", v.Single.text()))
	}
	for _, of := range v.Variants {
		c := of.Comparison
		over := c.overall()
		if over == nil {
			rows = append(rows, pad(of.Name, "failed"))
			continue
		}
		row := append([]string{of.Name, of.Joint.text()}, c.overallCells(over)...)
		switch {
		case c.DeltaM != nil:
			d := c.DeltaM.cells("%+.2f", 100)
			row = append(row, d[0], d[1], d[3])
		case c.before():
			row = append(row, "-", "-", "")
		default:
			row = append(row, "-", "", "-")
		}
		helped, hurt := 0, 0
		for _, t := range c.Tasks {
			switch t.Difference.Verdict {
			case Helped:
				helped++
			case Hurt:
				hurt++
			}
		}
		rows = append(rows, append(row, fmt.Sprint(helped), fmt.Sprint(hurt)))
	}
	return withoutEmpty(rows)
}

// overallCells are those of a difference over all tasks: of metrics or, where one
// has a unit, in per cent.
func (r *Result) overallCells(d *Difference) []string {
	if r.Mean == nil {
		return d.cells("%+.2f %%", 100)
	}
	return d.cells("%+.4f", 1)
}

// overFirst words the verdicts anew: no task is helped or hurt by a variant.
func (v *Variants) overFirst() [][]string {
	rows := [][]string{append([]string{"variant", "to " + v.Variants[0].Name}, differenceHead...)}
	for _, of := range v.Variants {
		if of.OverFirst == nil {
			continue
		}
		cells := of.Comparison.overallCells(of.OverFirst)
		switch of.OverFirst.Verdict {
		case Helped:
			cells[len(cells)-1] = "better"
		case Hurt:
			cells[len(cells)-1] = "worse"
		}
		rows = append(rows, append([]string{of.Name}, cells...))
	}
	return withoutEmpty(rows)
}

func (v *Variants) costs() [][]string {
	rows := [][]string{{"variant", "parameters", "training steps", "training seconds", "seconds / single models", "seconds / " + v.Variants[0].Name}}
	first := 0.0
	for i, of := range v.Variants {
		r := of.Comparison.Resources
		if r == nil {
			continue
		}
		if i == 0 {
			first = r.TrainSeconds.Joint
		}
		ratio := "-"
		if first > 0 {
			ratio = fmt.Sprintf("%.2f", r.TrainSeconds.Joint/first)
		}
		rows = append(rows, []string{
			of.Name, fmt.Sprintf("%.0f", r.Parameters.Joint), fmt.Sprintf("%.0f", r.TrainSteps.Joint),
			fmt.Sprintf("%.1f", r.TrainSeconds.Joint), fmt.Sprintf("%.2f", r.TrainSeconds.Ratio), ratio,
		})
	}
	return rows
}

func (v *Variants) footnote() string {
	text := fmt.Sprintf("%s: test data, %s, %s. Mean of tasks: their metrics' mean ± standard deviation over seeds.\n"+
		"%s",
		v.Recipe, howMany(len(v.Seeds), "seed"), budgetInWords(v.Budget), v.reading())
	for _, of := range v.Variants {
		if len(of.Settings) > 0 {
			text += fmt.Sprintf("\n%s: %s", of.Name, strings.Join(of.Settings, " "))
		}
	}
	var last []string
	for _, of := range v.Variants {
		if u := of.Comparison.Unfinished; u.Joint > 0 {
			last = append(last, fmt.Sprintf("%d of %d of %s", u.Joint, u.JointOf, of.Name))
		}
	}
	u := v.Variants[0].Comparison.Unfinished
	if u.Single > 0 {
		last = append([]string{fmt.Sprintf("%d of %d single models", u.Single, u.SingleOf)}, last...)
	}
	if len(last) > 0 {
		text += fmt.Sprintf("\nBest in the last epoch, and perhaps not done learning: %s.", strings.Join(last, ", "))
	}
	return text + failures(v.Failed)
}

// reading says how to read the differences.
func (v *Variants) reading() string {
	if v.before() {
		text := fmt.Sprintf("Differences are means over tasks, with intervals at %g %%: Student's over seeds; bootstrap of %d draws of seeds and test examples.\n"+
			"A verdict other than %q needs every interval to exclude 0. Tasks are helped or hurt by joint training, each by its own intervals.",
			100*v.Confidence, v.Resamples, Unshown)
		if n := len(v.Variants) - 1; n > 1 {
			text += fmt.Sprintf("\n%d variants are compared with the first: of as many that are no better, one in twenty may look it by luck.", n)
		}
		return text
	}
	var alone, first []claim
	for _, of := range v.Variants {
		alone = append(alone, of.Comparison.claims()...)
		if of.OverFirst != nil {
			first = append(first, claim{of.OverFirst, true, false})
		}
	}
	text := "Differences are means over tasks. " + reading(alone, len(v.Seeds), v.Confidence)
	if tests := tested(first); tests > 0 {
		text += fmt.Sprintf("\nTests to single models are those of all variants and tasks; the %d to %s are corrected by themselves.", tests, v.Variants[0].Name)
	}
	return text
}

// before reports whether the result was written before differences had a test.
func (v *Variants) before() bool {
	return slices.ContainsFunc(v.Variants, func(of Varied) bool { return of.Comparison != nil && of.Comparison.before() })
}

func howMany(n int, what string) string {
	if n > 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
