// Command toys runs the toy problems of the papers on multi-task balancing and
// prints where every method ends beside where it is known to end. It fails
// where a method ends somewhere else.
//
// Starts above x2 = 0 lead along a crease of the losses, where Adam at a fixed
// rate jumps from side to side: when a run leaves it, and so where it ends on
// the front, depends on the last digits of every step. Such ends are marked ~
// and held to their neighbourhood only, those of MGDA, which stays longest in
// the crease, to the closed form for two tasks.
//
// The losses are those of Liu et al. (CAGrad, NeurIPS 2021), Navon et al.
// (Nash-MTL, ICML 2022), Liu et al. (FAMO, NeurIPS 2023) and Yu et al. (PCGrad,
// NeurIPS 2020), each with two parameters and Adam at a rate of 0.001. The
// reference values were computed for this project in float64 with another
// implementation.
package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"

	"espalier/train/balance"
)

// problem gives the two losses at a point.
type problem func(x, y dual) (dual, dual)

// toy is one table: methods by starts.
type toy struct {
	title   string
	losses  problem
	steps   int
	starts  [][2]float64
	measure func(x [2]float64, losses [2]float64) float64
	what    string
	within  float64 // how far a run may end from its reference
	rows    []row
}

// row is a method with its references.
type row struct {
	name    string
	method  string
	options map[string]any
	want    []known
}

// known is where a run ends.
type known struct {
	value float64
	kind  kind
}

type kind int

const (
	exactly kind = iota
	about        // in the neighbourhood
	stuck        // in the crease: anywhere but at the value where it would end if it were not
	byHand       // where the closed form for two tasks ends; the value is printed only
)

// ends are references that hold as they are.
func ends(values ...float64) []known {
	k := make([]known, len(values))
	for i, v := range values {
		k[i].value = v
	}
	return k
}

// except changes how some of them hold.
func except(k []known, to kind, at ...int) []known {
	for _, i := range at {
		k[i].kind = to
	}
	return k
}

// all are references of one kind.
func all(to kind, values ...float64) []known {
	k := ends(values...)
	for i := range k {
		k[i].kind = to
	}
	return k
}

func main() {
	failed := 0
	for _, t := range toys() {
		failed += t.run()
	}
	if failed > 0 {
		fmt.Printf("%d runs end elsewhere\n", failed)
		os.Exit(1)
	}
}

// toys are the tables.
func toys() []toy {
	mean := func(_, l [2]float64) float64 { return (l[0] + l[1]) / 2 }
	total := func(_, l [2]float64) float64 { return l[0] + l[1] }
	first := func(x, _ [2]float64) float64 { return x[0] }
	bounds := map[string]any{"first": -2.1, "second": -21}
	return []toy{
		{
			title: "CAGrad's toy, 100,000 steps", losses: conflict(1), steps: 100_000,
			starts: [][2]float64{{-8.5, 7.5}, {-8.5, -5}, {9, 9}}, measure: mean, what: "mean loss", within: 0.05,
			rows: []row{
				{"equal", "equal", nil, except(ends(3.24, -15.09, 2.51), about, 0, 2)},
				{"MGDA", "mgda", nil, except(ends(-11.72, -10.20, -13.78), byHand, 0, 2)},
				{"PCGrad", "pcgrad", nil, except(ends(-14.63, -10.94, -13.47), about, 0, 2)},
				{"CAGrad c=0.5", "cagrad", map[string]any{"c": 0.5}, ends(-15.09, -15.09, -15.09)},
			},
		},
		{
			title: "Nash-MTL's and FAMO's toy, 50,000 steps", losses: conflict(0.1), steps: 50_000,
			starts:  [][2]float64{{-8.5, 7.5}, {0, 0}, {9, 9}, {-7.5, -0.5}, {9, -1}},
			measure: first, what: "x1, on the front from -7 to 7", within: 0.05,
			rows: []row{
				{"equal", "equal", nil, except(ends(-5.73, -5.73, -5.73, -5.73, -5.73), stuck, 2)},
				{"MGDA", "mgda", nil, all(byHand, -2.17, 1.10, 3.67, -7.00, 2.14)},
				{"PCGrad", "pcgrad", nil, except(except(ends(-4.72, -3.35, -4.72, -3.82, 5.03), about, 0), stuck, 2)},
				{"CAGrad c=0.4", "cagrad", map[string]any{"c": 0.4}, except(ends(-5.73, -5.73, -5.73, -5.73, -5.73), stuck, 2)},
				{"Nash-MTL", "nash-mtl", nil, ends(-2.91, 0, 2.92, -3.28, 4.89)},
				{"FAMO", "famo", map[string]any{"decay": 0, "bound": bounds}, ends(-0.31, 0.08, 0.36, -0.95, 1.75)},
				// Whether it gets out of the crease depends on where eigenvalues are cut.
				{"Aligned-MTL", "aligned-mtl", nil, except(ends(-5.73, -5.73, -5.73, -5.73, -5.73), about, 2)},
			},
		},
		{
			title: "PCGrad's toy, 500,000 steps", losses: valley, steps: 500_000,
			starts: [][2]float64{{0.5, -3}}, measure: total, what: "sum of losses", within: 1,
			rows: []row{
				{"equal", "equal", nil, all(about, -81.3)},
				{"PCGrad", "pcgrad", nil, all(about, -256)},
				{"MGDA", "mgda", nil, ends(-544)},
			},
		},
	}
}

