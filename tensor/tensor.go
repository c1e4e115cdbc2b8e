// Package tensor holds the values that move between rooms: a data type, a
// shape and a Go slice with the elements in row-major order.
//
// A [Tensor] does not own machinery: no strides, no views of views, no lazy
// copies. An engine may read and write the slice in place, so a slice of a
// larger arena makes a tensor that shares memory with the arena.
package tensor

import (
	"fmt"
	"math"
	"strings"
)

// DType is an element type. The numbers are those of ONNX's
// TensorProto.DataType, so a cast is all the conversion there is.
type DType int32

// The element types that Espalier's own graphs use, and those that files from
// elsewhere may carry. Float16 and BFloat16 elements are stored as their bits.
const (
	Undefined DType = 0
	Float32   DType = 1
	Uint8     DType = 2
	Int8      DType = 3
	Uint16    DType = 4
	Int16     DType = 5
	Int32     DType = 6
	Int64     DType = 7
	String    DType = 8
	Bool      DType = 9
	Float16   DType = 10
	Float64   DType = 11
	Uint32    DType = 12
	Uint64    DType = 13
	BFloat16  DType = 16
)

var names = [...]string{
	Undefined: "undefined", Float32: "float32", Uint8: "uint8", Int8: "int8", Uint16: "uint16", Int16: "int16",
	Int32: "int32", Int64: "int64", String: "string", Bool: "bool", Float16: "float16", Float64: "float64",
	Uint32: "uint32", Uint64: "uint64", 14: "complex64", 15: "complex128", BFloat16: "bfloat16",
}

// String returns the type's usual name, such as "float32".
func (d DType) String() string {
	if d >= 0 && int(d) < len(names) {
		return names[d]
	}
	return fmt.Sprintf("dtype(%d)", int32(d))
}

// Size returns the bytes of one element, or 0 where elements have no fixed
// size (strings) or the type is unknown.
func (d DType) Size() int {
	switch d {
	case Bool, Uint8, Int8:
		return 1
	case Uint16, Int16, Float16, BFloat16:
		return 2
	case Float32, Int32, Uint32:
		return 4
	case Float64, Int64, Uint64:
		return 8
	}
	return 0
}

// IsFloat reports whether the type is one that gradients exist for.
func (d DType) IsFloat() bool { return d == Float32 || d == Float64 }

// Element lists the Go types that elements can have.
type Element interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | bool | string
}

// TypeOf returns the data type whose elements are stored as T.
func TypeOf[T Element]() DType {
	var zero T
	switch any(zero).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	case bool:
		return Bool
	default:
		return String
	}
}

// Shape is a list of sizes, outermost first. The empty shape is a scalar.
type Shape []int64

// Elements returns the product of the sizes. It fails on a negative size and
// on a product that does not fit an int.
func (s Shape) Elements() (int, error) {
	n := int64(1)
	zero := false
	for _, d := range s {
		switch {
		case d < 0:
			return 0, fmt.Errorf("shape %v has a negative size", s)
		case d == 0:
			zero = true
		case n > math.MaxInt64/d:
			return 0, fmt.Errorf("shape %v has more elements than memory can address", s)
		default:
			n *= d
		}
	}
	if zero {
		return 0, nil
	}
	return int(n), nil
}

// Equal reports whether both shapes have the same sizes in the same order.
func (s Shape) Equal(t Shape) bool {
	if len(s) != len(t) {
		return false
	}
	for i := range s {
		if s[i] != t[i] {
			return false
		}
	}
	return true
}

// String returns the shape as [2,3].
func (s Shape) String() string {
	var b strings.Builder
	b.WriteByte('[')
	for i, d := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d", d)
	}
	b.WriteByte(']')
	return b.String()
}

// Tensor is a shaped view of a Go slice. Its type and shape never change; the
// elements may. It is safe for concurrent reading; writing needs the caller's
// own order.
type Tensor struct {
	dtype DType
	shape Shape
	data  any
}

// Of makes a tensor over data without copying it. The slice must hold exactly
// as many elements as the shape says.
func Of[T Element](data []T, shape ...int64) (*Tensor, error) {
	n, err := Shape(shape).Elements()
	if err != nil {
		return nil, err
	}
	if n != len(data) {
		return nil, fmt.Errorf("shape %v needs %d elements, the slice has %d", Shape(shape), n, len(data))
	}
	return &Tensor{dtype: TypeOf[T](), shape: append(Shape{}, shape...), data: data}, nil
}

// Must returns t and panics when err is not nil. It is for literals in tests
// and examples, whose shapes are known to be right.
func Must(t *Tensor, err error) *Tensor {
	if err != nil {
		panic(err)
	}
	return t
}

// Scalar makes a tensor of rank 0.
func Scalar[T Element](v T) *Tensor {
	return &Tensor{dtype: TypeOf[T](), shape: Shape{}, data: []T{v}}
}

