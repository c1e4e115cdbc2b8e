package gonum

import (
	"fmt"
	"math"
	"slices"

	"espalier/tensor"
)

// featureMakers are the operators of ai.onnx.ml that prepare the columns of a
// table: what scikit-learn's preprocessing is exported as.
func featureMakers() map[string]forms {
	return map[string]forms{
		"ai.onnx.ml.Scaler":        made(1, 1, newScaler, "offset", "scale"),
		"ai.onnx.ml.Normalizer":    made(1, 1, newNormalizer, "norm"),
		"ai.onnx.ml.Imputer":       made(1, 1, newImputer, "imputed_value_floats", "imputed_value_int64s", "replaced_value_float", "replaced_value_int64"),
		"ai.onnx.ml.OneHotEncoder": made(1, 1, newOneHotEncoder, "cats_int64s", "cats_strings", "zeros"),
	}
}

func featureKernels() map[string]forms {
	return map[string]forms{
		"ai.onnx.ml.ArrayFeatureExtractor": versions(1, 1, arrayFeatureExtractor),
		"ai.onnx.ml.Binarizer":             versions(1, 1, binarizer, "threshold"),
		"ai.onnx.ml.FeatureVectorizer":     versions(1, 1, featureVectorizer, "inputdimensions"),
	}
}

// rows returns operand i as numbers with the sizes of its two dimensions; one
// dimension is one row. Give the numbers back.
func (c *call) rows(i int) (xs []float64, n, width int, err error) {
	x, err := c.input(i)
	if err != nil {
		return nil, 0, 0, err
	}
	if x.Rank() < 1 || x.Rank() > 2 {
		return nil, 0, 0, fmt.Errorf("operand %d is %v, not of rank 1 or 2", i, x)
	}
	xs, err = c.floats(x)
	n, width = 1, int(x.Shape()[x.Rank()-1])
	if x.Rank() == 2 {
		n = int(x.Shape()[0])
	}
	return xs, n, width, err
}

// newScaler makes (x - offset) * scale, by column.
func newScaler(a attributes, _ int64) (kernel, error) {
	offset, scale := a.floats("offset"), a.floats("scale")
	if len(offset) == 0 || len(offset) != len(scale) {
		return nil, fmt.Errorf("there are %d offsets and %d scales", len(offset), len(scale))
	}
	return func(c *call) error {
		xs, _, width, err := c.rows(0)
		if err != nil {
			return err
		}
		defer giveBack(c.memory, xs)
		if len(offset) != 1 && len(offset) != width {
			return fmt.Errorf("rows have %d numbers, there are %d offsets", width, len(offset))
		}
		y, err := c.make(0, tensor.Float32, c.in[0].Shape())
		if err != nil {
			return err
		}
		for i, x := range xs {
			j := 0
			if len(offset) > 1 {
				j = i % width
			}
			y.Float32s()[i] = (float32(x) - offset[j]) * scale[j]
		}
		return nil
	}, nil
}

// newNormalizer divides each row by its norm. A row whose norm is 0 stays as it
// is.
func newNormalizer(a attributes, _ int64) (kernel, error) {
	norms := map[string]func(sum, x float64) float64{
		"MAX": math.Max,
		"L1":  func(sum, x float64) float64 { return sum + math.Abs(x) },
		"L2":  func(sum, x float64) float64 { return sum + x*x },
	}
	name := a.text("norm", "MAX")
	add := norms[name]
	if add == nil {
		return nil, fmt.Errorf("norm %q is not one of MAX, L1, L2", name)
	}
	return func(c *call) error {
		xs, n, width, err := c.rows(0)
		if err != nil {
			return err
		}
		defer giveBack(c.memory, xs)
		y, err := c.make(0, tensor.Float32, c.in[0].Shape())
		if err != nil {
			return err
		}
		for i := range n {
			row := xs[i*width : (i+1)*width]
			var norm float64
			if name == "MAX" && width > 0 {
				norm = row[0]
			}
			for _, x := range row {
				norm = add(norm, x)
			}
			if name == "L2" {
				norm = math.Sqrt(norm)
			}
			for j, x := range row {
				if norm != 0 {
					x /= norm
				}
				y.Float32s()[i*width+j] = float32(x)
			}
		}
		return nil
	}, nil
}

// newImputer replaces one value, which may be not a number, by column.
func newImputer(a attributes, _ int64) (kernel, error) {
	if values := a.ints("imputed_value_int64s"); values != nil {
		return imputer(values, a.int("replaced_value_int64", 0))
	}
	return imputer(a.floats("imputed_value_floats"), a.float("replaced_value_float", 0))
}

func imputer[T int64 | float32](values []T, replaced T) (kernel, error) {
	if len(values) == 0 {
		return nil, fmt.Errorf("there is no value to impute")
	}
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		xs, ok := tensor.Data[T](x)
		if !ok || x.Rank() < 1 || len(values) != 1 && int64(len(values)) != x.Shape()[x.Rank()-1] {
			return fmt.Errorf("the operand is %v, there are %d values of type %v", x, len(values), tensor.TypeOf[T]())
		}
		y, err := c.make(0, x.DType(), x.Shape())
		if err != nil {
			return err
		}
		out := y.Any().([]T)
		for i, v := range xs {
			if v == replaced || v != v && replaced != replaced {
				v = values[i%len(values)]
			}
			out[i] = v
		}
		return nil
	}, nil
}

