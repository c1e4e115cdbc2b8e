// Package optim updates parameters from gradients: SGD, Adam and AdamW over
// flat float32 slices, sparse rows of embedding tables, clipping by global
// norm, and learning-rate schedules.
//
// An update is a few vectorised passes over blocks that fit the first-level
// cache. The same input on the same machine gives the same bits: slices are
// split between goroutines at whole blocks. Adam's square root is vek's, which
// is good to 2 units in the last place inside a vector and exact in what is
// left over at the end of a slice, so a parameter's last digit can depend on
// where in a slice it stands.
package optim

import (
	"fmt"
	"math"
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
		return nil, fmt.Errorf("optim: optimizer %q is not one of sgd, adam, adamw", c.Type)
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

func (s *Slots) part(from, to int) Slots {
	cut := func(x []float32) []float32 {
		if x == nil {
			return nil
		}
		return x[from:to]
	}
	return Slots{cut(s.First), cut(s.Second)}
}

// Step returns the number of steps begun, and SetStep resumes from one.
func (o *Optimizer) Step() int { return o.step }

// SetStep sets the number of steps begun.
func (o *Optimizer) SetStep(n int) { o.step = n }

// Begin starts the next step. All updates until the next Begin belong to it.
func (o *Optimizer) Begin() { o.step++ }

// block is how many elements are updated at a time: the slices of one block
// stay in the first-level cache between passes.
const block = 1024

// parallel is the least number of elements worth a second goroutine.
const parallel = 1 << 16

// Update changes parameters by their gradients. Decay is the weight decay:
// adam and sgd add it to the gradient (L2), adamw shrinks the parameters
// (Loshchilov and Hutter 2019). Gradients may be overwritten.
func (o *Optimizer) Update(params, grads []float32, s *Slots, lr, decay float64) {
	n := len(params)
	if n < parallel {
		o.span(params, grads, s.part(0, n), lr, decay)
		return
	}
	half := n / 2 / block * block
	var wait sync.WaitGroup
	wait.Go(func() { o.span(params[:half], grads[:half], s.part(0, half), lr, decay) })
	o.span(params[half:], grads[half:], s.part(half, n), lr, decay)
	wait.Wait()
}

func (o *Optimizer) span(params, grads []float32, s Slots, lr, decay float64) {
	var a, b [block]float32
	for from := 0; from < len(params); from += block {
		to := min(from+block, len(params))
		p, g, part := params[from:to], grads[from:to], s.part(from, to)
		if decay != 0 && o.config.Type != "adamw" {
			vek32.MulNumber_Into(a[:len(p)], p, float32(decay))
			vek32.Add_Inplace(g, a[:len(p)])
		}
		if o.config.Type == "sgd" {
			o.sgd(p, g, part, a[:len(p)], lr)
			continue
		}
		if decay != 0 && o.config.Type == "adamw" {
			vek32.MulNumber_Inplace(p, float32(1-lr*decay))
		}
		o.adam(p, g, part, a[:len(p)], b[:len(p)], lr)
	}
}

// sgd: v = momentum*v + g; p -= lr*v, or lr*(g + momentum*v) with Nesterov's
// look-ahead (Sutskever et al. 2013, in the form PyTorch uses).
func (o *Optimizer) sgd(p, g []float32, s Slots, a []float32, lr float64) {
	m := float32(o.config.Momentum)
	copy(a, g)
	if m > 0 {
		v := s.First
		vek32.MulNumber_Inplace(v, m)
		vek32.Add_Inplace(v, g)
		copy(a, v)
		if o.config.Nesterov {
			vek32.MulNumber_Inplace(a, m)
			vek32.Add_Inplace(a, g)
		}
	}
	vek32.MulNumber_Inplace(a, float32(lr))
	vek32.Sub_Inplace(p, a)
}

// adam is the rule of Kingma and Ba (2015) with both bias corrections.
func (o *Optimizer) adam(p, g []float32, s Slots, a, b []float32, lr float64) {
	c := o.config
	correct1 := 1 - math.Pow(c.Beta1, float64(o.step))
	correct2 := 1 - math.Pow(c.Beta2, float64(o.step))
	m, v := s.First, s.Second
	vek32.MulNumber_Inplace(m, float32(c.Beta1))
	vek32.MulNumber_Into(a, g, float32(1-c.Beta1))
	vek32.Add_Inplace(m, a)
	vek32.Mul_Into(a, g, g)
	vek32.MulNumber_Inplace(a, float32(1-c.Beta2))
	vek32.MulNumber_Inplace(v, float32(c.Beta2))
	vek32.Add_Inplace(v, a)
	vek32.Sqrt_Into(a, v)
	vek32.MulNumber_Inplace(a, float32(1/math.Sqrt(correct2)))
	vek32.AddNumber_Inplace(a, float32(c.Epsilon))
	vek32.MulNumber_Into(b, m, float32(lr/correct1))
	vek32.Div_Inplace(b, a)
	vek32.Sub_Inplace(p, b)
}

// Norm returns the Euclidean norm of gradients, summed in float64; NaN or Inf
// where a gradient is.
func Norm(parts ...[]float32) float64 {
	total := 0.0
	for _, x := range parts {
		for from := 0; from < len(x); from += block {
			part := x[from:min(from+block, len(x))]
			total += float64(vek32.Dot(part, part))
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
