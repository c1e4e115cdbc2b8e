package optim

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// golden is testdata/torch.json, which testdata/golden.py wrote.
type golden struct {
	Dense map[string]struct {
		Start         []float32
		Grads, Params [][]float32
	}
	Sparse struct {
		Start []float32
		Steps []struct {
			IDs           []int64
			Grads, Params []float32
		}
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	content, err := os.ReadFile("testdata/torch.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(content, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func adam() Config { return Config{Type: "adam", Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8} }

func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= 2e-6*(1+math.Abs(float64(want[i])))) {
			t.Errorf("%s[%d] is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestUpdatesAgreeWithPyTorch(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		decay  float64
	}{
		"sgd":           {Config{Type: "sgd"}, 0},
		"sgd, decay":    {Config{Type: "sgd"}, 0.1},
		"sgd, momentum": {Config{Type: "sgd", Momentum: 0.9}, 0},
		"sgd, nesterov": {Config{Type: "sgd", Momentum: 0.9, Nesterov: true}, 0.1},
		"adam":          {adam(), 0},
		"adam, decay":   {adam(), 0.1},
		"adamw":         {Config{Type: "adamw", Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}, 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			want, ok := readGolden(t).Dense[name]
			if !ok {
				t.Fatal("PyTorch's numbers lack the case")
			}
			o, err := New(c.config)
			if err != nil {
				t.Fatal(err)
			}
			p := want.Start
			s := o.NewSlots(len(p))
			for i := range want.Grads {
				o.Begin()
				o.Update(p, want.Grads[i], s, 0.05, c.decay)
				near(t, "parameter", p, want.Params[i])
			}
		})
	}
}

func TestSparseRowsAgreeWithPyTorch(t *testing.T) {
	want := readGolden(t).Sparse
	o, err := New(adam())
	if err != nil {
		t.Fatal(err)
	}
	table := want.Start
	rows, s := NewRows(6, 3), o.NewSlots(len(table))
	for _, step := range want.Steps {
		o.Begin()
		rows.Sum(step.IDs, step.Grads, 0)
		o.UpdateRows(table, rows, s, 0.05, 0)
		near(t, "table", table, step.Params)
	}
}

func normals(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func configs() map[string]Config {
	return map[string]Config{
		"sgd": {Type: "sgd"}, "momentum": {Type: "sgd", Momentum: 0.9}, "adam": adam(),
		"adamw": {Type: "adamw", Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-6},
	}
}

// TestRowsEqualADenseUpdate: the rows that a lazy step touches change as in a
// dense step, but for the last digit; the textbook rule equals a dense step to
// the bit.
func TestRowsEqualADenseUpdate(t *testing.T) {
	const rows, dim = 50, 24
	for name, c := range configs() {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 1))
			lazy, textbook, dense := normals(r, rows*dim), make([]float32, rows*dim), make([]float32, rows*dim)
			copy(textbook, lazy)
			copy(dense, lazy)
			var o [3]*Optimizer
			var s [3]*Slots
			for i := range o {
				var err error
				if o[i], err = New(c); err != nil {
					t.Fatal(err)
				}
				s[i] = o[i].NewSlots(rows * dim)
			}
			sum := NewRows(rows, dim)
			for step := range 3 {
				ids := make([]int64, 2*rows)
				for i := range ids {
					ids[i] = int64(i % rows) // every row, twice
				}
				if step == 2 {
					ids = []int64{7, 3, 7, 9}
				}
				grads := normals(r, len(ids)*dim)
				full := make([]float32, rows*dim)
				for i, id := range ids {
					for j := range dim {
						if i < rows && step < 2 || step == 2 && i != 2 {
							full[int(id)*dim+j] = grads[i*dim+j]
						} else {
							full[int(id)*dim+j] += grads[i*dim+j]
						}
					}
				}
				for i := range o {
					o[i].Begin()
				}
				sum.Sum(ids, grads, -1)
				if step < 2 {
					o[0].UpdateRows(lazy, sum, s[0], 0.01, 0)
				}
				sum.Sum(ids, grads, -1)
				o[1].UpdateTable(textbook, sum, s[1], 0.01, 0)
				o[2].Update(dense, full, s[2], 0.01, 0)
				if step == 1 {
					near(t, "lazy row", lazy, dense)
				}
			}
			if !cmp.Equal(textbook, dense) {
				t.Error("the textbook rule differs from the dense update")
			}
		})
	}
}

func TestLazyUpdateLeavesOtherRowsAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	table := normals(r, 40)
	before := append([]float32{}, table...)
	o, err := New(adam())
	if err != nil {
		t.Fatal(err)
	}
	rows := NewRows(10, 4)
	rows.Sum([]int64{0, 2, 0, 2}, normals(r, 16), 0)
	o.Begin()
	o.UpdateRows(table, rows, o.NewSlots(40), 0.1, 0)
	for i := range table {
		if changed := table[i] != before[i]; changed != (i/4 == 2) {
			t.Errorf("element %d of row %d: changed is %v", i, i/4, changed)
		}
	}
}

func TestRowsSumAgreesWithAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	const dim = 5
	rows := NewRows(30, dim)
	rows.call = math.MaxUint32 - 3 // the stamps run over on the way
	for range 8 {
		ids := make([]int64, 60)
		for i := range ids {
			ids[i] = r.Int64N(30)
		}
		grads := normals(r, len(ids)*dim)
		want := map[int64][]float32{}
		for i, id := range ids {
			if id == 0 {
				continue
			}
			if want[id] == nil {
				want[id] = make([]float32, dim)
			}
			for j := range dim {
				want[id][j] += grads[i*dim+j]
			}
		}
		rows.Sum(ids, grads, 0)
		got := map[int64][]float32{}
		for i, id := range rows.IDs {
			got[id] = append([]float32{}, rows.Sums[i*dim:(i+1)*dim]...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
		// Looked up at several places, a table has the sum over all of them.
		rows.Begin(0)
		for _, part := range [][2]int{{0, 17}, {17, 17}, {17, 60}} {
			rows.Add(ids[part[0]:part[1]], grads[part[0]*dim:part[1]*dim])
		}
		tied := map[int64][]float32{}
		for i, id := range rows.IDs {
			tied[id] = append([]float32{}, rows.Sums[i*dim:(i+1)*dim]...)
		}
		if diff := cmp.Diff(want, tied); diff != "" {
			t.Fatal(diff)
		}
	}
}

// TestUpdateDoesNotDependOnHowItIsSplit: large slices are updated by several
// goroutines, and give the same bits as parts of any size.
func TestUpdateDoesNotDependOnHowItIsSplit(t *testing.T) {
	const n = 2*parallel + 3017
	r := rand.New(rand.NewPCG(3, 3))
	start, grads := normals(r, n), normals(r, n)
	for name, c := range configs() {
		t.Run(name, func(t *testing.T) {
			update := func(part int) []float32 {
				o, err := New(c)
				if err != nil {
					t.Fatal(err)
				}
				p := append([]float32{}, start...)
				g := append([]float32{}, grads...)
				s := o.NewSlots(n)
				for range 2 {
					o.Begin()
					for from := 0; from < n; from += part {
						to := min(from+part, n)
						local := &Slots{}
						if s.First != nil {
							local.First = s.First[from:to]
						}
						if s.Second != nil {
							local.Second = s.Second[from:to]
						}
						o.Update(p[from:to], g[from:to], local, 0.01, 0.1)
					}
				}
				return p
			}
			if !cmp.Equal(update(n), update(1003)) {
				t.Error("the split changes the result")
			}
		})
	}
}

func TestClip(t *testing.T) {
	a, b := []float32{3, 0}, []float32{4}
	if norm := Clip(10, a, b); norm != 5 || a[0] != 3 {
		t.Errorf("norm %v, a %v: below the limit nothing may change", norm, a)
	}
	if norm := Clip(1, a, b); norm != 5 {
		t.Errorf("norm %v, want 5", norm)
	}
	near(t, "clipped", append(a, b...), []float32{0.6, 0, 0.8})
	if norm := Clip(1, []float32{float32(math.NaN())}); !math.IsNaN(norm) {
		t.Errorf("norm of NaN is %v", norm)
	}
	r := rand.New(rand.NewPCG(4, 4))
	x := normals(r, 5000)
	want := 0.0
	for _, v := range x {
		want += float64(v) * float64(v)
	}
	if got := Norm(x); math.Abs(got-math.Sqrt(want)) > 1e-4 {
		t.Errorf("norm %v, want %v", got, math.Sqrt(want))
	}
}

func TestGather(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	const rows, dim, n = 100, 64, 3000 // large enough for two goroutines
	table := normals(r, rows*dim)
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = r.Int64N(rows)
	}
	dst := make([]float32, n*dim)
	Gather(dst, table, dim, ids)
	for i, id := range ids {
		if !cmp.Equal(dst[i*dim:(i+1)*dim], table[id*dim:(id+1)*dim]) {
			t.Fatalf("row %d is not row %d of the table", i, id)
		}
	}
}

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		s    Schedule
		step int
		want float64
	}{
		{Schedule{Type: "constant", Total: 100}, 50, 1},
		{Schedule{Type: "constant", Warmup: 10, Total: 100}, 6, 0.5},
		{Schedule{Type: "inverse_sqrt", Warmup: 10, Total: 100}, 1, 0.1},
		{Schedule{Type: "linear", Total: 100}, 1, 1},
		{Schedule{Type: "linear", Total: 100}, 51, 0.5},
		{Schedule{Type: "linear", Warmup: 20, Total: 120, Final: 0.2}, 71, 0.6},
		{Schedule{Type: "cosine", Total: 100}, 51, 0.5},
		{Schedule{Type: "cosine", Total: 100, Final: 0.5}, 101, 0.5},
		{Schedule{Type: "inverse_sqrt", Warmup: 100, Total: 1000}, 400, 0.5},
		{Schedule{Type: "step", Epoch: 10, Every: 2, Factor: 0.5}, 20, 1},
		{Schedule{Type: "step", Epoch: 10, Every: 2, Factor: 0.5}, 41, 0.25},
	} {
		if err := c.s.Check(); err != nil {
			t.Error(err)
		}
		if got := c.s.At(c.step); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v at step %d is %v, want %v", c.s, c.step, got, c.want)
		}
	}
}

