package balance

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"sort"
	"testing"
)

// answered is one case of testdata/answers_torchjd.py.
type answered struct {
	Kind          string
	A, B          [][]float32
	Losses, After [][]float64
	Answers       map[string]json.RawMessage
}

// torchJDAnswers reads the answers of TorchJD 0.18: those in testdata, or with
// ESPALIER_TORCHJD those that `make torchjd` has just computed.
func torchJDAnswers(t *testing.T) []answered {
	t.Helper()
	path := os.Getenv("ESPALIER_TORCHJD")
	if path == "" {
		path = "testdata/torchjd.json.gz"
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var content struct{ Cases []answered }
	if err := json.NewDecoder(z).Decode(&content); err != nil {
		t.Fatal(err)
	}
	if len(content.Cases) == 0 {
		t.Fatalf("%s holds no cases", path)
	}
	return content.Cases
}

// rows is a list of vectors in the answers.
func (c *answered) rows(t *testing.T, name string) [][]float64 {
	t.Helper()
	var rows [][]float64
	if raw, ok := c.Answers[name]; ok {
		if err := json.Unmarshal(raw, &rows); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return rows
}

// sequence are the gradients that methods with a memory see.
func (c *answered) sequence(n int) [][][]float32 { return [][][]float32{c.A, c.B, c.A}[:n] }

// worst keeps how far a method is from TorchJD.
type worst struct {
	off   float64
	where string
	cases int
}

func (w *worst) note(off float64, where string) {
	w.cases++
	if off > w.off || math.IsNaN(off) {
		w.off, w.where = off, where
	}
}

// equalsTorchJD compares directions, of which the answers hold ten digits, relative to the longer of the direction
// and a thousandth of the longest gradient.
type equalsTorchJD struct {
	answer    string // name among the answers
	method    string
	options   map[string]any
	tolerance float64
	// skip says which cases are not to be compared, and why stands beside it.
	skip func(c *answered) bool
	// prepare hands recorded draws to the rule.
	prepare func(t *testing.T, b *Balancer, c *answered)
	// weights: the answers are weights and not directions.
	weights bool
}

var torchJDDirections = []equalsTorchJD{
	{answer: "equal", method: "equal", tolerance: 1e-8},
	{answer: "pcgrad", method: "pcgrad", tolerance: 1e-8, prepare: setOrders},
	// TorchJD adds 1e-8 to its denominators, and takes the cosine of what is
	// left of a gradient that others cancel, which is made of rounding errors.
	{answer: "gradvac", method: "gradvac", tolerance: 1e-5, prepare: setOrders, skip: func(c *answered) bool { return c.Kind == "dependent" }},
	// Sums are in float64 there, and rounded to float32 here.
	{answer: "graddrop", method: "graddrop", tolerance: 1e-6, prepare: setUniform},
	// CLARABEL stops at a gap of 1e-8 in a value that is flat around its
	// minimum, and below a norm of 1e-4 TorchJD returns 0.
	{answer: "cagrad", method: "cagrad", options: map[string]any{"c": 0.5, "rescale": 0}, tolerance: 1e-3, skip: nearlyStationary},
	{answer: "imtl-g", method: "imtl-g", tolerance: 1e-6},
	{answer: "aligned-mtl min", method: "aligned-mtl", tolerance: 1e-6},
	{answer: "aligned-mtl median", method: "aligned-mtl", options: map[string]any{"scale": "median"}, tolerance: 1e-6},
	{answer: "aligned-mtl rmse", method: "aligned-mtl", options: map[string]any{"scale": "rmse"}, tolerance: 1e-6},
	{answer: "upgrad", method: "upgrad", options: map[string]any{"norm_eps": 1e-4}, tolerance: 1e-8},
	{answer: "upgrad smooth", method: "upgrad", options: map[string]any{"smooth": 0.9}, tolerance: 1e-8},
	{answer: "dualproj", method: "dualproj", options: map[string]any{"norm_eps": 1e-4}, tolerance: 1e-8},
	{answer: "config", method: "config", tolerance: 1e-6},
	// Sums of squares are kept in float32 here; weights are K times as large.
	// A task whose first gradient is 0 has every later excess divided by 1e-7
	// there, and rests here.
	{answer: "excess-mtl", method: "excess-mtl", tolerance: 1e-5, skip: hasZero},
	{answer: "modo", method: "modo", options: map[string]any{"gamma": 0.1}, tolerance: 1e-8, weights: true},
	{answer: "sdmgrad", method: "sdmgrad", tolerance: 1e-8, weights: true},
}

func TestDirectionsEqualTorchJD(t *testing.T) {
	cases := torchJDAnswers(t)
	for _, e := range torchJDDirections {
		t.Run(e.answer, func(t *testing.T) {
			var w worst
			for i := range cases {
				c := &cases[i]
				want := c.rows(t, e.answer)
				if len(want) == 0 || e.skip != nil && e.skip(c) {
					continue
				}
				b := makeBalancer(t, e.method, len(c.A), e.options)
				if e.prepare != nil {
					e.prepare(t, b, c)
				}
				for k, rows := range c.sequence(len(want)) {
					got := e.of(t, b, c, k, rows)
					if e.answer == "excess-mtl" {
						for j := range got {
							got[j] /= float64(len(rows))
						}
					}
					size := max(length(want[k]), 1e-3*longest(rows))
					if e.weights {
						size = 1
					}
					w.note(distance(got, want[k])/size, fmt.Sprintf("case %d (%s, %d tasks), step %d", i, c.Kind, len(rows), k))
				}
			}
			t.Logf("%d compared, off by at most %.1e: %s", w.cases, w.off, w.where)
			if !(w.off <= e.tolerance) || w.cases < len(cases)/2 {
				t.Errorf("%d compared, off by %v: %s", w.cases, w.off, w.where)
			}
		})
	}
}

// of is the direction, or the weights, of one step.
func (e *equalsTorchJD) of(t *testing.T, b *Balancer, c *answered, k int, rows [][]float32) []float64 {
	s := stepOf(rows, k)
	if !e.weights {
		return directionOf(t, b, s)
	}
	pairs := [][2][][]float32{{c.A, c.B}, {c.B, c.A}, {c.A, c.A}}
	s.Cross = Cross(pairs[k][0], pairs[k][1])
	w, err := b.Weigh(s)
	if err != nil {
		t.Fatal(err)
	}
	return w.Shared
}

// nearlyStationary: the gradients combine to 0, or nearly, and what CAGrad
// follows is not determined.
func nearlyStationary(c *answered) bool {
	g := newGram(len(c.A), Gram(c.A))
	return g.square(minNorm(g)) < 1e-6*g.trace()
}

// hasZero: some first gradient is 0.
func hasZero(c *answered) bool {
	return slices.ContainsFunc(c.A, func(row []float32) bool { return squares(row) == 0 })
}

// setOrders has the others of a task visited as TorchJD did. PCGrad permutes
// all tasks and skips the task itself, GradVac permutes the others.
func setOrders(t *testing.T, b *Balancer, c *answered) {
	drawn := c.rows(t, b.Method().Name+" draws")
	calls := 0
	order := func(i int) []int {
		var others []int
		for _, x := range drawn[calls] {
			switch j := int(x); {
			case len(drawn[calls]) == len(c.A) && j != i:
				others = append(others, j)
			case len(drawn[calls]) < len(c.A) && j >= i:
				others = append(others, j+1)
			case len(drawn[calls]) < len(c.A):
				others = append(others, j)
			}
		}
		calls++
		return others
	}
	switch r := b.rule.(type) {
	case *pcgradRule:
		r.order = order
	case *gradvacRule:
		r.order = order
	}
}

// setUniform has GradDrop draw what TorchJD drew.
func setUniform(t *testing.T, b *Balancer, c *answered) {
	drawn := c.rows(t, "graddrop draws")
	b.rule.(*graddropRule).uniform = func(k int) float64 { return drawn[0][k] }
}

// TorchJD's MGDA iterates; ours is exact. So ours is never longer, and since
// |d' - d|^2 <= |d'|^2 - |d|^2 for every d' in the hull, as close as theirs is
// to the shortest.
func TestMGDAIsNeverLongerThanTorchJDs(t *testing.T) {
	cases := torchJDAnswers(t)
	var w worst
	for i := range cases {
		c := &cases[i]
		want := c.rows(t, "mgda")[0]
		got := directionOf(t, makeBalancer(t, "mgda", len(c.A), nil), stepOf(c.A, 0))
		long := longest(c.A)
		gap := dot(want, want) - dot(got, got)
		if gap < -1e-8*long*long {
			t.Errorf("case %d (%s): |d| = %v, theirs is %v", i, c.Kind, length(got), length(want))
		}
		if off := distance(got, want); off*off > gap+1e-8*long*long {
			t.Errorf("case %d (%s): %v away, their gap allows %v", i, c.Kind, off, math.Sqrt(max(gap, 0)))
		}
		w.note(distance(got, want)/long, fmt.Sprintf("case %d (%s, %d tasks)", i, c.Kind, len(c.A)))
	}
	t.Logf("%d compared, off by at most %.1e of the longest gradient: %s", w.cases, w.off, w.where)
	if w.off > 0.05 {
		t.Errorf("off by %v: %s", w.off, w.where)
	}
}

// TorchJD approaches the bargains G*w = w^-p by iterations that stop early. Ours
// solves the equation better, and where theirs solves it too both agree.
func TestBargainsAgreeWithTorchJD(t *testing.T) {
	cases := torchJDAnswers(t)
	for _, e := range []struct {
		answer  string
		method  string
		options map[string]any
		p       float64
	}{
		{"nash-mtl", "nash-mtl", map[string]any{"max_norm": 0.0}, 1},
		{"fairgrad 0.5", "fairgrad", map[string]any{"alpha": 0.5}, 2},
		{"fairgrad 1", "fairgrad", nil, 1},
		{"fairgrad 2", "fairgrad", map[string]any{"alpha": 2}, 0.5},
	} {
		t.Run(e.answer, func(t *testing.T) {
			var agree worst
			var offs []float64
			better := 0
			for i := range cases {
				c := &cases[i]
				want := c.rows(t, e.answer)
				if len(want) == 0 || !canImprove(c.A) {
					continue // no solution
				}
				g := newGram(len(c.A), Gram(c.A))
				w, err := makeBalancer(t, e.method, len(c.A), e.options).Weigh(stepOf(c.A, 0))
				if err != nil {
					t.Fatal(err)
				}
				if e.method == "nash-mtl" { // which stretches no gradients
					for j := range w.Shared {
						w.Shared[j] /= nashScale(g)
					}
				}
				ours, theirs := residual(g, w.Shared, e.p), residual(g, want[0], e.p)
				if ours <= theirs+1e-6 {
					better++
				} else {
					t.Errorf("case %d (%s): off by %v, theirs is off by %v", i, c.Kind, ours, theirs)
				}
				off := distance(w.Shared, want[0]) / length(want[0])
				offs = append(offs, off)
				if theirs < 1e-5 {
					agree.note(off, fmt.Sprintf("case %d (%s, %d tasks)", i, c.Kind, len(c.A)))
				}
			}
			sort.Float64s(offs)
			t.Logf("%d compared, ours solves better in %d, median distance %.1e; %d that theirs solves to 1e-5, off by at most %.1e: %s",
				len(offs), better, offs[len(offs)/2], agree.cases, agree.off, agree.where)
			if agree.off > 1e-3 || agree.cases < 20 {
				t.Errorf("%d that TorchJD solves, off by %v: %s", agree.cases, agree.off, agree.where)
			}
		})
	}
}

// residual is the largest |w_i^p (G w)_i - 1|.
func residual(g *gram, w []float64, p float64) float64 {
	along, most := g.times(w), 0.0
	for i, x := range w {
		most = max(most, math.Abs(along[i]*math.Pow(max(x, 0), p)-1))
	}
	return most
}

// Weights of losses over five steps, each of which ends an epoch.
func TestLossWeightsEqualTorchJD(t *testing.T) {
	cases := torchJDAnswers(t)
	for _, e := range []struct {
		answer  string
		method  string
		options map[string]any
	}{
		{"gls", "gls", nil},
		{"stch linear", "stch", map[string]any{"form": "linear", "mu": 0.5, "ideal": nil}},
		{"uncertainty", "uncertainty", map[string]any{"initial": 0, "lr": 0.01}},
		{"imtl-l", "imtl-l", map[string]any{"lr": 0.01}},
		{"famo", "famo", nil},
		{"dwa", "dwa", nil},
	} {
		t.Run(e.answer, func(t *testing.T) {
			var w worst
			for i := range cases {
				c := &cases[i]
				n := len(c.A)
				if e.answer == "stch linear" {
					ideal := map[string]any{}
					for _, name := range makeBalancer(t, "equal", n, nil).tasks {
						ideal[name] = 0.05
					}
					e.options["ideal"] = ideal
				}
				b := makeBalancer(t, e.method, n, e.options)
				for k, want := range c.rows(t, e.answer) {
					s := &Step{Number: k, Losses: c.Losses[k], After: c.After[k]}
					got, err := b.Weigh(s)
					if err != nil {
						t.Fatal(err)
					}
					if err := b.Learn(s); err != nil {
						t.Fatal(err)
					}
					if err := b.EndEpoch(s.Losses, nil); err != nil {
						t.Fatal(err)
					}
					w.note(distance(got.Shared, want)/length(want), fmt.Sprintf("case %d, step %d", i, k))
				}
			}
			t.Logf("%d compared, off by at most %.1e: %s", w.cases, w.off, w.where)
			if w.off > 1e-8 || w.cases < len(cases)/2 {
				t.Errorf("%d compared, off by %v: %s", w.cases, w.off, w.where)
			}
		})
	}
}

// Random weights are the softmax of normal draws.
func TestRandomWeightsAreTorchJDsOfTheSameDraws(t *testing.T) {
	for _, c := range torchJDAnswers(t) {
		draws, want := c.rows(t, "rlw draws"), c.rows(t, "rlw")
		for i := range want {
			if off := distance(softmax(draws[i]), want[i]); off > 1e-8 {
				t.Fatalf("softmax of %v is off by %v", draws[i], off)
			}
		}
	}
	b := makeBalancer(t, "rlw", 3, nil)
	mean := make([]float64, 3)
	var first []float64
	for number := range 3000 {
		w, err := b.Weigh(&Step{Number: number})
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range w.Shared {
			mean[i] += x / 3000
		}
		if number == 0 {
			first = w.Shared
		}
	}
	again, err := makeBalancer(t, "rlw", 3, nil).Weigh(&Step{Number: 0})
	if err != nil || !slices.Equal(first, again.Shared) {
		t.Errorf("step 0 draws %v and then %v", first, again.Shared)
	}
	for _, x := range mean {
		if math.Abs(x-1.0/3) > 0.02 {
			t.Errorf("mean weights %v are not a third each", mean)
		}
	}
}
