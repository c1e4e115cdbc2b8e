package gonum

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"espalier/tensor"
)

// reduction folds the elements that a result is made of. finish turns the sum
// of n elements into the result.
type reduction struct {
	start  float64
	add    func(sum, x float64) float64
	finish func(sum float64, n int) float64
}

func reduceKernels() map[string]kernel {
	plus := func(s, x float64) float64 { return s + x }
	same := func(s float64, _ int) float64 { return s }
	return map[string]kernel{
		"ReduceSum":       reduce(reduction{0, plus, same}),
		"ReduceMean":      reduce(reduction{0, plus, func(s float64, n int) float64 { return s / float64(n) }}),
		"ReduceProd":      reduce(reduction{1, func(s, x float64) float64 { return s * x }, same}),
		"ReduceMax":       reduce(reduction{math.Inf(-1), math.Max, same}),
		"ReduceMin":       reduce(reduction{math.Inf(1), math.Min, same}),
		"ReduceL1":        reduce(reduction{0, func(s, x float64) float64 { return s + math.Abs(x) }, same}),
		"ReduceL2":        reduce(reduction{0, func(s, x float64) float64 { return s + x*x }, func(s float64, _ int) float64 { return math.Sqrt(s) }}),
		"ReduceSumSquare": reduce(reduction{0, func(s, x float64) float64 { return s + x*x }, same}),
		"ReduceLogSum":    reduce(reduction{0, plus, func(s float64, _ int) float64 { return math.Log(s) }}),
		"ReduceLogSumExp": reduce(reduction{0, func(s, x float64) float64 { return s + math.Exp(x) }, func(s float64, _ int) float64 { return math.Log(s) }}),
		"ArgMax":          argExtreme(func(a, b int) bool { return a > 0 }),
		"ArgMin":          argExtreme(func(a, b int) bool { return a < 0 }),
		"CumSum":          cumSum,
		"TopK":            topK,
	}
}

// reduce sums in float64, in the order of the elements. An empty set gives the
// fold's start, as the operators are specified since opset 18.
func reduce(r reduction) kernel {
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		axes, ok, err := c.integers("axes", 1)
		if err != nil {
			return err
		}
		if !ok || len(axes) == 0 {
			if c.attrs.int("noop_with_empty_axes", 0) == 1 {
				return c.view(x, x.Shape())
			}
			axes = nil
			for i := range x.Rank() {
				axes = append(axes, int64(i))
			}
		}
		mark := make([]bool, x.Rank())
		for _, a := range axes {
			i, err := axisOf(a, x.Rank())
			if err != nil {
				return err
			}
			mark[i] = true
		}
		keep := c.attrs.int("keepdims", 1) == 1
		shape := tensor.Shape{}
		n := 1
		for i, d := range x.Shape() {
			switch {
			case !mark[i]:
				shape = append(shape, d)
			case keep:
				shape = append(shape, 1)
				n *= int(d)
			default:
				n *= int(d)
			}
		}
		y, err := c.make(0, x.DType(), shape)
		if err != nil {
			return err
		}
		switch d := x.Any().(type) {
		case []float32:
			fold(r, d, x.Shape(), mark, n, y.Float32s())
		case []float64:
			fold(r, d, x.Shape(), mark, n, y.Float64s())
		case []int64:
			fold(r, d, x.Shape(), mark, n, y.Int64s())
		case []int32:
			fold(r, d, x.Shape(), mark, n, y.Any().([]int32))
		case []uint8:
			fold(r, d, x.Shape(), mark, n, y.Any().([]uint8))
		case []int8:
			fold(r, d, x.Shape(), mark, n, y.Any().([]int8))
		case []uint32:
			fold(r, d, x.Shape(), mark, n, y.Any().([]uint32))
		case []uint64:
			fold(r, d, x.Shape(), mark, n, y.Any().([]uint64))
		default:
			return refuse(x)
		}
		return nil
	}
}

func fold[T number](r reduction, x []T, shape tensor.Shape, mark []bool, n int, y []T) {
	sums := make([]float64, len(y))
	for i := range sums {
		sums[i] = r.start
	}
	// Where in the result an element goes: stride 0 along what is folded.
	to := make([]int, len(shape))
	stride := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if !mark[i] {
			to[i] = stride
			stride *= int(shape[i])
		}
	}
	if len(shape) == 0 {
		sums[0] = r.add(sums[0], float64(x[0]))
	} else {
		last, step := int(shape[len(shape)-1]), to[len(to)-1]
		walk(shape, [][]int{to}, func(at int, from []int) {
			j := from[0]
			if step == 0 {
				s := sums[j]
				for _, v := range x[at : at+last] {
					s = r.add(s, float64(v))
				}
				sums[j] = s
				return
			}
			for _, v := range x[at : at+last] {
				sums[j] = r.add(sums[j], float64(v))
				j++
			}
		})
	}
	for i, s := range sums {
		y[i] = T(r.finish(s, n))
	}
}

