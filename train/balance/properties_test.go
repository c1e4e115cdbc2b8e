package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// kinds are the matrices of gradients that every method meets: named by what is
// special about them.
var kinds = []struct {
	name string
	// regular: no gradient is 0, and none depend on one another.
	regular bool
	draw    func(random *rand.Rand, n, size int) [][]float32
}{
	{"conflicting", true, func(random *rand.Rand, n, size int) [][]float32 {
		rows := normalRows(random, n, size)
		for i := 1; i < n; i += 2 { // against its neighbour, but for some noise
			for k := range rows[i] {
				rows[i][k] = 0.5*rows[i][k] - rows[i-1][k]
			}
		}
		return rows
	}},
	{"aligned", true, func(random *rand.Rand, n, size int) [][]float32 {
		rows := normalRows(random, n, size)
		for _, r := range rows {
			for k := range r {
				r[k] = max(r[k], -r[k])
			}
		}
		return rows
	}},
	{"badly scaled", true, func(random *rand.Rand, n, size int) [][]float32 {
		rows := normalRows(random, n, size)
		for _, r := range rows {
			scale := float32(math.Pow(10, 6*random.Float64()-3))
			for k := range r {
				r[k] *= scale
			}
		}
		return rows
	}},
	{"dependent", false, func(random *rand.Rand, n, size int) [][]float32 {
		base := wholeRows(random, (n+1)/2, size) // whole numbers: exactly dependent
		rows := make([][]float32, n)
		for i := range rows {
			rows[i] = make([]float32, size)
			for _, b := range base {
				f := float32(random.IntN(5) - 2)
				for k := range b {
					rows[i][k] += f * b[k]
				}
			}
		}
		return rows
	}},
	{"equal", false, func(random *rand.Rand, n, size int) [][]float32 {
		row := normalRows(random, 1, size)[0]
		rows := make([][]float32, n)
		for i := range rows {
			rows[i] = slices.Clone(row)
		}
		return rows
	}},
	{"opposite", false, func(random *rand.Rand, n, size int) [][]float32 {
		rows := normalRows(random, n, size)
		if n > 1 {
			for k, x := range rows[0] {
				rows[1][k] = -x
			}
		}
		return rows
	}},
	{"one zero", false, func(random *rand.Rand, n, size int) [][]float32 {
		rows := normalRows(random, n, size)
		clear(rows[random.IntN(n)])
		return rows
	}},
	{"all zero", false, func(_ *rand.Rand, n, size int) [][]float32 {
		return normalRows(nil, n, size)
	}},
	{"tiny", true, func(random *rand.Rand, n, size int) [][]float32 {
		rows := normalRows(random, n, size)
		for _, r := range rows {
			for k := range r {
				r[k] *= 1e-18
			}
		}
		return rows
	}},
	{"huge", true, func(random *rand.Rand, n, size int) [][]float32 {
		rows := normalRows(random, n, size)
		for _, r := range rows {
			for k := range r {
				r[k] *= 1e18
			}
		}
		return rows
	}},
}

func normalRows(random *rand.Rand, n, size int) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = make([]float32, size)
		for k := range rows[i] {
			if random != nil {
				rows[i][k] = float32(random.NormFloat64())
			}
		}
	}
	return rows
}

func wholeRows(random *rand.Rand, n, size int) [][]float32 {
	rows := make([][]float32, n)
	for i := range rows {
		rows[i] = make([]float32, size)
		for k := range rows[i] {
			rows[i][k] = float32(random.IntN(9) - 4)
		}
	}
	return rows
}

// example is one matrix of gradients.
type example struct {
	name    string
	regular bool
	rows    [][]float32
}

// examples draws some of each kind, of 1 to 10 tasks.
func examples(each int) []example {
	random := rand.New(rand.NewPCG(11, 12))
	var all []example
	for _, k := range kinds {
		for i := range each {
			n := 1 + (i+random.IntN(2))%10
			all = append(all, example{fmt.Sprintf("%s %d, %d tasks", k.name, i, n), k.regular, k.draw(random, n, n+random.IntN(20))})
		}
	}
	return all
}

