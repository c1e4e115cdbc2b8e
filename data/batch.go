package data

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"espalier/schema"
	"espalier/text"
)

// Batch is some examples side by side, padded to the longest of them. Its
// slices are reused by the next Fill.
type Batch struct {
	Size   int // examples
	Length int // tokens of the longest, at least 1
	// Lengths are the examples' own numbers of tokens, [Size]; what follows them
	// up to Length is padding.
	Lengths []int
	// Examples are the examples' numbers in the data set.
	Examples []int
	IDs      []int64  // [Size, Length], 0 is padding
	Texts    []string // [Size], where the data set keeps them
	// Characters of the words, [Size, Length, Width], 0 is padding; nil where
	// the model reads none.
	Characters []int64
	Width      int // characters of the longest word, at least 1
	// Numbers, Doubles and Categories are a table's columns, one entry per input:
	// [Size] numbers, NaN where there is none, in float64 where the schema says
	// so, or [Size] ids of values; nil for an input of another kind.
	Numbers    [][]float32
	Doubles    [][]float64
	Categories [][]int64
	// Labels has one entry per task: [Size] classes, [Size, Length] tags or
	// [Size, labels] of 0 and 1 for multilabel, [PairCount, labels] of them for
	// relation, -1 where there is none; nil for regression. A class or tag that
	// training never had is [schema.UnseenLabel] or less.
	Labels [][]int64
	// Unseen has one entry per task, nil where it is not multilabel: the numbers of
	// each example's labels that training never had, which have no place in Labels.
	Unseen [][][]int32
	// Pairs has one entry per task, nil where it is no relation: the pairs of
	// entities that labels are of, [PairCount, 2], by the places of their last
	// tokens in [Size, Length], the head's first. PairCount is at least 1; behind
	// a task's own pairs there are such without labels.
	Pairs     [][]int64
	PairCount int
	// Relations has one entry per task, nil where it is no relation: of each
	// example its relations, [schema.RelationWidth] numbers each, ordered, and nil where
	// nothing is said of them.
	Relations [][][]int32
	// Values, Targets and Present are [Size] for regressions and nil otherwise:
	// the value as it was read, the standardised one that the model learns, and 1
	// where there is a label.
	Values           [][]float64
	Targets, Present [][]float32
	// Counts is how many labels each task has in the batch that have a loss; of a
	// relation pairs.
	Counts []int
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
	b.Size = len(examples)
	b.Examples = append(b.Examples[:0], examples...)
	b.Length, b.Width = d.Padded(examples)
	b.Lengths = b.Lengths[:0]
	for _, i := range examples {
		b.Lengths = append(b.Lengths, d.Length(i))
	}
	n := b.Size * b.Length
	b.IDs = fill(b.IDs, n, 0)
	for row, i := range examples {
		to := b.IDs[row*b.Length:]
		for j, id := range d.ids[d.offsets[i]:d.offsets[i+1]] {
			to[j] = int64(id)
		}
	}
	d.fillCells(b)
	b.Texts = b.Texts[:0]
	if d.texts != nil {
		for _, i := range examples {
			b.Texts = append(b.Texts, d.texts[i])
		}
	}
	if d.spellings != nil {
		d.fillCharacters(b)
	}
	tasks := len(d.columns)
	if len(b.Labels) != tasks {
		b.Labels, b.Values = make([][]int64, tasks), make([][]float64, tasks)
		b.Targets, b.Present = make([][]float32, tasks), make([][]float32, tasks)
		b.Counts, b.Pairs, b.Relations = make([]int, tasks), make([][]int64, tasks), make([][][]int32, tasks)
		b.Unseen = make([][][]int32, tasks)
	}
	b.PairCount = d.PairCount(examples)
	for t := range d.columns {
		d.fillTask(b, t)
	}
	d.padPairs(b)
}

// Padded returns how many tokens, and characters of a word, examples are padded
// to in a batch, at least 1 each.
func (d *Dataset) Padded(examples []int) (tokens, characters int) {
	tokens, characters = 1, 1
	for _, i := range examples {
		tokens = max(tokens, d.Length(i))
		if d.spellings == nil {
			continue
		}
		for _, form := range d.forms[d.offsets[i]:d.offsets[i+1]] {
			characters = max(characters, len(d.spellings[form]))
		}
	}
	return tokens, characters
}

