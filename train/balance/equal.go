package balance

import "espalier/setting"

// equal is the sum of the losses, the baseline that every method is measured
// against: Kurin et al., In Defense of the Unitary Scalarization for Deep
// Multi-Task Learning, NeurIPS 2022.
var equal = Method{
	Name:   "equal",
	Title:  "Equal weights (unitary scalarization)",
	Paper:  "Kurin et al., NeurIPS 2022",
	Use:    "first, and as what others must beat",
	Heads:  Weighted,
	Claims: Claims{Symmetric: true, Linear: true, Stationary: true},
	build:  func(setting.Values, int) rule { return equalRule{} },
}

type equalRule struct{}

func (equalRule) weigh(p *problem) []float64 { return filled(p.size(), 1) }
