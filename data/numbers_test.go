package data

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/data/source"
	"espalier/schema"
	"espalier/task"
)

// years are texts with a year, and cells with the same.
func years(lines ...string) (texts, cells source.List) {
	texts = source.List{{Format: "tsv", File: "d.tsv", FS: files("d.tsv", "text\tyear\n"+strings.ReplaceAll(strings.Join(lines, "\n"), ",", "\t")+"\n")}}
	cells = source.List{{Format: "csv", File: "d.csv", FS: files("d.csv", "text,year\n"+strings.Join(lines, "\n")+"\n")}}
	return texts, cells
}

// yearEncoders read a text, and a column of values, beside the year.
func yearEncoders(t *testing.T) (ofText, ofTable *Encoder) {
	t.Helper()
	year := []schema.Task{{Name: "year", Type: schema.Regression}}
	ofText, err := NewEncoder(&schema.Schema{Version: schema.Version, Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: "whitespace"}}, Tasks: year})
	if err != nil {
		t.Fatal(err)
	}
	ofTable, err = NewEncoder(&schema.Schema{Version: schema.Version, Inputs: []schema.Input{{Name: "text", Type: schema.Categorical}}, Tasks: year})
	if err != nil {
		t.Fatal(err)
	}
	return ofText, ofTable
}

