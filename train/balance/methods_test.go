package balance

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// derivatives are central differences of f by each of the losses.
func derivatives(f func(l []float64) float64, at []float64) []float64 {
	d := make([]float64, len(at))
	for i := range at {
		const h = 1e-5
		up, down := slices.Clone(at), slices.Clone(at)
		up[i] += h
		down[i] -= h
		d[i] = (f(up) - f(down)) / (2 * h)
	}
	return d
}

// What a method on losses weighs by is the derivative of what it minimises.
func TestLossWeightsAreDerivatives(t *testing.T) {
	losses := []float64{0.7, 2.5, 0.31}
	nadir := []float64{1.5, 2, 0.4}
	logs := func(l []float64) float64 { return math.Log(l[0]) + math.Log(l[1]) + math.Log(l[2]) }
	smoothMaximum := func(l []float64) float64 {
		total := 0.0
		for i, x := range l {
			total += math.Exp(math.Log(x/nadir[i]) / 0.5)
		}
		return 3 * 0.5 * math.Log(total)
	}
	for _, c := range []struct {
		name    string
		method  string
		options map[string]any
		epochs  int // ended before, the last with the nadir for its mean losses
		f       func(l []float64) float64
	}{
		{"geometric mean", "gls", nil, 0, func(l []float64) float64 { return math.Cbrt(l[0] * l[1] * l[2]) }},
		{"warm-up", "stch", nil, 0, logs},
		{"warm-up's last epoch", "stch", map[string]any{"warmup": 2}, 2, logs},
		{"smooth maximum", "stch", map[string]any{"warmup": 2, "mu": 0.5}, 3, smoothMaximum},
		{"uncertainty", "uncertainty", nil, 0, func(l []float64) float64 { return sum(l) * math.Exp(0.5) / 2 }},
	} {
		b := makeBalancer(t, c.method, 3, c.options)
		for range c.epochs {
			if err := b.EndEpoch(nadir, nil); err != nil {
				t.Fatal(err)
			}
		}
		w, err := b.Weigh(&Step{Losses: losses})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(derivatives(c.f, losses), w.Shared, cmpopts.EquateApprox(1e-7, 0)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// Learned scalars settle where their loss has its minimum: s = log L for
// uncertainty, s = -log L for IMTL-L, so that both weigh by 1/L.
func TestLearnedScalarsSettleAtTheirOptimum(t *testing.T) {
	losses := []float64{0.2, 1, 6}
	for method, share := range map[string]float64{"uncertainty": 0.5, "imtl-l": 1} {
		b := makeBalancer(t, method, 3, map[string]any{"lr": 0.02})
		for number := range 3000 {
			if err := b.Learn(&Step{Number: number, Losses: losses}); err != nil {
				t.Fatal(err)
			}
		}
		w, err := b.Weigh(&Step{})
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range losses {
			if math.Abs(w.Shared[i]*l-share) > 1e-3 {
				t.Errorf("%s: weight %v at loss %v, want %v", method, w.Shared[i], l, share/l)
			}
		}
	}
}

func TestUWSOIsTheSoftmaxOfInverseLosses(t *testing.T) {
	w, err := makeBalancer(t, "uw-so", 2, map[string]any{"temperature": 2}).Weigh(&Step{Losses: []float64{0.5, 0.25}})
	if err != nil {
		t.Fatal(err)
	}
	first := 1 / (1 + math.Exp(4/2.0-2/2.0))
	if diff := cmp.Diff([]float64{first, 1 - first}, w.Shared, cmpopts.EquateApprox(1e-12, 0)); diff != "" {
		t.Error(diff)
	}
}

// The first step of Adam is the sign of the gradient times the rate, so that it
// shows the sign of every derivative of GradNorm's own loss; those are central
// differences with the targets held fixed.
func TestGradNormDescendsItsOwnLoss(t *testing.T) {
	random := rand.New(rand.NewPCG(51, 52))
	for range 50 {
		rows := normalRows(random, 4, 6)
		for i := range rows {
			for k := range rows[i] {
				rows[i][k] *= float32(i + 1)
			}
		}
		b := makeBalancer(t, "gradnorm", 4, nil)
		s := stepOf(rows, 0)
		if _, err := b.Weigh(s); err != nil { // first losses; the weights are equal
			t.Fatal(err)
		}
		before := b.State().Float64s
		for i := range s.Losses {
			s.Losses[i] *= 0.5 + random.Float64()
		}
		w, err := b.Weigh(s)
		if err != nil {
			t.Fatal(err)
		}
		norms, rates := make([]float64, 4), make([]float64, 4)
		for i, r := range rows {
			norms[i] = math.Sqrt(squares(r))
			rates[i] = s.Losses[i] / before["first_loss"][i]
		}
		mean := dot(w.Shared, norms) / 4
		own := func(v []float64) float64 {
			total := 0.0
			for i, x := range softmax(v) {
				total += math.Abs(4*x*norms[i] - mean*math.Pow(rates[i]/(sum(rates)/4), 1.5))
			}
			return total
		}
		slopes := derivatives(own, before["logits"])
		// Adam's first moment holds the gradients of both steps.
		after := b.State().Float64s
		got := make([]float64, 4)
		for i := range got {
			got[i] = (after["adam.first"][i] - 0.9*before["adam.first"][i]) / 0.1
		}
		if diff := cmp.Diff(slopes, got, cmpopts.EquateApprox(1e-5, 1e-7)); diff != "" {
			t.Fatal(diff)
		}
	}
}

// DB-MTL and MoCo beside a plain rendering of their algorithms in float64.
func TestMethodsWithMovingAveragesFollowTheirAlgorithms(t *testing.T) {
	const tasks, size, steps = 3, 40, 8
	random := rand.New(rand.NewPCG(53, 54))
	dual := makeBalancer(t, "db-mtl", tasks, map[string]any{"sigma": 0.5})
	correct := makeBalancer(t, "moco", tasks, map[string]any{"rho": 0.2})
	buffer, y := zeros(tasks, size), zeros(tasks, size)
	lambda := filled(tasks, 1.0/tasks)
	for n := range steps {
		s := stepOf(normalRows(random, tasks, size), n)
		for i := range s.Losses {
			s.Losses[i] = 0.1 + random.Float64()
		}
		at := float64(n + 1)

		longest, lengths := 0.0, make([]float64, tasks)
		for i := range buffer {
			decay := 0.9 / math.Sqrt(at)
			for k := range buffer[i] {
				g := float64(s.Rows[i][k]) / s.Losses[i]
				buffer[i][k] = decay*buffer[i][k] + (1-decay)*g
			}
			lengths[i] = length(buffer[i])
			longest = max(longest, lengths[i])
		}
		want := make([]float64, size)
		for i := range buffer {
			for k := range want {
				want[k] += longest / lengths[i] * buffer[i][k]
			}
		}
		if off := distance(directionOf(t, dual, s), want); off > 1e-5*length(want) {
			t.Errorf("db-mtl, step %d: off by %v of %v", n, off, length(want))
		}

		for i := range y {
			norm := math.Sqrt(naiveDot(s.Rows[i], s.Rows[i]))
			share := 0.5 / math.Sqrt(at)
			for k := range y[i] {
				y[i][k] -= share * (y[i][k] - float64(s.Rows[i][k])/norm*s.Losses[i])
			}
		}
		moved := make([]float64, tasks)
		for i := range y {
			slope := 0.2 * lambda[i]
			for j := range y {
				slope += dot(y[i], y[j]) * lambda[j]
			}
			moved[i] = lambda[i] - 0.1/math.Sqrt(at)*slope
		}
		lambda = softmax(moved)
		clear(want)
		for i := range y {
			for k := range want {
				want[k] += lambda[i] * y[i][k]
			}
		}
		if off := distance(directionOf(t, correct, s), want); off > 1e-5*length(want) {
			t.Errorf("moco, step %d: off by %v of %v", n, off, length(want))
		}
	}
}

func zeros(n, size int) [][]float64 {
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = make([]float64, size)
	}
	return rows
}

// GradDrop keeps a sign with the probability that its definition gives, and
// leaks what it is told to.
func TestGradDropDrawsSignsByTheirShare(t *testing.T) {
	const size = 200_000
	rows := [][]float32{make([]float32, size), make([]float32, size)}
	for k := range size {
		rows[0][k], rows[1][k] = 3, -1
	}
	b := makeBalancer(t, "graddrop", 2, map[string]any{"leak": map[string]any{"task1": 0.25}})
	positive := 0
	s := stepOf(rows, 0)
	for _, x := range directionOf(t, b, s) {
		switch x {
		case 3 - 0.25:
			positive++
		case -1:
		default:
			t.Fatalf("an element is %v", x)
		}
	}
	if share := float64(positive) / size; math.Abs(share-0.75) > 0.005 {
		t.Errorf("the positive sign is drawn at a share of %v, want (1+(3-1)/(3+1))/2", share)
	}
}

// Heads follow what the option says, and DB-MTL's the logarithm of the loss.
func TestHeads(t *testing.T) {
	rows := [][]float32{{1, 0.5}, {-2, 1}}
	for _, c := range []struct {
		method string
		option string
		want   func(shared []float64) []float64
	}{
		{"cagrad", "", func([]float64) []float64 { return []float64{1, 1} }},
		{"cagrad", Weighted, func(w []float64) []float64 { return w }},
		{"nash-mtl", "", func(w []float64) []float64 { return w }},
		{"nash-mtl", Unweighted, func([]float64) []float64 { return []float64{1, 1} }},
		{"uncertainty", Unweighted, func([]float64) []float64 { return []float64{1, 1} }},
		{"graddrop", "", func([]float64) []float64 { return []float64{1, 1} }},
		{"moco", "", func([]float64) []float64 { return []float64{1, 1} }},
		{"db-mtl", "", func([]float64) []float64 { return []float64{1 / (0.1 + 1e-8), 1 / (1.1 + 1e-8)} }},
	} {
		options := map[string]any{}
		if c.option != "" {
			options["heads"] = c.option
		}
		w, err := makeBalancer(t, c.method, 2, options).Weigh(stepOf(rows, 0))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want(w.Shared), w.Heads, cmpopts.EquateApprox(1e-12, 0)); diff != "" {
			t.Errorf("%s, heads %q: %s", c.method, c.option, diff)
		}
	}
	_, err := New(Config{Method: "graddrop", Tasks: []string{"a"}, Options: map[string]any{"heads": Weighted}})
	if want := `balance: graddrop has no option "heads", it has leak`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
