package tensor

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBatchKeepsItsMemory(t *testing.T) {
	var b Batch
	b.SetSize("batch", 2)
	ids := Fill(&b, "ids", int64(7), 2, 3)
	if diff := cmp.Diff([]int64{7, 7, 7, 7, 7, 7}, ids); diff != "" {
		t.Fatal(diff)
	}
	first := b.Tensor("ids")
	ids[0] = 1
	again := Fill(&b, "ids", int64(0), 2, 3)
	if b.Tensor("ids") != first || &again[0] != &ids[0] || ids[0] != 0 {
		t.Error("a tensor of the same shape is made anew")
	}
	smaller := Fill(&b, "ids", int64(0), 1, 2)
	if &smaller[0] != &ids[0] || !b.Tensor("ids").Shape().Equal(Shape{1, 2}) {
		t.Errorf("the smaller tensor is %v", b.Tensor("ids"))
	}
	if !first.Shape().Equal(Shape{2, 3}) {
		t.Errorf("the shape of a tensor that was handed out is %v now", first.Shape())
	}
	Fill(&b, "ids", float32(1), 2)
	if b.Int64s("ids") != nil || len(b.Float32s("ids")) != 2 {
		t.Error("a tensor of another type has the old one's elements")
	}
	if b.Tensor("words") != nil || b.Float64s("words") != nil {
		t.Error("there is a tensor that nobody has made")
	}
}

func TestBatchAllocatesNothingTheSecondTime(t *testing.T) {
	var b Batch
	fill := func() {
		b.SetSize("batch", 4)
		Fill(&b, "a", int64(0), 4, 5)
		Fill(&b, "b", float32(0), 4)
		b.Tensors()
	}
	fill()
	if n := testing.AllocsPerRun(10, fill); n > 0 {
		t.Errorf("%v allocations", n)
	}
	rows := 0
	if n := testing.AllocsPerRun(10, func() { rows = rows%4 + 1; Fill(&b, "a", int64(0), rows, 5) }); n > 0 {
		t.Errorf("%v allocations for another shape, whose tensor nobody has asked for", n)
	}
}

func TestBatchesThatAreClonedShareNothing(t *testing.T) {
	var b Batch
	b.SetSize("batch", 1)
	Fill(&b, "a", int64(3), 1)
	c := b.Clone()
	Fill(&b, "a", int64(4), 1)
	b.SetSize("batch", 9)
	if c.Int64s("a")[0] != 3 || c.Size("batch") != 1 {
		t.Errorf("the clone has %v of size %d", c.Int64s("a"), c.Size("batch"))
	}
	names := []string{}
	for _, n := range c.Tensors() {
		names = append(names, n.Name)
	}
	if diff := cmp.Diff([]string{"a"}, names); diff != "" {
		t.Error(diff)
	}
	c.Set("a", Scalar(int64(5)))
	if c.Int64s("a")[0] != 5 || b.Int64s("a")[0] != 4 {
		t.Error("Set in the place of a tensor")
	}
	c.Set("b", Scalar(float32(1)))
	if c.Float32s("b")[0] != 1 || b.Tensor("b") != nil {
		t.Error("Set")
	}
}

// TestATensorIsSetForAWhile: what was filled in before comes back, and its memory is
// used again.
func TestATensorIsSetForAWhile(t *testing.T) {
	var b Batch
	ids := Fill(&b, "ids", int64(1), 2)
	original := b.Tensor("ids")
	b.Set("ids", Must(Of([]int64{8, 9}, 2)))
	if b.Int64s("ids")[1] != 9 || b.Tensors()[0].Tensor == original {
		t.Errorf("the batch has %v", b.Int64s("ids"))
	}
	b.Set("ids", original)
	if b.Int64s("ids")[1] != 1 || b.Tensor("ids") != original {
		t.Errorf("the batch has %v again", b.Int64s("ids"))
	}
	if again := Fill(&b, "ids", int64(0), 2); &again[0] != &ids[0] || b.Tensor("ids") != original {
		t.Error("the memory is not used again")
	}
}