// TestRegressionsAreStandardisedWhateverTheInput: the mean is taken off in
// float64, metrics get the value as it was read, and one value is refused alike.
func TestRegressionsAreStandardisedWhateverTheInput(t *testing.T) {
	texts, cells := years("a,2010", "b,1990", "a,2013", "b,1991")
	ofText, ofTable := yearEncoders(t)
	for sources, e := range map[*source.List]*Encoder{&texts: ofText, &cells: ofTable} {
		if err := e.Learn(*sources); err != nil {
			t.Fatal(err)
		}
		// The mean is 2001 and the squares are 81, 121, 144 and 100.
		deviation := math.Sqrt(446. / 4)
		if year := e.Schema().Tasks[0]; year.Mean != 2001 || math.Abs(year.Deviation-deviation) > 1e-12 || year.Double {
			t.Errorf("the schema has %+v", year)
		}
		want := []string{"task year: learned standardised, by the mean 2001 and deviation 10.56 of 4 values in training"}
		if diff := cmp.Diff(want, e.Notes()); diff != "" {
			t.Error(diff)
		}
		d, err := e.Encode(*sources)
		if err != nil {
			t.Fatal(err)
		}
		var b Batch
		d.Fill(&b, []int{0, 1, 2, 3})
		if diff := cmp.Diff([]float64{2010, 1990, 2013, 1991}, valuesOf(d, "year")); diff != "" {
			t.Error(diff)
		}
		targets := []float32{float32(9 / deviation), float32(-11 / deviation), float32(12 / deviation), float32(-10 / deviation)}
		if diff := cmp.Diff(targets, b.Float32s(task.LabelsInput("year")), cmpopts.EquateApprox(1e-7, 0)); diff != "" {
			t.Error(diff)
		}
	}
	texts, cells = years("a,2010", "b,2010")
	ofText, ofTable = yearEncoders(t)
	const want = `data: task "year" has the one value 2010 in training; there is nothing to learn`
	for sources, e := range map[*source.List]*Encoder{&texts: ofText, &cells: ofTable} {
		if err := e.Learn(*sources); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestASchemaWithoutADeviationKeepsTheUnits, as runs of texts from before their
// regressions were standardised have it.
func TestASchemaWithoutADeviationKeepsTheUnits(t *testing.T) {
	task := &schema.Task{Name: "year", Type: schema.Regression}
	if got := task.Standardise(2010); got != 2010 {
		t.Errorf("2010 is learned as %v", got)
	}
}

// ofColumn learns one numeric column and a target of the same numbers.
func ofColumn(t *testing.T, numbers []float64) *Encoder {
	t.Helper()
	e, err := NewEncoder(&schema.Schema{
		Version: schema.Version, Inputs: []schema.Input{{Name: "x", Type: schema.Numeric}}, Tasks: []schema.Task{{Name: "y", Type: schema.Regression}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Learn(columnSource(numbers)); err != nil {
		t.Fatal(err)
	}
	return e
}

func columnSource(numbers []float64) source.List {
	var b strings.Builder
	b.WriteString("x,y\n")
	for _, x := range numbers {
		fmt.Fprintf(&b, "%v,%v\n", x, x)
	}
	return source.List{{Format: "csv", File: "d.csv", FS: files("d.csv", b.String())}}
}

func sequence(n int, from, step float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = from + step*float64(i)
	}
	return out
}

// TestNumbersThatFloat32CannotTellApart are float64 in a data set and in the
// file, and those that it can are not. Different numbers stay different.
func TestNumbersThatFloat32CannotTellApart(t *testing.T) {
	for name, c := range map[string]struct {
		numbers       []float64
		input, target bool
	}{
		"years":                       {sequence(24, 1990, 1), false, false},
		"prices with cents":           {sequence(1000, 99999.99, 123.45), false, false},
		"times of five minutes":       {sequence(116, 1.7e9, 2), true, true},
		"times of a week":             {sequence(500, 1.7e9, 1209), true, true},
		"times of ten years":          {sequence(500, 1.4e9, 631152), false, false},
		"times that float32 has":      {sequence(7, 1.7e9, 128), false, true}, // and none between
		"small steps from 1":          {sequence(100, 1, 1e-9), true, true},
		"steps below float32's least": {sequence(100, 0, 1e-40), true, true},
		"steps near its largest":      {sequence(100, 0, 3e36), true, true},
	} {
		e := ofColumn(t, c.numbers)
		s := e.Schema()
		if s.Inputs[0].Double != c.input || s.Tasks[0].Double != c.target {
			t.Errorf("%s: the input is double: %v, the target: %v", name, s.Inputs[0].Double, s.Tasks[0].Double)
		}
		d, err := e.Encode(columnSource(c.numbers))
		if err != nil {
			t.Fatal(err)
		}
		var b Batch
		d.Fill(&b, sequenceOfInts(d.Len()))
		if diff := cmp.Diff(c.numbers, valuesOf(d, "y")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if c.input {
			if diff := cmp.Diff(c.numbers, b.Float64s("x")); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		} else if n := different(b.Float32s("x")); n != len(c.numbers) {
			t.Errorf("%s: %d numbers become %d", name, len(c.numbers), n)
		}
		if n := different(b.Float32s(task.LabelsInput("y"))); n != len(c.numbers) {
			t.Errorf("%s: %d targets become %d", name, len(c.numbers), n)
		}
	}
}

func sequenceOfInts(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func different(xs []float32) int {
	xs = slices.Clone(xs)
	slices.Sort(xs)
	return len(slices.Compact(xs))
}

// TestNotesSayWhatBecomesOfNumbers: what is read in float64, and where different
// numbers become one all the same.
func TestNotesSayWhatBecomesOfNumbers(t *testing.T) {
	for _, c := range []struct {
		numbers []float64
		want    []string
	}{
		{sequence(24, 1990, 1), []string{
			"task y: learned standardised, by the mean 2001.5 and deviation 6.922 of 24 values in training",
		}},
		{sequence(116, 1.7e9, 2), []string{
			"input x: read as float64, because float32 rounds its numbers by up to 64, which its deviation of 66.97 does not allow",
			"task y: learned standardised, by the mean 1700000115 and deviation 66.97 of 116 values in training; answered as float64, because float32 rounds such numbers by up to 64",
		}},
		{sequence(30000, 1.7e9, 101), []string{ // five weeks: float32 is good enough for most purposes
			"input x: 30000 different numbers become 23672: float32, in which the file has them, rounds them by up to 64; where that matters, subtract a number near their mean, 1.702e+09, from all",
			"task y: learned standardised, by the mean 1701514950 and deviation 8.747e+05 of 30000 values in training",
			"task y: 30000 different numbers become 23672: float32, in which the file has them, rounds them by up to 64; where that matters, subtract a number near their mean, 1.702e+09, from all",
		}},
		{append(sequence(100, 1, 1), 1e12), []string{
			"input x: 101 different numbers become 2: they differ by less than float32, in which the model computes, keeps beside a deviation of 9.901e+10; leave extreme values out, or give their logarithms",
			"task y: learned standardised, by the mean 9900990149 and deviation 9.901e+10 of 101 values in training",
			"task y: 101 different numbers become 2: they differ by less than float32, in which the model computes, keeps beside a deviation of 9.901e+10; leave extreme values out, or give their logarithms",
		}},
	} {
		if diff := cmp.Diff(c.want, ofColumn(t, c.numbers).Notes()); diff != "" {
			t.Error(diff)
		}
	}
}
