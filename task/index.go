package task

import (
	"errors"
	"fmt"
	"slices"

	"espalier/schema"
)

// What becomes of labels that training never had.
const (
	CountUnseen  = "count"
	IgnoreUnseen = "ignore"
	RefuseUnseen = "error"
)

// Index numbers the labels of a task in one data set. Those of training have the
// numbers of the schema.
type Index struct {
	known  map[string]int32
	unseen string
	Unseen Unseen
	counts *Counts
}

// NewIndex returns an index for a task. unseen says what becomes of labels that
// training never had; counts counts tags that only cutting a span made.
func NewIndex(t *schema.Task, unseen string, counts *Counts) *Index {
	x := &Index{known: make(map[string]int32, len(t.Labels)), unseen: unseen, counts: counts}
	for i, l := range t.Labels {
		x.known[l] = int32(i)
	}
	return x
}

// ErrUnseen is the cause of a label being refused that training never had.
var ErrUnseen = errors.New("was never seen in training")

// UnseenError refuses a label that training never had.
type UnseenError struct{ Label string }

func (e *UnseenError) Error() string { return fmt.Sprintf("label %q %v", e.Label, ErrUnseen) }

// Unwrap returns ErrUnseen.
func (e *UnseenError) Unwrap() error { return ErrUnseen }

// Knows reports whether training had a label.
func (x *Index) Knows(label string) bool {
	_, ok := x.known[label]
	return ok
}

// Number returns a label's number: [schema.UnseenLabel] or less for one that training
// never had, or [schema.MissingLabel] where such labels are ignored.
func (x *Index) Number(label string) (int32, error) {
	if n, ok := x.known[label]; ok {
		return n, nil
	}
	if x.unseen == RefuseUnseen {
		return 0, &UnseenError{label}
	}
	n := x.Unseen.number(label)
	if x.unseen == IgnoreUnseen {
		n = schema.MissingLabel
	}
	return n, nil
}

// Ignores reports whether labels that training never had are missing.
func (x *Index) Ignores() bool { return x.unseen == IgnoreUnseen }

// Unseen are the labels of a task that training never had, in the order in which they
// first stand in a data set. Their numbers are [schema.UnseenLabel] and those
// below it.
type Unseen struct {
	Labels []string
	counts []int
	index  map[string]int
}

// number counts a label and returns its number.
func (u *Unseen) number(label string) int32 {
	i, ok := u.index[label]
	if !ok {
		i = len(u.Labels)
		if u.index == nil {
			u.index = map[string]int{}
		}
		u.index[label] = i
		u.Labels, u.counts = append(u.Labels, label), append(u.counts, 0)
	}
	u.counts[i]++
	return schema.UnseenLabel - int32(i)
}

// ByCount returns the labels and how often each stands in the data set, the most
// frequent first, and how many they are together.
func (u *Unseen) ByCount() (labels []string, counts []int, total int) {
	order := make([]int, len(u.Labels))
	for i, n := range u.counts {
		order[i] = i
		total += n
	}
	slices.SortStableFunc(order, func(a, b int) int { return u.counts[b] - u.counts[a] })
	for _, i := range order {
		labels, counts = append(labels, u.Labels[i]), append(counts, u.counts[i])
	}
	return labels, counts, total
}

// Units says which tokens of an example, or pieces of them, are kept.
type Units struct {
	// Kept is how many there are: tokens, or pieces where Begins is not nil.
	Kept int
	// Begins says of each piece that is kept which token it begins, or -1; nil where
	// the model reads tokens.
	Begins []int
	// Tokens is how many tokens the example had.
	Tokens int
	// Entities has the labels of the task whose spans a relation joins.
	Entities *Labels
}

// places returns where an example's tokens stand among what is kept of it: the token's
// own number, or that of its first piece; -1 for one that does not.
func (u *Units) places() []int32 {
	places := make([]int32, u.Tokens)
	for i := range places {
		if places[i] = int32(i); u.Begins != nil || i >= u.Kept {
			places[i] = -1
		}
	}
	for piece, token := range u.Begins {
		if token >= 0 {
			places[token] = int32(piece)
		}
	}
	return places
}
