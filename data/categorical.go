package data

import (
	"fmt"
	"slices"

	"espalier/data/source"
	"espalier/schema"
	"espalier/tensor"
)

// categoricalInput is a column of values, each of which has an id.
type categoricalInput struct {
	*schema.Input
	at     int // among the inputs
	ids    map[string]int32
	counts map[string]int // while learning
}

func (c *categoricalInput) read(r *source.Record, x *example) (err error) {
	x.cells[c.at].value, err = readCell(r, c.Input)
	return err
}

func (c *categoricalInput) begin(int) { c.counts = map[string]int{} }

func (c *categoricalInput) count(x *example) {
	if v := x.cells[c.at].value; v != "" {
		c.counts[v]++
	}
}

func (c *categoricalInput) learn(records int) ([]string, error) {
	c.Values = nil
	for v, n := range c.counts {
		if n >= max(c.MinCount, 1) {
			c.Values = append(c.Values, v)
		}
	}
	slices.Sort(c.Values)
	if len(c.counts) == 0 {
		return nil, fmt.Errorf("data: input %q has no value in any of %d training examples; check that its field is mapped, or remove the input", c.Name, records)
	}
	if len(c.Values) == 0 {
		return nil, fmt.Errorf("data: input %q has no value that occurs %d times in the training data; lower its min_count, or remove the input", c.Name, c.MinCount)
	}
	c.counts = nil
	return nil, c.resume()
}

func (c *categoricalInput) resume() error {
	c.ids = map[string]int32{}
	for i, v := range c.Values {
		c.ids[v] = int32(i) + schema.UnknownValue + 1
	}
	return nil
}

func (c *categoricalInput) newStore(*Dataset) store { return &valueIDs{in: c} }

// valueIDs holds the ids of values.
type valueIDs struct {
	in   *categoricalInput
	list []int32
}

func (s *valueIDs) add(_ *source.Record, x *example, stats *Stats) error {
	c := &x.cells[s.in.at]
	stats.countCell(c)
	id := int32(schema.MissingValue)
	if c.value != "" {
		var known bool
		if id, known = s.in.ids[c.value]; !known {
			id = schema.UnknownValue
			stats.Unknown++
		}
	}
	s.list = append(s.list, id)
	return nil
}

func (s *valueIDs) copy(from store, i int)        { s.list = append(s.list, from.(*valueIDs).list[i]) }
func (s *valueIDs) setSizes(*tensor.Batch, []int) {}

// fill makes int64 [batch].
func (s *valueIDs) fill(b *Batch) {
	out := tensor.Fill(&b.Batch, s.in.Name, int64(0), len(b.Examples))
	for row, i := range b.Examples {
		out[row] = int64(s.list[i])
	}
}
