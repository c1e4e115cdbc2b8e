package step

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"espalier/builder"
	"espalier/models"
	"espalier/train/progress"
)

// Costs says what steps cost, counted from the model's graph and not measured,
// so that it is the same wherever a run goes on: multiply-adds of products, and
// elements of everything else, of the forward pass in training, to which the
// backward pass is in about the same proportion everywhere. What several tasks
// of a step need is divided evenly among them. It is for one goroutine.
type Costs struct {
	parts []costPart
	known map[string][]float64 // what the parts cost, by sizes; at most mostKnown
	names []string             // of the sizes, sorted
	key   []byte               // the sizes in that order, that known is asked for
}

// mostKnown bounds what is remembered of batches, of which a long run may not
// have two of the same sizes.
const mostKnown = 4096

// costPart are the operators that the same tasks need.
type costPart struct {
	needs []bool // by task
	nodes []*builder.Node
}

// NewCosts counts the operators of a model's training graph.
func NewCosts(m *models.Model) (*Costs, error) {
	built, err := m.Build(models.Training)
	if err != nil {
		return nil, err
	}
	f, err := newFeatures(m)
	if err != nil {
		return nil, err
	}
	given := map[*builder.Value]bool{}
	for _, v := range f.in(built.Graph) {
		given[v] = true
	}
	c := &Costs{known: map[string][]float64{}}
	of := make([]map[*builder.Value]bool, len(built.Tasks))
	for i, t := range built.Tasks {
		of[i] = ancestors([]*builder.Value{t.Loss}, given)
	}
	at := map[string]int{}
	for _, n := range built.Graph.Nodes() {
		needs := make([]bool, len(of))
		for i := range of {
			needs[i] = slices.ContainsFunc(n.Outputs, func(v *builder.Value) bool { return of[i][v] && !given[v] })
		}
		key := fmt.Sprint(needs)
		if _, ok := at[key]; !ok {
			at[key] = len(c.parts)
			c.parts = append(c.parts, costPart{needs: needs})
		}
		part := &c.parts[at[key]]
		part.nodes = append(part.nodes, n)
	}
	return c, nil
}

// Step returns what a step on a batch of these sizes costs.
func (c *Costs) Step(at map[string]int64) (progress.Cost, error) {
	if c.names == nil { // those of one model are always the same
		c.names = slices.Sorted(maps.Keys(at))
	}
	c.key = c.key[:0]
	for _, name := range c.names {
		c.key = binary.AppendVarint(c.key, at[name])
	}
	parts, ok := c.known[string(c.key)]
	if !ok {
		for _, p := range c.parts {
			total := 0.0
			for _, n := range p.nodes {
				x, err := nodeCost(n, at)
				if err != nil {
					return nil, err
				}
				total += x
			}
			parts = append(parts, total)
		}
		if len(c.known) >= mostKnown {
			clear(c.known)
		}
		c.known[string(c.key)] = parts
	}
	return func(tasks []bool) ([]float64, float64) { return c.divide(parts, tasks) }, nil
}

// divide divides what the parts cost among the tasks that need them.
func (c *Costs) divide(parts []float64, tasks []bool) (each []float64, all float64) {
	each = make([]float64, len(tasks))
	for i, p := range c.parts {
		var share []int
		for j, in := range tasks {
			if in && p.needs[j] {
				share = append(share, j)
			}
		}
		for _, j := range share {
			each[j] += parts[i] / float64(len(share))
		}
		if len(share) > 0 {
			all += parts[i]
		}
	}
	return each, all
}

// nodeCost is what an operator costs.
func nodeCost(n *builder.Node, at map[string]int64) (float64, error) {
	total := 0.0
	for _, v := range n.Outputs {
		if v == nil {
			continue
		}
		shape, err := shapeOf(v, at)
		if err != nil {
			return 0, err
		}
		x := 1.0
		for _, d := range shape {
			x *= float64(d)
		}
		total += x
	}
	switch n.Op {
	case "MatMul", "Gemm", "Conv":
		inner, err := innerSize(n, at)
		return total * inner, err
	case "Scan", "Loop":
		inner, err := bodyCost(n, at)
		return total + inner, err
	}
	return total, nil
}

// innerSize is how many products an element of the result is the sum of.
func innerSize(n *builder.Node, at map[string]int64) (float64, error) {
	shape, err := shapeOf(n.Inputs[1], at)
	if err != nil {
		return 0, err
	}
	switch {
	case n.Op == "Conv": // [out, in/group, kernel...]
		x := 1.0
		for _, d := range shape[1:] {
			x *= float64(d)
		}
		return x, nil
	case n.Op == "Gemm" && n.Int("transB", 0) == 1:
		return float64(shape[1]), nil
	}
	return float64(shape[max(len(shape)-2, 0)]), nil
}

// bodyCost is what all steps of a graph inside an operator cost.
func bodyCost(n *builder.Node, at map[string]int64) (float64, error) {
	walked, err := shapeOf(n.Inputs[len(n.Inputs)-1], at)
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, body := range n.Bodies {
		for _, inner := range body.Graph.Nodes() {
			x, err := nodeCost(inner, at)
			if err != nil {
				return 0, err
			}
			total += x * float64(walked[0])
		}
	}
	return total, nil
}
