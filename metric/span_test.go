package metric_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/metric"
)

// index returns the tags as indices of labels.
func index(labels, tags []string) []int64 {
	ids := make([]int64, len(tags))
	for i, tag := range tags {
		ids[i] = int64(slices.Index(labels, tag))
	}
	return ids
}

func TestSpansAgreeWithSeqeval(t *testing.T) {
	var golden []struct {
		Tags             []string
		Truth, Predicted [][]string
		All              metric.Score
		Types            map[string]metric.Score
	}
	read(t, "seqeval.json", &golden)
	for _, g := range golden {
		s := metric.NewSpanF1(g.Tags)
		for i := range g.Truth {
			s.AddLabels(index(g.Tags, g.Predicted[i]), index(g.Tags, g.Truth[i]))
		}
		all := metric.Score{Precision: s.Precision(), Recall: s.Recall(), F1: s.Value(), Support: s.Count()}
		if diff := cmp.Diff(g.All, all, close9); diff != "" {
			t.Errorf("%v: %s", g.Tags, diff)
		}
		types := map[string]metric.Score{}
		for _, kind := range s.Types() {
			types[kind] = orZero(s.Type(kind))
		}
		if diff := cmp.Diff(g.Types, types, close9); diff != "" {
			t.Errorf("%v, by type: %s", g.Tags, diff)
		}
	}
}

// conlleval walks over tokens and keeps whether a span that both sides agree
// on is open, which is how the script counts: it never lists spans.
type conlleval struct {
	right, predicted, true int
	correct                bool
	lastTrue, lastGuess    string
}

// Pairs of prefixes between which a span ends, and between which one starts,
// whatever the types: what the script's endOfChunk and startOfChunk decide,
// with S as later versions of it read a span of one token.
var (
	ends   = []string{"BB", "BO", "IB", "IO", "EE", "EI", "EO", "BS", "IS", "SB", "SI", "SO", "SE", "SS", "EB", "ES"}
	starts = []string{"BB", "IB", "OB", "OI", "EE", "EI", "OE", "BS", "IS", "OS", "ES", "SS", "SB", "SI", "SE", "EB"}
)

func ended(last, tag string) bool {
	p, _, _ := strings.Cut(last, "-")
	q, _, _ := strings.Cut(tag, "-")
	return slices.Contains(ends, p+q) || p != "O" && last[1:] != tag[1:]
}

func started(last, tag string) bool {
	p, _, _ := strings.Cut(last, "-")
	q, _, _ := strings.Cut(tag, "-")
	return slices.Contains(starts, p+q) || q != "O" && last[1:] != tag[1:]
}

func (c *conlleval) token(guess, truth string) {
	endTrue, endGuess := ended(c.lastTrue, truth), ended(c.lastGuess, guess)
	startTrue, startGuess := started(c.lastTrue, truth), started(c.lastGuess, guess)
	if c.correct {
		switch sameType := c.lastTrue[1:] == c.lastGuess[1:]; {
		case endTrue && endGuess && sameType:
			c.correct = false
			c.right++
		case endTrue != endGuess || guess[1:] != truth[1:]:
			c.correct = false
		}
	}
	if startTrue && startGuess && guess[1:] == truth[1:] {
		c.correct = true
	}
	if startTrue {
		c.true++
	}
	if startGuess {
		c.predicted++
	}
	c.lastTrue, c.lastGuess = truth, guess
}

// sentence counts one sentence; the script reads its end as a token outside.
func (c *conlleval) sentence(guess, truth []string) {
	c.correct, c.lastTrue, c.lastGuess = false, "O", "O"
	for i := range truth {
		c.token(guess[i], truth[i])
	}
	c.token("O", "O")
}

// TestSpansAreCountedAsConllevalDoes on random tags, most of them no valid
// sequence: spans that begin with I-, end without E-, or change type inside.
func TestSpansAreCountedAsConllevalDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, prefixes := range []string{"BI", "BIES", "I", "BIE"} {
		labels := []string{"O"}
		for _, p := range prefixes {
			labels = append(labels, string(p)+"-x", string(p)+"-y")
		}
		for range 3000 {
			s, want := metric.NewSpanF1(labels), conlleval{}
			for range 1 + r.IntN(2) {
				truth, guess := make([]string, 1+r.IntN(7)), []string{}
				for i := range truth {
					truth[i] = labels[r.IntN(len(labels))]
					tag := truth[i]
					if r.IntN(4) == 0 {
						tag = labels[r.IntN(len(labels))]
					}
					guess = append(guess, tag)
				}
				s.AddLabels(index(labels, guess), index(labels, truth))
				want.sentence(guess, truth)
				if got := s.Counted(); got != [3]int{want.right, want.predicted, want.true} {
					t.Fatalf("%v against %v: right, predicted and true are %v, conlleval has %+v", guess, truth, got, want)
				}
			}
		}
	}
}

// TestTolerantStarts: tags that are no valid sequence, one rule at a time.
func TestTolerantStarts(t *testing.T) {
	labels := []string{"O", "B-x", "I-x", "B-y", "I-y", "E-x", "S-x"}
	for _, c := range []struct{ tags, same string }{
		{"I-x I-x O", "B-x I-x O"},     // I- starts a span after O
		{"B-x I-y O", "B-x B-y O"},     // and after another type
		{"B-x E-x I-x", "B-x I-x B-x"}, // and after an end
		{"E-x O O", "S-x O O"},         // E- may be a span by itself
		{"S-x I-x O", "B-x B-x O"},     // S- ends at once
	} {
		s := metric.NewSpanF1(labels)
		s.AddLabels(index(labels, strings.Fields(c.tags)), index(labels, strings.Fields(c.same)))
		if s.Value() != 1 {
			t.Errorf("%s and %s should be the same spans: F1 %v", c.tags, c.same, s.Value())
		}
	}
}

func BenchmarkSpanF1(b *testing.B) {
	labels := []string{"O", "B-x", "I-x", "B-y", "I-y"}
	r := rand.New(rand.NewPCG(1, 1))
	predicted, truth := make([]int64, 32), make([]int64, 32)
	for i := range truth {
		predicted[i], truth[i] = r.Int64N(5), r.Int64N(5)
	}
	s := metric.NewSpanF1(labels)
	for b.Loop() {
		s.AddLabels(predicted, truth)
	}
}
