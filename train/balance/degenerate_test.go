package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// degenerate says what a method does where gradients coincide, cancel each
// other or vanish. docs/balancing.md says the same in words.
type degenerate struct {
	// equal is what n gradients g of length 1 that are equal make: this many
	// times g.
	equal func(n int) float64
	// bound is what no direction is longer than; nil: there is none.
	bound func(rows [][]float32) float64
	// rest says that two opposite gradients of one length make 0.
	rest bool
	// stops says that the direction is 0 beside a zero gradient, shrinks that
	// it is as short as the shortest gradient.
	stops, shrinks bool
	// walks says that the weights move by steps of a size of their own, which
	// may go anywhere on the simplex where gradients cancel.
	walks bool
	// power is how the direction's length follows that of all gradients: 1 in
	// proportion, 0 not at all.
	power func(scale float64) float64
}

func times(f float64) func(int) float64 { return func(n int) float64 { return f * float64(n) } }

func once(int) float64 { return 1 }

func proportional(scale float64) float64 { return scale }

func constant(float64) float64 { return 1 }

// total is the sum of the gradients' lengths.
func total(rows [][]float32) float64 {
	sum := 0.0
	for _, r := range rows {
		sum += math.Sqrt(squares(r))
	}
	return sum
}

func meanLength(rows [][]float32) float64 { return total(rows) / float64(len(rows)) }

// fold is a bound that is some times another.
func fold(f float64, bound func([][]float32) float64) func([][]float32) float64 {
	return func(rows [][]float32) float64 { return f * bound(rows) }
}

func manyTimes(bound func([][]float32) float64) func([][]float32) float64 {
	return func(rows [][]float32) float64 { return float64(len(rows)) * bound(rows) }
}

// rootOfTasks is the length of bargains.
func rootOfTasks(rows [][]float32) float64 { return math.Sqrt(float64(len(rows))) }

// shortened is the length of Nash-MTL's: that of a bargain over G divided by its
// norm, up to max_norm.
func shortened(rows [][]float32) float64 { return min(1, bargained(rows)) }

// bargained is that length without max_norm.
func bargained(rows [][]float32) float64 {
	return rootOfTasks(rows) * min(1, math.Sqrt(length(Gram(rows))))
}

// atDegenerate is the table, by method. Methods on losses weigh all gradients
// alike, whatever they are, and have their weights of the test's losses.
var atDegenerate = map[string]degenerate{
	"equal":       {equal: times(1), bound: total, rest: true, power: proportional},
	"fixed":       {equal: times(1), bound: total, rest: true, power: proportional},
	"rlw":         {equal: once, bound: longest, power: proportional},
	"uncertainty": {equal: times(math.Exp(0.5) / 2), bound: total, rest: true, power: proportional},
	"uw-so":       {equal: once, bound: longest, power: proportional},
	"imtl-l":      {equal: times(1), bound: total, rest: true, power: proportional},
	"dwa":         {equal: times(1), bound: total, rest: true, power: proportional},
	"gls":         {bound: fold(10, total), power: proportional},
	"stch":        {bound: fold(10, total), power: proportional},
	"famo":        {equal: once, bound: longest, power: proportional},

	"gradnorm":    {equal: times(1), bound: total, rest: true, power: proportional},
	"mgda":        {equal: once, bound: longest, rest: true, stops: true, shrinks: true, power: proportional},
	"pcgrad":      {equal: times(1), bound: manyTimes(total), rest: true, power: proportional},
	"gradvac":     {equal: times(1), bound: manyTimes(total), rest: true, power: proportional},
	"graddrop":    {equal: times(1), bound: total, power: proportional},
	"cagrad":      {equal: func(int) float64 { return 1.5 / 1.25 }, bound: fold(1.5/1.25, meanLength), rest: true, power: proportional},
	"imtl-g":      {equal: once, rest: true, shrinks: true, power: proportional},
	"nash-mtl":    {equal: once, bound: shortened, rest: true},
	"fairgrad":    {equal: func(n int) float64 { return math.Sqrt(float64(n)) }, bound: rootOfTasks, rest: true, power: constant},
	"aligned-mtl": {equal: once, bound: longest, rest: true, shrinks: true, power: proportional},
	"upgrad":      {equal: once, bound: total, rest: true, power: proportional},
	"dualproj":    {equal: once, bound: meanLength, rest: true, power: proportional},
	"config":      {equal: times(1), bound: total, rest: true, power: proportional},
	"db-mtl":      {bound: manyTimes(fold(10, longest)), power: proportional},
	"moco":        {power: constant},
	"excess-mtl":  {equal: times(1), bound: total, rest: true, power: proportional},
	"modo":        {equal: once, bound: longest, walks: true},
	"sdmgrad":     {equal: once, bound: longest, walks: true},
}

