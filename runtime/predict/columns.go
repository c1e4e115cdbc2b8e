package predict

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/schema"
	"espalier/tensor"
)

// Columns are columns of a table by the names of a model's inputs, all of one
// length: Numbers those of numeric inputs, NaN where a number is missing, and
// Values those of categorical ones, "" where a value is missing. A column that
// is left out is missing in every row.
type Columns struct {
	Numbers map[string][]float32
	Values  map[string][]string
}

// PredictColumns answers for the rows of a table, in one batch.
func (p *Predictor) PredictColumns(ctx context.Context, c Columns) ([]Prediction, error) {
	inputs, rows, err := p.file.columns(c)
	if err != nil || rows == 0 {
		return nil, err
	}
	return p.PredictTensors(ctx, inputs...)
}

// PredictRows answers for rows as they stand in a file: texts by the names of
// inputs, an empty one or none where a value is missing.
func (p *Predictor) PredictRows(ctx context.Context, rows ...map[string]string) ([]Prediction, error) {
	c := Columns{Numbers: map[string][]float32{}, Values: map[string][]string{}}
	for i := range p.file.schema.Inputs {
		in := &p.file.schema.Inputs[i]
		for n, row := range rows {
			value := strings.TrimSpace(row[in.Name])
			if in.Type != schema.Numeric {
				c.Values[in.Name] = append(c.Values[in.Name], value)
				continue
			}
			x := math.NaN()
			if value != "" && !slices.Contains(in.Missing, value) {
				var err error
				if x, err = strconv.ParseFloat(value, 32); err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
					return nil, fmt.Errorf("predict: %w: row %d: input %q is numeric, %q is not a finite number", runtime.ErrInput, n, in.Name, value)
				}
			}
			c.Numbers[in.Name] = append(c.Numbers[in.Name], float32(x))
		}
	}
	return p.PredictColumns(ctx, c)
}

// columns makes the file's inputs.
func (f *file) columns(c Columns) ([]runtime.Named, int, error) {
	if !f.schema.Tabular() {
		return nil, 0, fmt.Errorf("predict: the model does not read a table; use Predict for a text, or PredictTensors")
	}
	rows, first := -1, ""
	length := func(name string, n int) error {
		if in := f.schema.Input(name); in == nil {
			return fmt.Errorf("predict: %w: there is no input %q; the model reads %s", runtime.ErrInput, name, strings.Join(f.inputNames(), ", "))
		}
		if rows >= 0 && n != rows {
			return fmt.Errorf("predict: %w: column %q has %d rows, column %q has %d", runtime.ErrInput, name, n, first, rows)
		}
		rows, first = n, name
		return nil
	}
	for _, in := range f.inputNames() {
		if xs, ok := c.Numbers[in]; ok {
			if err := length(in, len(xs)); err != nil {
				return nil, 0, err
			}
		}
		if xs, ok := c.Values[in]; ok {
			if err := length(in, len(xs)); err != nil {
				return nil, 0, err
			}
		}
	}
	if err := f.strangers(c); err != nil {
		return nil, 0, err
	}
	if rows < 0 {
		return nil, 0, fmt.Errorf("predict: %w: no column is given; the model reads %s", runtime.ErrInput, strings.Join(f.inputNames(), ", "))
	}
	var out []runtime.Named
	for i := range f.schema.Inputs {
		x, err := f.column(i, c, rows)
		if err != nil {
			return nil, 0, fmt.Errorf("predict: %w", err)
		}
		out = append(out, runtime.Named{Name: f.schema.Inputs[i].Tensor, Tensor: x})
	}
	return out, rows, nil
}

func (f *file) inputNames() []string {
	var names []string
	for _, in := range f.schema.Inputs {
		names = append(names, in.Name)
	}
	return names
}

// strangers refuses columns that are no input of their kind: a name that is
// spelled wrongly must not pass for a missing column.
func (f *file) strangers(c Columns) error {
	check := func(name string, kind schema.InputType) error {
		in := f.schema.Input(name)
		if in == nil {
			return fmt.Errorf("predict: %w: there is no input %q; the model reads %s", runtime.ErrInput, name, strings.Join(f.inputNames(), ", "))
		}
		if in.Type != kind {
			return fmt.Errorf("predict: %w: input %q is %s; give it among the columns of that kind", runtime.ErrInput, name, in.Type)
		}
		return nil
	}
	for name := range c.Numbers {
		if err := check(name, schema.Numeric); err != nil {
			return err
		}
	}
	for name := range c.Values {
		if err := check(name, schema.Categorical); err != nil {
			return err
		}
	}
	return nil
}

