package gonum

import (
	"fmt"
	"math"

	"espalier/runtime"
	"espalier/tensor"
)

func normKernels() map[string]forms {
	return map[string]forms{
		"Softmax":            versions(1, 11, softmax(false, true), "axis").and(13, 13, softmax(false, false), "axis"),
		"LogSoftmax":         versions(1, 11, softmax(true, true), "axis").and(13, 13, softmax(true, false), "axis"),
		"LayerNormalization": versions(17, 17, layerNormalization, "axis", "epsilon").ignoring("stash_type"),
		"BatchNormalization": made(7, 7, newSpatialNormalization, "epsilon", "spatial").ignoring("momentum").
			and(9, 9, batchNormalization, "epsilon").ignoring("momentum").
			and(14, 15, batchNormalization, "epsilon", "momentum", "training_mode"),
	}
}

// softmax works along one axis, or, as before version 13, on the operand as a
// matrix whose rows end at an axis.
func softmax(logarithm, rows bool) kernel {
	first := int64(-1)
	if rows {
		first = 1
	}
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		shape, a := x.Shape(), 1
		if axis := c.attrs.int("axis", first); rows {
			shape, err = matrixAt(x, axis)
		} else {
			a, err = axisOf(axis, x.Rank())
		}
		if err != nil {
			return err
		}
		y, err := c.make(0, x.DType(), x.Shape())
		if err != nil {
			return err
		}
		switch d := x.Any().(type) {
		case []float32:
			softmaxOf(d, y.Float32s(), shape, a, logarithm)
		case []float64:
			softmaxOf(d, y.Float64s(), shape, a, logarithm)
		default:
			return refuse(x)
		}
		return nil
	}
}

func softmaxOf[T float](x, y []T, shape tensor.Shape, axis int, logarithm bool) {
	outer, n, inner := around(shape, axis)
	if n == 0 {
		return
	}
	exp := math.Exp
	if _, single := any(x).([]float32); single {
		exp = quickExp
	}
	for o := range outer {
		for i := range inner {
			base := o*n*inner + i
			top := float64(x[base])
			for k := 1; k < n; k++ {
				top = math.Max(top, float64(x[base+k*inner]))
			}
			sum := 0.0
			for k := range n {
				at := base + k*inner
				e := exp(float64(x[at]) - top)
				y[at] = T(e)
				sum += e
			}
			shift, factor := top+math.Log(sum), 1/sum
			for k := range n {
				at := base + k*inner
				if logarithm {
					y[at] = T(float64(x[at]) - shift)
				} else {
					y[at] = T(float64(y[at]) * factor)
				}
			}
		}
	}
}

func layerNormalization(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	scale, err := c.input(1)
	if err != nil {
		return err
	}
	a, err := axisOf(c.attrs.int("axis", -1), x.Rank())
	if err != nil {
		return err
	}
	n := 1
	stat := append(tensor.Shape{}, x.Shape()...)
	for i := a; i < x.Rank(); i++ {
		n *= int(x.Shape()[i])
		stat[i] = 1
	}
	bias := c.optional(2)
	if scale.Len() != n || scale.DType() != x.DType() || bias != nil && (bias.Len() != n || bias.DType() != x.DType()) {
		return fmt.Errorf("scale %v and bias %v do not fit %v", scale, bias, x)
	}
	y, err := c.make(0, x.DType(), x.Shape())
	if err != nil {
		return err
	}
	rows := x.Len() / max(n, 1)
	mean, inverse := make([]float32, rows), make([]float32, rows)
	epsilon := float64(c.attrs.float("epsilon", 1e-5))
	switch d := x.Any().(type) {
	case []float32:
		normalise(d, y.Float32s(), scale.Float32s(), elements[float32](bias), n, epsilon, mean, inverse)
	case []float64:
		normalise(d, y.Float64s(), scale.Float64s(), elements[float64](bias), n, epsilon, mean, inverse)
	default:
		return refuse(x)
	}
	for i, s := range [][]float32{mean, inverse} {
		if len(c.out) > i+1 {
			if c.out[i+1], err = tensor.Of(s, stat...); err != nil {
				return err
			}
		}
	}
	return nil
}

func elements[T float](t *tensor.Tensor) []T {
	if t == nil {
		return nil
	}
	d, _ := t.Any().([]T)
	return d
}

