package gonum

import (
	"fmt"
	"slices"
	"strings"

	"espalier/tensor"
)

func einsumKernels() map[string]forms {
	return map[string]forms{"Einsum": versions(12, 28, einsum, "equation")}
}

// sum is an Einstein sum: letters with their sizes, those of the result first,
// and by operand how far apart neighbours along each letter are, 0 where the
// operand does not have it.
type sum struct {
	letters []rune
	sizes   tensor.Shape
	strides [][]int
	kept    int // letters of the result
}

// einsum multiplies operands element by element as an equation says and sums
// over the letters that the result does not have.
func einsum(c *call) error {
	first, err := c.input(0)
	if err != nil {
		return err
	}
	for i := range c.node.Inputs {
		x, err := c.input(i)
		if err != nil {
			return err
		}
		if x.DType() != first.DType() {
			return fmt.Errorf("operand %d is %v, the first %v", i, x, first)
		}
	}
	s, err := newSum(c.attrs.text("equation", ""), c.in)
	if err != nil {
		return err
	}
	y, err := c.make(0, c.in[0].DType(), s.sizes[:s.kept])
	if err != nil {
		return err
	}
	switch c.in[0].Any().(type) {
	case []float32:
		return sumInto[float32](c, s, y)
	case []float64:
		return sumInto[float64](c, s, y)
	case []int32:
		return s.plain(c, y.Len(), multiply[int32](c.in, y))
	case []int64:
		return s.plain(c, y.Len(), multiply[int64](c.in, y))
	}
	return refuse(c.in[0])
}

// unnamed is the letter of the last dimension behind an ellipsis; those before
// it follow.
const unnamed = 'z' + 1

// newSum reads an equation.
func newSum(equation string, in []*tensor.Tensor) (*sum, error) {
	wrong := func(format string, a ...any) error {
		return fmt.Errorf("equation %q: %s", equation, fmt.Sprintf(format, a...))
	}
	left, right, explicit := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	parts := strings.Split(left, ",")
	if len(parts) != len(in) {
		return nil, wrong("it has %d operands, %d are given", len(parts), len(in))
	}
	terms := make([][]rune, len(parts))
	var most []rune // behind an ellipsis
	for i, part := range parts {
		behind, ok := unnamedOf(part, in[i].Rank())
		if !ok {
			return nil, wrong("operand %d is %v", i, in[i])
		}
		if len(behind) > len(most) {
			most = behind
		}
		terms[i] = lettersOf(part, behind)
	}
	result := lettersOf(right, most)
	if !explicit {
		result = slices.Concat(most, lone(terms))
	}
	s := &sum{kept: len(result)}
	for _, letter := range slices.Concat(append([][]rune{result}, terms...)...) {
		if !slices.Contains(s.letters, letter) {
			s.letters = append(s.letters, letter)
		}
	}
	if len(s.letters) < s.kept || !slices.Equal(s.letters[:s.kept], result) {
		return nil, wrong("a letter stands twice in the result")
	}
	s.sizes = slices.Repeat(tensor.Shape{1}, len(s.letters))
	for i, term := range terms {
		for d, letter := range term {
			at := slices.Index(s.letters, letter)
			if n := in[i].Shape()[d]; n != 1 && s.sizes[at] != 1 && n != s.sizes[at] {
				return nil, wrong("%q is %d and %d", string(letter), s.sizes[at], n)
			} else if n != 1 {
				s.sizes[at] = n
			}
		}
	}
	for _, letter := range result {
		if !slices.ContainsFunc(terms, func(term []rune) bool { return slices.Contains(term, letter) }) {
			return nil, wrong("%q of the result is in no operand", string(letter))
		}
	}
	s.stride(terms, in)
	return s, nil
}

// stride fills in the strides; a letter that stands twice in an operand walks
// along its diagonal.
func (s *sum) stride(terms [][]rune, in []*tensor.Tensor) {
	for i, term := range terms {
		strides := make([]int, len(s.letters))
		for d, step := range stridesOf(in[i].Shape()) {
			if in[i].Shape()[d] != 1 {
				strides[slices.Index(s.letters, term[d])] += step
			}
		}
		s.strides = append(s.strides, strides)
	}
}

// unnamedOf returns letters for the dimensions behind a term's ellipsis. ok is
// false where the term does not fit the rank.
func unnamedOf(part string, rank int) (behind []rune, ok bool) {
	names, has := strings.Replace(part, "...", "", 1), strings.Contains(part, "...")
	for _, letter := range names {
		if (letter < 'a' || letter > 'z') && (letter < 'A' || letter > 'Z') {
			return nil, false
		}
	}
	n := rank - len(names)
	for i := n - 1; i >= 0; i-- {
		behind = append(behind, rune(unnamed+i))
	}
	return behind, n == 0 || n > 0 && has
}

