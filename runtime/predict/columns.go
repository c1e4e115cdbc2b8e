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
// is left out is missing in every row. Numbers become float32 unless the input's
// schema says Double.
type Columns struct {
	Numbers map[string][]float64
	Values  map[string][]string
}

// PredictColumns answers for the rows of a table, in one batch.
func (p *Predictor) PredictColumns(ctx context.Context, c Columns) ([]Prediction, error) {
	w := p.workers.take(p)
	defer p.workers.put(w)
	return w.predictTable(ctx, nil, &table{columns: c})
}

// PredictRows answers for rows as they stand in a file: texts by the names of
// inputs, an empty one or none where a value is missing.
func (p *Predictor) PredictRows(ctx context.Context, rows ...map[string]string) ([]Prediction, error) {
	w := p.workers.take(p)
	defer p.workers.put(w)
	return w.predictTable(ctx, nil, &table{byRows: true, texts: rows, rows: len(rows)})
}

// table is what is asked about: columns, or rows of texts, of which there may be
// none.
type table struct {
	byRows  bool
	columns Columns
	texts   []map[string]string
	rows    int
}

func (w *worker) predictTable(ctx context.Context, dst []Prediction, t *table) ([]Prediction, error) {
	f := w.predictor.file
	if f.values == nil {
		return nil, fmt.Errorf("predict: the model does not read a table; use Predict for a text, or PredictTensors")
	}
	if err := t.check(f.schema); err != nil {
		return nil, fmt.Errorf("predict: %w: %w", runtime.ErrInput, err)
	}
	if t.rows == 0 {
		return nil, nil
	}
	dst = resize(dst, t.rows)
	step := t.rows
	if f.batch > 0 {
		step = f.batch
	}
	for from := 0; from < t.rows; from += step {
		c, err := w.shape(step, 0, 0)
		if err != nil {
			return nil, err
		}
		n := min(step, t.rows-from)
		for i := range c.columns {
			if err := c.columns[i].fill(&f.schema.Inputs[i], f.values[i], t, from, n); err != nil {
				return nil, fmt.Errorf("predict: %w: %w", runtime.ErrInput, err)
			}
		}
		if err := c.run(ctx, w); err != nil {
			return nil, err
		}
		if err := w.read(dst[from:from+n], nil, c.outputs, step); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// check finds the number of rows, and refuses columns that are no input of their
// kind: a name that is spelled wrongly must not pass for a missing column.
func (t *table) check(s *schema.Schema) error {
	if t.byRows {
		return nil
	}
	for name := range t.columns.Numbers {
		if err := isInput(s, name, schema.Numeric); err != nil {
			return err
		}
	}
	for name := range t.columns.Values {
		if err := isInput(s, name, schema.Categorical); err != nil {
			return err
		}
	}
	first := ""
	for i := range s.Inputs {
		name := s.Inputs[i].Name
		numbers, isNumeric := t.columns.Numbers[name]
		values, isCategorical := t.columns.Values[name]
		n := len(numbers) + len(values)
		switch {
		case !isNumeric && !isCategorical:
			continue
		case first == "":
			first, t.rows = name, n
		case n != t.rows:
			return fmt.Errorf("column %q has %d rows, column %q has %d", name, n, first, t.rows)
		}
	}
	if first == "" {
		return fmt.Errorf("no column is given; the model reads %s", inputNames(s))
	}
	return nil
}

func isInput(s *schema.Schema, name string, kind schema.InputType) error {
	switch in := s.Input(name); {
	case in == nil:
		return fmt.Errorf("there is no input %q; the model reads %s", name, inputNames(s))
	case in.Type != kind:
		return fmt.Errorf("input %q is %s; give it among the columns of that kind", name, in.Type)
	}
	return nil
}

func inputNames(s *schema.Schema) string {
	var names []string
	for i := range s.Inputs {
		names = append(names, s.Inputs[i].Name)
	}
	return strings.Join(names, ", ")
}

// column is what an input of a table is written to: one of the four.
type column struct {
	numbers []float32
	doubles []float64
	ids     []int64
	values  []string
}

// makeColumns makes the inputs of a table.
func (c *prepared) makeColumns(s *schema.Schema) ([]runtime.Named, error) {
	c.columns = make([]column, len(s.Inputs))
	var out []runtime.Named
	for i := range s.Inputs {
		in, of := &s.Inputs[i], &c.columns[i]
		var x *tensor.Tensor
		var err error
		switch {
		case in.Double:
			of.doubles = make([]float64, c.batch)
			x, err = tensor.Of(of.doubles, int64(c.batch))
		case in.Type == schema.Numeric:
			of.numbers = make([]float32, c.batch)
			x, err = tensor.Of(of.numbers, int64(c.batch))
		case in.InGraph:
			of.values = make([]string, c.batch)
			x, err = tensor.Of(of.values, int64(c.batch))
		default:
			of.ids = make([]int64, c.batch)
			x, err = tensor.Of(of.ids, int64(c.batch))
		}
		if err != nil {
			return nil, err
		}
		c.bytes += 4*len(of.numbers) + 8*(len(of.doubles)+len(of.ids)) + 16*len(of.values)
		out = append(out, runtime.Named{Name: in.Tensor, Tensor: x})
	}
	return out, nil
}

// fill writes n rows of the table, and behind them that values are missing.
func (c *column) fill(in *schema.Input, ids valueIDs, t *table, from, n int) error {
	numbers, values := t.columns.Numbers[in.Name], t.columns.Values[in.Name]
	for i := range max(len(c.numbers), len(c.doubles)) {
		x, err := math.NaN(), error(nil)
		switch {
		case i >= n:
		case numbers != nil:
			if x = numbers[from+i]; schema.CheckNumber(x) != nil {
				err = fmt.Errorf("row %d: input %q is numeric, %v %w", from+i, in.Name, x, schema.CheckNumber(x))
			}
		case t.byRows:
			x, err = number(in, t.texts[from+i][in.Name], from+i)
		}
		if err != nil {
			return err
		}
		if c.doubles != nil {
			c.doubles[i] = x
		} else {
			c.numbers[i] = float32(x)
		}
	}
	for i := range max(len(c.ids), len(c.values)) {
		value := ""
		switch {
		case i >= n:
		case values != nil:
			value = values[from+i]
		case t.byRows:
			value = t.texts[from+i][in.Name]
		}
		if value = strings.TrimSpace(value); c.ids != nil {
			c.ids[i] = ids.id(in, value)
		} else {
			c.values[i] = value
		}
	}
	return nil
}

// number reads a text of a numeric input, NaN where it is missing.
func number(in *schema.Input, s string, row int) (float64, error) {
	s = strings.TrimSpace(s)
	if s == "" || slices.Contains(in.Missing, s) {
		return math.NaN(), nil
	}
	x, err := schema.ParseNumber(s)
	if err != nil {
		return 0, fmt.Errorf("row %d: input %q is numeric, %q %w", row, in.Name, s, err)
	}
	return x, nil
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
		case in.Double:
			kind = tensor.Float64
		case in.Type == schema.Numeric:
			kind = tensor.Float32
		case in.InGraph:
			kind = tensor.String
		}
		v := find(g.Inputs, in.Tensor)
		if v == nil || v.DType != kind || len(v.Shape) != 1 {
			return fmt.Errorf("predict: the graph has no %v input %q of shape [batch]", kind, in.Tensor)
		}
		if err := f.fixColumn(in.Tensor, i, v.Shape[0]); err != nil {
			return err
		}
		f.values[i] = valueIDs{}
		for j, value := range in.Values {
			f.values[i][value] = int64(j) + schema.UnknownValue + 1
		}
	}
	return nil
}

// fixColumn finds the number of rows that input i is fixed to, which is that of
// the others.
func (f *file) fixColumn(name string, i int, d onnx.Dim) error {
	n := 0
	if d.Known {
		n = int(d.Size)
	}
	switch {
	case d.Known && (n < 1 || n > maxFixed):
		return fmt.Errorf("predict: input %q has a fixed size of %d rows; from 1 to %d are made", name, n, maxFixed)
	case i > 0 && n != f.batch:
		size := func(n int) string {
			if n == 0 {
				return "any number of"
			}
			return strconv.Itoa(n)
		}
		return fmt.Errorf("predict: input %q is fixed to %s rows, input %q to %s; they must be the same", name, size(n), f.schema.Inputs[0].Tensor, size(f.batch))
	}
	f.batch = n
	return nil
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