func normalise[T float](x, y, scale, bias []T, n int, epsilon float64, means, inverses []float32) {
	for r := range means {
		row, out := x[r*n:(r+1)*n], y[r*n:(r+1)*n]
		mean, variance := 0.0, 0.0
		for _, v := range row {
			mean += float64(v)
		}
		mean /= float64(n)
		for _, v := range row {
			d := float64(v) - mean
			variance += d * d
		}
		inverse := 1 / math.Sqrt(variance/float64(n)+epsilon)
		for i, v := range row {
			h := (float64(v) - mean) * inverse * float64(scale[i])
			if bias != nil {
				h += float64(bias[i])
			}
			out[i] = T(h)
		}
		means[r], inverses[r] = float32(mean), float32(inverse)
	}
}

// newSpatialNormalization is version 7, whose statistics may also be of every
// position, which the engine does not compute.
func newSpatialNormalization(a attributes, _ int64) (kernel, error) {
	if a.int("spatial", 1) != 1 {
		return nil, fmt.Errorf("%w: the pure-Go engine does not compute it with spatial 0", runtime.ErrUnsupported)
	}
	return batchNormalization, nil
}

// batchNormalization normalises by given statistics or, in training mode, by
// the batch's own, of which it then keeps a running mean.
func batchNormalization(c *call) error {
	var in [5]*tensor.Tensor
	for i := range in {
		t, err := c.input(i)
		if err != nil {
			return err
		}
		if i > 0 && (in[0].Rank() < 2 || t.DType() != in[0].DType() || t.Len() != int(in[0].Shape()[1])) {
			return fmt.Errorf("operand %d is %v for %v", i, t, in[0])
		}
		in[i] = t
	}
	y, err := c.make(0, in[0].DType(), in[0].Shape())
	if err != nil {
		return err
	}
	if c.attrs.int("training_mode", 0) == 1 {
		if err := c.ownStatistics(&in); err != nil {
			return err
		}
	}
	epsilon := float64(c.attrs.float("epsilon", 1e-5))
	switch d := in[0].Any().(type) {
	case []float32:
		batchNorm(d, y.Float32s(), in, elements[float32], epsilon)
	case []float64:
		batchNorm(d, y.Float64s(), in, elements[float64], epsilon)
	default:
		return refuse(in[0])
	}
	return nil
}

// ownStatistics puts the batch's mean and variance in place of the given ones
// and sets outputs 1 and 2 to the running ones.
func (c *call) ownStatistics(in *[5]*tensor.Tensor) error {
	x, channels := in[0], in[0].Shape()[1]
	values, err := toFloats(x)
	if err != nil {
		return err
	}
	_, _, inner := around(x.Shape(), 1)
	n := float64(x.Len()) / float64(max(channels, 1))
	mean, variance := make([]float64, channels), make([]float64, channels)
	for i, v := range values {
		mean[i/inner%int(channels)] += v / n
	}
	for i, v := range values {
		ch := i / inner % int(channels)
		variance[ch] += (v - mean[ch]) * (v - mean[ch]) / n
	}
	momentum := float64(c.attrs.float("momentum", 0.9))
	for i, own := range [][]float64{mean, variance} {
		given, err := toFloats(in[3+i])
		if err != nil {
			return err
		}
		running := make([]float64, channels)
		for ch := range running {
			running[ch] = given[ch]*momentum + own[ch]*(1-momentum)
		}
		if len(c.out) > 1+i {
			y, err := c.make(1+i, x.DType(), tensor.Shape{channels})
			if err != nil {
				return err
			}
			castTo(y, running)
		}
		if in[3+i], err = tensor.New(x.DType(), channels); err != nil {
			return err
		}
		castTo(in[3+i], own)
	}
	return nil
}

func batchNorm[T float](x, y []T, in [5]*tensor.Tensor, of func(*tensor.Tensor) []T, epsilon float64) {
	scale, bias, mean, variance := of(in[1]), of(in[2]), of(in[3]), of(in[4])
	_, channels, inner := around(in[0].Shape(), 1)
	for i, v := range x {
		ch := i / inner % channels
		y[i] = T((float64(v)-float64(mean[ch]))/math.Sqrt(float64(variance[ch])+epsilon)*float64(scale[ch]) + float64(bias[ch]))
	}
}
