package gonum

import (
	"context"
	"maps"
	"slices"

	"espalier/onnx"
	"espalier/runtime"
)

// LeftOver runs a model and returns how many slices of the run's memory are in
// use at its end beside those of the outputs: kernels have to give back what
// they used, or a long loop fails for want of memory.
func LeftOver(model []byte, inputs, outputs []runtime.Named) (int, error) {
	m, err := onnx.Decode(model, onnx.Limits{})
	if err != nil {
		return 0, err
	}
	p, err := newPlan(m, kernels())
	if err != nil {
		return 0, err
	}
	var slots []int
	for _, o := range outputs {
		slots = append(slots, p.find(o.Name))
	}
	memory := newMemory(DefaultMaxMemory, 2)
	r := newRunner(context.Background(), p.schedule(slots), memory)
	for _, in := range inputs {
		r.table[p.slots[in.Name]] = in.Tensor
	}
	if err := r.run(); err != nil {
		return 0, err
	}
	results := map[any]bool{}
	for _, slot := range slots {
		if key, ok := memory.key(r.table[slot]); ok {
			results[key] = true
		}
	}
	inUse := 0
	for _, l := range memory.lists {
		inUse += l.(interface{ inUse() int }).inUse()
	}
	return inUse - len(results), nil
}

func (p *freeList[T]) inUse() int { return len(p.owned) }

// Operators lists every operator of the engine.
func Operators() []string { return slices.Sorted(maps.Keys(kernels())) }

// Ranges are the versions of an operator that the engine implements, in words.
func Ranges(op string) string { return kernels()[op].ranges(op) }

// NewestSet is the newest version of a domain's operator set that the engine
// knows.
func NewestSet(domain string) int64 { return newestSet(domain) }

// Versions lists the versions of an operator, and whether the engine implements
// them.
func Versions(op string) (all []int64, implemented map[int64]bool) {
	implemented = map[int64]bool{}
	for _, v := range sinceVersions(op) {
		all = append(all, v.since)
		for _, f := range kernels()[op] {
			if v.since >= f.first && v.since <= f.last {
				implemented[v.since] = true
			}
		}
	}
	return all, implemented
}