// makeBalancer returns a method for n tasks.
func makeBalancer(t *testing.T, name string, n int, options map[string]any) *Balancer {
	t.Helper()
	tasks := make([]string, n)
	for i := range tasks {
		tasks[i] = fmt.Sprint("task", i)
	}
	b, err := New(Config{Method: name, Tasks: tasks, Seed: 7, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// stepOf is a step with everything that any method needs.
func stepOf(rows [][]float32, number int) *Step {
	s := &Step{Number: number, Rows: rows, Cross: Gram(rows), Direction: make([]float32, len(rows[0]))}
	for i := range rows {
		s.Losses = append(s.Losses, 0.1+float64(i))
		s.After = append(s.After, 0.05+float64(i))
	}
	return s
}

// directionOf is what the shared parameters follow, in float64 where there are
// weights.
func directionOf(t *testing.T, b *Balancer, s *Step) []float64 {
	t.Helper()
	w, err := b.Weigh(s)
	if err != nil {
		t.Fatalf("%s: %v", b.Method().Name, err)
	}
	d := make([]float64, len(s.Rows[0]))
	for k := range d {
		if w.Shared == nil {
			d[k] = float64(s.Direction[k])
			continue
		}
		for i, r := range s.Rows {
			d[k] += w.Shared[i] * float64(r[k])
		}
	}
	return d
}

func length(d []float64) float64 { return math.Sqrt(dot(d, d)) }

func TestEveryMethodIsDefinedEverywhere(t *testing.T) {
	for _, m := range Methods() {
		t.Run(m.Name, func(t *testing.T) {
			for _, e := range examples(12) {
				b := makeBalancer(t, m.Name, len(e.rows), nil)
				for number := range 3 {
					s := stepOf(e.rows, number)
					if number == 1 {
						clear(s.Losses) // perfectly fitted tasks
						clear(s.After)
					}
					w, err := b.Weigh(s)
					if err != nil {
						t.Fatalf("%s: %v", e.name, err)
					}
					for _, x := range slices.Concat(w.Shared, w.Heads) {
						if math.IsNaN(x) || math.IsInf(x, 0) {
							t.Fatalf("%s: weights %v and %v", e.name, w.Shared, w.Heads)
						}
					}
					for _, x := range s.Direction {
						if x != x || math.IsInf(float64(x), 0) {
							t.Fatalf("%s: direction %v", e.name, s.Direction)
						}
					}
					if err := b.Learn(s); err != nil {
						t.Fatalf("%s: %v", e.name, err)
					}
					if err := b.EndEpoch(s.Losses, nil); err != nil {
						t.Fatalf("%s: %v", e.name, err)
					}
				}
			}
		})
	}
}

// exact are the options with which a method that claims a property has it to
// rounding errors.
var exact = map[string]map[string]any{
	"upgrad":   {"reg_eps": 0.0},
	"dualproj": {"reg_eps": 0.0},
	"nash-mtl": {"max_norm": 0.0},
	"cagrad":   {"c": 1.0},
}

// canImprove reports whether some direction improves all tasks whose gradient
// is not 0, by more than rounding errors.
func canImprove(rows [][]float32) bool {
	var moving [][]float32
	for _, r := range rows {
		if squares(r) > 0 {
			moving = append(moving, r)
		}
	}
	if len(moving) == 0 {
		return false
	}
	units, _ := newGram(len(moving), Gram(moving)).cosines()
	return units.square(minNorm(units)) > 1e-4
}

// CAGrad does not conflict from a radius of 1 on.
func TestNonConflictingMethodsAre(t *testing.T) {
	for _, m := range Methods() {
		if !m.Claims.NonConflicting && m.Name != "cagrad" {
			continue
		}
		for _, e := range examples(40) {
			switch m.Name {
			case "cagrad", "nash-mtl", "fairgrad": // whose problems have no solution there
				if !canImprove(e.rows) {
					continue
				}
			}
			d := directionOf(t, makeBalancer(t, m.Name, len(e.rows), exact[m.Name]), stepOf(e.rows, 0))
			for i, r := range e.rows {
				along, size := 0.0, 0.0
				for k, x := range r {
					along += d[k] * float64(x)
					size += float64(x) * float64(x)
				}
				if along < -1e-6*math.Sqrt(size)*(length(d)+1e-6*longest(e.rows)) {
					t.Errorf("%s, %s: the direction's cosine with task %d is %v", m.Name, e.name, i, along/math.Sqrt(size)/length(d))
				}
			}
		}
	}
}

func TestSymmetricMethodsAre(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	for _, m := range Methods() {
		if !m.Claims.Symmetric {
			continue
		}
		for _, e := range examples(20) {
			d := directionOf(t, makeBalancer(t, m.Name, len(e.rows), exact[m.Name]), stepOf(e.rows, 0))
			shuffled := slices.Clone(e.rows)
			random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			again := directionOf(t, makeBalancer(t, m.Name, len(e.rows), exact[m.Name]), stepOf(shuffled, 0))
			if off := distance(d, again); off > 1e-6*(length(d)+1e-30) && off > 1e-7*longest(e.rows) {
				t.Errorf("%s, %s: in another order %v instead of %v", m.Name, e.name, again, d)
			}
		}
	}
}

func distance(a, b []float64) float64 {
	total := 0.0
	for k := range a {
		total += (a[k] - b[k]) * (a[k] - b[k])
	}
	return math.Sqrt(total)
}

func longest(rows [][]float32) float64 {
	most := 0.0
	for _, r := range rows {
		most = max(most, math.Sqrt(squares(r)))
	}
	return most
}

// Gradients that are c times as long, c = 2*c1 + 3*c2.
func TestLinearMethodsAre(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 16))
	for _, m := range Methods() {
		if !m.Claims.Linear {
			continue
		}
		for _, e := range examples(20) {
			if !e.regular {
				continue
			}
			of := func(c []float64) []float64 {
				rows := make([][]float32, len(e.rows))
				for i, r := range e.rows {
					rows[i] = make([]float32, len(r))
					for k, x := range r {
						rows[i][k] = float32(c[i] * float64(x))
					}
				}
				return directionOf(t, makeBalancer(t, m.Name, len(rows), exact[m.Name]), stepOf(rows, 0))
			}
			n := len(e.rows)
			c1, c2, c := make([]float64, n), make([]float64, n), make([]float64, n)
			for i := range c {
				// Powers of two and their sums change no bits of the elements.
				c1[i], c2[i] = float64(int(1)<<random.IntN(3)), float64(int(1)<<random.IntN(3))
				c[i] = c1[i] + c2[i]
			}
			d1, d2, d := of(c1), of(c2), of(c)
			for k := range d1 {
				d1[k] += d2[k]
			}
			if off := distance(d, d1); off > 1e-5*longest(e.rows) {
				t.Errorf("%s, %s: not linear by %v of %v", m.Name, e.name, off, length(d))
			}
		}
	}
}

// Gradients that all have a part of at least 0 along one direction, and one
// more than 0, cannot be combined to 0 with weights above 0.
func TestStationaryMethodsStopOnlyWhereTheyShould(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 18))
	for _, m := range Methods() {
		if !m.Claims.Stationary {
			continue
		}
		for range 100 {
			n := 2 + random.IntN(5)
			rows := normalRows(random, n, n+2)
			for i := range rows {
				rows[i][0] = 0
				if i == 0 {
					rows[i][0] = 0.5
				}
			}
			for k := 1; k < len(rows[0]); k++ { // the rest can be combined to 0
				rows[n-1][k] = 0
				for i := range n - 1 {
					rows[n-1][k] -= rows[i][k]
				}
			}
			d := directionOf(t, makeBalancer(t, m.Name, n, exact[m.Name]), stepOf(rows, 0))
			if length(d) < 1e-3 {
				t.Errorf("%s stops at %v, which is not stationary: %v", m.Name, rows, d)
			}
		}
	}
}