// newOneHotEncoder makes a row of 0s and a 1 for each element. What is no
// category has 0s alone or, with zeros=0, is an error.
func newOneHotEncoder(a attributes, _ int64) (kernel, error) {
	zeros := a.int("zeros", 1) != 0
	numbers, texts := a.ints("cats_int64s"), a.texts("cats_strings")
	if (numbers == nil) == (texts == nil) {
		return nil, fmt.Errorf("one of cats_int64s and cats_strings must be there")
	}
	byNumber, byText := places(numbers), places(texts)
	width := len(numbers) + len(texts)
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		find, err := finder(x, byNumber, byText)
		if err != nil {
			return err
		}
		y, err := c.make(0, tensor.Float32, append(slices.Clone(x.Shape()), int64(width)))
		if err != nil {
			return err
		}
		clear(y.Float32s())
		for i := range x.Len() {
			k, known := find(i)
			switch {
			case known:
				y.Float32s()[i*width+k] = 1
			case !zeros:
				return fmt.Errorf("element %d is none of the %d categories, and zeros is 0", i, width)
			}
		}
		return nil
	}, nil
}

// finder tells which category an element of x is, if it is one. A number's
// fraction is cut off; what is then no int64 is no category.
func finder(x *tensor.Tensor, byNumber map[int64]int, byText map[string]int) (func(i int) (k int, known bool), error) {
	switch d := x.Any().(type) {
	case []string:
		return func(i int) (k int, known bool) { k, known = byText[d[i]]; return k, known }, nil
	case []int64:
		return func(i int) (k int, known bool) { k, known = byNumber[d[i]]; return k, known }, nil
	case []int32:
		return func(i int) (k int, known bool) { k, known = byNumber[int64(d[i])]; return k, known }, nil
	case []float32:
		return func(i int) (k int, known bool) { return findNumber(byNumber, float64(d[i])) }, nil
	case []float64:
		return func(i int) (k int, known bool) { return findNumber(byNumber, d[i]) }, nil
	}
	return nil, refuse(x)
}

func findNumber(places map[int64]int, x float64) (k int, known bool) {
	if !(x >= -1<<63 && x < 1<<63) {
		return 0, false
	}
	k, known = places[int64(x)]
	return k, known
}

// places tells where each of the different elements stands first.
func places[T comparable](xs []T) map[T]int {
	m := make(map[T]int, len(xs))
	for i := len(xs) - 1; i >= 0; i-- {
		m[xs[i]] = i
	}
	return m
}

// arrayFeatureExtractor takes columns by their numbers.
func arrayFeatureExtractor(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	columns, err := c.input(1)
	if err != nil {
		return err
	}
	at, ok := tensor.Data[int64](columns)
	if !ok || x.Rank() == 0 || len(at) == 0 {
		return fmt.Errorf("the operands are %v and %v", x, columns)
	}
	width := x.Shape()[x.Rank()-1]
	for _, j := range at {
		if j < 0 || j >= width {
			return fmt.Errorf("column %d is outside of the %d columns", j, width)
		}
	}
	shape := append(slices.Clone(x.Shape()[:x.Rank()-1]), int64(len(at)))
	if x.Rank() == 1 {
		shape = tensor.Shape{1, int64(len(at))}
	}
	y, err := c.make(0, x.DType(), shape)
	if err != nil {
		return err
	}
	switch d := x.Any().(type) {
	case []float32:
		columnsOf(d, y, int(width), at)
	case []float64:
		columnsOf(d, y, int(width), at)
	case []int32:
		columnsOf(d, y, int(width), at)
	case []int64:
		columnsOf(d, y, int(width), at)
	case []string:
		columnsOf(d, y, int(width), at)
	default:
		return refuse(x)
	}
	return nil
}

func columnsOf[T any](x []T, y *tensor.Tensor, width int, at []int64) {
	out := y.Any().([]T)
	for i := range out {
		out[i] = x[i/len(at)*width+int(at[i%len(at)])]
	}
}

// binarizer makes 1 of what is above a threshold, and 0 of the rest.
func binarizer(c *call) error {
	x, err := c.input(0)
	if err != nil {
		return err
	}
	xs, err := c.floats(x)
	if err != nil {
		return err
	}
	defer giveBack(c.memory, xs)
	y, err := c.make(0, x.DType(), x.Shape())
	if err != nil {
		return err
	}
	threshold := float64(c.attrs.float("threshold", 0))
	marks, err := scratch[int64](c.memory, len(xs))
	if err != nil {
		return err
	}
	defer giveBack(c.memory, marks)
	for i, v := range xs {
		if marks[i] = 0; v > threshold {
			marks[i] = 1
		}
	}
	castTo(y, marks)
	return nil
}

// featureVectorizer puts the rows of its operands side by side, as many numbers
// of each as inputdimensions says.
func featureVectorizer(c *call) error {
	sizes := c.attrs.ints("inputdimensions")
	if len(sizes) != len(c.in) {
		return fmt.Errorf("there are %d operands and %d inputdimensions", len(c.in), len(sizes))
	}
	var parts [][]float64
	var widths []int
	rows, width := 0, 0
	for i, size := range sizes {
		xs, n, w, err := c.rows(i)
		if err != nil {
			return err
		}
		defer giveBack(c.memory, xs)
		if i > 0 && n != rows || size != int64(w) {
			return fmt.Errorf("operand %d is %v; %d numbers of each of %d rows are asked for", i, c.in[i], size, rows)
		}
		rows, width = n, width+w
		parts, widths = append(parts, xs), append(widths, w)
	}
	y, err := c.make(0, tensor.Float32, tensor.Shape{int64(rows), int64(width)})
	if err != nil {
		return err
	}
	out := y.Float32s()
	for r := range rows {
		for i, w := range widths {
			for _, v := range parts[i][r*w : (r+1)*w] {
				out[0], out = float32(v), out[1:]
			}
		}
	}
	return nil
}
