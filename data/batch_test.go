package data

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/data/source"
	"espalier/schema"
	"espalier/task"
	"espalier/text"
)

// numbered is a set of n examples of random lengths whose token ids and class
// tell which example they are of.
func numbered(n int) *Dataset {
	labels := make([]string, n)
	for i := range labels {
		labels[i] = strconv.Itoa(i)
	}
	e, err := Resume(&schema.Schema{
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: "whitespace"}},
		Tasks:  []schema.Task{{Name: "which", Type: schema.Classification, Labels: labels}},
	}, text.NewCounter().Build(1, 0))
	if err != nil {
		panic(err)
	}
	d := e.newDataset()
	d.indices = []*task.Index{task.NewIndex(&e.schema.Tasks[0], CountUnseen, &d.Stats.Labels)}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		for range r.IntN(40) {
			d.text.ids = append(d.text.ids, int32(i+2))
		}
		d.text.offsets = append(d.text.offsets, len(d.text.ids))
		if err := d.tasks[0].Add(&task.Labels{OK: true, Names: labels[i : i+1]}, &task.Units{}, d.indices[0]); err != nil {
			panic(err)
		}
		d.n++
	}
	return d
}

func everyOnce(t *testing.T, n int, plan [][]int) {
	t.Helper()
	var all []int
	for _, b := range plan {
		if len(b) == 0 {
			t.Error("a batch is empty")
		}
		all = append(all, b...)
	}
	slices.Sort(all)
	for i := range n {
		if i >= len(all) || all[i] != i {
			t.Fatalf("the batches are not of each of %d examples once", n)
		}
	}
}

func TestPlan(t *testing.T) {
	const n = 1000
	d := numbered(n)
	for _, o := range []BatchOptions{
		{},
		{Size: 7},
		{Size: 1},
		{Size: 2000},
		{Size: 16, Shuffle: true, Seed: 3},
		{Size: 64, MaxTokens: 200, Shuffle: true},
		{MaxTokens: 1}, // shorter than any example: one each
	} {
		plan := d.Plan(o, 0)
		everyOnce(t, n, plan)
		for _, b := range plan {
			longest := 1
			for _, i := range b {
				longest = max(longest, d.Length(i))
			}
			if o.Size > 0 && len(b) > o.Size {
				t.Errorf("%+v: a batch has %d examples", o, len(b))
			}
			if o.MaxTokens > 0 && len(b) > 1 && len(b)*longest > o.MaxTokens {
				t.Errorf("%+v: a batch of %d has %d tokens", o, len(b), len(b)*longest)
			}
		}
	}
}

func TestPlanWithoutShufflingKeepsTheOrder(t *testing.T) {
	next := 0
	for _, b := range numbered(100).Plan(BatchOptions{Size: 7}, 3) {
		for _, i := range b {
			if i != next {
				t.Fatalf("example %d where %d belongs", i, next)
			}
			next++
		}
	}
}

func TestPlanIsDrawnFromSeedAndEpoch(t *testing.T) {
	d := numbered(300)
	plan := func(seed uint64, epoch int) [][]int {
		return d.Plan(BatchOptions{Size: 8, Shuffle: true, Seed: seed}, epoch)
	}
	first := plan(1, 0)
	if diff := cmp.Diff(first, plan(1, 0)); diff != "" {
		t.Errorf("the same seed and epoch differ: %s", diff)
	}
	if cmp.Equal(first, plan(1, 1)) || cmp.Equal(first, plan(2, 0)) {
		t.Error("another epoch or seed gives the same batches")
	}
}

// Bucketing is there to save padding: with it, much less than without.
func TestBucketsSavePadding(t *testing.T) {
	d := numbered(2000)
	padding := func(plan [][]int) (n int) {
		var b Batch
		for _, examples := range plan {
			d.Fill(&b, examples)
			for _, id := range b.Int64s(schema.IDs) {
				if id == 0 {
					n++
				}
			}
		}
		return n
	}
	plain, buckets := padding(d.Plan(BatchOptions{Size: 32}, 0)), padding(d.Plan(BatchOptions{Size: 32, Shuffle: true}, 0))
	if buckets*5 > plain {
		t.Errorf("%d ids are padding with buckets, %d without", buckets, plain)
	}
}

func TestFillKeepsExamplesTogether(t *testing.T) {
	d := numbered(50)
	var b Batch
	for _, examples := range d.Plan(BatchOptions{Size: 6, Shuffle: true}, 0) {
		d.Fill(&b, examples)
		ids, labels := b.Int64s(schema.IDs), b.Int64s(task.LabelsInput("which"))
		size, length := b.Size(task.Examples), b.Size(task.Sequence)
		if len(ids) != size*length || size != len(examples) {
			t.Fatalf("%d ids in %d rows of %d", len(ids), size, length)
		}
		for row, i := range b.Examples {
			if labels[row] != int64(i) {
				t.Errorf("example %d has label %d", i, labels[row])
			}
			for j, id := range ids[row*length : (row+1)*length] {
				if want := int64(i + 2); j < d.Length(i) && id != want || j >= d.Length(i) && id != 0 {
					t.Errorf("example %d has id %d at %d of %d", i, id, j, d.Length(i))
				}
			}
		}
	}
}

func TestFillDoesNotAllocateOnceItIsWarm(t *testing.T) {
	d := numbered(64)
	plan := d.Plan(BatchOptions{Size: 8}, 0)
	all := d.Plan(BatchOptions{Size: 64}, 0)[0]
	var b Batch
	d.Fill(&b, all)
	if n := testing.AllocsPerRun(10, func() {
		for _, examples := range plan {
			d.Fill(&b, examples)
		}
	}); n > 0 {
		t.Errorf("%v allocations an epoch", n)
	}
}

