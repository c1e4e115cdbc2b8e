// Package optim updates parameters from gradients: SGD, Adam and AdamW over
// flat float32 slices, sparse rows of embedding tables, clipping by global
// norm, and learning-rate schedules.
//
// An update is one pass over memory, eight elements at a time where the
// processor can. The same input gives the same bits, whatever the number of
// goroutines and the processor's abilities: every element is computed by the
// same operations in the same order. Moments too small to be normal numbers
// (below 1.2e-38) become 0.
package optim

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"

	"github.com/viterin/vek/vek32"

	"espalier/internal/hugepage"
)

// Config names an optimizer and its constants. There are no defaults: what is
// zero is zero.
type Config struct {
	// Type is sgd, adam or adamw.
	Type string
	// Beta1 and Beta2 are the decay rates of adam's moments, Epsilon is added
	// to the square root of the second.
	Beta1, Beta2, Epsilon float64
	// Momentum and Nesterov are sgd's.
	Momentum float64
	Nesterov bool
}

// Optimizer applies one rule. It keeps the count of steps; moments are kept in
// [Slots], one per slice of parameters. It is for one goroutine at a time.
type Optimizer struct {
	config Config
	step   int
}

// New returns an optimizer that has made no step.
func New(c Config) (*Optimizer, error) {
	switch c.Type {
	case "sgd":
		if !(c.Momentum >= 0 && c.Momentum < 1) {
			return nil, fmt.Errorf("optim: momentum is %v, it must be at least 0 and below 1", c.Momentum)
		}
		if c.Nesterov && c.Momentum == 0 {
			return nil, fmt.Errorf("optim: nesterov needs a momentum above 0")
		}
	case "adam", "adamw":
		if !(c.Beta1 >= 0 && c.Beta1 < 1 && c.Beta2 >= 0 && c.Beta2 < 1) {
			return nil, fmt.Errorf("optim: beta1 and beta2 are %v and %v, they must be at least 0 and below 1", c.Beta1, c.Beta2)
		}
		if !(c.Epsilon > 0) {
			return nil, fmt.Errorf("optim: epsilon is %v, it must be above 0", c.Epsilon)
		}
	default:
		return nil, fmt.Errorf("optim: optimizer %q is not one of %s", c.Type, strings.Join(names(Types()), ", "))
	}
	return &Optimizer{config: c}, nil
}

// Slots are an optimizer's memory of a slice of parameters, of the same length.
// A rule that needs none leaves them nil.
type Slots struct {
	First  []float32 // adam: mean of gradients; sgd: velocity
	Second []float32 // adam: mean of squared gradients
}

// NewSlots returns the memory for n parameters before the first step.
func (o *Optimizer) NewSlots(n int) *Slots {
	switch {
	case o.config.Type != "sgd":
		return &Slots{First: hugepage.Float32s(n), Second: hugepage.Float32s(n)}
	case o.config.Momentum > 0:
		return &Slots{First: hugepage.Float32s(n)}
	}
	return &Slots{}
}

// Step returns the number of steps begun, and SetStep resumes from one.
func (o *Optimizer) Step() int { return o.step }

// SetStep sets the number of steps begun.
func (o *Optimizer) SetStep(n int) { o.step = n }

// Begin starts the next step. All updates until the next Begin belong to it.
func (o *Optimizer) Begin() { o.step++ }

// parallel is the least number of elements worth a second goroutine.
const parallel = 1 << 15

// inParts calls f for parts of 0 to n side by side, one for each processor,
// but none with less than half of parallel elements; dim is the number of
// elements that one of the n stands for.
func inParts(n, dim int, f func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), n, max(2*n*dim/parallel, 1))
	if parts < 2 {
		f(0, n)
		return
	}
	var wait sync.WaitGroup
	for i := 1; i < parts; i++ {
		wait.Go(func() { f(i*n/parts, (i+1)*n/parts) })
	}
	f(0, n/parts)
	wait.Wait()
}

