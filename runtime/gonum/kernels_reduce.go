package gonum

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"espalier/tensor"
)

// reduction is a fold over elements and a last step on what it gives; n is the
// number of elements folded into one.
type reduction struct {
	fold   fold
	finish func(v float64, n int) float64
}

type fold int

const (
	foldSum fold = iota
	foldAbs
	foldSquare
	foldProd
	foldMax
	foldMin
	foldExp // sum of exp(v - max), after a pass for max
)

func reduceKernels() map[string]forms {
	return map[string]forms{
		"ReduceSum": versions(1, 11, reduce(reduction{fold: foldSum}), "axes", "keepdims").
			and(13, 13, reduce(reduction{fold: foldSum}), "keepdims", "noop_with_empty_axes"),
		"ReduceMean":      reductions(18, reduction{foldSum, func(s float64, n int) float64 { return s / float64(n) }}),
		"ReduceProd":      reductions(18, reduction{fold: foldProd}),
		"ReduceMax":       reductions(20, reduction{fold: foldMax}),
		"ReduceMin":       reductions(20, reduction{fold: foldMin}),
		"ReduceL1":        reductions(18, reduction{fold: foldAbs}),
		"ReduceL2":        reductions(18, reduction{foldSquare, func(s float64, _ int) float64 { return math.Sqrt(s) }}),
		"ReduceSumSquare": reductions(18, reduction{fold: foldSquare}),
		"ReduceLogSum":    reductions(28, reduction{foldSum, func(s float64, _ int) float64 { return math.Log(s) }}),
		"ReduceLogSumExp": reductions(28, reduction{fold: foldExp}),
		"ArgMax":          extremes(argExtreme(func(order int) bool { return order > 0 })),
		"ArgMin":          extremes(argExtreme(func(order int) bool { return order < 0 })),
		"CumSum":          versions(11, 14, cumSum, "exclusive", "reverse"),
		"TopK":            versions(1, 1, topK, "axis", "k").and(10, 10, topK, "axis").and(11, 24, topK, "axis", "largest").ignoring("sorted"),
	}
}

// reductions are the forms of a reduction up to a version: axes are an
// attribute before version 18 and an operand since.
func reductions(last int64, r reduction) forms {
	return versions(1, 13, reduce(r), "axes", "keepdims").and(18, last, reduce(r), "keepdims", "noop_with_empty_axes")
}

func extremes(k kernel) forms {
	return versions(1, 11, k, "axis", "keepdims").and(12, 13, k, "axis", "keepdims", "select_last_index")
}

func reduce(r reduction) kernel {
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		axes, _, err := c.integers("axes", 1)
		if err != nil {
			return err
		}
		mark := make([]bool, x.Rank())
		for i := range mark { // no axes are all of them, or none
			mark[i] = len(axes) == 0 && c.attrs.int("noop_with_empty_axes", 0) == 0
		}
		for _, a := range axes {
			i, err := axisOf(a, x.Rank())
			if err != nil {
				return err
			}
			mark[i] = true
		}
		return c.reduce(r, x, mark, c.attrs.int("keepdims", 1) == 1)
	}
}

// reduce sets output 0 to x with the marked axes folded.
func (c *call) reduce(r reduction, x *tensor.Tensor, mark []bool, keep bool) error {
	shape := make(tensor.Shape, 0, x.Rank())
	n := 1
	for i, d := range x.Shape() {
		switch {
		case !mark[i]:
			shape = append(shape, d)
		case keep:
			shape, n = append(shape, 1), n*int(d)
		default:
			n *= int(d)
		}
	}
	y, err := c.make(0, x.DType(), shape)
	if err != nil {
		return err
	}
	g := groupsOf(x.Shape(), mark)
	switch d := x.Any().(type) {
	case []float32:
		return foldFloats(c, r, g, d, y.Float32s(), n)
	case []float64:
		return foldFloats(c, r, g, d, y.Float64s(), n)
	case []int8:
		return foldWhole[int8, int64](r, g, d, x, y, n)
	case []int16:
		return foldWhole[int16, int64](r, g, d, x, y, n)
	case []int32:
		return foldWhole[int32, int64](r, g, d, x, y, n)
	case []int64:
		return foldWhole[int64, int64](r, g, d, x, y, n)
	case []uint8:
		return foldWhole[uint8, uint64](r, g, d, x, y, n)
	case []uint32:
		return foldWhole[uint32, uint64](r, g, d, x, y, n)
	case []uint64:
		return foldWhole[uint64, uint64](r, g, d, x, y, n)
	case []bool:
		return foldBools(r, g, d, x, y)
	}
	return refuse(x)
}

