package data

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/data/source"
	"espalier/schema"
)

// columns turns the fields of a table's records into numbers and ids of values.
type columns struct {
	inputs []schema.Input     // the schema's
	ids    []map[string]int32 // by input, of the categorical ones' values
	counts []map[string]int   // of values, while learning
	seen   []moments          // of numbers, while learning
}

// cell is what a record says of one input.
type cell struct {
	number float64 // NaN where it is missing
	value  string  // "" where it is missing
}

// NewTabularEncoder returns an encoder for a schema whose inputs are columns of
// a table, numeric and categorical. The schema is copied.
func NewTabularEncoder(s *schema.Schema) (*Encoder, error) {
	if !s.Tabular() {
		return nil, fmt.Errorf("data: the schema's inputs must be numeric or categorical")
	}
	own := *s
	own.Inputs = append([]schema.Input{}, s.Inputs...)
	own.Tasks = append([]schema.Task{}, s.Tasks...)
	for _, t := range own.Tasks {
		if t.Type == schema.Tagging {
			return nil, fmt.Errorf("data: task %q is tagging, but a table's examples have no tokens", t.Name)
		}
	}
	n := len(own.Inputs)
	c := &columns{inputs: own.Inputs, ids: make([]map[string]int32, n), counts: make([]map[string]int, n), seen: momentsOf(n, n+len(own.Tasks))}
	for i := range c.counts {
		c.counts[i] = map[string]int{}
	}
	return &Encoder{schema: &own, columns: c}, nil
}

// ResumeTabular returns an encoder for a schema that was learned before.
func ResumeTabular(s *schema.Schema) (*Encoder, error) {
	e, err := NewTabularEncoder(s)
	if err != nil {
		return nil, err
	}
	e.columns.index()
	e.index()
	return e, nil
}

func (c *columns) index() {
	for i := range c.inputs {
		c.ids[i] = map[string]int32{}
		for j, v := range c.inputs[i].Values {
			c.ids[i][v] = int32(j) + schema.UnknownValue + 1
		}
	}
}

// read takes the cells of a record.
func (c *columns) read(r *source.Record) ([]cell, error) {
	cells := make([]cell, len(c.inputs))
	for i := range c.inputs {
		in := &c.inputs[i]
		f, ok := r.Fields[in.Name]
		if !ok {
			return nil, r.Errorf("there is no field for input %q; where its value is not known, leave it empty", in.Name)
		}
		if f.List || f.Marked {
			return nil, r.ErrorAt(in.Name, "input %q is %s, but its field is a list", in.Name, in.Type)
		}
		value := strings.TrimSpace(f.Text)
		if slices.Contains(in.Missing, value) {
			value = ""
		}
		cells[i].value = value
		if in.Type == schema.Categorical {
			continue
		}
		x := math.NaN()
		if value != "" {
			var err error
			if x, err = schema.ParseNumber(value); err != nil {
				return nil, r.ErrorAt(in.Name, "input %q is numeric, %q %w (if it stands for a missing value, list it in inputs.%s.missing; if the column holds words, make it categorical)",
					in.Name, value, err, in.Name)
			}
		}
		cells[i].number = x
	}
	return cells, nil
}

// count counts a record of the training data.
func (c *columns) count(cells []cell) {
	for i := range c.inputs {
		if c.inputs[i].Type == schema.Numeric {
			c.seen[i].add(cells[i].number)
		} else if v := cells[i].value; v != "" {
			c.counts[i][v]++
		}
	}
}

// learn completes the inputs from what was counted.
func (c *columns) learn(records int) (notes []string, err error) {
	for i := range c.inputs {
		in := &c.inputs[i]
		if in.Type == schema.Numeric {
			m := &c.seen[i]
			if m.n == 0 {
				return nil, fmt.Errorf("data: input %q has no number in any of %d training examples; check that its field is mapped, or remove the input", in.Name, records)
			}
			in.Mean, in.Deviation, in.Indicator = m.mean, m.deviation(), m.missing > 0
			if in.Deviation == 0 {
				in.Deviation = 1 // the one number there is becomes 0
			}
			in.Double = schema.NeedsDouble(m.rounding, in.Deviation)
			notes = append(notes, m.ofInput(in)...)
			continue
		}
		in.Values = nil
		for v, n := range c.counts[i] {
			if n >= max(in.MinCount, 1) {
				in.Values = append(in.Values, v)
			}
		}
		slices.Sort(in.Values)
		if len(c.counts[i]) == 0 {
			return nil, fmt.Errorf("data: input %q has no value in any of %d training examples; check that its field is mapped, or remove the input", in.Name, records)
		}
		if len(in.Values) == 0 {
			return nil, fmt.Errorf("data: input %q has no value that occurs %d times in the training data; lower its min_count, or remove the input", in.Name, in.MinCount)
		}
	}
	c.counts, c.seen = nil, nil
	c.index()
	return notes, nil
}

// cellColumn holds one input's cells: one of its slices is in use.
type cellColumn struct {
	numbers []float32 // NaN where missing
	doubles []float64 // in their place, where the schema says so
	values  []int32   // ids
}

// add adds a record's cells to a data set.
func (c *columns) add(d *Dataset, cells []cell) {
	if d.cells == nil {
		d.cells = make([]cellColumn, len(c.inputs))
	}
	for i := range c.inputs {
		d.Stats.Cells++
		if cells[i].value == "" {
			d.Stats.MissingCells++
		}
		if c.inputs[i].Double {
			d.cells[i].doubles = append(d.cells[i].doubles, cells[i].number)
			continue
		}
		if c.inputs[i].Type == schema.Numeric {
			d.cells[i].numbers = append(d.cells[i].numbers, float32(cells[i].number))
			continue
		}
		id := int32(schema.MissingValue)
		if v := cells[i].value; v != "" {
			var known bool
			if id, known = c.ids[i][v]; !known {
				id = schema.UnknownValue
				d.Stats.Unknown++
			}
		}
		d.cells[i].values = append(d.cells[i].values, id)
	}
}

// copyCells adds the cells of an example of another data set.
func (d *Dataset) copyCells(from *Dataset, i int) {
	if from.cells == nil {
		return
	}
	if d.cells == nil {
		d.cells = make([]cellColumn, len(from.cells))
	}
	for j := range from.cells {
		switch c := &from.cells[j]; {
		case c.numbers != nil:
			d.cells[j].numbers = append(d.cells[j].numbers, c.numbers[i])
		case c.doubles != nil:
			d.cells[j].doubles = append(d.cells[j].doubles, c.doubles[i])
		default:
			d.cells[j].values = append(d.cells[j].values, c.values[i])
		}
	}
}

// fillCells fills in a batch's columns.
func (d *Dataset) fillCells(b *Batch) {
	if len(b.Numbers) != len(d.cells) {
		b.Numbers, b.Doubles, b.Categories = make([][]float32, len(d.cells)), make([][]float64, len(d.cells)), make([][]int64, len(d.cells))
	}
	for j := range d.cells {
		switch c := &d.cells[j]; {
		case c.numbers != nil:
			b.Numbers[j] = fill(b.Numbers[j], b.Size, 0)
			for row, i := range b.Examples {
				b.Numbers[j][row] = c.numbers[i]
			}
		case c.doubles != nil:
			b.Doubles[j] = fill(b.Doubles[j], b.Size, 0)
			for row, i := range b.Examples {
				b.Doubles[j][row] = c.doubles[i]
			}
		default:
			b.Categories[j] = fill(b.Categories[j], b.Size, 0)
			for row, i := range b.Examples {
				b.Categories[j][row] = int64(c.values[i])
			}
		}
	}
}