// column makes the tensor of input i.
func (f *file) column(i int, c Columns, rows int) (*tensor.Tensor, error) {
	in := &f.schema.Inputs[i]
	if in.Type == schema.Numeric {
		xs, ok := c.Numbers[in.Name]
		if !ok {
			xs = make([]float32, rows)
			for j := range xs {
				xs[j] = float32(math.NaN())
			}
		}
		return tensor.Of(xs, int64(rows))
	}
	values := make([]string, rows)
	copy(values, c.Values[in.Name])
	for j, v := range values {
		values[j] = strings.TrimSpace(v)
	}
	if in.InGraph {
		return tensor.Of(values, int64(rows))
	}
	ids := make([]int64, rows)
	for j, v := range values {
		ids[j] = f.values[i].id(in, v)
	}
	return tensor.Of(ids, int64(rows))
}

// valueIDs are the ids of a categorical input's values.
type valueIDs map[string]int64

func (ids valueIDs) id(in *schema.Input, value string) int64 {
	if id, ok := ids[value]; ok {
		return id
	}
	if value == "" || slices.Contains(in.Missing, value) {
		return schema.MissingValue
	}
	return schema.UnknownValue
}

// describeColumns holds a table's inputs against what the graph declares.
func (f *file) describeColumns(g *onnx.Graph) error {
	f.values = make([]valueIDs, len(f.schema.Inputs))
	for i := range f.schema.Inputs {
		in := &f.schema.Inputs[i]
		kind := tensor.Int64
		switch {
		case in.Type == schema.Numeric:
			kind = tensor.Float32
		case in.InGraph:
			kind = tensor.String
		}
		v := find(g.Inputs, in.Tensor)
		if v == nil || v.DType != kind || len(v.Shape) != 1 {
			return fmt.Errorf("predict: the graph has no %v input %q of shape [batch]", kind, in.Tensor)
		}
		f.values[i] = valueIDs{}
		for j, value := range in.Values {
			f.values[i][value] = int64(j) + schema.UnknownValue + 1
		}
	}
	return nil
}

// encodedColumns makes a table's inputs from numbers and ids of values, which a
// file that reads values is given back as such.
func (f *file) encodedColumns(in Input) ([]runtime.Named, error) {
	if len(in.Numbers) != len(f.schema.Inputs) || len(in.Categories) != len(f.schema.Inputs) {
		return nil, fmt.Errorf("%d columns of numbers and %d of values are given, the model has %d inputs", len(in.Numbers), len(in.Categories), len(f.schema.Inputs))
	}
	var out []runtime.Named
	for i := range f.schema.Inputs {
		of := &f.schema.Inputs[i]
		var x *tensor.Tensor
		var err error
		switch {
		case of.Type == schema.Numeric:
			x, err = tensor.Of(in.Numbers[i], int64(in.Batch))
		case of.InGraph:
			x, err = tensor.Of(spell(of, in.Categories[i]), int64(in.Batch))
		default:
			x, err = tensor.Of(in.Categories[i], int64(in.Batch))
		}
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", of.Name, err)
		}
		out = append(out, runtime.Named{Name: of.Tensor, Tensor: x})
	}
	return out, nil
}

// spell returns the values of ids, and for the unknown one a text that is none.
func spell(in *schema.Input, ids []int64) []string {
	unknown := "?"
	for slices.Contains(in.Values, unknown) || slices.Contains(in.Missing, unknown) {
		unknown += "?"
	}
	out := make([]string, len(ids))
	for i, id := range ids {
		switch {
		case id == schema.MissingValue:
		case id > schema.UnknownValue && id-schema.UnknownValue-1 < int64(len(in.Values)):
			out[i] = in.Values[id-schema.UnknownValue-1]
		default:
			out[i] = unknown
		}
	}
	return out
}
