package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"espalier/compare"
)

// domains is the set whose tasks are balanced in several ways, a part of the page
// of its own.
const (
	domains       = "fdu_mtl"
	balancersPart = "fdu_balancers"
)

// balancers are compared on it, the first of which is what others must beat: of the
// methods on gradients, which take longest, one.
const balancers = "equal,uncertainty,dwa,imtl-l,rlw,pcgrad@representation"

func measureBalancers(ctx context.Context, b *bench) (any, error) {
	r, err := row{recipe: domains}.read(1)
	if err != nil {
		return nil, err
	}
	return compare.RunVariants(ctx, r, compare.BalanceVariants(balancers), filepath.Join(b.out, domains), b.comparing(b.seeds))
}

// comparing are the options of a comparison with so many seeds.
func (b *bench) comparing(seeds int) compare.Options {
	return compare.Options{
		Engine: b.engine, Seeds: seeds, Jobs: b.jobs, Done: func(p compare.Finished) { fmt.Fprintln(os.Stderr, p) },
	}
}

// ofDomains writes what more is known of the set than its comparison.
func (p *printer) ofDomains(set, folder string) {
	v, err := load[compare.Variants](folder, balancersPart)
	if err == nil && v != nil {
		p.printf("\n### %s: balancing\n\nBy `espalier compare examples/%s.yaml --balance %s`. Each review is of one domain, and a batch of\n32 has reviews of 12.6 of the 16 on average, of 6 at least: "+
			"a method is defined on the tasks that a batch has.\n`pcgrad` at the representation is `equal`, to the last digit: gradients there of tasks that share no review stand at right angles.\n"+
			"Seconds were taken beside other work, and say little but that of gradients by task.\n\n", set, domains, balancers)
		p.report(v)
	}
	if p.err == nil {
		p.err = err
	}
}

func (p *printer) report(r compare.Report) {
	if p.err == nil {
		p.err = compare.Markdown(p.w, r)
	}
}