// floor is what the logarithms' arguments are kept above.
const floor = 5e-6

// conflict is the problem of the CAGrad, Nash-MTL and FAMO papers; scale is
// that of the first loss.
func conflict(scale float64) problem {
	return func(x, y dual) (dual, dual) {
		upper := y.by(0.5).tanh().atLeast(0)
		lower := y.by(-0.5).tanh().atLeast(0)
		wall := y.by(-1).tanh()
		valley1 := x.by(-0.5).add(-3.5).minus(wall).abs().atLeast(floor).log().add(6)
		valley2 := x.by(-0.5).add(1.5).plus(wall).add(2).abs().atLeast(floor).log().add(6)
		depth := y.add(8).square().by(0.1)
		bowl1 := x.add(-7).square().plus(depth).by(0.1).add(-20)
		bowl2 := x.add(7).square().plus(depth).by(0.1).add(-20)
		return upper.times(valley1).plus(lower.times(bowl1)).by(scale), upper.times(valley2).plus(lower.times(bowl2))
	}
}

// valley is the problem of the PCGrad paper.
func valley(x, y dual) (dual, dual) {
	first := x.by(0.5).plus(y.tanh()).abs().atLeast(floor).log().by(20)
	second := x.by(0.5).minus(y.tanh()).add(2).abs().atLeast(floor).log().by(25)
	return first, second
}

// run prints the table and returns how many runs end elsewhere.
func (t toy) run() int {
	fmt.Printf("%s: %s\n\n| method |", t.title, t.what)
	for _, s := range t.starts {
		fmt.Printf(" from (%g, %g) | known |", s[0], s[1])
	}
	fmt.Println()
	results := t.ends()
	failed := 0
	for i, r := range t.rows {
		fmt.Printf("| %s |", r.name)
		for j, want := range r.want {
			mark, ok := t.judge(results[i][j], want)
			if !ok {
				failed++
				mark += " !"
			}
			fmt.Printf(" %.2f | %s |", results[i][j].ours, mark)
		}
		fmt.Println()
	}
	fmt.Println()
	return failed
}

// result is where a run ends, and where needed one by the closed form.
type result struct{ ours, byHand float64 }