// direction is a vector of length 1.
func direction(random *rand.Rand, size int) []float32 {
	r := normalRows(random, 1, size)[0]
	f := float32(1 / math.Sqrt(squares(r)))
	for k := range r {
		r[k] *= f
	}
	return r
}

// shaken is what rounding makes of the rows: each element is off by some
// epsilons of float32.
func shaken(random *rand.Rand, rows [][]float32) [][]float32 {
	out := make([][]float32, len(rows))
	for i, r := range rows {
		out[i] = make([]float32, len(r))
		for k, x := range r {
			out[i][k] = x * float32(1+8*epsilon32*random.NormFloat64())
		}
	}
	return out
}

func scaledRows(rows [][]float32, f float64) [][]float32 {
	out := make([][]float32, len(rows))
	for i, r := range rows {
		out[i] = make([]float32, len(r))
		for k, x := range r {
			out[i][k] = float32(f * float64(x))
		}
	}
	return out
}

// degenerateRows are n gradients with something special about them.
var degenerateRows = []struct {
	name string
	draw func(random *rand.Rand, n, size int) [][]float32
}{
	{"equal", equalRows},
	{"opposite", func(random *rand.Rand, n, size int) [][]float32 {
		rows := units(random, n, size)
		rows[1] = scaledRows(rows[:1], -1)[0]
		return rows
	}},
	{"opposite of two lengths", func(random *rand.Rand, n, size int) [][]float32 {
		rows := units(random, n, size)
		rows[1] = scaledRows(rows[:1], -2)[0]
		return rows
	}},
	{"all on one line", func(random *rand.Rand, n, size int) [][]float32 {
		rows := equalRows(random, n, size)
		for i := range rows {
			rows[i] = scaledRows(rows[i:i+1], float64(1+i)*float64(1-2*(i%2)))[0]
		}
		return rows
	}},
	{"sum of 0", func(random *rand.Rand, n, size int) [][]float32 {
		rows := units(random, n, size)
		clear(rows[n-1])
		for _, r := range rows[:n-1] {
			for k, x := range r {
				rows[n-1][k] -= x
			}
		}
		return rows
	}},
	{"one zero", func(random *rand.Rand, n, size int) [][]float32 {
		rows := units(random, n, size)
		clear(rows[n-1])
		return rows
	}},
	{"equal and one zero", func(random *rand.Rand, n, size int) [][]float32 {
		rows := equalRows(random, n, size)
		clear(rows[n-1])
		return rows
	}},
	{"one tiny", func(random *rand.Rand, n, size int) [][]float32 {
		rows := units(random, n, size)
		rows[n-1] = scaledRows(rows[n-1:], 1e-6)[0]
		return rows
	}},
	{"all zero", func(_ *rand.Rand, n, size int) [][]float32 { return normalRows(nil, n, size) }},
}

func units(random *rand.Rand, n, size int) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = direction(random, size)
	}
	return rows
}

func equalRows(random *rand.Rand, n, size int) [][]float32 {
	rows := units(random, 1, size)
	for len(rows) < n {
		rows = append(rows, slices.Clone(rows[0]))
	}
	return rows
}

// routes returns the direction of a first step, by the rows and, where the
// method reads no more of them, by their inner products.
func routes(t *testing.T, method string, options map[string]any, rows [][]float32) [][]float64 {
	t.Helper()
	b := makeBalancer(t, method, len(rows), options)
	of := [][]float64{directionOf(t, b, stepOf(rows, 0))}
	if !b.Needs().Gram || b.Needs().Rows {
		return of
	}
	b = makeBalancer(t, method, len(rows), options)
	s := stepOf(rows, 0)
	s.Gram, s.Rows = make([]float64, 0, len(rows)*len(rows)), nil
	for _, r := range rows {
		for _, q := range rows {
			s.Gram = append(s.Gram, naiveDot(r, q))
		}
	}
	w, err := b.Weigh(s)
	if err != nil {
		t.Fatal(err)
	}
	d := make([]float64, len(rows[0]))
	for i, r := range rows {
		for k, x := range r {
			d[k] += w.Shared[i] * float64(x)
		}
	}
	return append(of, d)
}

