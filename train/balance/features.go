package balance

import "fmt"

// Gradients at the representation have a number for each feature of each
// example of the batch (or token, of a text). Tasks whose labels stand at
// different examples have none in common there, and those of two steps are of
// other examples. What such gradients have in common are the features: summed
// over the examples they are one number each, whatever the batch.

// features is how many numbers the activations' sums have.
func features(activations []Activation) int {
	n := 0
	for _, a := range activations {
		if a.Size > 0 {
			n += a.Features
		}
	}
	return n
}

// byFeature adds a row up over the examples; with signs each element counts with
// the sign of its activation.
func byFeature(row []float32, activations []Activation, signs bool) []float64 {
	sums := make([]float64, features(activations))
	eachExample(activations, func(a Activation, at, from, feature int) {
		of := sums[feature : feature+a.Features]
		for f, x := range row[from : from+a.Features] {
			if signs {
				of[f] += sign(a.Values[at+f]) * float64(x)
			} else {
				of[f] += float64(x)
			}
		}
	})
	return sums
}

// eachExample calls f with every activation and example: where the example
// begins among the activation's numbers and among a row's elements, and the
// number of its first feature.
func eachExample(activations []Activation, f func(a Activation, at, from, feature int)) {
	begin, feature := 0, 0
	for _, a := range activations {
		for at := 0; at < a.Size; at += a.Features {
			f(a, at, begin+at, feature)
		}
		if begin += a.Size; a.Size > 0 {
			feature += a.Features
		}
	}
}

func sign(x float32) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

// activations checks those of a step.
func (b *Balancer) activations(s *Step, p *problem) error {
	if s.Activations == nil || len(p.rows) == 0 {
		return nil
	}
	total := 0
	for _, a := range s.Activations {
		total += a.Size
		if a.Size > 0 && (a.Features < 1 || a.Size%a.Features != 0) {
			return fmt.Errorf("balance: an activation of %d numbers cannot have %d features", a.Size, a.Features)
		}
		if b.Needs().Signs && len(a.Values) != a.Size {
			return fmt.Errorf("balance: %s needs the %d numbers of an activation, it was given %d", b.method.Name, a.Size, len(a.Values))
		}
	}
	if total != len(p.rows[0]) {
		return fmt.Errorf("balance: the gradients have %d numbers, the activations %d", len(p.rows[0]), total)
	}
	p.activations = s.Activations
	return nil
}