// foldFloats sums in float64, in the order of the elements. An empty set gives
// the fold's start, as the operators are specified since opset 18.
func foldFloats[T float](c *call, r reduction, g *groups, x, y []T, n int) error {
	sums, err := scratch[float64](c.memory, len(y))
	if err != nil {
		return err
	}
	defer giveBack(c.memory, sums)
	if r.fold == foldExp {
		return foldExponentials(c, g, x, y, sums)
	}
	foldAll(g, r.fold, x, sums, start(r.fold))
	for i, s := range sums {
		if r.finish != nil {
			s = r.finish(s, n)
		}
		y[i] = T(s)
	}
	return nil
}

// foldExponentials is log(sum(exp(x))), with the largest element taken out
// first so that nothing overflows.
func foldExponentials[T float](c *call, g *groups, x, y []T, sums []float64) error {
	top, err := scratch[float64](c.memory, len(y))
	if err != nil {
		return err
	}
	defer giveBack(c.memory, top)
	foldAll(g, foldMax, x, top, math.Inf(-1))
	clear(sums)
	g.each(func(o, at, n int, folded bool) {
		for i, v := range x[at : at+n] {
			j := o
			if !folded {
				j += i
			}
			if m := top[j]; !math.IsInf(m, 0) {
				sums[j] += math.Exp(float64(v) - m)
			}
		}
	})
	for i, m := range top {
		y[i] = T(m)
		if !math.IsInf(m, 0) {
			y[i] = T(m + math.Log(sums[i]))
		}
	}
	return nil
}

// foldWhole sums in 64-bit integers, which wrap as the operand's do.
func foldWhole[T integer, A int64 | uint64](r reduction, g *groups, d []T, x, y *tensor.Tensor, n int) error {
	if r.fold == foldExp || r.finish != nil && n == 0 {
		return refuse(x)
	}
	out, _ := y.Any().([]T)
	sums := make([]A, len(out))
	foldAll(g, r.fold, d, sums, startWhole[T, A](r.fold))
	for i, s := range sums {
		if r.finish != nil {
			s = A(r.finish(float64(s), n))
		}
		out[i] = T(s)
	}
	return nil
}

// foldBools takes the largest or smallest of bools, false being the smaller.
func foldBools(r reduction, g *groups, d []bool, x, y *tensor.Tensor) error {
	if r.fold != foldMax && r.fold != foldMin {
		return refuse(x)
	}
	bits, sums := make([]uint8, len(d)), make([]uint8, y.Len())
	for i, b := range d {
		if b {
			bits[i] = 1
		}
	}
	first := uint8(0)
	if r.fold == foldMin {
		first = 1
	}
	foldAll(g, r.fold, bits, sums, first)
	for i, s := range sums {
		y.Bools()[i] = s != 0
	}
	return nil
}

// start is what a fold begins with, and gives for no elements.
func start(f fold) float64 {
	switch f {
	case foldProd:
		return 1
	case foldMax:
		return math.Inf(-1)
	case foldMin:
		return math.Inf(1)
	}
	return 0
}

// startWhole is start for integers, which have no infinity: the smallest and
// largest of their type.
func startWhole[T integer, A int64 | uint64](f fold) A {
	lowest, highest := T(0), ^T(0)
	if highest < 0 { // signed: all ones is -1
		lowest = 1
		for lowest > 0 {
			lowest <<= 1
		}
		highest = ^lowest
	}
	switch f {
	case foldProd:
		return 1
	case foldMax:
		return A(lowest)
	case foldMin:
		return A(highest)
	}
	return 0
}

// groups is a shape with neighbouring axes joined where both are folded or
// both are kept.
type groups struct {
	dims  []int
	steps []int // in the result; 0 for a folded group
}

