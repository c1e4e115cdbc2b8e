package optim

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wide returns numbers of all magnitudes, among them 0 and some too small to
// be normal.
func wide(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * math.Pow(10, float64(r.IntN(60)-45)))
	}
	return x
}

func bits(x []float32) []uint32 {
	b := make([]uint32, len(x))
	for i, v := range x {
		b[i] = math.Float32bits(v)
	}
	return b
}

// TestVectorKernelsGiveTheBitsOfGo on every length of what the assembly leaves
// over, and on numbers of all magnitudes.
func TestVectorKernelsGiveTheBitsOfGo(t *testing.T) {
	if !hasVector {
		t.Log("this processor has no vector kernels: Go is compared with itself")
	}
	r := rand.New(rand.NewPCG(1, 1))
	adam := &adamStep{
		shrink: 0.999, decay: 0.01, beta1: 0.9, new1: 0.1, beta2: 0.999, new2: 0.001, scale: 3, epsilon: 1e-8, rate: 0.01,
	}
	sgd := &sgdStep{decay: 0.01, momentum: 0.9, look: 1, keep: 0.9, rate: 0.1}
	for n := range 70 {
		p, g, m, v := wide(r, n), wide(r, n), wide(r, n), wide(r, n)
		for i := range v {
			v[i] = float32(math.Abs(float64(v[i])))
		}
		for name, run := range map[string]func(x [4][]float32, vector bool){
			"adam": func(x [4][]float32, vector bool) {
				if vector {
					adam.update(x[0], x[1], x[2], x[3])
				} else {
					adam.scalar(x[0], x[1], x[2], x[3])
				}
			},
			"momentum": func(x [4][]float32, vector bool) {
				if vector {
					sgd.update(x[0], x[1], x[2])
				} else {
					sgd.scalarMomentum(x[0], x[1], x[2])
				}
			},
			"sgd": func(x [4][]float32, vector bool) {
				if vector {
					sgd.update(x[0], x[1], nil)
				} else {
					sgd.scalar(x[0], x[1])
				}
			},
		} {
			var want, got [4][]float32
			for i, x := range [][]float32{p, g, m, v} {
				want[i], got[i] = slices.Clone(x), slices.Clone(x)
			}
			run(want, false)
			run(got, true)
			for i := range want {
				if diff := cmp.Diff(bits(want[i]), bits(got[i])); diff != "" {
					t.Fatalf("%s of %d elements, slice %d: %s", name, n, i, diff)
				}
			}
		}
	}
}

// TestSquaresAreExact against sums of unlimited precision, where squares in
// float32 would be infinite or 0, and by the same bits in Go and assembly.
func TestSquaresAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for n := range 100 {
		x := wide(r, n)
		want := new(big.Float).SetPrec(2000)
		for _, v := range x {
			f := new(big.Float).SetPrec(2000).SetFloat64(float64(v))
			want.Add(want, f.Mul(f, f))
		}
		exact, _ := want.Float64()
		got := squares(x)
		if math.Abs(got-exact) > 1e-13*exact {
			t.Errorf("%d squares are %v, want %v", n, got, exact)
		}
		var vector, scalar [2 * lanes]float64
		whole := n / (2 * lanes) * (2 * lanes)
		if hasVector && whole > 0 {
			squaresVector(&x[0], whole, &vector)
			squaresScalar(x, &scalar)
			if vector != scalar {
				t.Errorf("%d squares: assembly has %v, Go %v", n, vector, scalar)
			}
		}
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		x := make([]float32, 40)
		x[20] = float32(bad)
		if s := Norm(x); !math.IsNaN(s) && !math.IsInf(s, 0) {
			t.Errorf("the norm with %v in it is %v", bad, s)
		}
	}
}

// TestMomentsComeToRestAtZero: without a gradient they decay, but not into
// numbers that are not normal, where each step would take many times as long.
func TestMomentsComeToRestAtZero(t *testing.T) {
	for name, c := range configs() {
		o, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		p, g := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, make([]float32, 9)
		s := o.NewSlots(9)
		for i := range s.First {
			s.First[i] = 1e-30
		}
		for i := range s.Second {
			s.Second[i] = 1.2e-38
		}
		for range 500 {
			o.Begin()
			o.Update(p, g, s, 0.1, 0)
		}
		for _, x := range append(slices.Clone(s.First), s.Second...) {
			if x != 0 {
				t.Errorf("%s: a moment is %v after 500 steps without gradients", name, x)
			}
		}
	}
}

// reference is the rules as the papers write them, in float64.
func reference(c Config, step int, lr, decay float64, p, g float64, first, second *float64) float64 {
	switch {
	case c.Type == "adamw":
		p -= lr * decay * p
	default:
		g += decay * p
	}
	if c.Type == "sgd" {
		*first = c.Momentum**first + g
		switch {
		case c.Nesterov:
			return p - lr*(g+c.Momentum**first)
		case c.Momentum > 0:
			return p - lr**first
		}
		return p - lr*g
	}
	*first = c.Beta1**first + (1-c.Beta1)*g
	*second = c.Beta2**second + (1-c.Beta2)*g*g
	m := *first / (1 - math.Pow(c.Beta1, float64(step)))
	v := *second / (1 - math.Pow(c.Beta2, float64(step)))
	return p - lr*m/(math.Sqrt(v)+c.Epsilon)
}

// TestUpdatesAgreeWithTheRulesInFloat64 over many steps, by which an error in
// a moment or a bias correction would have grown.
func TestUpdatesAgreeWithTheRulesInFloat64(t *testing.T) {
	const n, steps, lr = 37, 300, 0.01
	all := configs()
	all["nesterov"] = Config{Type: "sgd", Momentum: 0.9, Nesterov: true}
	for name, c := range all {
		for _, decay := range []float64{0, 0.1} {
			o, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(3, 3))
			p := normals(r, n)
			want, first, second := make([]float64, n), make([]float64, n), make([]float64, n)
			for i := range p {
				want[i] = float64(p[i])
			}
			s := o.NewSlots(n)
			for step := 1; step <= steps; step++ {
				g := normals(r, n)
				for i := range want {
					want[i] = reference(c, step, lr, decay, want[i], float64(g[i]), &first[i], &second[i])
				}
				o.Begin()
				o.Update(p, g, s, lr, decay)
			}
			for i := range want {
				if d := math.Abs(float64(p[i]) - want[i]); !(d < 2e-5*(1+math.Abs(want[i]))) {
					t.Errorf("%s, decay %v: parameter %d is %v after %d steps, want %v", name, decay, i, p[i], steps, want[i])
				}
			}
		}
	}
}
