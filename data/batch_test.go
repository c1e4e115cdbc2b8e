package data

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/schema"
)

// numbered is a set of n examples of random lengths whose token ids and class
// tell which example they are of.
func numbered(n int) *Dataset {
	d := newDataset(&schema.Schema{Tasks: []schema.Task{{Name: "which", Type: schema.Classification}}})
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		for range r.IntN(40) {
			d.ids = append(d.ids, int32(i+2))
		}
		d.offsets = append(d.offsets, len(d.ids))
		d.columns[0].classes = append(d.columns[0].classes, int32(i))
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
			for _, id := range b.IDs {
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
		if len(b.IDs) != b.Size*b.Length || b.Size != len(examples) {
			t.Fatalf("%d ids in %d rows of %d", len(b.IDs), b.Size, b.Length)
		}
		for row, i := range b.Examples {
			if b.Labels[0][row] != int64(i) {
				t.Errorf("example %d has label %d", i, b.Labels[0][row])
			}
			for j, id := range b.IDs[row*b.Length : (row+1)*b.Length] {
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
		if rest.Stats.Tokens+held.Stats.Tokens != len(d.ids) {
			t.Errorf("%d and %d of %d tokens", rest.Stats.Tokens, held.Stats.Tokens, len(d.ids))
		}
		classes := append(slices.Clone(rest.columns[0].classes), held.columns[0].classes...)
		if !slices.IsSorted(rest.columns[0].classes) || !slices.IsSorted(held.columns[0].classes) {
			t.Error("a part is out of order")
		}
		slices.Sort(classes)
		if diff := cmp.Diff(d.columns[0].classes, classes); diff != "" {
			t.Error(diff)
		}
		_, again := d.Split(c.share, 5)
		if diff := cmp.Diff(held.columns[0].classes, again.columns[0].classes); diff != "" {
			t.Errorf("the same seed holds back others: %s", diff)
		}
	}
	if _, other := d.Split(0.1, 6); cmp.Equal(other.columns[0].classes, func() []int32 { _, h := d.Split(0.1, 5); return h.columns[0].classes }()) {
		t.Error("another seed holds back the same examples")
	}
	if rest, held := numbered(1).Split(0.5, 1); rest.Len() != 1 || held.Len() != 0 {
		t.Errorf("one example was split into %d and %d", rest.Len(), held.Len())
	}
}
