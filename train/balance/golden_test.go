package balance

import (
	"math"
	"testing"
)

// golden are combined gradients of the rows (-4, 1, 1) and (6, 1, 1): the
// values that TorchJD's tests hold, checked with TorchJD 0.18.
var golden = []struct {
	method  string
	options map[string]any
	want    [2]float64 // the second and third number are equal
}{
	{"mgda", nil, [2]float64{0, 1}},
	{"pcgrad", nil, [2]float64{.5848, 3.8012}},
	{"gradvac", nil, [2]float64{.5848, 3.8012}},
	{"upgrad", nil, [2]float64{.2929, 1.9004}},
	{"imtl-g", nil, [2]float64{.0767, 1}},
	{"nash-mtl", nil, [2]float64{.0542, .7061}},
	{"fairgrad", nil, [2]float64{.0766, .9985}},
	{"aligned-mtl", nil, [2]float64{.2133, .9673}},
	{"config", nil, [2]float64{.1588, 2.0706}},
	{"dualproj", nil, [2]float64{.5563, 1.1109}},
	{"cagrad", map[string]any{"c": .5, "rescale": 0}, [2]float64{.1835, 1.2041}},
}

var goldenRows = [][]float32{{-4, 1, 1}, {6, 1, 1}}

func TestGoldenValues(t *testing.T) {
	for _, c := range golden {
		b, err := New(Config{Method: c.method, Tasks: []string{"a", "b"}, Options: c.options})
		if err != nil {
			t.Fatal(err)
		}
		got := combined(t, b, &Step{Rows: goldenRows, Losses: []float64{1, 1}})
		want := []float64{c.want[0], c.want[1], c.want[1]}
		for i := range want {
			if math.Abs(float64(got[i])-want[i]) > 1e-4 {
				t.Errorf("%s: d = %v, want %v", c.method, got, want)
				break
			}
		}
	}
}

// combined returns the direction of a step.
func combined(t *testing.T, b *Balancer, s *Step) []float32 {
	t.Helper()
	d := make([]float32, len(s.Rows[0]))
	if b.Needs().Direction {
		s.Direction = d
	}
	w, err := b.Weigh(s)
	if err != nil {
		t.Fatalf("%s: %v", b.Method().Name, err)
	}
	if !b.Needs().Direction {
		Combine(d, s.Rows, w.Shared)
	}
	return d
}