func TestSplit(t *testing.T) {
	d := numbered(100)
	for _, c := range []struct {
		share float64
		want  int
	}{{0.1, 10}, {0.001, 1}, {0.999, 99}} {
		rest, held := d.Split(c.share, 5)
		if held.Len() != c.want || rest.Len() != 100-c.want {
			t.Errorf("a share of %v is %d and leaves %d", c.share, held.Len(), rest.Len())
		}
		if rest.Stats.Tokens+held.Stats.Tokens != len(d.text.ids) {
			t.Errorf("%d and %d of %d tokens", rest.Stats.Tokens, held.Stats.Tokens, len(d.text.ids))
		}
		of := func(d *Dataset) []int64 { return classesOf(d, "which") }
		classes := append(slices.Clone(of(rest)), of(held)...)
		if !slices.IsSorted(of(rest)) || !slices.IsSorted(of(held)) {
			t.Error("a part is out of order")
		}
		slices.Sort(classes)
		if diff := cmp.Diff(of(d), classes); diff != "" {
			t.Error(diff)
		}
		_, again := d.Split(c.share, 5)
		if diff := cmp.Diff(of(held), of(again)); diff != "" {
			t.Errorf("the same seed holds back others: %s", diff)
		}
	}
	if _, other := d.Split(0.1, 6); cmp.Equal(classesOf(other, "which"), func() []int64 { _, h := d.Split(0.1, 5); return classesOf(h, "which") }()) {
		t.Error("another seed holds back the same examples")
	}
	if rest, held := numbered(1).Split(0.5, 1); rest.Len() != 1 || held.Len() != 0 {
		t.Errorf("one example was split into %d and %d", rest.Len(), held.Len())
	}
}

// A batch that goes from texts to a table has nothing left of the texts.
func TestABatchChangesItsDataSet(t *testing.T) {
	e, err := tabular(t, table(), rows(census...))
	if err != nil {
		t.Fatal(err)
	}
	columns, err := e.Encode(rows(census...))
	if err != nil {
		t.Fatal(err)
	}
	texts := numbered(4)
	var b, fresh Batch
	for _, d := range []*Dataset{texts, columns, texts} {
		d.Fill(&b, []int{1, 3})
		fresh = Batch{}
		d.Fill(&fresh, []int{1, 3})
		tensors, shapes, sizes := contents(&b)
		wantTensors, wantShapes, wantSizes := contents(&fresh)
		if diff := cmp.Diff([]any{wantTensors, wantShapes, wantSizes}, []any{tensors, shapes, sizes}, cmpopts.EquateNaNs()); diff != "" {
			t.Error(diff)
		}
		if len(b.Lengths) != len(fresh.Lengths) || len(b.Counts) != len(d.tasks) {
			t.Errorf("%d lengths and %d counts", len(b.Lengths), len(b.Counts))
		}
		if diff := cmp.Diff(d.Sizes([]int{1, 3}), sizes); diff != "" {
			t.Errorf("the sizes that were announced: %s", diff)
		}
	}
}

func BenchmarkFill(b *testing.B) {
	e, err := NewEncoder(&schema.Schema{
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: "whitespace", Characters: &schema.Characters{MaxLength: 8}}},
		Tasks: []schema.Task{
			{Name: "topic", Type: schema.Classification},
			{Name: "tags", Type: schema.Tagging},
			{Name: "score", Type: schema.Regression},
			{Name: "moods", Type: schema.MultiLabel},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	lines := make([]string, 2000)
	for i := range lines {
		n := 1 + r.IntN(30)
		words := strings.TrimSpace(strings.Repeat(fmt.Sprintf("word%d ", i), n))
		tags := strings.TrimSpace(strings.Repeat(fmt.Sprintf("t%d ", i%5), n))
		lines[i] = fmt.Sprintf(`{"text": %q, "topic": "%d", "tags": %q, "score": %d, "moods": "a,b%d"}`, words, i%7, tags, i, i%3)
	}
	b.Run("text", func(b *testing.B) { fillEpochs(b, e, objects(lines...)) })

	s := &schema.Schema{Tasks: []schema.Task{{Name: "y", Type: schema.Classification}, {Name: "z", Type: schema.Regression}}}
	names, cells := []string{"y", "z"}, make([][]string, 2000)
	for i := range cells {
		cells[i] = []string{strconv.Itoa(i % 3), strconv.Itoa(i)}
	}
	for c := range 30 {
		kind := schema.Numeric
		if c%3 == 0 {
			kind = schema.Categorical
		}
		name := fmt.Sprintf("c%d", c)
		s.Inputs, names = append(s.Inputs, schema.Input{Name: name, Type: kind}), append(names, name)
		for i := range cells {
			cells[i] = append(cells[i], strconv.Itoa(r.IntN(100)))
		}
	}
	content := strings.Join(names, ",") + "\n"
	for _, row := range cells {
		content += strings.Join(row, ",") + "\n"
	}
	if e, err = NewEncoder(s); err != nil {
		b.Fatal(err)
	}
	b.Run("table", func(b *testing.B) {
		fillEpochs(b, e, source.List{{Format: "csv", File: "t.csv", FS: files("t.csv", content)}})
	})
}

// fillEpochs fills the batches of an epoch.
func fillEpochs(b *testing.B, e *Encoder, sources source.List) {
	if err := e.Learn(sources); err != nil {
		b.Fatal(err)
	}
	d, err := e.Encode(sources)
	if err != nil {
		b.Fatal(err)
	}
	plan := d.Plan(BatchOptions{Size: 32, Shuffle: true}, 0)
	var batch Batch
	for _, examples := range plan {
		d.Fill(&batch, examples)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, examples := range plan {
			d.Fill(&batch, examples)
		}
	}
}
