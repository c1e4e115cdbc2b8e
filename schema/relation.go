package schema

import (
	"slices"
	"strings"
)

// RelationWidth is how many numbers stand for a relation where examples are
// counted: first and last place and type of the head, the same of the tail, and
// the label. A place is that of a token, or of the first piece of a word; types
// are indices of [SpanTypes].
const RelationWidth = 7

// Pair is a relation between two spans by their numbers in a list: Label is the
// index of its label.
type Pair struct {
	Label, Head, Tail int
	Probability       float32
}

// AppendRelations appends to dst the relations of one text, ordered by head,
// tail and label. ends are the places of the spans' last tokens, and
// probabilities those of pairs of places, [length, length, labels], the head's
// first. A relation holds between two different spans from the label's threshold
// on, 0.5 where there are no thresholds.
func AppendRelations(dst []Pair, ends []int, length, labels int, probabilities, thresholds []float32) []Pair {
	for h, head := range ends {
		for t, tail := range ends {
			if h == t {
				continue
			}
			at := (head*length + tail) * labels
			for l, p := range probabilities[at : at+labels] {
				threshold := float32(0.5)
				if len(thresholds) > 0 {
					threshold = thresholds[l]
				}
				if p >= threshold {
					dst = append(dst, Pair{l, h, t, p})
				}
			}
		}
	}
	return dst
}

// SpanTypes lists the types of spans that tags spell, sorted.
func SpanTypes(labels []string) []string {
	var types []string
	for _, l := range labels {
		if _, kind, ok := strings.Cut(l, "-"); ok && !slices.Contains(types, kind) {
			types = append(types, kind)
		}
	}
	slices.Sort(types)
	return types
}