// The weights are the same whether the Gram matrix is given or the rows.
func TestGramAndRowsAgree(t *testing.T) {
	for _, m := range Methods() {
		if !m.Needs.Gram {
			continue
		}
		for _, e := range examples(20) {
			if !e.regular {
				continue
			}
			n := len(e.rows)
			byRows, err := makeBalancer(t, m.Name, n, nil).Weigh(stepOf(e.rows, 3))
			if err != nil {
				t.Fatal(err)
			}
			s := stepOf(e.rows, 3)
			s.Gram = make([]float64, n*n)
			for i := range n {
				for j := range n {
					s.Gram[i*n+j] = naiveDot(e.rows[i], e.rows[j])
				}
			}
			s.Rows = nil
			byGram, err := makeBalancer(t, m.Name, n, nil).Weigh(s)
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				if math.Abs(byRows.Shared[i]-byGram.Shared[i]) > 1e-8*(math.Abs(byRows.Shared[i])+1) {
					t.Errorf("%s, %s: %v by rows, %v by their products", m.Name, e.name, byRows.Shared, byGram.Shared)
					break
				}
			}
		}
	}
}

// A step without some task is weighed as if the task did not exist, and what is
// remembered of it rests.
func TestAbsentTasksDoNotExist(t *testing.T) {
	random := rand.New(rand.NewPCG(19, 20))
	for _, m := range Methods() {
		if m.Name == "rlw" {
			continue // whose draws are the tasks' own, see below
		}
		all, two := makeBalancer(t, m.Name, 3, nil), makeBalancer(t, m.Name, 2, nil)
		for number := range 5 {
			rows := normalRows(random, 3, 8)
			without := [][]float32{rows[0], rows[2]}
			s, small := stepOf(rows, number), stepOf(without, number)
			small.Losses, small.After = []float64{s.Losses[0], s.Losses[2]}, []float64{s.After[0], s.After[2]}
			s.Present = []bool{true, false, true}
			s.Rows[1], s.Losses[1], s.After[1] = nil, math.NaN(), math.NaN()
			for i := range 3 {
				s.Cross[i*3+1], s.Cross[3+i] = math.NaN(), math.NaN()
			}
			w, err := all.Weigh(s)
			if err != nil {
				t.Fatalf("%s: %v", m.Name, err)
			}
			want, err := two.Weigh(small)
			if err != nil {
				t.Fatalf("%s: %v", m.Name, err)
			}
			check := func(what string, got, want []float64) {
				for i, x := range []float64{want[0], 0, want[1]} {
					if math.Abs(got[i]-x) > 1e-12*(1+math.Abs(x)) {
						t.Fatalf("%s, step %d: %s %v, without the task they are %v", m.Name, number, what, got, want)
					}
				}
			}
			if w.Shared != nil {
				check("weights", w.Shared, want.Shared)
			} else if !slices.Equal(s.Direction, small.Direction) {
				t.Fatalf("%s, step %d: direction %v, without the task %v", m.Name, number, s.Direction, small.Direction)
			}
			check("heads", w.Heads, want.Heads)
			for b, s := range map[*Balancer]*Step{all: s, two: small} {
				if err := b.Learn(s); err != nil {
					t.Fatal(err)
				}
				if err := b.EndEpoch(s.Losses, s.Present); err != nil {
					t.Fatal(err)
				}
			}
		}
		if w, err := all.Weigh(&Step{Present: make([]bool, 3), Rows: make([][]float32, 3), Losses: make([]float64, 3), Cross: make([]float64, 9)}); err != nil || sum(w.Heads) != 0 {
			t.Errorf("%s with no task at all: %v, %v", m.Name, w, err)
		}
	}
}

