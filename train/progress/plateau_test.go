package progress

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPlateauIsPyTorchs: testdata/plateau.py wrote what ReduceLROnPlateau of
// PyTorch 2.15 makes of 40 random walks.
func TestPlateauIsPyTorchs(t *testing.T) {
	content, err := os.ReadFile("testdata/plateau.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Mode                   string
		Factor, Min, Threshold float64
		Patience               int
		Scores, Factors        []float64
	}
	if err := json.Unmarshal(content, &cases); err != nil {
		t.Fatal(err)
	}
	lowered := 0
	for i, c := range cases {
		r, err := NewRate(Plateau{Factor: c.Factor, Patience: c.Patience, Min: c.Min, Threshold: c.Threshold}, c.Mode == "min")
		if err != nil {
			t.Fatal(err)
		}
		last := 1.0
		for j, score := range c.Scores {
			if j == len(c.Scores)/2 { // what is saved and brought back goes on alike
				again, _ := NewRate(r.plateau, c.Mode == "min")
				if err := again.Restore(r.State()); err != nil {
					t.Fatal(err)
				}
				r = again
			}
			r.EndEpoch(score)
			if math.Abs(r.Value()-c.Factors[j]) > 1e-15 {
				t.Fatalf("case %d, epoch %d: the factor is %v, PyTorch has %v", i, j, r.Value(), c.Factors[j])
			}
			if r.Value() < last {
				lowered++
			}
			last = r.Value()
		}
	}
	if len(cases) != 40 || lowered < 40 {
		t.Errorf("%d cases lowered their rates %d times, too little to tell anything", len(cases), lowered)
	}
}

// TestPlateauBelowZero: a score below 0, such as the R2 of a bad start, has
// improved when it is better, not when it is a little worse, as a threshold that
// multiplies it would have it. An epoch without a score does not count.
func TestPlateauBelowZero(t *testing.T) {
	r, _ := NewRate(Plateau{Factor: 0.5, Threshold: 0.1}, false)
	var got []float64
	for _, score := range []float64{math.NaN(), -1, -1.05, -0.95, -0.5, math.NaN(), -0.4} {
		r.EndEpoch(score)
		got = append(got, r.Value())
	}
	if diff := cmp.Diff([]float64{1, 1, 0.5, 0.25, 0.25, 0.25, 0.25}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlateausThatCannotBe(t *testing.T) {
	for want, p := range map[string]Plateau{
		"the factor of a plateau is 1, it must be above 0 and below 1":          {Factor: 1},
		"the patience of a plateau is -1, it cannot be negative":                {Factor: 0.5, Patience: -1},
		"the min of a plateau is 2, it must be between 0 and 1":                 {Factor: 0.5, Min: 2},
		"the threshold of a plateau is -0.1, it must be a number of at least 0": {Factor: 0.5, Threshold: -0.1},
	} {
		if _, err := NewRate(p, false); fmt.Sprint(err) != want {
			t.Errorf("%+v:\n got %v\nwant %s", p, err, want)
		}
	}
	r, _ := NewRate(Plateau{Factor: 0.5}, false)
	for _, state := range [][]float64{nil, {1, 2}, {1, -2, 1}, {1, 0.5, 1}, {1, 1e300, 1}, {1, 1, 2}, {1, 1, math.NaN()}} {
		if err := r.Restore(state); err == nil {
			t.Errorf("the state %v is taken", state)
		}
	}
}