// rule is what one step does to elements: the constants of a kernel.
type rule struct {
	adam *adamStep // nil for sgd
	sgd  sgdStep
}

// rule returns the current step for a learning rate and a weight decay.
func (o *Optimizer) rule(lr, decay float64) rule {
	c := o.config
	if c.Type == "sgd" {
		return rule{sgd: sgdRule(c, lr, decay)}
	}
	return rule{adam: o.adamRule(lr, decay)}
}

// sgdRule is u = momentum*u + g; p -= lr*u, or lr*(g + momentum*u) with
// Nesterov's look-ahead (Sutskever et al. 2013, in the form PyTorch uses).
func sgdRule(c Config, lr, decay float64) sgdStep {
	s := sgdStep{decay: float32(decay), momentum: float32(c.Momentum), keep: 1, rate: float32(lr)}
	if c.Nesterov {
		s.look, s.keep = 1, s.momentum
	}
	return s
}

// adamRule is that of Kingma and Ba (2015) with both bias corrections.
func (o *Optimizer) adamRule(lr, decay float64) *adamStep {
	c := o.config
	correct1 := 1 - math.Pow(c.Beta1, float64(o.step))
	correct2 := 1 - math.Pow(c.Beta2, float64(o.step))
	s := &adamStep{
		shrink: 1, decay: float32(decay),
		beta1: float32(c.Beta1), new1: float32(1 - c.Beta1), beta2: float32(c.Beta2), new2: float32(1 - c.Beta2),
		scale: float32(1 / math.Sqrt(correct2)), epsilon: float32(c.Epsilon), rate: float32(lr / correct1),
	}
	if c.Type == "adamw" {
		s.shrink, s.decay = float32(1-lr*decay), 0
	}
	return s
}

// update applies the step to the elements from:to of params; grads are theirs.
func (r *rule) update(params, grads []float32, s *Slots, from, to int) {
	switch {
	case r.adam != nil:
		r.adam.update(params[from:to], grads, s.First[from:to], s.Second[from:to])
	case s.First != nil:
		r.sgd.update(params[from:to], grads, s.First[from:to])
	default:
		r.sgd.update(params[from:to], grads, nil)
	}
}

// Update changes parameters by their gradients, both [n]. Decay is the weight
// decay: adam and sgd add it to the gradient (L2), adamw shrinks the
// parameters (Loshchilov and Hutter 2019).
func (o *Optimizer) Update(params, grads []float32, s *Slots, lr, decay float64) {
	r := o.rule(lr, decay)
	const line = 16 // elements of a cache line, which no two goroutines share
	inParts((len(params)+line-1)/line, line, func(from, to int) {
		from, to = from*line, min(to*line, len(params))
		r.update(params, grads[from:to], s, from, to)
	})
}

// Norm returns the Euclidean norm of gradients, summed in float64; NaN or Inf
// where a gradient is.
func Norm(parts ...[]float32) float64 {
	total := 0.0
	for _, x := range parts {
		// The sums of blocks are added in order: how many processors there
		// are changes nothing.
		const block = parallel / 2
		sums := make([]float64, (len(x)+block-1)/block)
		inParts(len(sums), block, func(from, to int) {
			for i := from; i < to; i++ {
				sums[i] = squares(x[i*block : min((i+1)*block, len(x))])
			}
		})
		for _, s := range sums {
			total += s
		}
	}
	return math.Sqrt(total)
}

// Clip scales gradients so that their global norm is at most limit (Pascanu et
// al. 2013), and returns the norm before. A norm that is not finite changes
// nothing.
func Clip(limit float64, parts ...[]float32) float64 {
	norm := Norm(parts...)
	if norm > limit && !math.IsInf(norm, 0) {
		for _, x := range parts {
			vek32.MulNumber_Inplace(x, float32(limit/norm))
		}
	}
	return norm
}