// argExtreme finds the first (or last) place of an extreme. better is told how
// an element compares with the best so far.
func argExtreme(better func(order, _ int) bool) kernel {
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		a, err := axisOf(c.attrs.int("axis", 0), x.Rank())
		if err != nil {
			return err
		}
		shape := append(tensor.Shape{}, x.Shape()...)
		if shape[a] = 1; c.attrs.int("keepdims", 1) == 0 {
			shape = slices.Delete(shape, a, a+1)
		}
		y, err := c.make(0, tensor.Int64, shape)
		if err != nil {
			return err
		}
		last := c.attrs.int("select_last_index", 0) == 1
		switch d := x.Any().(type) {
		case []float32:
			findExtreme(d, x.Shape(), a, y.Int64s(), last, better)
		case []float64:
			findExtreme(d, x.Shape(), a, y.Int64s(), last, better)
		case []int64:
			findExtreme(d, x.Shape(), a, y.Int64s(), last, better)
		case []int32:
			findExtreme(d, x.Shape(), a, y.Int64s(), last, better)
		case []uint8:
			findExtreme(d, x.Shape(), a, y.Int64s(), last, better)
		default:
			return refuse(x)
		}
		return nil
	}
}

func findExtreme[T number](x []T, shape tensor.Shape, axis int, y []int64, last bool, better func(order, _ int) bool) {
	outer, n, inner := around(shape, axis)
	for o := range outer {
		for i := range inner {
			base := o*n*inner + i
			best := 0
			for k := 1; k < n; k++ {
				order := compare(x[base+k*inner], x[base+best*inner])
				if better(order, 0) || last && order == 0 {
					best = k
				}
			}
			y[o*inner+i] = int64(best)
		}
	}
}

// compare orders numbers; a NaN equals everything, so that it never wins.
func compare[T number](a, b T) int {
	switch {
	case a > b:
		return 1
	case a < b:
		return -1
	}
	return 0
}

func cumSum(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	at, err := c.input(1)
	if err != nil {
		return err
	}
	axes, err := toInts(at)
	if err != nil || len(axes) != 1 {
		return fmt.Errorf("the axis is %v, not one integer", at)
	}
	a, err := axisOf(axes[0], x.Rank())
	if err != nil {
		return err
	}
	y, err := c.make(0, x.DType(), x.Shape())
	if err != nil {
		return err
	}
	exclusive, reverse := c.attrs.int("exclusive", 0) == 1, c.attrs.int("reverse", 0) == 1
	switch d := x.Any().(type) {
	case []float32:
		runningSum(d, y.Float32s(), x.Shape(), a, exclusive, reverse)
	case []float64:
		runningSum(d, y.Float64s(), x.Shape(), a, exclusive, reverse)
	case []int64:
		runningSum(d, y.Int64s(), x.Shape(), a, exclusive, reverse)
	case []int32:
		runningSum(d, y.Any().([]int32), x.Shape(), a, exclusive, reverse)
	default:
		return refuse(x)
	}
	return nil
}

func runningSum[T number](x, y []T, shape tensor.Shape, axis int, exclusive, reverse bool) {
	outer, n, inner := around(shape, axis)
	for o := range outer {
		for i := range inner {
			var sum T
			for k := range n {
				if reverse {
					k = n - 1 - k
				}
				at := (o*n+k)*inner + i
				if exclusive {
					y[at] = sum
					sum += x[at]
					continue
				}
				sum += x[at]
				y[at] = sum
			}
		}
	}
}

func topK(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	ks, ok, err := c.integers("", 1)
	if err != nil || !ok || len(ks) != 1 {
		return fmt.Errorf("k is not one integer")
	}
	a, err := axisOf(c.attrs.int("axis", -1), x.Rank())
	if err != nil {
		return err
	}
	if ks[0] < 0 || ks[0] > x.Shape()[a] {
		return fmt.Errorf("k is %d for an axis of %d", ks[0], x.Shape()[a])
	}
	shape := append(tensor.Shape{}, x.Shape()...)
	shape[a] = ks[0]
	values, err := c.make(0, x.DType(), shape)
	if err != nil {
		return err
	}
	indices, err := c.make(1, tensor.Int64, shape)
	if err != nil {
		return err
	}
	largest := c.attrs.int("largest", 1) == 1
	switch d := x.Any().(type) {
	case []float32:
		selectTop(d, values.Float32s(), indices.Int64s(), x.Shape(), a, int(ks[0]), largest)
	case []float64:
		selectTop(d, values.Float64s(), indices.Int64s(), x.Shape(), a, int(ks[0]), largest)
	case []int64:
		selectTop(d, values.Int64s(), indices.Int64s(), x.Shape(), a, int(ks[0]), largest)
	case []int32:
		selectTop(d, values.Any().([]int32), indices.Int64s(), x.Shape(), a, int(ks[0]), largest)
	default:
		return refuse(x)
	}
	return nil
}

func selectTop[T number](x, values []T, indices []int64, shape tensor.Shape, axis, k int, largest bool) {
	outer, n, inner := around(shape, axis)
	order := make([]int, n)
	for o := range outer {
		for i := range inner {
			for j := range order {
				order[j] = j
			}
			slices.SortStableFunc(order, func(p, q int) int {
				r := cmp.Compare(x[(o*n+p)*inner+i], x[(o*n+q)*inner+i])
				if largest {
					return -r
				}
				return r
			})
			for j := range k {
				at := (o*k+j)*inner + i
				values[at], indices[at] = x[(o*n+order[j])*inner+i], int64(order[j])
			}
		}
	}
}
