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
	kept    []any // by tensor, a pointer to the slice that its elements are in
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
func (b *Batch) Tensors() []Named { return b.tensors }

// Tensor returns the tensor of that name, or nil.
func (b *Batch) Tensor(name string) *Tensor {
	if i, ok := b.index[name]; ok {
		return b.tensors[i].Tensor
	}
	return nil
}

// Int64s returns the elements of the tensor of that name, nil where there is none or
// it is of another type; likewise Float32s and Float64s.
func (b *Batch) Int64s(name string) []int64 { return elements[int64](b, name) }

// Float32s returns the elements of a float32 tensor.
func (b *Batch) Float32s(name string) []float32 { return elements[float32](b, name) }

// Float64s returns the elements of a float64 tensor.
func (b *Batch) Float64s(name string) []float64 { return elements[float64](b, name) }

func elements[T Element](b *Batch, name string) []T {
	t := b.Tensor(name)
	if t == nil {
		return nil
	}
	data, _ := Data[T](t)
	return data
}

// Set puts a tensor into the batch, which holds on to it.
func (b *Batch) Set(name string, t *Tensor) {
	i := b.place(name)
	b.tensors[i].Tensor, b.kept[i] = t, nil
}

// Fill makes the tensor of that name one of the given shape, all of whose elements
// are v, and returns them to be written to. Memory is used again where it is
// large enough. It panics for a negative size.
func Fill[T Element](b *Batch, name string, v T, shape ...int) []T {
	i := b.place(name)
	n := 1
	for _, d := range shape {
		if d < 0 {
			panic(fmt.Sprintf("tensor: %s has the shape %v", name, slices.Clone(shape)))
		}
		n *= d
	}
	memory, ok := b.kept[i].(*[]T)
	if !ok {
		memory = new([]T)
		b.kept[i] = memory
	}
	if cap(*memory) < n {
		*memory = make([]T, n)
	}
	data := (*memory)[:n]
	for j := range data {
		data[j] = v
	}
	if !fits(b.tensors[i].Tensor, data, shape) {
		dims := make(Shape, len(shape))
		for j, d := range shape {
			dims[j] = int64(d)
		}
		b.tensors[i].Tensor = Must(Of(data, dims...))
	}
	return data
}

// fits reports whether a tensor is of these elements and shape already.
func fits[T Element](t *Tensor, data []T, shape []int) bool {
	if t == nil || len(t.shape) != len(shape) {
		return false
	}
	if had, ok := Data[T](t); !ok || !same(had, data) {
		return false
	}
	for j, d := range shape {
		if t.shape[j] != int64(d) {
			return false
		}
	}
	return true
}

// same reports whether two slices begin at the same element and are as long.
func same[T any](a, b []T) bool {
	return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0]
}

func (b *Batch) place(name string) int {
	i, ok := b.index[name]
	if !ok {
		if b.index == nil {
			b.index = map[string]int{}
		}
		i = len(b.tensors)
		b.index[name] = i
		b.tensors, b.kept = append(b.tensors, Named{Name: name}), append(b.kept, nil)
	}
	return i
}

// Clone returns a batch of the same sizes and tensors, whose elements are copies.
func (b *Batch) Clone() *Batch {
	c := &Batch{sizes: maps.Clone(b.sizes), index: maps.Clone(b.index), kept: make([]any, len(b.kept))}
	for _, t := range b.tensors {
		c.tensors = append(c.tensors, Named{t.Name, t.Tensor.Clone()})
	}
	return c
}
