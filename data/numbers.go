package data

import (
	"fmt"
	"math"
	"slices"

	"espalier/schema"
)

// moments are the mean and the sum of squared deviations of numbers, by
// Welford's recurrence (1962).
type moments struct {
	n, missing   int
	mean, spread float64
	rounding     float64   // the most by which float32 rounds one
	sample       []float64 // the first of them, as many as limit
	limit        int
}

// mostSample is how many numbers of a column are kept to be counted: so few that
// random numbers with all their digits hardly coincide by chance. mostSamples is
// how many are kept of all columns together.
const mostSample, mostSamples = 1 << 17, 1 << 24

// momentsOf counts n of all columns of numbers.
func momentsOf(n, all int) []moments {
	ms := make([]moments, n)
	for i := range ms {
		ms[i].limit = min(mostSample, mostSamples/all)
	}
	return ms
}

// add counts a number, NaN where it is missing.
func (m *moments) add(x float64) {
	if math.IsNaN(x) {
		m.missing++
		return
	}
	m.n++
	off := x - m.mean
	m.mean += off / float64(m.n)
	m.spread += off * (x - m.mean)
	m.rounding = max(m.rounding, math.Abs(float64(float32(x))-x))
	if len(m.sample) < m.limit {
		m.sample = append(m.sample, x)
	}
}

// deviation is the standard deviation, as of a whole population.
func (m *moments) deviation() float64 { return math.Sqrt(m.spread / float64(max(m.n, 1))) }

// coincide counts the different numbers of the sample, and how many of them are
// left as the model sees them. Seeing must keep their order.
func (m *moments) coincide(seen func(float64) float32) (before, after int) {
	slices.Sort(m.sample)
	for i, x := range m.sample {
		if i > 0 && x == m.sample[i-1] {
			continue
		}
		before++
		if i == 0 || seen(x) != seen(m.sample[i-1]) {
			after++
		}
	}
	return before, after
}

// lost reports whether more than one in 100 of the different numbers coincide.
func (m *moments) lost(seen func(float64) float32) bool {
	before, after := m.coincide(seen)
	return before-after > before/100
}

// coincidence says that numbers coincide as the model sees them, "" where hardly
// any does. standardised is how they would be seen if they were read as float64.
func (m *moments) coincidence(name string, seen, standardised func(float64) float32) string {
	if !m.lost(seen) {
		return ""
	}
	if m.n > len(m.sample) {
		name += fmt.Sprintf(", the first %d numbers", len(m.sample))
	}
	before, after := m.coincide(seen)
	told := fmt.Sprintf("%s: %d different numbers become %d: ", name, before, after)
	if !m.lost(standardised) {
		return told + fmt.Sprintf("float32, in which the file has them, rounds them by up to %.3g; where that matters, subtract a number near their mean, %.4g, from all", m.rounding, m.mean)
	}
	return told + fmt.Sprintf("they differ by less than float32, in which the model computes, keeps beside a deviation of %.4g; leave extreme values out, or give their logarithms", m.deviation())
}

// ofInput describes what was learned of a numeric input, in sentences.
func (m *moments) ofInput(in *schema.Input) (notes []string) {
	standardised := func(x float64) float32 { return float32((x - in.Mean) * (1 / in.Deviation)) }
	seen := standardised
	if in.Double {
		notes = append(notes, fmt.Sprintf("input %s: read as float64, because float32 rounds its numbers by up to %.3g, which its deviation of %.4g does not allow", in.Name, m.rounding, in.Deviation))
	} else {
		seen = func(x float64) float32 { return (float32(x) - float32(in.Mean)) * float32(1/in.Deviation) }
	}
	if c := m.coincidence("input "+in.Name, seen, standardised); c != "" {
		notes = append(notes, c)
	}
	return notes
}

// ofTask describes what was learned of a regression, in sentences.
func (m *moments) ofTask(t *schema.Task) []string {
	learned := fmt.Sprintf("task %s: learned standardised, by the mean %.10g and deviation %.4g of %d values in training", t.Name, t.Mean, t.Deviation, m.n)
	standardised := func(x float64) float32 { return float32(t.Standardise(x)) }
	seen := standardised
	if t.Double {
		learned += fmt.Sprintf("; answered as float64, because float32 rounds such numbers by up to %.3g", schema.Rounding(t.Mean))
	} else if !m.lost(standardised) {
		seen = func(x float64) float32 { return float32(x) } // as it is answered
	}
	if c := m.coincidence("task "+t.Name, seen, standardised); c != "" {
		return []string{learned, c}
	}
	return []string{learned}
}
