package optim

import (
	"fmt"
	"math"
	"strings"
)

// Schedule says how the learning rate moves over the steps of a run.
type Schedule struct {
	// Type is constant, linear, cosine, inverse_sqrt, step or plateau, which is
	// constant here: what lowers it is not the step.
	Type string
	// Warmup is over how many steps the rate rises linearly: from 0 in the first step to
	// all of it in the step after them, as the schedules of transformers do; with
	// inverse_sqrt from its 1/Warmup in the first (Vaswani et al. 2017).
	Warmup int
	// Total is the number of steps of the run, Epoch of one epoch.
	Total, Epoch int
	// Final is the share of the rate left at the end of linear and cosine.
	Final float64
	// Every and Factor: step multiplies the rate by Factor after every Every
	// epochs.
	Every  int
	Factor float64
}

// Check reports the first setting that cannot be.
func (s Schedule) Check() error {
	switch s.Type {
	case "constant", "linear", "cosine", "inverse_sqrt", "plateau":
	case "step":
		if s.Every < 1 || !(s.Factor > 0 && s.Factor <= 1) {
			return fmt.Errorf("optim: schedule step needs every >= 1 and 0 < factor <= 1, not %d and %v", s.Every, s.Factor)
		}
	default:
		return fmt.Errorf("optim: schedule %q is not one of %s", s.Type, strings.Join(names(Schedules()), ", "))
	}
	if s.Warmup < 0 || !(s.Final >= 0 && s.Final <= 1) {
		return fmt.Errorf("optim: warmup is %d and final %v; warmup cannot be negative and final is between 0 and 1", s.Warmup, s.Final)
	}
	return nil
}

// At returns what the learning rate is multiplied by at a step, from 1.
func (s Schedule) At(step int) float64 {
	if step <= s.Warmup && s.Type == "inverse_sqrt" {
		return float64(step) / float64(s.Warmup)
	}
	if step <= s.Warmup {
		return float64(step-1) / float64(s.Warmup)
	}
	// done is the share of the steps after the warm-up that lie behind.
	done := float64(step-s.Warmup-1) / float64(max(s.Total-s.Warmup, 1))
	done = min(done, 1)
	switch s.Type {
	case "linear":
		return 1 - (1-s.Final)*done
	case "cosine":
		return s.Final + (1-s.Final)*(1+math.Cos(math.Pi*done))/2
	case "inverse_sqrt":
		return math.Sqrt(float64(max(s.Warmup, 1)) / float64(step))
	case "step":
		epoch := (step - 1) / max(s.Epoch, 1)
		return math.Pow(s.Factor, float64(epoch/s.Every))
	}
	return 1
}
