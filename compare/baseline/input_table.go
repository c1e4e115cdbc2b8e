package baseline

import (
	"math"

	"espalier/data"
	"espalier/schema"
)

// columns are a table's: numbers by the mean and deviation of training, 0 where
// they are missing, a column that says so where training has such; of categories
// one column for each value and one for a missing one.
type columns struct {
	inputs []schema.Input
	first  []int32 // by input, its first column
	width  int
}

func newColumns(inputs []schema.Input) *columns {
	c := &columns{inputs: inputs}
	for _, in := range inputs {
		c.first = append(c.first, int32(c.width))
		switch {
		case len(in.Values) > 0:
			c.width += len(in.Values) + schema.UnknownValue + 1
		case in.Indicator:
			c.width += 2
		default:
			c.width++
		}
	}
	return c
}

func (c *columns) read(d *data.Dataset, examples []int) *matrix {
	m := &matrix{width: c.width, starts: []int{0}}
	eachBatch(d, examples, func(b *data.Batch) {
		for row := range b.Examples {
			for i := range c.inputs {
				in := &c.inputs[i]
				if ids := b.Int64s(in.Name); ids != nil {
					if ids[row] != schema.UnknownValue {
						m.add(c.first[i]+int32(ids[row]), 1)
					}
				} else if x := numberOf(b, in.Name, row); !math.IsNaN(x) {
					m.add(c.first[i], (x-in.Mean)/in.Deviation)
				} else if in.Indicator {
					m.add(c.first[i]+1, 1)
				}
			}
			m.end()
		}
	})
	return m
}

// numberOf is a number of a batch, which is a float64 where float32 is too coarse.
func numberOf(b *data.Batch, input string, row int) float64 {
	if doubles := b.Float64s(input); doubles != nil {
		return doubles[row]
	}
	return float64(b.Float32s(input)[row])
}

func (*columns) strengths() []float64 { return []float64{0.001, 0.01, 0.1, 1, 10} } // of standardised columns
func (*columns) alphas() []float64    { return []float64{1000, 100, 10, 1, 0.1} }
