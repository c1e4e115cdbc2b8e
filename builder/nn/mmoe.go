package nn

import "espalier/builder"

// MMoE is the multi-gate mixture of experts of Ma et al. (2018): task k reads
//
//	f_k(x) = sum_e softmax(x W_k)_e relu(x W_e + b_e)
//
// with experts that all tasks share, in the scope shared, and a gate of its
// own, in tasks[k]. x is [..., in], every result [..., hidden].
func MMoE(shared *builder.Scope, tasks []*builder.Scope, x *builder.Value, experts, hidden int64, temperature float64) []*builder.Value {
	all := Experts(shared.In("experts"), x, experts, hidden)
	out := make([]*builder.Value, len(tasks))
	for k, s := range tasks {
		out[k] = Mix(s.Graph, Gate(s.In("gate"), x, experts, temperature), all)
	}
	return out
}
