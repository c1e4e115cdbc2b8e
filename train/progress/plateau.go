package progress

import (
	"errors"
	"fmt"
	"math"
)

// Plateau says when a learning rate is lowered: whenever a score has not
// improved for more than Patience epochs. It is ReduceLROnPlateau of PyTorch
// with a relative threshold and without a cool-down.
type Plateau struct {
	// Factor is what the rate is multiplied by, above 0 and below 1.
	Factor float64
	// Patience is how many epochs may pass without improvement; the next lowers
	// the rate.
	Patience int
	// Min is the share of the rate that it is never lowered below.
	Min float64
	// Threshold is by which share of the best score a better one must differ.
	Threshold float64
}

// Check reports the first setting that cannot be.
func (p Plateau) Check() error {
	switch {
	case !(p.Factor > 0 && p.Factor < 1):
		return fmt.Errorf("the factor of a plateau is %v, it must be above 0 and below 1", p.Factor)
	case p.Patience < 0:
		return fmt.Errorf("the patience of a plateau is %d, it cannot be negative", p.Patience)
	case !(p.Min >= 0 && p.Min <= 1):
		return fmt.Errorf("the min of a plateau is %v, it must be between 0 and 1", p.Min)
	case !(p.Threshold >= 0) || math.IsInf(p.Threshold, 0):
		return fmt.Errorf("the threshold of a plateau is %v, it must be a number of at least 0", p.Threshold)
	}
	return nil
}

// Rate is a learning rate's factor under a plateau's rule.
type Rate struct {
	plateau Plateau
	watch   watch
	value   float64
}

// leastChange is the smallest change that a rate makes, as PyTorch has it.
const leastChange = 1e-8

// NewRate returns the factor 1. lower says that less of the score is better.
func NewRate(p Plateau, lower bool) (*Rate, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return &Rate{plateau: p, watch: newWatch(lower), value: 1}, nil
}

// Value is what the learning rate is multiplied by.
func (r *Rate) Value() float64 { return r.value }

// EndEpoch takes the score of an epoch. An epoch whose score is NaN does not count.
func (r *Rate) EndEpoch(score float64) {
	r.watch.see(score, r.plateau.Threshold)
	if r.watch.bad <= r.plateau.Patience {
		return
	}
	r.watch.bad = 0
	if next := max(r.value*r.plateau.Factor, r.plateau.Min); r.value-next > leastChange {
		r.value = next
	}
}

// State is what the rate goes on from, and Restore brings it back.
func (r *Rate) State() []float64 { return append(r.watch.state(), r.value) }

// Restore goes on from what State returned.
func (r *Rate) Restore(state []float64) error {
	if len(state) != watchState+1 || !(state[watchState] >= 0 && state[watchState] <= 1) || !r.watch.restore(state) {
		return errors.New("the state of a learning rate does not fit")
	}
	r.value = state[watchState]
	return nil
}

// watch keeps the best score and how many epochs have passed without a better
// one.
type watch struct {
	lower bool
	best  float64 // NaN before the first
	bad   int
}

// watchState is how many numbers the state of a watch has.
const watchState = 2

func newWatch(lower bool) watch { return watch{lower: lower, best: math.NaN()} }

// see takes a score and ignores NaN. A better one differs from the best by more
// than a share of its absolute value, so that scores below 0 are treated as those
// above.
func (w *watch) see(score, share float64) {
	if math.IsNaN(score) {
		return
	}
	margin := share * math.Abs(w.best)
	better := score > w.best+margin
	if w.lower {
		better = score < w.best-margin
	}
	if better || math.IsNaN(w.best) {
		w.best, w.bad = score, 0
		return
	}
	w.bad++
}

func (w *watch) state() []float64 { return []float64{w.best, float64(w.bad)} }

func (w *watch) restore(state []float64) bool {
	if len(state) < watchState || !(state[1] >= 0 && state[1] <= math.MaxInt32) || state[1] != math.Trunc(state[1]) {
		return false
	}
	w.best, w.bad = state[0], int(state[1])
	return true
}
