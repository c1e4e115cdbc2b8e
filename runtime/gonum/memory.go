package gonum

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"

	"espalier/tensor"
)

// DefaultMaxMemory is the memory of one run where [Engine.MaxMemory] is 0:
// 4 GiB.
const DefaultMaxMemory = 4 << 30

// MaxElements is the most elements that one tensor of a run may have. A model
// that asks for more, by a hostile shape, fails instead of filling memory.
const MaxElements = 1 << 30

// errMemory is the cause of a run that asked for more than it may have.
var errMemory = errors.New("more memory than one run may take; raise Engine.MaxMemory if the model is to be trusted")

// memory hands out the element slices of a run and takes back those that no
// later node reads. It is for one run at a time.
type memory struct {
	lists map[tensor.DType]list
	// shared counts the tensors that look at a slice, beyond the first: a
	// reshape makes two of one.
	shared  map[any]int
	used    int // bytes handed out
	limit   int
	threads int // goroutines that one kernel may use
}

func newMemory(limit, threads int) *memory {
	m := &memory{shared: map[any]int{}, limit: limit, threads: threads}
	m.lists = map[tensor.DType]list{
		tensor.Float32: newFreeList[float32](m), tensor.Float64: newFreeList[float64](m),
		tensor.Int8: newFreeList[int8](m), tensor.Int16: newFreeList[int16](m),
		tensor.Int32: newFreeList[int32](m), tensor.Int64: newFreeList[int64](m),
		tensor.Uint8: newFreeList[uint8](m), tensor.Uint16: newFreeList[uint16](m),
		tensor.Uint32: newFreeList[uint32](m), tensor.Uint64: newFreeList[uint64](m),
		tensor.Bool: newFreeList[bool](m), tensor.String: newFreeList[string](m),
	}
	return m
}

// list is a freeList of any element type.
type list interface {
	tensor(shape tensor.Shape, n int) (*tensor.Tensor, error)
	// release takes back a tensor whose slice came from here; others are left
	// alone.
	release(t *tensor.Tensor)
	// key identifies a slice that came from here and is in use.
	key(slice any) (key any, ok bool)
	forget()
}

// freeList keeps slices by the power of two that their capacity is.
type freeList[T tensor.Element] struct {
	memory *memory
	free   [64][]freed[T]
	owned  map[*T]bool // slices that came from here and are in use
	bytes  int         // of an element
}

// freed is a slice that nobody uses, and the tensor over it, nil where there was
// none: the next of its shape is the same.
type freed[T tensor.Element] struct {
	slice  []T
	tensor *tensor.Tensor
}

func newFreeList[T tensor.Element](m *memory) *freeList[T] {
	bytes := tensor.TypeOf[T]().Size()
	if bytes == 0 {
		bytes = 16 // a string's header
	}
	return &freeList[T]{memory: m, owned: map[*T]bool{}, bytes: bytes}
}

// get returns a slice of n elements that are undefined.
func (p *freeList[T]) get(n int) ([]T, error) {
	s, _, err := p.take(n, nil)
	return s, err
}

// take returns a slice of n elements and, where one of that shape was given
// back, the tensor over it.
func (p *freeList[T]) take(n int, shape tensor.Shape) ([]T, *tensor.Tensor, error) {
	if n == 0 {
		return []T{}, nil, nil
	}
	class := bits.Len(uint(n - 1))
	bytes := p.bytes << class
	if n > MaxElements || bytes > p.memory.limit-p.memory.used {
		return nil, nil, fmt.Errorf("%d elements more are %w", n, errMemory)
	}
	p.memory.used += bytes
	free := p.free[class]
	last := len(free) - 1
	if last < 0 {
		s := make([]T, n, 1<<class)
		p.owned[&s[0]] = true
		return s, nil, nil
	}
	for i := last; shape != nil && i >= max(0, last-looked); i-- {
		if t := free[i].tensor; t != nil && t.Shape().Equal(shape) {
			free[i], free[last] = free[last], free[i]
			break
		}
	}
	f := free[last]
	free[last] = freed[T]{}
	p.free[class] = free[:last]
	s := f.slice[:n]
	p.owned[&s[0]] = true
	if f.tensor == nil || !f.tensor.Shape().Equal(shape) {
		return s, nil, nil
	}
	return s, f.tensor, nil
}

