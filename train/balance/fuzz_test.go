package balance

import (
	"encoding/binary"
	"math"
	"testing"
)

// FuzzWeigh gives every method gradients of any bits: finite ones have finite
// weights, others are an error.
func FuzzWeigh(f *testing.F) {
	seed := func(rows ...[]float32) {
		var b []byte
		for _, r := range rows {
			for _, x := range r {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
			}
		}
		f.Add(uint8(len(rows)), b)
	}
	seed([]float32{-4, 1, 1}, []float32{6, 1, 1})
	seed([]float32{1, 0}, []float32{-1, 0}, []float32{0, 0})
	seed([]float32{1e-40, 3e38}, []float32{3e38, 1e-40}, []float32{-3e38, 1})
	seed([]float32{1, 2, 3}, []float32{1, 2, 3.0000002}, []float32{-1, -2, -3}, []float32{1e-20, 0, 0})
	f.Fuzz(func(t *testing.T, tasks uint8, content []byte) {
		n := 1 + int(tasks)%6
		size := min(len(content)/4/n, 8)
		if size == 0 {
			return
		}
		rows, finite := make([][]float32, n), true
		for i := range rows {
			rows[i] = make([]float32, size)
			for k := range rows[i] {
				rows[i][k] = math.Float32frombits(binary.LittleEndian.Uint32(content[4*(i*size+k):]))
				finite = finite && !bad(float64(rows[i][k]))
			}
		}
		for _, m := range Methods() {
			b := makeBalancer(t, m.Name, n, nil)
			for number := range 2 {
				s := stepOf(rows, number)
				w, err := b.Weigh(s)
				if err != nil {
					if finite {
						t.Fatalf("%s on %v: %v", m.Name, rows, err)
					}
					break
				}
				for i := range w.Heads {
					if bad(w.Heads[i]) || w.Shared != nil && bad(w.Shared[i]) {
						t.Fatalf("%s on %v: %v", m.Name, rows, w)
					}
				}
				if err := b.Learn(s); err != nil {
					break
				}
			}
		}
	})
}

func bad(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }
