package data

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/data/source"
	"espalier/schema"
	"espalier/task"
)

func table() *schema.Schema {
	return &schema.Schema{
		Version: schema.Version,
		Inputs: []schema.Input{
			{Name: "age", Type: schema.Numeric, Missing: []string{"?"}},
			{Name: "work", Type: schema.Categorical, MinCount: 2, Missing: []string{"?"}},
			{Name: "wage", Type: schema.Numeric},
		},
		Tasks: []schema.Task{
			{Name: "rich", Type: schema.Classification},
			{Name: "hours", Type: schema.Regression},
		},
	}
}

func rows(lines ...string) source.List {
	return source.List{{Format: "csv", File: "d.csv", FS: files("d.csv", "age,work,wage,rich,hours\n"+strings.Join(lines, "\n"))}}
}

var census = []string{
	"20, farm, 1.5,no,10",
	"?,farm,2.5,yes,20",
	"40, shop , 3.5,no,",
	" ,?,4.5, ,30",
	"60,shop,5.5,no,40",
	"60,mine,0.5,yes,50",
}

func tabular(t *testing.T, s *schema.Schema, sources source.List) (*Encoder, error) {
	t.Helper()
	e, err := NewEncoder(s)
	if err != nil {
		t.Fatal(err)
	}
	return e, e.Learn(sources)
}

func TestColumnsAreLearnedFromTrainingAlone(t *testing.T) {
	e, err := tabular(t, table(), rows(census...))
	if err != nil {
		t.Fatal(err)
	}
	want := table()
	// 20, 40, 60, 60: mean 45, variance (625+25+225+225)/4.
	want.Inputs[0].Mean, want.Inputs[0].Deviation, want.Inputs[0].Indicator = 45, math.Sqrt(275), true
	want.Inputs[1].Values = []string{"farm", "shop"} // mine stands once
	want.Inputs[2].Mean, want.Inputs[2].Deviation = 3, math.Sqrt(35./12)
	want.Tasks[0].Labels, want.Tasks[0].Counts = []string{"no", "yes"}, []int{3, 2}
	want.Tasks[0].Examples = 5
	want.Tasks[1].Mean, want.Tasks[1].Deviation = 30, math.Sqrt(200)
	if diff := cmp.Diff(want, e.Schema(), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Fatal(diff)
	}
	if table().Inputs[1].Values != nil {
		t.Error("the schema that was given has changed")
	}
	again, err := Resume(e.Schema(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*Encoder{e, again} {
		d, err := e.Encode(rows("1,farm,2,no,3", "?,mine,4,yes,5", "7,,8,,"))
		if err != nil {
			t.Fatal(err)
		}
		var b Batch
		d.Fill(&b, []int{2, 0, 1})
		nan := float32(math.NaN())
		opts := []cmp.Option{cmpopts.EquateNaNs()}
		if diff := cmp.Diff([][]float32{{7, 1, nan}, nil, {8, 2, 4}}, [][]float32{b.Float32s("age"), b.Float32s("work"), b.Float32s("wage")}, opts...); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([][]int64{nil, {schema.MissingValue, 2, schema.UnknownValue}, nil}, [][]int64{b.Int64s("age"), b.Int64s("work"), b.Int64s("wage")}); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]int64{-1, 0, 1}, b.Int64s(task.LabelsInput("rich"))); diff != "" {
			t.Error(diff)
		}
		if d.Stats.Cells != 9 || d.Stats.MissingCells != 2 || d.Stats.Unknown != 1 || d.Len() != 3 {
			t.Errorf("%d examples, statistics %+v", d.Len(), d.Stats)
		}
	}
}

func TestSplitAndPlanHaveTheColumns(t *testing.T) {
	e, err := tabular(t, table(), rows(census...))
	if err != nil {
		t.Fatal(err)
	}
	d, err := e.Encode(rows(census...))
	if err != nil {
		t.Fatal(err)
	}
	rest, held := d.Split(0.3, 1)
	wages := map[float32]int{}
	for _, part := range []*Dataset{rest, held} {
		var b Batch
		for _, examples := range part.Plan(BatchOptions{Size: 2, Shuffle: true}, 0) {
			part.Fill(&b, examples)
			for _, w := range b.Float32s("wage") {
				wages[w]++
			}
		}
	}
	if diff := cmp.Diff(map[float32]int{0.5: 1, 1.5: 1, 2.5: 1, 3.5: 1, 4.5: 1, 5.5: 1}, wages); diff != "" || held.Len() != 2 {
		t.Errorf("%d held out: %s", held.Len(), diff)
	}
}

func TestMistakesInTables(t *testing.T) {
	replace := func(line, by string) []string {
		lines := append([]string{}, census...)
		for i := range lines {
			if line == "" || strings.HasPrefix(lines[i], line) {
				lines[i] = by
			}
		}
		return lines
	}
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{replace("40", "old,shop,3,no,1"), `d.csv:4: input "age" is numeric, "old" is not a finite number (if it stands for a missing value, list it in inputs.age.missing; if the column holds words, make it categorical)`},
		{replace("40", "NaN,shop,3,no,1"), `d.csv:4: input "age" is numeric, "NaN" is not a finite number (if it stands for a missing value, list it in inputs.age.missing; if the column holds words, make it categorical)`},
		{replace("40", "1e39,shop,3,no,1"), `d.csv:4: input "age" is numeric, "1e39" is beyond 3.4e38, the largest number of float32, in which models compute; give it in a larger unit (if it stands for a missing value, list it in inputs.age.missing; if the column holds words, make it categorical)`},
		{replace("", "?,farm,3,no,1"), `data: input "age" has no number in any of 6 training examples; check that its field is mapped, or remove the input`},
		{replace("", "1,,3,no,1"), `data: input "work" has no value in any of 6 training examples; check that its field is mapped, or remove the input`},
		{[]string{"1,farm,3,no,1"}, `data: input "work" has no value that occurs 2 times in the training data; lower its min_count, or remove the input`},
		{replace("", "1,farm,3,no,1"), `data: task "rich" has the one label "no" in training; there is nothing to tell apart`},
		{[]string{"1,farm,3,no,1", "2,farm,3,yes,1"}, `data: task "hours" has the one value 1 in training; there is nothing to learn`},
	} {
		if _, err := tabular(t, table(), rows(c.lines...)); err == nil || err.Error() != c.want {
			t.Errorf("%q: %v, want %s", c.lines, err, c.want)
		}
	}
	s := table()
	s.Inputs[0].Name = "height"
	if _, err := tabular(t, s, rows(census...)); err == nil || err.Error() != `d.csv:2: there is no field for input "height"; where its value is not known, leave it empty` {
		t.Error(err)
	}
	s = table()
	s.Tasks[0].Type = schema.Tagging
	if _, err := NewEncoder(s); err == nil || err.Error() != `data: task "rich" is tagging, but a table's examples have no tokens` {
		t.Error(err)
	}
}

// FuzzColumns: a table is encoded or refused with an error that names its place.
func FuzzColumns(f *testing.F) {
	for _, line := range append(census, "1e400,x,y,z,1", "\x00,\"a\n,b\",3,no,1") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		e, err := tabular(t, table(), rows(append(append([]string{}, census...), line)...))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "d.csv:") && !strings.HasPrefix(err.Error(), "data: ") {
				t.Fatal(err)
			}
			return
		}
		for _, in := range e.Schema().Inputs {
			if in.Type == schema.Numeric && !(in.Deviation > 0) {
				t.Fatalf("input %q has the deviation %v", in.Name, in.Deviation)
			}
		}
		if _, err := e.Encode(rows(census...)); err != nil {
			t.Fatal(err)
		}
	})
}