// New makes a tensor of zeros (empty strings, false).
func New(dtype DType, shape ...int64) (*Tensor, error) {
	n, err := Shape(shape).Elements()
	if err != nil {
		return nil, err
	}
	data, err := newSlice(dtype, n)
	if err != nil {
		return nil, err
	}
	return &Tensor{dtype: dtype, shape: append(Shape{}, shape...), data: data}, nil
}

// Half makes a tensor of float16 or bfloat16 elements over their bits.
func Half(dtype DType, bits []uint16, shape ...int64) (*Tensor, error) {
	if dtype != Float16 && dtype != BFloat16 {
		return nil, fmt.Errorf("%v is not a 16-bit float type", dtype)
	}
	t, err := Of(bits, shape...)
	if err != nil {
		return nil, err
	}
	t.dtype = dtype
	return t, nil
}

func newSlice(dtype DType, n int) (any, error) {
	switch dtype {
	case Float32:
		return make([]float32, n), nil
	case Float64:
		return make([]float64, n), nil
	case Int8:
		return make([]int8, n), nil
	case Int16:
		return make([]int16, n), nil
	case Int32:
		return make([]int32, n), nil
	case Int64:
		return make([]int64, n), nil
	case Uint8:
		return make([]uint8, n), nil
	case Uint16, Float16, BFloat16:
		return make([]uint16, n), nil
	case Uint32:
		return make([]uint32, n), nil
	case Uint64:
		return make([]uint64, n), nil
	case Bool:
		return make([]bool, n), nil
	case String:
		return make([]string, n), nil
	}
	return nil, fmt.Errorf("no tensor can hold elements of type %v", dtype)
}

// DType returns the element type.
func (t *Tensor) DType() DType { return t.dtype }

// Shape returns the sizes. The caller must not change them.
func (t *Tensor) Shape() Shape { return t.shape }

// Rank returns the number of dimensions.
func (t *Tensor) Rank() int { return len(t.shape) }

// Len returns the number of elements.
func (t *Tensor) Len() int {
	n, _ := t.shape.Elements() // checked when the tensor was made
	return n
}

// Any returns the element slice as its own type in an interface.
func (t *Tensor) Any() any { return t.data }

// Data returns the elements, shared with the tensor, and whether they are of
// type T.
func Data[T Element](t *Tensor) ([]T, bool) {
	d, ok := t.data.([]T)
	return d, ok
}

// Float32s returns the elements of a float32 tensor and nil for other types.
func (t *Tensor) Float32s() []float32 { d, _ := t.data.([]float32); return d }

// Float64s returns the elements of a float64 tensor and nil for other types.
func (t *Tensor) Float64s() []float64 { d, _ := t.data.([]float64); return d }

// Int64s returns the elements of an int64 tensor and nil for other types.
func (t *Tensor) Int64s() []int64 { d, _ := t.data.([]int64); return d }

// Bools returns the elements of a bool tensor and nil for other types.
func (t *Tensor) Bools() []bool { d, _ := t.data.([]bool); return d }

// Strings returns the elements of a string tensor and nil for other types.
func (t *Tensor) Strings() []string { d, _ := t.data.([]string); return d }

// Reshape returns a tensor over the same elements with another shape.
func (t *Tensor) Reshape(shape ...int64) (*Tensor, error) {
	n, err := Shape(shape).Elements()
	if err != nil {
		return nil, err
	}
	if n != t.Len() {
		return nil, fmt.Errorf("cannot view %v elements %v as %v", t.dtype, t.shape, Shape(shape))
	}
	return &Tensor{dtype: t.dtype, shape: append(Shape{}, shape...), data: t.data}, nil
}

// Clone returns a copy with its own elements.
func (t *Tensor) Clone() *Tensor {
	c := &Tensor{dtype: t.dtype, shape: append(Shape{}, t.shape...)}
	switch d := t.data.(type) {
	case []float32:
		c.data = append([]float32(nil), d...)
	case []float64:
		c.data = append([]float64(nil), d...)
	case []int8:
		c.data = append([]int8(nil), d...)
	case []int16:
		c.data = append([]int16(nil), d...)
	case []int32:
		c.data = append([]int32(nil), d...)
	case []int64:
		c.data = append([]int64(nil), d...)
	case []uint8:
		c.data = append([]uint8(nil), d...)
	case []uint16:
		c.data = append([]uint16(nil), d...)
	case []uint32:
		c.data = append([]uint32(nil), d...)
	case []uint64:
		c.data = append([]uint64(nil), d...)
	case []bool:
		c.data = append([]bool(nil), d...)
	case []string:
		c.data = append([]string(nil), d...)
	}
	return c
}

// String describes the tensor without its elements, as float32[2,3].
func (t *Tensor) String() string { return t.dtype.String() + t.shape.String() }
