package enginetest

import (
	"context"
	"testing"

	"espalier/runtime"
	"espalier/tensor"
)

// Types claims that values of the types given go in and come out unchanged,
// with elements and without.
func Types(t *testing.T, open func() runtime.Engine, dtypes ...tensor.DType) {
	for _, dtype := range dtypes {
		t.Run(dtype.String(), func(t *testing.T) {
			s := session(t, open(), identity(t, dtype))
			if got := s.Inputs()[0].DType; got != dtype {
				t.Errorf("the input is declared as %v", got)
			}
			for _, shape := range []tensor.Shape{{2, 3}, {1, 1}, {0, 3}, {2, 0}} {
				x := pattern(t, dtype, shape)
				allocated, given := list(named("y", nil)), list(named("y", zeros(dtype, shape...)))
				run(t, s, list(named("x", x)), allocated)
				run(t, s, list(named("x", x)), given)
				equal(t, "allocated y", allocated[0].Tensor, x)
				equal(t, "given y", given[0].Tensor, x)
			}
		})
	}
}

// pattern fills a tensor with elements that differ in every byte, so that an
// element size mistaken shows.
func pattern(t testing.TB, dtype tensor.DType, shape tensor.Shape) *tensor.Tensor {
	t.Helper()
	x := zeros(dtype, shape...)
	switch d := x.Any().(type) {
	case []float32:
		fill(d, func(i int) float32 { return -1.7e30 * float32(i+1) })
	case []float64:
		fill(d, func(i int) float64 { return -1.7e300 * float64(i+1) })
	case []int8:
		fill(d, func(i int) int8 { return int8(-100 + i) })
	case []int16:
		fill(d, func(i int) int16 { return int16(-0x1234 - i) })
	case []int32:
		fill(d, func(i int) int32 { return int32(-0x12345678 - i) })
	case []int64:
		fill(d, func(i int) int64 { return int64(-0x123456789abcdef - i) })
	case []uint8:
		fill(d, func(i int) uint8 { return uint8(200 + i) })
	case []uint16: // float16 and bfloat16, too: 0x3c.. are small numbers in both
		fill(d, func(i int) uint16 { return uint16(0x3c12 + i) })
	case []uint32:
		fill(d, func(i int) uint32 { return uint32(0x87654321 + i) })
	case []uint64:
		fill(d, func(i int) uint64 { return 0x8765432112345678 + uint64(i) })
	case []bool:
		fill(d, func(i int) bool { return i%2 == 0 })
	case []string:
		fill(d, func(i int) string { return []string{"", "naïve", "a\x00b", "\n", "日本語", "plain"}[i%6] })
	default:
		t.Fatalf("no pattern for %v", dtype)
	}
	return x
}

func fill[T tensor.Element](data []T, element func(int) T) {
	for i := range data {
		data[i] = element(i)
	}
}

// Strings claims that a bound input of strings is read anew at every run, and
// that a given output of strings is written into the caller's slice.
func Strings(t *testing.T, open func() runtime.Engine) {
	s := session(t, open(), identity(t, tensor.String))
	x := of([]string{"one", "two"}, 1, 2)
	y := zeros(tensor.String, 1, 2)
	b := bind(t, s, list(named("x", x)), list(named("y", y)))
	again(t, b)
	equal(t, "y", y, of([]string{"one", "two"}, 1, 2))
	x.Strings()[0] = "a longer word than before"
	x.Strings()[1] = ""
	again(t, b)
	equal(t, "y after its input changed", y, of([]string{"a longer word than before", ""}, 1, 2))
	err := s.Run(context.Background(), list(named("x", x)), list(named("y", zeros(tensor.String, 2, 1))))
	fails(t, "a given output of another shape", err, runtime.ErrInput)
	mentions(t, err, "2,1", "1,2")
}

// Allocations claims that a binding's run allocates nothing in Go, whether or
// not its context can be cancelled.
func Allocations(t *testing.T, open func() runtime.Engine) {
	s := session(t, open(), ThreeHeads(t))
	b := bind(t, s, list(named("x", rows(1, 4))), list(
		named("topic", zeros(tensor.Float32, 4, 8)),
		named("sentiment", zeros(tensor.Float32, 4, 2)),
		named("entity", zeros(tensor.Float32, 4, 16)),
	))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
	}{{"plain context", context.Background()}, {"context that can be cancelled", ctx}} {
		t.Run(c.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(200, func() {
				if err := b.Run(c.ctx); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("a run allocates %v times, want 0", n)
			}
		})
	}
}