// PairCount returns how many pairs of entities a batch of examples has, padding
// included: those of the relation with the most, at least 1.
func (d *Dataset) PairCount(examples []int) int {
	most := 1
	for t := range d.columns {
		n := 0
		if c := &d.columns[t]; c.ends != nil {
			for _, i := range examples {
				n += len(c.ends[i]) * max(len(c.ends[i])-1, 0)
			}
		}
		most = max(most, n)
	}
	return most
}

func (d *Dataset) fillCharacters(b *Batch) {
	b.Characters = fill(b.Characters, b.Size*b.Length*b.Width, 0)
	for row, i := range b.Examples {
		for j, form := range d.forms[d.offsets[i]:d.offsets[i+1]] {
			copy(b.Characters[(row*b.Length+j)*b.Width:], d.spellings[form])
		}
	}
}

func (d *Dataset) fillTask(b *Batch, t int) {
	c := &d.columns[t]
	b.Counts[t] = 0
	switch d.schema.Tasks[t].Type {
	case schema.Tagging:
		b.Labels[t] = fill(b.Labels[t], b.Size*b.Length, missing)
		for row, i := range b.Examples {
			for j, l := range c.tags[d.offsets[i]:d.offsets[i+1]] {
				b.Labels[t][row*b.Length+j] = int64(l)
				if l >= 0 {
					b.Counts[t]++
				}
			}
		}
	case schema.Regression:
		b.Values[t] = fill(b.Values[t], b.Size, 0)
		b.Targets[t], b.Present[t] = fill(b.Targets[t], b.Size, 0), fill(b.Present[t], b.Size, 0)
		for row, i := range b.Examples {
			if v := c.values[i]; !math.IsNaN(v) {
				b.Values[t][row], b.Targets[t][row], b.Present[t][row] = v, float32(d.schema.Tasks[t].Standardise(v)), 1
				b.Counts[t]++
			}
		}
	case schema.MultiLabel:
		n := len(d.schema.Tasks[t].Labels)
		b.Labels[t], b.Unseen[t] = fill(b.Labels[t], b.Size*n, missing), fill(b.Unseen[t], b.Size, nil)
		for row, i := range b.Examples {
			if c.sets[i] == nil {
				continue
			}
			hot := b.Labels[t][row*n : (row+1)*n]
			clear(hot)
			for _, l := range c.sets[i] {
				if l >= 0 {
					hot[l] = 1
				} else {
					b.Unseen[t][row] = append(b.Unseen[t][row], l)
				}
			}
			b.Counts[t]++
		}
	case schema.Relation:
		d.fillRelations(b, t)
	default:
		b.Labels[t] = fill(b.Labels[t], b.Size, missing)
		for row, i := range b.Examples {
			b.Labels[t][row] = int64(c.classes[i])
			if c.classes[i] >= 0 {
				b.Counts[t]++
			}
		}
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
	b.Labels[task] = fill(b.Labels[task], len(b.Labels[task]), missing)
	clear(b.Values[task])
	clear(b.Targets[task])
	clear(b.Present[task])
	clear(b.Relations[task])
	clear(b.Unseen[task])
}

// CountWhole counts a tagging task's labels without the examples in which a token
// has no tag, or one that training never had: the loss of a conditional random
// field is of whole sequences.
func (b *Batch) CountWhole(task int) {
	b.Counts[task] = 0
	for row := range b.Size {
		ids, tags := b.IDs[row*b.Length:(row+1)*b.Length], b.Labels[task][row*b.Length:(row+1)*b.Length]
		n := 0
		for n < b.Length && ids[n] != text.Padding && tags[n] >= 0 {
			n++
		}
		if n == b.Length || ids[n] == text.Padding {
			b.Counts[task] += n
		}
	}
}

// fill returns n elements of value v, in s where it is large enough.
func fill[T any](s []T, n int, v T) []T {
	if cap(s) < n {
		s = make([]T, n)
	}
	s = s[:n]
	for i := range s {
		s[i] = v
	}
	return s
}
