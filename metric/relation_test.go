package metric_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"espalier/metric"
	"espalier/schema"
)

// TestRelationF1ByBruteForce: every predicted relation is held against every
// true one, by its parts.
func TestRelationF1ByBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	type rel [schema.RelationWidth]int64
	draw := func() []rel {
		var all []rel
		for range r.IntN(6) {
			var x rel
			for i := range x {
				x[i] = r.Int64N(2)
			}
			if !slices.Contains(all, x) {
				all = append(all, x)
			}
		}
		return all
	}
	flat := func(all []rel) (out []int64) {
		for _, x := range all {
			out = append(out, x[:]...)
		}
		return out
	}
	of := taskOf(schema.Relation, "a", "b")
	of.Entities = "entities"
	strict, label := newMetric(t, "relation_f1", of), newMetric(t, "recall:b", of)
	var right, predicted, truths, rightB, trueB float64
	for range 2000 {
		guess, truth := draw(), draw()
		strict.AddLabels(flat(guess), flat(truth))
		label.AddLabels(flat(guess), flat(truth))
		predicted += float64(len(guess))
		truths += float64(len(truth))
		for _, y := range truth {
			if y[6] == 1 {
				trueB++
			}
			for _, g := range guess {
				same := g[0] == y[0] && g[1] == y[1] && g[2] == y[2] && g[3] == y[3] && g[4] == y[4] && g[5] == y[5] && g[6] == y[6]
				if same {
					right++
				}
				if same && y[6] == 1 {
					rightB++
				}
			}
		}
	}
	p, c := right/predicted, right/truths
	if want := 2 * p * c / (p + c); math.Abs(strict.Value()-want) > 1e-12 || strict.Count() != int(truths) || want < 0.01 {
		t.Errorf("F1 is %v over %d, want %v over %v", strict.Value(), strict.Count(), want, truths)
	}
	if want := rightB / trueB; math.Abs(label.Value()-want) > 1e-12 {
		t.Errorf("the recall of b is %v, want %v", label.Value(), want)
	}
}

func TestRelationF1CountsWhatItSays(t *testing.T) {
	truth := []int64{0, 1, 0, 3, 3, 1, 0}
	for _, c := range []struct {
		name               string
		predicted          []int64
		strict, boundaries float64
	}{
		{"the same", truth, 1, 1},
		{"a type of an argument", []int64{0, 1, 1, 3, 3, 1, 0}, 0, 1},
		{"a boundary", []int64{1, 1, 0, 3, 3, 1, 0}, 0, 0},
		{"the other way", []int64{3, 3, 1, 0, 1, 0, 0}, 0, 0},
		{"another label", []int64{0, 1, 0, 3, 3, 1, 1}, 0, 0},
		{"one more", append(slices.Clone(truth), 3, 3, 1, 0, 1, 0, 0), 2. / 3, 2. / 3},
		{"none", nil, 0, 0},
	} {
		strict, boundaries := metric.NewRelationF1(2, true), metric.NewRelationF1(2, false)
		strict.AddLabels(c.predicted, truth)
		boundaries.AddLabels(c.predicted, truth)
		if strict.Value() != c.strict || boundaries.Value() != c.boundaries {
			t.Errorf("%s: %v strict, %v by boundaries, want %v and %v", c.name, strict.Value(), boundaries.Value(), c.strict, c.boundaries)
		}
	}
	s := metric.NewRelationF1(2, true)
	s.AddLabels(append(slices.Clone(truth), truth...), truth)
	if s.Precision() != 0.5 || s.Recall() != 1 || s.Label(0).Support != 1 {
		t.Errorf("a relation that is predicted twice: precision %v, recall %v", s.Precision(), s.Recall())
	}
}