// TestALinearScheduleIsThatOfTransformers: get_linear_schedule_with_warmup multiplies
// the rate at step t, from 0, by t/warmup and then by (total-t)/(total-warmup). Its
// trainer rounds a warmup_ratio up.
func TestALinearScheduleIsThatOfTransformers(t *testing.T) {
	for _, c := range []struct {
		warmup       float64
		total, steps int
	}{{0, 7, 0}, {0.1, 55, 6}, {0.06, 1000, 60}, {1, 10, 1}, {3, 10, 3}, {0.5, 3, 2}} {
		steps := WarmupSteps(c.warmup, c.total)
		if steps != c.steps {
			t.Errorf("a warm-up of %v of %d steps takes %d, want %d", c.warmup, c.total, steps, c.steps)
		}
		s := Schedule{Type: "linear", Warmup: steps, Total: c.total}
		for step := range c.total {
			want := float64(c.total-step) / float64(c.total-steps)
			if step < steps {
				want = float64(step) / float64(steps)
			}
			if got := s.At(step + 1); math.Abs(got-want) > 1e-15 {
				t.Errorf("warm-up %d of %d: the factor at step %d is %v, want %v", steps, c.total, step, got, want)
			}
		}
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	check := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	for want, c := range map[string]Config{
		`optimizer "lion" is not one of sgd, adam, adamw`: {Type: "lion"},
		"momentum is 1":                     {Type: "sgd", Momentum: 1},
		"nesterov needs a momentum above 0": {Type: "sgd", Nesterov: true},
		"beta1 and beta2 are 1 and 0":       {Type: "adam", Beta1: 1, Epsilon: 1},
		"epsilon is 0, it must be above 0":  {Type: "adamw"},
	} {
		_, err := New(c)
		check(err, want)
	}
	check(Schedule{Type: "sine"}.Check(), `schedule "sine" is not one of`)
	check(Schedule{Type: "step"}.Check(), "needs every >= 1")
	check(Schedule{Type: "linear", Warmup: -1}.Check(), "warmup cannot be negative")
}
