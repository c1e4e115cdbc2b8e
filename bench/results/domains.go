package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"espalier/compare"
	"espalier/runtime"
)

// domains compares the joint model of FDU-MTL with one model per domain.
type domains struct {
	*compare.Result
}

const domainsRecipe = "fdu_mtl"

func compareDomains(ctx context.Context, e runtime.Engine, s settings) (*domains, error) {
	r, err := read(domainsRecipe, 1)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s: joint and single-task models\n", domainsRecipe)
	result, err := compare.Run(ctx, r, filepath.Join(s.out, domainsRecipe), compare.Options{
		Engine: e, Seeds: s.seeds, Jobs: s.jobs, Done: func(p compare.Progress) { fmt.Fprintln(os.Stderr, p) },
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", domainsRecipe, err)
	}
	return &domains{result}, nil
}

// row writes the set's line in the table of figures.
func (d *domains) row(p *printer) {
	joint, single := 0.0, 0.0
	for _, t := range d.Tasks {
		joint += 100 * t.Joint.Mean / float64(len(d.Tasks))
		single += 100 * t.Single.Mean / float64(len(d.Tasks))
	}
	reached := "no: " + d.Mean.Verdict
	if d.Mean.Verdict == compare.Helped {
		reached = "yes: " + d.Mean.Verdict
	}
	p.printf("| FDU-MTL | mean accuracy of %d domains | | %.1f; single-task models %.1f | | an interval of the gain without 0 | %s |\n",
		len(d.Tasks), joint, single, reached)
}

// details writes the whole comparison.
func (d *domains) details(p *printer) {
	p.printf("\n## FDU-MTL: 16 domains together against 16 models\n\nBy `espalier compare examples/%s.yaml`; see [compare.md](compare.md) for how to read it.\n\n", domainsRecipe)
	if p.err == nil {
		p.err = compare.Markdown(p.w, d.Result)
	}
}
