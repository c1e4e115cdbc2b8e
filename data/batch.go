package data

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"espalier/task"
	"espalier/tensor"
)

// Batch is some examples side by side: the tensors of inputs and labels, by name,
// padded to the longest of the examples, with the sizes of dimensions. The next Fill
// uses its memory again; with a data set of another encoder it begins anew.
//
// A text's tensors are [schema.IDs] and [schema.CharacterIDs], those of a table's
// columns have the columns' names, and those of a task's labels the names that its
// type gives them. The dimension [task.Examples] is that of the examples.
type Batch struct {
	tensor.Batch
	// Examples are the examples' numbers in the data set.
	Examples []int
	// Lengths are the examples' own numbers of tokens; what follows them is padding.
	// It is empty for a table.
	Lengths []int
	Texts   []string // by example, where the data set keeps them
	// Counts is how many labels each task has in the batch that have a loss; of a
	// relation pairs.
	Counts []int
	of     *Encoder // the data set's
	tasks  []task.Targets
}

// BatchOptions say how examples are grouped.
type BatchOptions struct {
	Size      int // most examples in a batch; 32
	MaxTokens int // most tokens, padding included; 0: no limit
	// Shuffle draws a new order for every epoch from Seed; examples of like
	// length stand together, so that little is padding. Without it the order
	// is that of the data set.
	Shuffle bool
	Seed    uint64
}

// bucket is how many batches' worth of shuffled examples are sorted by length
// together: large enough to find like lengths, small enough to mix.
const bucket = 50

// Plan returns the batches of an epoch as lists of example numbers. Every
// example stands in exactly one.
func (d *Dataset) Plan(o BatchOptions, epoch int) [][]int {
	if o.Size <= 0 {
		o.Size = 32
	}
	order := make([]int, d.Len())
	for i := range order {
		order[i] = i
	}
	if o.Shuffle {
		order = shuffled(d.Len(), o.Seed, uint64(epoch))
		for window := range slices.Chunk(order, bucket*o.Size) {
			slices.SortStableFunc(window, func(a, b int) int { return cmp.Compare(d.Length(a), d.Length(b)) })
		}
	}
	var batches [][]int
	for start := 0; start < len(order); {
		end, longest := start, 1
		for end < len(order) && end-start < o.Size {
			l := max(longest, d.Length(order[end]))
			if o.MaxTokens > 0 && end > start && l*(end-start+1) > o.MaxTokens {
				break
			}
			longest = l
			end++
		}
		batches = append(batches, order[start:end:end])
		start = end
	}
	if o.Shuffle {
		r := rand.New(rand.NewPCG(o.Seed, uint64(epoch)^0x5bd1e995))
		r.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	}
	return batches
}

func shuffled(n int, seed, epoch uint64) []int {
	return rand.New(rand.NewPCG(seed, epoch)).Perm(n)
}

// Fill makes b the batch of the given examples.
func (d *Dataset) Fill(b *Batch, examples []int) {
	if b.of != d.encoder { // whose data sets have the same tensors
		*b = Batch{of: d.encoder, Examples: b.Examples}
	}
	b.Examples = append(b.Examples[:0], examples...)
	b.Lengths, b.Texts, b.Counts, b.tasks = b.Lengths[:0], b.Texts[:0], b.Counts[:0], d.tasks
	d.setInputSizes(&b.Batch, examples)
	for _, s := range d.inputs {
		s.fill(b)
	}
	for _, c := range d.tasks {
		b.Counts = append(b.Counts, c.Fill(&b.Batch, b.Examples))
	}
}

// Sizes returns the sizes of dimensions that a batch of examples has, padding
// included.
func (d *Dataset) Sizes(examples []int) map[string]int64 {
	var b tensor.Batch
	d.setInputSizes(&b, examples)
	for _, c := range d.tasks {
		c.SetSizes(&b, examples)
	}
	return b.Sizes()
}

func (d *Dataset) setInputSizes(b *tensor.Batch, examples []int) {
	b.SetSize(task.Examples, len(examples))
	for _, s := range d.inputs {
		s.setSizes(b, examples)
	}
}

// Only makes all labels missing but those of one task.
func (b *Batch) Only(task int) {
	for t := range b.Counts {
		if t != task {
			b.Without(t)
		}
	}
}

// Without makes all labels of a task missing.
func (b *Batch) Without(task int) {
	b.Counts[task] = 0
	b.tasks[task].Clear(&b.Batch)
}

// CountWhole counts a tagging task's labels without the examples in which a token
// has no tag, or one that training never had: the loss of a conditional random
// field is of whole sequences.
func (b *Batch) CountWhole(of int) {
	if s, ok := b.tasks[of].(task.Sequences); ok {
		b.Counts[of] = s.CountWhole(&b.Batch, b.Examples)
	}
}
