package predict

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"espalier/input"
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
	if f.columns == nil {
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
			if err := f.columns[i].fill(&c.columns[i], &f.schema.Inputs[i], *t, from, n); err != nil {
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
		if err := isInput(s, name, input.Number); err != nil {
			return err
		}
	}
	for name := range t.columns.Values {
		if err := isInput(s, name, input.Value); err != nil {
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

func isInput(s *schema.Schema, name string, given input.Form) error {
	switch in := s.Input(name); {
	case in == nil:
		return fmt.Errorf("there is no input %q; the model reads %s", name, inputNames(s))
	case input.TraitsOf(in).Given != given:
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

// columnReader reads one column of a table.
type columnReader interface {
	// make makes what the column is written to, and its tensor.
	make(c *column, rows int) (*tensor.Tensor, error)
	// fill writes n rows of the table, and behind them that values are missing.
	fill(c *column, in *schema.Input, t table, from, n int) error
}

// column is what an input of a table is written to: one of the four.
type column struct {
	numbers []float32
	doubles []float64
	ids     []int64
	values  []string
}

// describeColumn holds input i, a column, against what the graph declares.
func describeColumn(f *file, i int, m *onnx.Model) error {
	in := &f.schema.Inputs[i]
	of, _ := input.Of(in.Type).Tensor(in)
	v := find(m.Graph.Inputs, in.Tensor)
	if v == nil || v.DType != of || len(v.Shape) != 1 {
		return fmt.Errorf("predict: the graph has no %v input %q of shape [batch]", of, in.Tensor)
	}
	if err := f.fixColumn(in.Tensor, i, v.Shape[0]); err != nil {
		return err
	}
	f.columns = append(f.columns, newColumnReader(in))
	return nil
}

// prepareColumn makes the tensor of input i, a column.
func prepareColumn(f *file, i int, c *prepared, to []runtime.Named) ([]runtime.Named, error) {
	if c.columns == nil {
		c.columns = make([]column, len(f.schema.Inputs))
	}
	of := &c.columns[i]
	x, err := f.columns[i].make(of, c.batch)
	c.bytes += 4*len(of.numbers) + 8*(len(of.doubles)+len(of.ids)) + 16*len(of.values)
	return append(to, runtime.Named{Name: f.schema.Inputs[i].Tensor, Tensor: x}), err
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