// everyDegenerate calls f for every method of the table with 2, 3 and 8 tasks.
func everyDegenerate(t *testing.T, f func(t *testing.T, m Method, of degenerate, n int, random *rand.Rand)) {
	t.Helper()
	for _, m := range Methods() {
		of, ok := atDegenerate[m.Name]
		if !ok {
			t.Errorf("%s: the table does not say what it does", m.Name)
			continue
		}
		for _, n := range []int{2, 3, 8} {
			t.Run(fmt.Sprint(m.Name, " ", n), func(t *testing.T) { f(t, m, of, n, rand.New(rand.NewPCG(61, uint64(n)))) })
		}
	}
}

// Rounding errors of the rows decide nothing: shaken anew they make the same
// direction, which is of finite numbers and within its bound.
func TestRoundingErrorsDecideNothing(t *testing.T) {
	everyDegenerate(t, func(t *testing.T, m Method, of degenerate, n int, random *rand.Rand) {
		for _, kind := range degenerateRows {
			for _, scale := range []float64{1, 1e-6, 1e6} {
				rows := scaledRows(kind.draw(random, n, 40), scale)
				measure := steadiness{method: m.Name, bound: of.bound, walks: of.walks}
				measure.check(t, kind.name, random, rows)
				for _, o := range others[m.Name] {
					measure := steadiness{method: m.Name, options: o.options, bound: o.bound, size: o.size}
					measure.check(t, fmt.Sprint(kind.name, ", ", o.options), random, rows)
				}
			}
		}
	})
}

// others are options beside the default that change what a method does, with
// their bounds or, where there is none, what rounding errors are measured by.
// Exact projections (upgrad and dualproj with reg_eps 0) are not
// among them: of opposite gradients they keep what does not conflict with the
// rounding errors either.
var others = map[string][]struct {
	options     map[string]any
	bound, size func(rows [][]float32) float64
}{
	"mgda": {{options: map[string]any{"normalize": "l2"}, bound: func([][]float32) float64 { return 1 }}},
	"cagrad": {
		{options: map[string]any{"c": 0.0}, bound: meanLength},
		{options: map[string]any{"c": 0.9}, bound: fold(1.9/1.81, meanLength)},
		{options: map[string]any{"c": 1.0}, bound: meanLength},
		{options: map[string]any{"c": 10.0}, bound: fold(11/101.0, meanLength)},
	},
	"nash-mtl":    {{options: map[string]any{"max_norm": 0.0}, bound: bargained}},
	"fairgrad":    {{options: map[string]any{"alpha": 0.5}, size: fair(2)}, {options: map[string]any{"alpha": 2.0}, size: fair(0.5)}},
	"aligned-mtl": {{options: map[string]any{"scale": "median"}, bound: total}, {options: map[string]any{"scale": "rmse"}, bound: total}},
	"config":      {{options: map[string]any{"preference": map[string]any{"task0": 2.0}}, bound: total}},
}

// fair is the size of a bargain G*w = w^-p over gradients that do not conflict.
func fair(p float64) func([][]float32) float64 {
	return func(rows [][]float32) float64 {
		most := 0.0
		for _, r := range rows {
			if l := math.Sqrt(squares(r)); l > 0 {
				most = max(most, math.Pow(l, (p-1)/(p+1)))
			}
		}
		return float64(len(rows)) * most
	}
}

// steadiness is what a method's directions of shaken rows are held against.
type steadiness struct {
	method      string
	options     map[string]any
	bound, size func(rows [][]float32) float64
	walks       bool
}

// check shakes the rows and compares the directions.
func (s *steadiness) check(t *testing.T, what string, random *rand.Rand, rows [][]float32) {
	t.Helper()
	var first []float64
	for try := range 3 {
		now := rows
		if try > 0 {
			now = shaken(random, rows)
		}
		size := longest(now)
		for _, of := range []func([][]float32) float64{s.bound, s.size} {
			if of != nil {
				size = max(size, of(now))
			}
		}
		for _, d := range routes(t, s.method, s.options, now) {
			if bad(length(d)) {
				t.Fatalf("%s: %v", what, d)
			}
			if s.bound != nil && length(d) > 1.001*s.bound(now) {
				t.Errorf("%s, longest gradient %v: a direction of length %v, its bound is %v", what, longest(now), length(d), s.bound(now))
			}
			if first == nil {
				first = d
			}
			if off := distance(d, first); !s.walks && off > 0.01*max(length(first), length(d)) && off > 0.004*size {
				t.Errorf("%s, longest gradient %v: rounding errors move the direction by %v of %v", what, longest(now), off, length(first))
			}
		}
	}
}