// judge says what is known and whether the run ends there.
func (t toy) judge(r result, want known) (string, bool) {
	off := math.Abs(r.ours - want.value)
	switch want.kind {
	case about:
		return fmt.Sprintf("~ %.2f", want.value), off <= max(1.2, 0.3*math.Abs(want.value))
	case stuck:
		return "stuck", off > t.within
	case byHand:
		return fmt.Sprintf("%.2f by hand, ~ %.2f", r.byHand, want.value), math.Abs(r.ours-r.byHand) <= t.within
	}
	return fmt.Sprintf("%.2f", want.value), off <= t.within
}

// ends runs every method from every start, side by side.
func (t toy) ends() [][]result {
	results := make([][]result, len(t.rows))
	var wait sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, r := range t.rows {
		results[i] = make([]result, len(t.starts))
		for j, start := range t.starts {
			at := &results[i][j]
			wait.Go(func() {
				turn <- struct{}{}
				defer func() { <-turn }()
				at.ours = t.end(r, start)
				if r.want[j].kind == byHand {
					at.byHand = t.end(row{name: r.name}, start)
				}
			})
		}
	}
	wait.Wait()
	return results
}

// end is the measure at the end of a run.
func (t toy) end(r row, start [2]float64) float64 {
	x, losses, err := t.descend(r, start)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s from %v: %v\n", r.name, start, err)
		return math.Inf(1)
	}
	return t.measure(x, losses)
}

// closedForm is MGDA for two tasks: Sener and Koltun (2018), algorithm 1.
func closedForm(gram []float64) []float64 {
	a, b, c := gram[0], gram[1], gram[3]
	switch {
	case b >= a:
		return []float64{1, 0}
	case b >= c:
		return []float64{0, 1}
	}
	w := (c - b) / (a + c - 2*b)
	return []float64{w, 1 - w}
}

// descend follows one method from one start; without a method it follows the
// closed form.
func (t toy) descend(r row, x [2]float64) ([2]float64, [2]float64, error) {
	method := r.method
	if method == "" {
		method = "equal"
	}
	b, err := balance.New(balance.Config{Method: method, Tasks: []string{"first", "second"}, Seed: 1, Options: r.options})
	if err != nil {
		return x, x, err
	}
	var adam adam
	at := func() ([2]float64, [2][2]float64) {
		l1, l2 := t.losses(dual{x[0], 1, 0}, dual{x[1], 0, 1})
		return [2]float64{l1.v, l2.v}, [2][2]float64{{l1.dx, l1.dy}, {l2.dx, l2.dy}}
	}
	for n := range t.steps {
		losses, g := at()
		s := balance.Step{Number: n, Losses: losses[:], Gram: make([]float64, 4)}
		for i := range 4 {
			s.Gram[i] = g[i/2][0]*g[i%2][0] + g[i/2][1]*g[i%2][1]
		}
		w, err := b.Weigh(&s)
		if err != nil {
			return x, x, err
		}
		if r.method == "" {
			w.Shared = closedForm(s.Gram)
		}
		adam.step(&x, [2]float64{
			w.Shared[0]*g[0][0] + w.Shared[1]*g[1][0],
			w.Shared[0]*g[0][1] + w.Shared[1]*g[1][1],
		})
		if b.Needs().After {
			after, _ := at()
			s.After = after[:]
		}
		if err := b.Learn(&s); err != nil {
			return x, x, err
		}
	}
	losses, _ := at()
	return x, losses, nil
}

// adam is Kingma and Ba's (2015) in float64.
type adam struct {
	steps         float64
	first, second [2]float64
}

func (a *adam) step(x *[2]float64, g [2]float64) {
	const rate, beta1, beta2, epsilon = 0.001, 0.9, 0.999, 1e-8
	a.steps++
	for i := range x {
		a.first[i] = beta1*a.first[i] + (1-beta1)*g[i]
		a.second[i] = beta2*a.second[i] + (1-beta2)*g[i]*g[i]
		root := math.Sqrt(a.second[i] / (1 - math.Pow(beta2, a.steps)))
		x[i] -= rate * a.first[i] / (1 - math.Pow(beta1, a.steps)) / (root + epsilon)
	}
}
