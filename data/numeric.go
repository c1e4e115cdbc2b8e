package data

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/data/source"
	"espalier/internal/moments"
	"espalier/schema"
	"espalier/tensor"
)

// readCell reads the text of a record's cell, "" where it is missing.
func readCell(r *source.Record, in *schema.Input) (string, error) {
	f, ok := r.Fields[in.Name]
	if !ok {
		return "", r.Errorf("there is no field for input %q; where its value is not known, leave it empty", in.Name)
	}
	if f.List || f.Marked {
		return "", r.ErrorAt(in.Name, "input %q is %s, but its field is a list", in.Name, in.Type)
	}
	value := strings.TrimSpace(f.Text)
	if slices.Contains(in.Missing, value) {
		value = ""
	}
	return value, nil
}

// countCell counts a cell of a data set.
func (s *Stats) countCell(c *cell) {
	s.Cells++
	if c.value == "" {
		s.MissingCells++
	}
}

// numericInput is a column of numbers, which the graph standardises.
type numericInput struct {
	*schema.Input
	at   int              // among the inputs
	seen *moments.Moments // while learning
}

func (n *numericInput) read(r *source.Record, x *example) error {
	value, err := readCell(r, n.Input)
	if err != nil {
		return err
	}
	number := math.NaN()
	if value != "" {
		if number, err = schema.ParseNumber(value); err != nil {
			return r.ErrorAt(n.Name, "input %q is numeric, %q %w (if it stands for a missing value, list it in inputs.%s.missing; if the column holds words, make it categorical)",
				n.Name, value, err, n.Name)
		}
		value = "a number" // the number itself is beside it
	}
	x.cells[n.at] = cell{number, value}
	return nil
}

func (n *numericInput) begin(columns int) { n.seen = moments.New(columns) }

func (n *numericInput) count(x *example) { n.seen.Add(x.cells[n.at].number) }

func (n *numericInput) learn(records int) ([]string, error) {
	if n.seen.N == 0 {
		return nil, fmt.Errorf("data: input %q has no number in any of %d training examples; check that its field is mapped, or remove the input", n.Name, records)
	}
	n.Mean, n.Deviation, n.Indicator = n.seen.Mean, n.seen.Deviation(), n.seen.Missing > 0
	if n.Deviation == 0 {
		n.Deviation = 1 // the one number there is becomes 0
	}
	n.Double = schema.NeedsDouble(n.seen.Rounding, n.Deviation)
	notes := n.notes()
	n.seen = nil
	return notes, nil
}

// notes describe what was learned, in sentences.
func (n *numericInput) notes() (notes []string) {
	standardised := func(x float64) float32 { return float32((x - n.Mean) * (1 / n.Deviation)) }
	seen := standardised
	if n.Double {
		notes = append(notes, fmt.Sprintf("input %s: read as float64, because float32 rounds its numbers by up to %.3g, which its deviation of %.4g does not allow", n.Name, n.seen.Rounding, n.Deviation))
	} else {
		seen = func(x float64) float32 { return (float32(x) - float32(n.Mean)) * float32(1/n.Deviation) }
	}
	if c := n.seen.Coincidence("input "+n.Name, seen, standardised); c != "" {
		notes = append(notes, c)
	}
	return notes
}

func (n *numericInput) resume() error { return nil }

func (n *numericInput) newStore(*Dataset) store {
	if n.Double {
		return &doubles{in: n}
	}
	return &singles{in: n}
}

// singles holds numbers in float32, NaN where missing.
type singles struct {
	in   *numericInput
	list []float32
}

func (s *singles) add(_ *source.Record, x *example, stats *Stats) error {
	c := &x.cells[s.in.at]
	stats.countCell(c)
	s.list = append(s.list, float32(c.number))
	return nil
}

func (s *singles) copy(from store, i int)        { s.list = append(s.list, from.(*singles).list[i]) }
func (s *singles) setSizes(*tensor.Batch, []int) {}

// fill makes float32 [batch].
func (s *singles) fill(b *Batch) { fillRows(b, s.in.Name, s.list) }

// doubles holds numbers that float32 could not tell apart.
type doubles struct {
	in   *numericInput
	list []float64
}

func (s *doubles) add(_ *source.Record, x *example, stats *Stats) error {
	c := &x.cells[s.in.at]
	stats.countCell(c)
	s.list = append(s.list, c.number)
	return nil
}

func (s *doubles) copy(from store, i int)        { s.list = append(s.list, from.(*doubles).list[i]) }
func (s *doubles) setSizes(*tensor.Batch, []int) {}

// fill makes float64 [batch].
func (s *doubles) fill(b *Batch) { fillRows(b, s.in.Name, s.list) }
