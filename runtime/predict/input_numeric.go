package predict

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/schema"
	"espalier/tensor"
)

// numberReader reads a column of numbers.
type numberReader struct{ double bool }

func newNumberReader(in *schema.Input) columnReader { return numberReader{in.Double} }

func (r numberReader) make(c *column, rows int) (*tensor.Tensor, error) {
	if r.double {
		c.doubles = make([]float64, rows)
		return tensor.Of(c.doubles, int64(rows))
	}
	c.numbers = make([]float32, rows)
	return tensor.Of(c.numbers, int64(rows))
}

func (r numberReader) fill(c *column, in *schema.Input, t table, from, n int) error {
	numbers := t.columns.Numbers[in.Name]
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
		if r.double {
			c.doubles[i] = x
		} else {
			c.numbers[i] = float32(x)
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