// Equal gradients, to rounding errors or exactly, make the gradient times what
// the table says.
func TestEqualGradientsMakeTheGradient(t *testing.T) {
	everyDegenerate(t, func(t *testing.T, m Method, of degenerate, n int, random *rand.Rand) {
		if of.equal == nil {
			return
		}
		rows := equalRows(random, n, 40)
		want := make([]float64, 40)
		for k, x := range rows[0] {
			want[k] = of.equal(n) * float64(x)
		}
		for _, now := range [][][]float32{rows, shaken(random, rows)} {
			for _, d := range routes(t, m.Name, nil, now) {
				if off := distance(d, want); off > 1e-3*length(want) {
					t.Errorf("length %v and %v off, want %v times the gradient", length(d), off, of.equal(n))
				}
			}
		}
	})
}

// Two opposite gradients of one length make nothing, or rounding errors.
func TestOppositeGradientsRest(t *testing.T) {
	for _, m := range Methods() {
		random := rand.New(rand.NewPCG(63, 64))
		of := atDegenerate[m.Name]
		rows := units(random, 1, 40)
		rows = append(rows, scaledRows(rows, -1)[0])
		for _, now := range [][][]float32{rows, shaken(random, rows), shaken(random, rows)} {
			for _, d := range routes(t, m.Name, nil, now) {
				if of.rest && length(d) > 0.002 {
					t.Errorf("%s: a direction of length %v", m.Name, length(d))
				}
			}
		}
	}
}

// A zero gradient does not stop the other tasks, nor does a tiny one, but where
// the method's definition says so.
func TestZeroGradientsStopNobody(t *testing.T) {
	everyDegenerate(t, func(t *testing.T, m Method, of degenerate, n int, random *rand.Rand) {
		for _, tiny := range []float64{0, 1e-30, 1e-6} {
			rows := units(random, n, 40)
			for i := range rows { // which agree
				for k, x := range rows[i] {
					rows[i][k] = max(x, -x)
				}
			}
			rows[n-1] = scaledRows(rows[n-1:], tiny)[0]
			for _, d := range routes(t, m.Name, nil, rows) {
				size := length(d)
				switch {
				case tiny == 0 && of.stops, tiny == 1e-30 && of.stops:
					if size > 1e-9 {
						t.Errorf("beside %v a direction of length %v, the table says that it stops", tiny, size)
					}
				case tiny > 0 && of.shrinks && !(tiny == 1e-30 && m.Name == "aligned-mtl"):
					if size > 100*tiny {
						t.Errorf("beside a gradient of length %v a direction of length %v, the table says that it is as short", tiny, size)
					}
				case size < 0.02:
					t.Errorf("beside a gradient of length %v a direction of length %v", tiny, size)
				}
			}
		}
	})
}

// All gradients longer or shorter: the direction follows as the table says.
func TestLengthsOfDirectionsFollowThoseOfGradients(t *testing.T) {
	everyDegenerate(t, func(t *testing.T, m Method, of degenerate, n int, random *rand.Rand) {
		if of.power == nil {
			return
		}
		rows := units(random, n, 40)
		want := length(routes(t, m.Name, nil, rows)[0])
		for _, scale := range []float64{1e-3, 1e3} {
			for _, d := range routes(t, m.Name, nil, scaledRows(rows, scale)) {
				if f := length(d) / want / of.power(scale); math.Abs(f-1) > 0.01 {
					t.Errorf("gradients %v times as long make a direction %v times as long", scale, length(d)/want)
				}
			}
		}
	})
}

// Gradients at right angles: what the methods say is left of them.
func TestWhatIsLeftAtRightAngles(t *testing.T) {
	rows := [][]float32{{3, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 2, 0}}
	for _, m := range Methods() {
		if (m.RightAngles != "") != (m.Needs.Gram && !m.Needs.Losses) {
			t.Errorf("%s: says %q", m.Name, m.RightAngles)
		}
		want, ok := map[string]float64{plainSum: 1, plainMean: 1.0 / 3}[m.RightAngles]
		if !ok {
			continue
		}
		b := makeBalancer(t, m.Name, 3, nil)
		for number := range 3 {
			w, err := b.Weigh(stepOf(rows, number))
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range w.Shared {
				if math.Abs(x-want) > 1e-12 {
					t.Errorf("%s: weights %v, want %v", m.Name, w.Shared, want)
				}
			}
		}
	}
}
