package schema

import "strings"

// LegalTags says which labels may begin and end a sequence and which may
// follow which, by index: with scheme bio, an I-x only after a B-x or I-x; with
// bioes, an I-x or E-x only after a B-x or I-x, which nothing else may follow.
// Without a scheme everything may be, and the slices are nil.
func LegalTags(scheme string, labels []string) (first, last []bool, next [][]bool) {
	if scheme != "bio" && scheme != "bioes" {
		return nil, nil, nil
	}
	n := len(labels)
	first, last, next = make([]bool, n), make([]bool, n), make([][]bool, n)
	for i, from := range labels {
		first[i] = LegalNext(scheme, "", from)
		last[i] = LegalNext(scheme, from, "")
		next[i] = make([]bool, n)
		for j, to := range labels {
			next[i][j] = LegalNext(scheme, from, to)
		}
	}
	return first, last, next
}

// LegalNext reports whether tag to may follow tag from; "" stands for the ends
// of a sequence.
func LegalNext(scheme, from, to string) bool {
	kind, of, _ := strings.Cut(to, "-")
	before, beforeOf, _ := strings.Cut(from, "-")
	inside := before == "B" || before == "I" // a span may go on after from
	switch scheme {
	case "bio":
		return kind != "I" || inside && beforeOf == of
	case "bioes":
		if kind == "I" || kind == "E" {
			return inside && beforeOf == of
		}
		return !inside
	}
	return true
}
