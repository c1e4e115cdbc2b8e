package sample

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Batching says how large batches are.
type Batching struct {
	Size      int // most examples in a batch
	MaxTokens int // most tokens, padding included; 0: no limit
	// Length is how many tokens an example has; nil: all alike, and without
	// MaxTokens.
	Length func(example int) int
	// Limit says which tasks the next batch may be of where batches are of one;
	// nil: all.
	Limit Limit
}

// Limit keeps tasks from taking more batches than they may.
type Limit interface {
	// May reports whether the next batch may be of a task.
	May(task int) bool
	// Took is told of each batch: its task and examples, or -1 where there was
	// none that might.
	Took(task int, examples []int)
}

// window is over how many batches of a task examples of like length are looked
// for, as in plans without sampling.
const window = 50

// group puts examples of like length together, so that little is padding:
// within the steps of a task, or of all where they are mixed. Which examples an
// epoch has, and how many of each task, stays as it was drawn. Steps that have
// more tokens than may be become several, one after the other.
func (b Batching) group(steps []Step, r *rand.Rand) []Step {
	of := map[int][]int{}
	var tasks []int
	for i, s := range steps {
		if of[s.Task] == nil {
			tasks = append(tasks, s.Task)
		}
		of[s.Task] = append(of[s.Task], i)
	}
	at := make([][]Step, len(steps))
	for _, task := range tasks {
		for places := of[task]; len(places) > 0; {
			n, examples := unlike(steps, places)
			batches := b.cut(examples)
			r.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
			for i, batch := range batches {
				place := places[i*n/len(batches)]
				at[place] = append(at[place], Step{Task: task, Examples: batch})
			}
			places = places[n:]
		}
	}
	return slices.Concat(at...)
}

// unlike returns how many of the steps at the first places have no example in
// common, and their examples: copies of one would stand side by side.
func unlike(steps []Step, places []int) (n int, examples []int) {
	seen := map[int]bool{}
	for n = 0; n < min(len(places), window); n++ {
		own := steps[places[n]].Examples
		if n > 0 && slices.ContainsFunc(own, func(e int) bool { return seen[e] }) {
			break
		}
		for _, e := range own {
			seen[e] = true
		}
		examples = append(examples, own...)
	}
	return n, examples
}

// cut sorts examples by length and divides them into batches.
func (b Batching) cut(examples []int) [][]int {
	slices.SortStableFunc(examples, func(x, y int) int { return cmp.Compare(b.Length(x), b.Length(y)) })
	var batches [][]int
	for start, end := 0, 0; start < len(examples); start = end {
		for end < len(examples) && end-start < b.Size {
			if b.MaxTokens > 0 && end > start && b.Length(examples[end])*(end-start+1) > b.MaxTokens {
				break
			}
			end++
		}
		batches = append(batches, examples[start:end:end])
	}
	return batches
}
