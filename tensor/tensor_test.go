package tensor_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"espalier/tensor"
)

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		shape tensor.Shape
		n     int
		want  string
	}{
		{tensor.Shape{}, 1, ""},
		{tensor.Shape{2, 3}, 6, ""},
		{tensor.Shape{0, math.MaxInt64, math.MaxInt64}, 0, "more elements than memory can address"},
		{tensor.Shape{5, 0}, 0, ""},
		{tensor.Shape{2, -1}, 0, "shape [2,-1] has a negative size"},
		{tensor.Shape{1 << 32, 1 << 32}, 0, "shape [4294967296,4294967296] has more elements than memory can address"},
	} {
		n, err := c.shape.Elements()
		if c.want == "" && (err != nil || n != c.n) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %d, %v; want %d, %q", c.shape, n, err, c.n, c.want)
		}
	}
	if (tensor.Shape{1, 2}).Equal(tensor.Shape{1}) || !(tensor.Shape{}).Equal(nil) || (tensor.Shape{1}).Equal(tensor.Shape{2}) {
		t.Error("Equal is wrong")
	}
}

// TestEveryTypeHoldsItsElements: a tensor of each type is made, cloned and read
// back; a clone has elements of its own.
func TestEveryTypeHoldsItsElements(t *testing.T) {
	for d := tensor.Float32; d <= tensor.BFloat16; d++ {
		if d == 14 || d == 15 {
			if _, err := tensor.New(d, 1); err == nil {
				t.Errorf("a tensor of %v was made", d)
			}
			continue
		}
		x, err := tensor.New(d, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		if x.DType() != d || x.Len() != 6 || x.Rank() != 2 || x.String() != d.String()+"[2,3]" {
			t.Errorf("New(%v) is %v", d, x)
		}
		if c := x.Clone(); c.String() != x.String() || fmt.Sprintf("%T", c.Any()) != fmt.Sprintf("%T", x.Any()) {
			t.Errorf("the clone of %v is %v", x, c)
		}
	}
	x := tensor.Must(tensor.Of([]float32{1, 2}, 2))
	c := x.Clone()
	c.Float32s()[0] = 9
	if x.Float32s()[0] != 1 {
		t.Error("a clone shares elements")
	}
	if x.Float64s() != nil || x.Int64s() != nil || x.Bools() != nil || x.Strings() != nil {
		t.Error("elements are handed out as another type")
	}
	if _, ok := tensor.Data[int64](x); ok {
		t.Error("float32 elements are said to be int64")
	}
}

func TestViewsShareElements(t *testing.T) {
	data := []int64{1, 2, 3, 4, 5, 6}
	x := tensor.Must(tensor.Of(data, 6))
	y, err := x.Reshape(2, 3)
	if err != nil {
		t.Fatal(err)
	}
	data[0] = 7
	if x.Int64s()[0] != 7 || y.Int64s()[0] != 7 {
		t.Error("a view has elements of its own")
	}
	if _, err := x.Reshape(4); err == nil || err.Error() != "cannot view int64 elements [6] as [4]" {
		t.Errorf("got %v", err)
	}
	if _, err := tensor.Of(data, 5); err == nil || err.Error() != "shape [5] needs 5 elements, the slice has 6" {
		t.Errorf("got %v", err)
	}
	if _, err := tensor.Half(tensor.Float32, nil, 0); err == nil || err.Error() != "float32 is not a 16-bit float type" {
		t.Errorf("got %v", err)
	}
	if h := tensor.Must(tensor.Half(tensor.Float16, []uint16{0x3c00}, 1)); h.DType() != tensor.Float16 {
		t.Errorf("half is %v", h)
	}
}

func TestNamesOfTypes(t *testing.T) {
	for d, want := range map[tensor.DType]string{
		tensor.Float32: "float32", tensor.Undefined: "undefined", 14: "complex64", tensor.BFloat16: "bfloat16", 99: "dtype(99)", -1: "dtype(-1)",
	} {
		if d.String() != want {
			t.Errorf("%d is %s, want %s", int(d), d, want)
		}
	}
	if tensor.TypeOf[string]() != tensor.String || tensor.TypeOf[uint16]() != tensor.Uint16 || tensor.String.Size() != 0 || tensor.Float16.Size() != 2 {
		t.Error("types and sizes are wrong")
	}
}

func ExampleOf() {
	arena := []float32{0, 1, 2, 3, 4, 5}
	t, err := tensor.Of(arena[2:6], 2, 2) // a view of a part of the arena
	fmt.Println(t, err)
	arena[2] = 9
	fmt.Println(t.Float32s())
	// Output:
	// float32[2,2] <nil>
	// [9 3 4 5]
}
