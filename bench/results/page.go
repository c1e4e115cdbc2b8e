package main

import (
	"fmt"
	"io"
	"slices"

	"espalier/compare"
)

// result is a row with what is kept of it.
type result struct {
	row
	measured
}

const head = `# Results

Written by ` + "`make results`" + `, which trains the recipes in [examples](../examples) with 3 seeds each. Figures are those of
the test sets as published (Census-Income and ENB2012 have none: a part that a seed in their recipes divides off), in
percent: the mean over seeds, ± the standard deviation. Each recipe's settings and each
run's best epoch were chosen on validation; the test set is measured once a run, with the epoch that was kept. In this
table nothing is pretrained. Beside them stands what a linear model reaches on the same data
([bench/peers/linear.py](../bench/peers/linear.py)): over TF-IDF of words and characters by scikit-learn, or a linear
chain over features of words by CRFsuite, its settings chosen on validation.

| set | figure | validation | test | linear model | to reach | reached |
|---|---|---|---|---|---|---|
`

// page writes the whole page from a folder of figures.
func page(w io.Writer, folder string) error {
	var results []result
	for _, r := range slices.Concat(rows, encoderRows()) {
		m, err := load[measured](folder, r.recipe)
		if err != nil {
			return err
		}
		if m != nil {
			results = append(results, result{r, *m})
		}
	}
	linear, err := load[map[string]float64](folder, "linear")
	if err != nil {
		return err
	}
	if linear == nil {
		linear = &map[string]float64{}
	}
	p := &printer{w: w}
	p.printf("%s", head)
	for _, r := range results {
		if r.encoder == "" {
			p.figures(r, *linear)
		}
	}
	p.remarks(results)
	p.ofEncoders(results, folder, *linear)
	p.costs(results)
	p.besidePyTorch(results, folder)
	for _, r := range results {
		p.comparison(r)
		if r.recipe == domains {
			p.ofDomains(r.set, folder)
		}
	}
	return p.err
}

// printer keeps the first error of writing.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// figures writes a set's lines in the table of figures: its figures or, where it
// has none, the mean of its comparison.
func (p *printer) figures(r result, linear map[string]float64) {
	set := r.set
	for _, f := range r.row.figures {
		s := r.Figures[f.title]
		reach, reached := "", ""
		if f.reach > 0 {
			reach = fmt.Sprintf("%.1f", f.reach)
			reached = verdict(s.Test.Mean, f.reach)
		}
		peer := ""
		if x, ok := linear[r.recipe+" "+f.title]; ok {
			peer = fmt.Sprintf("%.1f", 100*x)
		}
		p.printf("| %s | %s | %s | %s | %s | %s | %s |\n", set, f.title, s.Valid, s.Test, peer, reach, reached)
		set = ""
	}
	if len(r.row.figures) == 0 && r.Comparison != nil {
		p.meanOf(r)
	}
}

func (p *printer) meanOf(r result) {
	joint, single := 0.0, 0.0
	tasks := r.Comparison.Tasks
	for _, t := range tasks {
		joint += 100 * t.Joint.Mean / float64(len(tasks))
		single += 100 * t.Single.Mean / float64(len(tasks))
	}
	reached := "no: " + r.Comparison.Mean.Verdict
	if r.Comparison.Mean.Verdict == compare.Helped {
		reached = "yes: " + r.Comparison.Mean.Verdict
	}
	p.printf("| %s | mean accuracy of %d domains | | %.1f; single-task models %.1f | | an interval of the gain without 0 | %s |\n",
		r.set, len(tasks), joint, single, reached)
}

func verdict(got, want float64) string {
	if got >= want {
		return "yes"
	}
	return fmt.Sprintf("no, %.1f short", want-got)
}

// missed reports whether a figure is below what was to be reached.
func (r *result) missed() bool {
	return slices.ContainsFunc(r.row.figures, func(f figure) bool {
		return f.reach > 0 && r.Figures[f.title].Test.Mean < f.reach
	})
}

// remarks writes what stands below the table of figures.
func (p *printer) remarks(results []result) {
	p.printf("\nWhat others published without pretraining, as a measure; their splits and protocols are theirs:\n\n")
	for _, r := range results {
		if r.published != "" {
			p.printf("- %s: %s.\n", r.set, r.published)
		}
	}
	for _, r := range results {
		if r.missed() && r.tried != "" {
			p.printf("\nOn %s, these reached no more on validation: %s.\n", r.set, r.tried)
		}
	}
}

func (p *printer) costs(results []result) {
	p.printf("\n## Cost\n\nOne thread a run, two runs at a time on two cores. The time is that of the fastest epoch, without\nvalidation; the size is that of the exported file.\n\n")
	p.printf("| set | epochs | best epoch | s per epoch | shared parameters | of the heads | file, MB |\n|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		if c := r.Cost; c != nil {
			p.printf("| %s | %d | %.0f | %s | %d | %d | %s |\n", r.set, c.Epochs, c.Best, brief(c.Seconds), c.Shared, c.Heads, brief(float64(c.Bytes)/1e6))
		}
	}
}

// brief has one digit behind the point, and below 1 two digits.
func brief(x float64) string {
	if x < 1 {
		return fmt.Sprintf("%.2g", x)
	}
	return fmt.Sprintf("%.1f", x)
}

// command is the one that compares.
func (r *result) command() string {
	text := "espalier compare examples/" + r.file() + ".yaml"
	if r.of != "" {
		text += " --set name=" + r.recipe
	}
	for _, s := range r.settings {
		text += " --set '" + s + "'"
	}
	return text
}

// comparison writes the whole comparison of a set that has one.
func (p *printer) comparison(r result) {
	if r.Comparison == nil {
		return
	}
	p.printf("\n## %s: %s\n\nBy `%s`; see [compare.md](compare.md) for how to read it.\n\n", r.set, r.compared, r.command())
	p.report(r.Comparison)
}
