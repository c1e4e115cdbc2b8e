package progress

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

// FuzzRestore: no state makes a tracker or a rate panic or leave its states, and
// what is refused changes nothing.
func FuzzRestore(f *testing.F) {
	config := Config{
		Tasks: []string{"a", "b"}, Lower: []bool{false, true}, Epochs: 9,
		Order: Order{Groups: [][]string{{"a"}}, By: byPerformance, Patience: 1, Earlier: "freeze"}, Stop: map[string]Stop{"b": {Patience: 2}},
	}
	bytes := func(state []float64) (b []byte) {
		for _, x := range state {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
		return b
	}
	seed, err := New(config)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes(seed.State()))
	seed.EndEpoch([]float64{1, 2})
	seed.EndEpoch([]float64{1, 2})
	f.Add(bytes(seed.State()))
	f.Add(bytes([]float64{0.5, 1, 0.25}))
	f.Fuzz(func(t *testing.T, content []byte) {
		var state []float64
		for ; len(content) >= 8; content = content[8:] {
			state = append(state, math.Float64frombits(binary.LittleEndian.Uint64(content)))
		}
		tr, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		before := tr.State()
		if err := tr.Restore(state); err != nil {
			if !slices.EqualFunc(before, tr.State(), sameBits) {
				t.Error("a state that is refused changes the tracker")
			}
		} else if !slices.EqualFunc(state, tr.State(), sameBits) {
			t.Errorf("%v comes back as %v", state, tr.State())
		}
		for range 4 {
			tr.EndEpoch([]float64{1, math.NaN()})
			for _, s := range tr.States() {
				if s < Training || s > Stopped {
					t.Fatalf("a task is in state %v", s)
				}
			}
		}
		r, err := NewRate(Plateau{Factor: 0.5}, false)
		if err != nil {
			t.Fatal(err)
		}
		if r.Restore(state) == nil {
			if r.EndEpoch(1); !(r.Value() >= 0 && r.Value() <= 1) {
				t.Errorf("the state %v makes a factor of %v", state, r.Value())
			}
		}
	})
}