// Random weights of the tasks that are present keep their ratios.
func TestRandomWeightsDoNotDependOnWhoIsThere(t *testing.T) {
	b := makeBalancer(t, "rlw", 3, nil)
	all, err := b.Weigh(&Step{Number: 4})
	if err != nil {
		t.Fatal(err)
	}
	some, err := b.Weigh(&Step{Number: 4, Present: []bool{true, false, true}})
	if err != nil {
		t.Fatal(err)
	}
	if off := some.Shared[0]/some.Shared[2] - all.Shared[0]/all.Shared[2]; math.Abs(off) > 1e-12 || some.Shared[1] != 0 {
		t.Errorf("weights %v of all, %v of two", all.Shared, some.Shared)
	}
}

// A balancer that is given another's state goes on to the same bits.
func TestStateIsAllThatMatters(t *testing.T) {
	for _, m := range Methods() {
		options := map[string]any{}
		if m.Heads != "" && !m.Needs.Direction {
			options["smooth"] = 0.9
		}
		random := rand.New(rand.NewPCG(21, 22))
		straight := makeBalancer(t, m.Name, 4, options)
		var resumed *Balancer
		for number := range 12 {
			s := stepOf(normalRows(random, 4, 33), number)
			for i := range s.Losses {
				s.Losses[i], s.After[i] = random.Float64(), random.Float64()
			}
			if number == 5 {
				resumed = makeBalancer(t, m.Name, 4, options)
				if err := resumed.Restore(straight.State()); err != nil {
					t.Fatal(err)
				}
			}
			w, err := straight.Weigh(s)
			if err != nil {
				t.Fatal(err)
			}
			d := slices.Clone(s.Direction)
			if resumed != nil {
				again, err := resumed.Weigh(s)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(w.Shared, again.Shared) || !slices.Equal(w.Heads, again.Heads) || !slices.Equal(d, s.Direction) {
					t.Fatalf("%s, step %d: %v resumed, %v straight on", m.Name, number, again, w)
				}
			}
			for _, b := range []*Balancer{straight, resumed} {
				if b == nil {
					continue
				}
				if err := b.Learn(s); err != nil {
					t.Fatal(err)
				}
				if number%2 == 1 {
					if err := b.EndEpoch(s.Losses, nil); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}

func TestAStateThatDoesNotFitIsRefused(t *testing.T) {
	three, two := makeBalancer(t, "uncertainty", 3, nil), makeBalancer(t, "uncertainty", 2, nil)
	for _, c := range []struct {
		to    *Balancer
		state State
		want  string
	}{
		{two, three.State(), `balance: "adam.first" of the state has 3 numbers, uncertainty over 2 tasks has 2: it was written with other tasks`},
		{makeBalancer(t, "dwa", 2, nil), two.State(), `balance: the state lacks "before", which dwa goes on from: it was written with another method or other options`},
		{makeBalancer(t, "equal", 2, nil), two.State(), `balance: the state has "adam.first", which equal does not know: it was written with another method or other options`},
	} {
		if err := c.to.Restore(c.state); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}
