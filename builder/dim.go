package builder

import (
	"fmt"
	"sort"
	"strings"

	"espalier/onnx"
)

// Dim is a size that may not be known until the graph runs: an integer, a
// name such as "batch", or an affine expression of a product of names such as
// 2*batch*sequence+1. Two dimensions are equal when their expressions are, and
// == compares them.
type Dim struct {
	names  string // sorted, joined by "*"; empty for an integer
	coef   int64  // factor of names; 0 for an integer
	offset int64
}

// Fixed returns the dimension of a known size.
func Fixed(n int64) Dim { return Dim{offset: n} }

// Named returns a dimension known by name only. Values of one graph that use
// the same name have the same size there.
func Named(name string) Dim { return Dim{names: name, coef: 1} }

// Size returns the dimension's size and whether it is an integer.
func (d Dim) Size() (int64, bool) { return d.offset, d.names == "" }

// Is reports whether the dimension is the integer n.
func (d Dim) Is(n int64) bool { return d.names == "" && d.offset == n }

// Plus returns the dimension larger by n.
func (d Dim) Plus(n int64) Dim {
	d.offset += n
	return d
}

// Times returns the product. It fails for a product of two names of which one
// has an offset, (batch+1)*sequence, which Dim cannot express.
func (d Dim) Times(e Dim) (Dim, error) {
	if d.names == "" {
		d, e = e, d
	}
	if n, ok := e.Size(); ok {
		if d.names == "" {
			return Fixed(d.offset * n), nil
		}
		if n == 0 {
			return Fixed(0), nil
		}
		return Dim{names: d.names, coef: d.coef * n, offset: d.offset * n}, nil
	}
	if d.offset != 0 || e.offset != 0 {
		return Dim{}, fmt.Errorf("cannot express the product of %v and %v", d, e)
	}
	names := append(strings.Split(d.names, "*"), strings.Split(e.names, "*")...)
	sort.Strings(names)
	return Dim{names: strings.Join(names, "*"), coef: d.coef * e.coef}, nil
}

// Value returns the size under an assignment of names.
func (d Dim) Value(sizes map[string]int64) (int64, error) {
	if d.names == "" {
		return d.offset, nil
	}
	n := d.coef
	for _, name := range strings.Split(d.names, "*") {
		size, ok := sizes[name]
		if !ok {
			return 0, fmt.Errorf("dimension %q has no size", name)
		}
		n *= size
	}
	return n + d.offset, nil
}

// String returns the expression, as 2*batch+1.
func (d Dim) String() string {
	if d.names == "" {
		return fmt.Sprint(d.offset)
	}
	s := d.names
	if d.coef != 1 {
		s = fmt.Sprintf("%d*%s", d.coef, s)
	}
	if d.offset != 0 {
		s = fmt.Sprintf("%s%+d", s, d.offset)
	}
	return s
}

// simple reports whether the dimension is one bare name.
func (d Dim) simple() bool {
	return d.names != "" && d.coef == 1 && d.offset == 0 && !strings.Contains(d.names, "*")
}

func (d Dim) message() onnx.Dim {
	if n, ok := d.Size(); ok {
		return onnx.Dim{Size: n, Known: true}
	}
	return onnx.Dim{Name: d.String()}
}

// Shape is a list of dimensions, outermost first.
type Shape []Dim

// Dims makes a shape of known sizes.
func Dims(sizes ...int64) Shape {
	s := make(Shape, len(sizes))
	for i, n := range sizes {
		s[i] = Fixed(n)
	}
	return s
}

// Equal reports whether both shapes have equal dimensions.
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

// Sizes returns the shape as integers and whether all dimensions are known.
func (s Shape) Sizes() ([]int64, bool) {
	sizes := make([]int64, len(s))
	for i, d := range s {
		n, ok := d.Size()
		if !ok {
			return nil, false
		}
		sizes[i] = n
	}
	return sizes, true
}

// Product returns the number of elements as a dimension.
func (s Shape) Product() (Dim, error) {
	p := Fixed(1)
	var err error
	for _, d := range s {
		if p, err = p.Times(d); err != nil {
			return Dim{}, err
		}
	}
	return p, nil
}

// String returns the shape as [batch,sequence,128].
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = d.String()
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// broadcast returns the shape of an elementwise operation on a and b, by
// ONNX's multidirectional rule. Dimensions must be provably equal or 1.
func broadcast(a, b Shape) (Shape, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := append(Shape{}, a...)
	shift := len(a) - len(b)
	for i, d := range b {
		switch e := a[shift+i]; {
		case d == e || d.Is(1):
		case e.Is(1):
			out[shift+i] = d
		default:
			return nil, fmt.Errorf("shapes %v and %v do not broadcast: %v is not %v", a, b, e, d)
		}
	}
	return out, nil
}
