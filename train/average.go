package train

import (
	"math"

	"espalier/tensor"
	"espalier/train/step"
)

// averageEvery is how many steps pass between two updates of the average,
// which touches every parameter.
const averageEvery = 16

// average is an exponential moving average of the parameters over steps
// (Polyak and Juditsky 1992), which generalises better than the last step's
// where batches are small. Validation, the best epoch and the exported file
// use it; training goes on from the parameters themselves.
type average struct {
	decay  float64 // of one step
	values map[string]*tensor.Tensor
}

// update moves the average towards the parameters after a step. Early on it
// forgets faster, so that the first parameters do not linger.
func (a *average) update(p *step.Parameters, step int) {
	if a.decay == 0 || step%averageEvery != 0 {
		return
	}
	if a.values == nil {
		a.values = p.Snapshot()
		return
	}
	n := float64(step / averageEvery)
	keep := float32(min(math.Pow(a.decay, averageEvery), (1+n)/(10+n)))
	for name, v := range p.ByName() {
		if p.Frozen(name) {
			continue
		}
		to, from := a.values[name].Float32s(), v.Float32s()
		for i, x := range from {
			to[i] = x + keep*(to[i]-x)
		}
	}
}

// during calls do while the parameters hold the average, and brings them back.
// Before the first average they are as they are.
func (a *average) during(p *step.Parameters, do func() error) error {
	if a.values == nil {
		return do()
	}
	current := p.Snapshot()
	if err := p.Restore(a.values); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	// What do changed, such as thresholds, is kept in the average.
	for name, v := range p.ByName() {
		copy(a.values[name].Float32s(), v.Float32s())
	}
	return p.Restore(current)
}