func groupsOf(shape tensor.Shape, mark []bool) *groups {
	g := &groups{}
	last := false
	for i, d := range shape {
		switch n := len(g.dims); {
		case d == 1:
		case n > 0 && mark[i] == last:
			g.dims[n-1] *= int(d)
		default:
			g.dims, g.steps = append(g.dims, int(d)), append(g.steps, 1)
			if last = mark[i]; last {
				g.steps[n] = 0
			}
		}
	}
	if len(g.dims) == 0 {
		g.dims, g.steps = []int{1}, []int{0}
	}
	step := 1
	for i := len(g.dims) - 1; i >= 0; i-- {
		if g.steps[i] != 0 {
			g.steps[i] = step
			step *= g.dims[i]
		}
	}
	return g
}

// each calls visit for every run of n elements from at on, which are folded
// into element o of the result, or belong to elements o, o+1, ....
func (g *groups) each(visit func(o, at, n int, folded bool)) {
	last := len(g.dims) - 1
	n, folded := g.dims[last], g.steps[last] == 0
	for _, d := range g.dims {
		if d == 0 {
			return
		}
	}
	counter := make([]int, last)
	o := 0
	for at := 0; ; at += n {
		visit(o, at, n, folded)
		k := last - 1
		for ; k >= 0; k-- {
			o += g.steps[k]
			if counter[k]++; counter[k] < g.dims[k] {
				break
			}
			o -= g.steps[k] * g.dims[k]
			counter[k] = 0
		}
		if k < 0 {
			return
		}
	}
}

// foldAll folds x into sums, in the order of x.
func foldAll[T, A number](g *groups, f fold, x []T, sums []A, start A) {
	for i := range sums {
		sums[i] = start
	}
	g.each(func(o, at, n int, folded bool) {
		if folded {
			sums[o] = foldRow(f, sums[o], x[at:at+n])
		} else {
			foldColumns(f, sums[o:o+n], x[at:at+n])
		}
	})
}

func foldRow[T, A number](f fold, sum A, x []T) A {
	switch f {
	case foldSum:
		for _, v := range x {
			sum += A(v)
		}
	case foldAbs:
		for _, v := range x {
			sum += A(max(v, -v))
		}
	case foldSquare:
		for _, v := range x {
			sum += A(v) * A(v)
		}
	case foldProd:
		for _, v := range x {
			sum *= A(v)
		}
	case foldMax:
		for _, v := range x {
			if A(v) > sum || v != v {
				sum = A(v)
			}
		}
	case foldMin:
		for _, v := range x {
			if A(v) < sum || v != v {
				sum = A(v)
			}
		}
	}
	return sum
}

func foldColumns[T, A number](f fold, sums []A, x []T) {
	switch f {
	case foldSum:
		for i, v := range x {
			sums[i] += A(v)
		}
	case foldAbs:
		for i, v := range x {
			sums[i] += A(max(v, -v))
		}
	case foldSquare:
		for i, v := range x {
			sums[i] += A(v) * A(v)
		}
	case foldProd:
		for i, v := range x {
			sums[i] *= A(v)
		}
	case foldMax:
		for i, v := range x {
			if A(v) > sums[i] || v != v {
				sums[i] = A(v)
			}
		}
	case foldMin:
		for i, v := range x {
			if A(v) < sums[i] || v != v {
				sums[i] = A(v)
			}
		}
	}
}

// argExtreme finds the first (or last) place of an extreme. better is told how
// an element compares with the best so far.
func argExtreme(better func(order int) bool) kernel {
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
		case []int8:
			findExtreme(d, x.Shape(), a, y.Int64s(), last, better)
		case []uint8:
			findExtreme(d, x.Shape(), a, y.Int64s(), last, better)
		default:
			return refuse(x)
		}
		return nil
	}
}

func findExtreme[T number](x []T, shape tensor.Shape, axis int, y []int64, last bool, better func(order int) bool) {
	outer, n, inner := around(shape, axis)
	for o := range outer {
		for i := range inner {
			base := o*n*inner + i
			best := 0
			for k := 1; k < n; k++ {
				order := compare(x[base+k*inner], x[base+best*inner])
				if better(order) || last && order == 0 {
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
	if !ok { // an attribute in version 1
		ks = []int64{c.attrs.int("k", -1)}
	}
	if err != nil || len(ks) != 1 {
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
	case []uint64:
		selectTop(d, values.Any().([]uint64), indices.Int64s(), x.Shape(), a, int(ks[0]), largest)
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
