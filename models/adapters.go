package models

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"espalier/builder"
	"espalier/pretrained"
	"espalier/tensor"
)

// Adapters says what a model's inference graph makes of low-rank changes of weights.
// Other adapters always stay nodes of the graph.
type Adapters int

// What is made of low-rank changes.
const (
	// KeepAdapters leaves them as they are trained: nodes beside the weights.
	KeepAdapters Adapters = iota
	// MergeAdapters adds them to the weights: W + alpha/rank A B. A layer whose changes
	// are a task's own has weights of that task.
	MergeAdapters
	// SplitAdapters leaves the nodes, but for the factor alpha/rank, which stands in
	// the matrices, so that changes of any rank and factor fit into the graph.
	SplitAdapters
)

// change is a low-rank change of a projection, by the names of parameters.
type change struct {
	down, up   string
	projection pretrained.Place
}

// changed is a weight matrix with the changes that are added to it.
type changed struct {
	weight, base string // what it is called, and what it is made of
	changes      []change
}

// changing collects the matrices that low-rank changes are merged into while a graph is
// built.
type changing struct {
	c   *network
	t   *TrunkConfig
	all []changed
}

// matrix returns where the weight matrix of a part of layer i is: in the task that has
// changes of its own, else where it always is.
func (m *changing) matrix(i int, part *builder.Scope) *builder.Scope {
	lora := m.c.adapterScope(m.t, i, "lora")
	w := changed{base: part.Path() + "/weight"}
	w.weight = w.base
	var own *builder.Scope
	for _, projection := range m.t.Options.Texts("targets") {
		p := pretrained.PlaceOf(projection)
		if !strings.HasSuffix(part.Path(), "/"+pretrained.LayerName(i)+"/"+p.Part) {
			continue
		}
		if m.c.ownAdapter(m.t, i) {
			own = m.c.Scope("head/" + m.c.adapting).In(pretrained.LayerName(i)).In(p.Part)
			w.weight = own.Path() + "/weight"
		}
		of := lora.In(projection)
		w.changes = append(w.changes, change{of.Path() + "/down/weight", of.Path() + "/up/weight", p})
	}
	if len(w.changes) > 0 && !slices.ContainsFunc(m.all, func(other changed) bool { return other.weight == w.weight }) {
		m.all = append(m.all, w)
	}
	return own
}

// LowRank reports whether the model has low-rank changes of a pretrained trunk's weights.
func (m *Model) LowRank() bool {
	t := &m.config.Trunk
	return t.Pretrained != nil && t.tune() == "lora"
}

// With returns the model with inference graphs that treat low-rank changes so, and the
// values of their parameters, made of those of the model's. Values that it does not
// change are shared with those given.
func (m *Model) With(a Adapters, values map[string]*tensor.Tensor) (*Model, map[string]*tensor.Tensor, error) {
	if a == KeepAdapters || !m.LowRank() {
		return m, values, nil
	}
	other := *m
	other.adapters = a
	out := maps.Clone(values)
	scale := m.config.Trunk.scale()
	if a == SplitAdapters {
		for name, v := range values {
			if IsLowRank(name) && strings.HasSuffix(name, "/up/weight") {
				out[name] = multiplied(v, scale)
			}
		}
		return &other, out, nil
	}
	b, err := other.Build(Inference)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range b.changed {
		if out[w.weight], err = w.merge(values, scale); err != nil {
			return nil, nil, fmt.Errorf("models: weights %s with their low-rank changes: %w", w.weight, err)
		}
	}
	return &other, out, nil
}

// IsLowRank reports whether a parameter is one of a low-rank change of a pretrained
// trunk's weights.
func IsLowRank(parameter string) bool { return strings.Contains(parameter, "/lora/") }

// scale is alpha/rank.
func (t *TrunkConfig) scale() float64 {
	return t.Options.Number("alpha") / float64(t.Options.Int("rank"))
}

func multiplied(t *tensor.Tensor, by float64) *tensor.Tensor {
	x := slices.Clone(t.Float32s())
	for i := range x {
		x[i] = float32(float64(x[i]) * by)
	}
	return tensor.Must(tensor.Of(x, t.Shape()...))
}

// merge returns the matrix with its changes, each sum rounded once.
func (w *changed) merge(values map[string]*tensor.Tensor, scale float64) (*tensor.Tensor, error) {
	base := values[w.base]
	if base == nil || base.Rank() != 2 {
		return nil, fmt.Errorf("the parameters have no matrix %s", w.base)
	}
	in, width := int(base.Shape()[0]), int(base.Shape()[1])
	x := slices.Clone(base.Float32s())
	for _, c := range w.changes {
		down, up := values[c.down], values[c.up]
		each := width / c.projection.Of
		if down == nil || up == nil || down.Rank() != 2 || up.Rank() != 2 ||
			int(down.Shape()[0]) != in || down.Shape()[1] != up.Shape()[0] || int(up.Shape()[1]) != each {
			return nil, fmt.Errorf("the parameters have no %s [%d, rank] and %s [rank, %d]", c.down, in, c.up, each)
		}
		a, b, rank := down.Float32s(), up.Float32s(), int(down.Shape()[1])
		sum := make([]float64, each)
		for row := range in {
			clear(sum)
			for k, v := range a[row*rank : (row+1)*rank] {
				for j, u := range b[k*each : (k+1)*each] {
					sum[j] += float64(v) * float64(u)
				}
			}
			to := x[row*width+c.projection.At*each:][:each]
			for j := range to {
				to[j] = float32(float64(to[j]) + scale*sum[j])
			}
		}
	}
	return tensor.Of(x, base.Shape()...)
}
