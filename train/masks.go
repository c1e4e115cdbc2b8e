package train

import (
	"math/rand/v2"

	"espalier/builder"
	"espalier/tensor"
)

// maskSource draws the random masks of a step. A draw depends on the seed and
// the step's number only, so a resumed run draws what an unbroken one would.
type maskSource struct {
	seed uint64
	bufs map[string][]float32
}

func newMaskSource(seed uint64) *maskSource {
	return &maskSource{seed: seed, bufs: map[string][]float32{}}
}

// draw fills the mask for a step. The tensor's elements are valid until the
// next draw of the same mask.
func (m *maskSource) draw(v *builder.Value, step uint64, sizes map[string]int64) (*tensor.Tensor, error) {
	shape, err := shapeOf(v, sizes)
	if err != nil {
		return nil, err
	}
	n, err := shape.Elements()
	if err != nil {
		return nil, err
	}
	buf := m.bufs[v.Name()]
	if cap(buf) < n {
		buf = make([]float32, n)
	}
	buf = buf[:n]
	m.bufs[v.Name()] = buf
	// Masks of one step differ by the place of the value in its graph, which
	// its name carries.
	fillMask(buf, v.Mask().Keep, rand.NewPCG(m.seed^hashName(v.Name()), step))
	return tensor.Of(buf, shape...)
}

// fillMask compares 16 bits of randomness per element with the share to keep,
// four elements to a draw: the share is exact to 1/65536.
func fillMask(dst []float32, keep float64, r *rand.PCG) {
	limit := uint64(keep*65536 + 0.5)
	scale := float32(1 / keep)
	var bits uint64
	for i := range dst {
		if i%4 == 0 {
			bits = r.Uint64()
		}
		dst[i] = 0
		if bits&0xffff < limit {
			dst[i] = scale
		}
		bits >>= 16
	}
}

func hashName(name string) uint64 {
	// FNV-1a.
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}