// lettersOf writes a term with letters in the place of its ellipsis.
func lettersOf(part string, behind []rune) []rune {
	before, after, has := strings.Cut(part, "...")
	if !has {
		return []rune(part)
	}
	return slices.Concat([]rune(before), behind, []rune(after))
}

// lone returns the letters that stand once, in their order: the result of an
// equation that names none.
func lone(terms [][]rune) []rune {
	all := slices.Sorted(slices.Values(slices.Concat(terms...)))
	var once []rune
	for i, letter := range all {
		if letter < unnamed && (i == 0 || all[i-1] != letter) && (i+1 == len(all) || all[i+1] != letter) {
			once = append(once, letter)
		}
	}
	return once
}

// multiply returns what adds one product to an element of the result.
func multiply[T number](in []*tensor.Tensor, y *tensor.Tensor) func(to int, from []int) {
	out := y.Any().([]T)
	clear(out)
	operands := make([][]T, len(in))
	for i, x := range in {
		operands[i] = x.Any().([]T)
	}
	return func(to int, from []int) {
		p := T(1)
		for i, x := range operands {
			p *= x[from[i]]
		}
		out[to] += p
	}
}

// plain goes through all products, until the context ends.
func (s *sum) plain(c *call, results int, add func(to int, from []int)) error {
	summed, err := s.sizes[s.kept:].Elements()
	if err != nil || results*summed == 0 {
		return err
	}
	index, from := make([]int64, len(s.sizes)), make([]int, len(s.strides))
	for at := 0; ; at++ {
		if at&0xffff == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		add(at/summed, from)
		l := len(index) - 1
		for ; l >= 0; l-- {
			index[l]++
			for i := range from {
				from[i] += s.strides[i][l]
			}
			if index[l] < s.sizes[l] {
				break
			}
			for i := range from {
				from[i] -= s.strides[i][l] * int(s.sizes[l])
			}
			index[l] = 0
		}
		if l < 0 {
			return nil
		}
	}
}

// sumInto computes a sum of two operands as products of matrices, where each
// letter that is summed over stands in both, and others step by step.
func sumInto[T float](c *call, s *sum, y *tensor.Tensor) error {
	var batch, rows, columns, inner []int
	for l := range s.letters {
		a, b := len(c.in) == 2 && s.strides[0][l] != 0, len(c.in) == 2 && s.strides[1][l] != 0
		switch {
		case a && b && l < s.kept:
			batch = append(batch, l)
		case a && b:
			inner = append(inner, l)
		case b && l < s.kept:
			columns = append(columns, l)
		case l < s.kept && (a || s.sizes[l] == 1):
			rows = append(rows, l)
		case s.sizes[l] != 1:
			return s.plain(c, y.Len(), multiply[T](c.in, y))
		}
	}
	if len(c.in) != 2 || y.Len() == 0 {
		return s.plain(c, y.Len(), multiply[T](c.in, y))
	}
	a, err := s.matrices(c, 0, batch, rows, inner)
	if err != nil {
		return err
	}
	defer c.release(a)
	b, err := s.matrices(c, 1, batch, inner, columns)
	if err != nil {
		return err
	}
	defer c.release(b)
	as, bs := a.Shape(), b.Shape()
	products, err := c.new(y.DType(), tensor.Shape{as[0], as[1], bs[2]})
	if err != nil {
		return err
	}
	defer c.release(products)
	if err := stacked(c, a.Any().([]T), b.Any().([]T), products.Any().([]T), as, bs, as[:1]); err != nil {
		return err
	}
	// Where each letter of the result is in the products.
	strides, step := make([]int, s.kept), 1
	order := slices.Concat(batch, rows, columns)
	for i := len(order) - 1; i >= 0; i-- {
		strides[order[i]] = step
		step *= int(s.sizes[order[i]])
	}
	return copyBy(products, y, strides, 0)
}

// matrices lays an operand out as a stack of matrices.
func (s *sum) matrices(c *call, operand int, batch, rows, columns []int) (*tensor.Tensor, error) {
	var shape tensor.Shape
	var strides []int
	sizes := tensor.Shape{1, 1, 1}
	for g, group := range [][]int{batch, rows, columns} {
		for _, l := range group {
			shape, strides = append(shape, s.sizes[l]), append(strides, s.strides[operand][l])
			sizes[g] *= s.sizes[l]
		}
	}
	t, err := c.new(c.in[operand].DType(), shape)
	if err != nil {
		return nil, err
	}
	if err := copyBy(c.in[operand], t, strides, 0); err != nil {
		return nil, err
	}
	return t.Reshape(sizes...)
}
