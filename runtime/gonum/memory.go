package gonum

import (
	"fmt"
	"math/bits"
	"sync"

	"espalier/tensor"
)

// MaxElements is the most elements that one tensor of a run may have. A model
// that asks for more, by a hostile shape, fails instead of filling memory.
const MaxElements = 1 << 30

// memory hands out the element slices of a run and takes back those that no
// later node reads. It is for one run at a time.
type memory struct {
	float32s freeList[float32]
	float64s freeList[float64]
	int64s   freeList[int64]
	bools    freeList[bool]
	// shared counts the tensors that look at a slice, beyond the first: a
	// reshape makes two of one.
	shared map[any]int
}

func newMemory() *memory { return &memory{shared: map[any]int{}} }

// freeList keeps slices by the power of two that their capacity is.
type freeList[T any] struct {
	free  [64][][]T
	owned map[*T]bool // slices that came from here and are in use
}

func (p *freeList[T]) get(n int) []T {
	if n == 0 {
		return []T{}
	}
	class := bits.Len(uint(n - 1))
	var s []T
	if k := len(p.free[class]); k > 0 {
		s = p.free[class][k-1][:n]
		p.free[class] = p.free[class][:k-1]
	} else {
		s = make([]T, n, 1<<class)
	}
	if p.owned == nil {
		p.owned = map[*T]bool{}
	}
	p.owned[&s[0]] = true
	return s
}

func (p *freeList[T]) put(m *memory, s []T) {
	if len(s) == 0 {
		return
	}
	key := &s[0]
	if !p.owned[key] {
		return // an input, an initialiser, or handed out already
	}
	if m.shared[key] > 0 {
		m.shared[key]--
		return
	}
	delete(p.owned, key)
	class := bits.Len(uint(cap(s) - 1))
	p.free[class] = append(p.free[class], s)
}

// new returns a tensor whose elements are undefined.
func (m *memory) new(dtype tensor.DType, shape tensor.Shape) (*tensor.Tensor, error) {
	n, err := shape.Elements()
	if err != nil {
		return nil, err
	}
	if n > MaxElements {
		return nil, fmt.Errorf("a tensor of shape %v has more than %d elements", shape, MaxElements)
	}
	switch dtype {
	case tensor.Float32:
		return tensor.Of(m.float32s.get(n), shape...)
	case tensor.Float64:
		return tensor.Of(m.float64s.get(n), shape...)
	case tensor.Int64:
		return tensor.Of(m.int64s.get(n), shape...)
	case tensor.Bool:
		return tensor.Of(m.bools.get(n), shape...)
	}
	return tensor.New(dtype, shape...)
}

// share notes that one more tensor looks at t's elements.
func (m *memory) share(t *tensor.Tensor) {
	if key, ok := m.key(t); ok {
		m.shared[key]++
	}
}

func (m *memory) key(t *tensor.Tensor) (any, bool) {
	if t.Len() == 0 {
		return nil, false
	}
	switch d := t.Any().(type) {
	case []float32:
		return &d[0], m.float32s.owned[&d[0]]
	case []float64:
		return &d[0], m.float64s.owned[&d[0]]
	case []int64:
		return &d[0], m.int64s.owned[&d[0]]
	case []bool:
		return &d[0], m.bools.owned[&d[0]]
	}
	return nil, false
}

// release takes back a tensor that nothing reads any more.
func (m *memory) release(t *tensor.Tensor) {
	if t == nil {
		return
	}
	switch d := t.Any().(type) {
	case []float32:
		m.float32s.put(m, d)
	case []float64:
		m.float64s.put(m, d)
	case []int64:
		m.int64s.put(m, d)
	case []bool:
		m.bools.put(m, d)
	}
}

// forget lets go of what a run handed out without taking it back: its results,
// and everything when it failed.
func (m *memory) forget() {
	clear(m.float32s.owned)
	clear(m.float64s.owned)
	clear(m.int64s.owned)
	clear(m.bools.owned)
	clear(m.shared)
}

// memories keeps memory between runs of a session.
type memories struct{ pool sync.Pool }

func (m *memories) get() *memory {
	if v, ok := m.pool.Get().(*memory); ok {
		return v
	}
	return newMemory()
}

func (m *memories) put(v *memory) {
	v.forget()
	m.pool.Put(v)
}
