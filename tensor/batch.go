package tensor

import (
	"fmt"
	"maps"
	"slices"
)

// Named pairs a tensor with the name of an input or output.
type Named struct {
	Name   string
	Tensor *Tensor
}

// Batch is what a model reads at once: tensors by name, and the sizes of the
// dimensions that differ from batch to batch, by name ("batch", "sequence"). It
// is filled anew for every step and keeps its memory: what it has handed out is
// good until it is asked for again. The zero value is an empty batch. It is for
// one goroutine at a time.
type Batch struct {
	sizes   map[string]int64
	tensors []Named
	index   map[string]int
	kept    []kept // by tensor
	next    int    // the tensor behind the one that was made last
}

// kept is the memory of a tensor, nil where there is none yet. Where the tensor was set,
// the memory waits for the next Fill.
type kept struct {
	memory memory
	set    bool
}

// memory is what a tensor is made of when it is asked for.
type memory interface {
	// tensor returns a tensor of what was filled in last: was, where it is that.
	tensor(was *Tensor) *Tensor
}

// memoryOf has elements of one type.
type memoryOf[T Element] struct {
	data  []T
	shape Shape
}

// SetSize gives a dimension its size.
func (b *Batch) SetSize(dimension string, n int) {
	if b.sizes == nil {
		b.sizes = map[string]int64{}
	}
	b.sizes[dimension] = int64(n)
}

// Size returns a dimension's size, 0 where it has none.
func (b *Batch) Size(dimension string) int { return int(b.sizes[dimension]) }

// Sizes returns the sizes of all dimensions. The map is the batch's own.
func (b *Batch) Sizes() map[string]int64 { return b.sizes }

// Tensors returns all tensors, in the order in which they were first asked for. The
// slice is the batch's own.
func (b *Batch) Tensors() []Named {
	for i := range b.tensors {
		b.tensor(i)
	}
	return b.tensors
}

// Tensor returns the tensor of that name, or nil.
func (b *Batch) Tensor(name string) *Tensor {
	if i, ok := b.index[name]; ok {
		return b.tensor(i)
	}
	return nil
}

func (b *Batch) tensor(i int) *Tensor {
	if k := b.kept[i]; !k.set {
		b.tensors[i].Tensor = k.memory.tensor(b.tensors[i].Tensor)
	}
	return b.tensors[i].Tensor
}

// Int64s returns the elements of the tensor of that name, nil where there is none or
// it is of another type; likewise Float32s and Float64s.
func (b *Batch) Int64s(name string) []int64 { return elements[int64](b, name) }

// Float32s returns the elements of a float32 tensor.
func (b *Batch) Float32s(name string) []float32 { return elements[float32](b, name) }

// Float64s returns the elements of a float64 tensor.
func (b *Batch) Float64s(name string) []float64 { return elements[float64](b, name) }

func elements[T Element](b *Batch, name string) []T {
	i, ok := b.index[name]
	if !ok {
		return nil
	}
	if k := b.kept[i]; !k.set {
		if m, ok := k.memory.(*memoryOf[T]); ok {
			return m.data
		}
		return nil
	}
	data, _ := Data[T](b.tensors[i].Tensor)
	return data
}

// Set puts a tensor into the batch in the place of the one of that name, whose memory
// the next Fill uses again.
func (b *Batch) Set(name string, t *Tensor) {
	i := b.place(name)
	b.tensors[i].Tensor, b.kept[i].set = t, true
}

// Fill makes the tensor of that name one of the given shape, all of whose elements
// are v, and returns them to be written to. Memory is used again where it is
// large enough. It panics for a negative size.
func Fill[T Element](b *Batch, name string, v T, shape ...int) []T {
	i := b.place(name)
	m, ok := b.kept[i].memory.(*memoryOf[T])
	if !ok {
		m = new(memoryOf[T])
		b.kept[i].memory = m
	}
	b.kept[i].set = false
	n := 1
	m.shape = m.shape[:0]
	for _, d := range shape {
		if d < 0 {
			panic(fmt.Sprintf("tensor: %s has the shape %v", name, slices.Clone(shape)))
		}
		n *= d
		m.shape = append(m.shape, int64(d))
	}
	if cap(m.data) < n {
		m.data = make([]T, n)
	}
	m.data = m.data[:n]
	if v == *new(T) {
		clear(m.data) // faster than the loop
		return m.data
	}
	for j := range m.data {
		m.data[j] = v
	}
	return m.data
}

func (m *memoryOf[T]) tensor(was *Tensor) *Tensor {
	if was != nil && was.shape.Equal(m.shape) {
		if had, ok := Data[T](was); ok && same(had, m.data) {
			return was
		}
	}
	return &Tensor{dtype: TypeOf[T](), shape: slices.Clone(m.shape), data: m.data}
}

// same reports whether two slices begin at the same element and are as long.
func same[T any](a, b []T) bool {
	return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0]
}

// place returns the number of a tensor that is made, mostly the next: batches are
// filled in the same order every time.
func (b *Batch) place(name string) int {
	i := b.next
	if i >= len(b.tensors) {
		i = 0
	}
	if len(b.tensors) == 0 || b.tensors[i].Name != name {
		i = b.find(name)
	}
	b.next = i + 1
	return i
}

func (b *Batch) find(name string) int {
	i, ok := b.index[name]
	if !ok {
		if b.index == nil {
			b.index = map[string]int{}
		}
		i = len(b.tensors)
		b.index[name] = i
		b.tensors, b.kept = append(b.tensors, Named{Name: name}), append(b.kept, kept{})
	}
	return i
}

// Clone returns a batch of the same sizes and tensors, whose elements are copies.
func (b *Batch) Clone() *Batch {
	c := &Batch{sizes: maps.Clone(b.sizes), index: maps.Clone(b.index), kept: slices.Repeat([]kept{{set: true}}, len(b.kept))}
	for _, t := range b.Tensors() {
		c.tensors = append(c.tensors, Named{t.Name, t.Tensor.Clone()})
	}
	return c
}