// looked is how many slices are looked at for a tensor of a shape.
const looked = 8

// put takes a slice back, and a tensor over it, which may be nil.
func (p *freeList[T]) put(s []T, t *tensor.Tensor) {
	if len(s) == 0 {
		return
	}
	key := &s[0]
	if !p.owned[key] {
		return // an input, an initialiser, or handed out already
	}
	if shared := p.memory.shared; shared[key] > 0 {
		shared[key]--
		return
	}
	delete(p.owned, key)
	class := bits.Len(uint(cap(s) - 1))
	p.memory.used -= p.bytes << class
	if texts, ok := any(s).([]string); ok {
		clear(texts) // else they would live as long as the session
	}
	p.free[class] = append(p.free[class], freed[T]{s, t})
}

func (p *freeList[T]) tensor(shape tensor.Shape, n int) (*tensor.Tensor, error) {
	s, t, err := p.take(n, shape)
	if err != nil {
		return nil, fmt.Errorf("a result of shape %v: %w", shape, err)
	}
	if t != nil {
		return t, nil
	}
	return tensor.Of(s, shape...)
}

func (p *freeList[T]) release(t *tensor.Tensor) {
	if s, ok := t.Any().([]T); ok {
		p.put(s, t)
	}
}

func (p *freeList[T]) key(slice any) (key any, ok bool) {
	s, _ := slice.([]T)
	if len(s) == 0 {
		return nil, false
	}
	return &s[0], p.owned[&s[0]]
}

func (p *freeList[T]) forget() { clear(p.owned) }

// new returns a tensor whose elements are undefined.
func (m *memory) new(dtype tensor.DType, shape tensor.Shape) (*tensor.Tensor, error) {
	n, err := shape.Elements()
	if err != nil {
		return nil, err
	}
	if p := m.lists[dtype]; p != nil {
		return p.tensor(shape, n)
	}
	// Types that are moved and not computed with are not kept for later.
	if n > MaxElements || n*dtype.Size() > m.limit-m.used {
		return nil, fmt.Errorf("a result of shape %v: %w", shape, errMemory)
	}
	m.used += n * dtype.Size()
	return tensor.New(dtype, shape...)
}

// charge counts bytes of strings that a kernel made; they count until the run
// ends.
func (m *memory) charge(bytes int) error {
	if bytes < 0 || bytes > m.limit-m.used {
		return fmt.Errorf("%d bytes of text more are %w", bytes, errMemory)
	}
	m.used += bytes
	return nil
}

// share notes that one more tensor looks at t's elements.
func (m *memory) share(t *tensor.Tensor) {
	if key, ok := m.key(t); ok {
		m.shared[key]++
	}
}

func (m *memory) key(t *tensor.Tensor) (any, bool) {
	if p := m.lists[t.DType()]; p != nil {
		return p.key(t.Any())
	}
	return nil, false
}

// release takes back a tensor that nothing reads any more.
func (m *memory) release(t *tensor.Tensor) {
	if t == nil {
		return
	}
	if p := m.lists[t.DType()]; p != nil {
		p.release(t)
	}
}

// scratch returns n elements, undefined, for a kernel to use and to give back.
func scratch[T tensor.Element](m *memory, n int) ([]T, error) {
	return m.lists[tensor.TypeOf[T]()].(*freeList[T]).get(n)
}

func giveBack[T tensor.Element](m *memory, s []T) {
	m.lists[tensor.TypeOf[T]()].(*freeList[T]).put(s, nil)
}

// forget lets go of what a run handed out without taking it back: its results,
// and everything when it failed.
func (m *memory) forget() {
	for _, p := range m.lists {
		p.forget()
	}
	clear(m.shared)
	m.used = 0
}

// memories keeps memory between runs of a session.
type memories struct {
	pool           sync.Pool
	limit, threads int
}

func (m *memories) get() *memory {
	if v, ok := m.pool.Get().(*memory); ok {
		return v
	}
	return newMemory(m.limit, m.threads)
}

func (m *memories) put(v *memory) {
	v.forget()
	m.pool.Put(v)
}
