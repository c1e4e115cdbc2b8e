// Package peft reads and writes LoRA adapters in the two files of Hugging Face's
// PEFT: adapter_config.json and adapter_model.safetensors. An adapter that was
// trained there can be merged here, and one that was trained here loads there.
//
// LoRA (Hu et al. 2021, arXiv 2106.09685) leaves a weight matrix W [out, in] as it
// is and learns two thin ones, A [r, in] and B [out, r]: the layer computes
// (W + s B A) x with the scale s = alpha/r. Rank-stabilised LoRA (Kalajdzievski
// 2023, arXiv 2312.03732) has s = alpha/sqrt(r).
package peft

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"espalier/internal/nearest"
	"espalier/tensor"
)

// Adapter is a LoRA adapter. Paths are those of the base model's modules, such as
// encoder.layer.0.attention.self.query; its weight is the path with ".weight".
type Adapter struct {
	Base string // name or path of the base model, for people; may be empty
	// TaskType is PEFT's task_type, such as FEATURE_EXTRACTION; empty where it has
	// none. PEFT expects the classifier in Saved for SEQ_CLS and TOKEN_CLS.
	TaskType   string
	Rank       int     // r, at least 1
	Alpha      float64 // lora_alpha
	Stabilized bool    // use_rslora: the scale is alpha/sqrt(r)
	Dropout    float64 // of what A reads, in training; in [0, 1)
	// Targets are the ends of the paths of adapted modules, such as query. Empty
	// means the modules of Modules and no others.
	Targets []string
	// Layers are the numbers of the layers that are adapted; empty means all that
	// Targets match.
	Layers  []int
	Modules map[string]Pair // by path
	// SavedModules are the ends of the paths of modules that were trained as a whole
	// (modules_to_save); Saved has their tensors by name, such as classifier.weight.
	SavedModules []string
	Saved        map[string]*tensor.Tensor
}

// Pair is what an adapter learned of one module: A [r, in] and B [out, r], float32.
type Pair struct{ A, B *tensor.Tensor }

// Scale is the factor of B A.
func (a *Adapter) Scale() float64 {
	if a.Stabilized {
		return a.Alpha / math.Sqrt(float64(a.Rank))
	}
	return a.Alpha / float64(a.Rank)
}

// Paths lists the adapted modules, sorted.
func (a *Adapter) Paths() []string { return slices.Sorted(maps.Keys(a.Modules)) }

// TrimPrefix returns the adapter for a base model whose paths lack a prefix:
// adapters of models with a head have paths like bert.encoder.layer.0, those of the
// encoder alone encoder.layer.0. Other paths stay. Tensors are shared.
func (a *Adapter) TrimPrefix(prefix string) *Adapter {
	b := *a
	b.Modules, b.Saved = map[string]Pair{}, map[string]*tensor.Tensor{}
	for path, p := range a.Modules {
		b.Modules[trimmed(path, prefix, a.Modules)] = p
	}
	for name, t := range a.Saved {
		b.Saved[trimmed(name, prefix, a.Saved)] = t
	}
	trim := func(ends []string) []string {
		out := slices.Clone(ends)
		for i := range out {
			out[i] = strings.TrimPrefix(out[i], prefix)
		}
		return out
	}
	b.Targets, b.SavedModules = trim(a.Targets), trim(a.SavedModules)
	return &b
}

// trimmed is a name without the prefix, unless another has that name.
func trimmed[V any](name, prefix string, all map[string]V) string {
	short := strings.TrimPrefix(name, prefix)
	if _, taken := all[short]; taken {
		return name
	}
	return short
}

// Check says whether the adapter fits a base model, given the shapes of its weights
// by name. The error names the first module that does not fit, by path. Saved tensors
// that the base model does not have, such as those of a classifier, fit.
func (a *Adapter) Check(shapes map[string]tensor.Shape) error {
	for _, path := range a.Paths() {
		p := a.Modules[path]
		want, ok := shapes[path+".weight"]
		if !ok {
			return fmt.Errorf("the adapter is of another base model%s: it adapts %s, which the model does not have%s",
				a.base(), path, meant(path+".weight", shapes))
		}
		if got := (tensor.Shape{p.B.Shape()[0], p.A.Shape()[1]}); !got.Equal(want) {
			return fmt.Errorf("the adapter is of another base model%s: for %s it adapts a weight of %v, the model's is %v", a.base(), path, got, want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Saved)) {
		if want, ok := shapes[name]; ok && !a.Saved[name].Shape().Equal(want) {
			return fmt.Errorf("the adapter is of another base model%s: it replaces %s by one of %v, the model's is %v", a.base(), name, a.Saved[name].Shape(), want)
		}
	}
	return nil
}

func (a *Adapter) base() string {
	if a.Base == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", a.Base)
}

// meant says which weight a path that is not there probably is: the one that has a
// prefix more or less, else the closest name.
func meant(name string, shapes map[string]tensor.Shape) string {
	names := slices.Sorted(maps.Keys(shapes))
	for _, n := range names {
		if strings.HasSuffix(n, "."+name) || strings.HasSuffix(name, "."+n) {
			return fmt.Sprintf("; it has %s", strings.TrimSuffix(n, ".weight"))
		}
	}
	if n := nearest.Word(name, names); n != "" {
		return fmt.Sprintf("; it has %s", strings.TrimSuffix(n, ".weight"))
	}
	return ""
}

// Merge adds what the adapter learned of a module to its weight [out, in]:
// W + s B A. A module that is not adapted keeps its weight.
func (a *Adapter) Merge(path string, weight *tensor.Tensor) error {
	p, ok := a.Modules[path]
	if !ok {
		return nil
	}
	out, in := p.B.Shape()[0], p.A.Shape()[1]
	w := weight.Float32s()
	if !weight.Shape().Equal(tensor.Shape{out, in}) || w == nil {
		return fmt.Errorf("%s: the adapter is for a weight float32[%d,%d], this one is %v", path, out, in, weight)
	}
	low, high, rank := p.A.Float32s(), p.B.Float32s(), p.B.Shape()[1]
	delta := make([]float64, in)
	for o := range out {
		clear(delta)
		for k := range rank {
			b := float64(high[o*rank+k])
			for i, x := range low[k*in : (k+1)*in] {
				delta[i] += b * float64(x)
			}
		}
		row := w[o*in : (o+1)*in]
		for i := range row {
			row[i] = float32(float64(row[i]) + a.Scale()*delta[i])
		}
	}
	return nil
}

// check says what keeps an adapter from being one, of whichever base model.
func (a *Adapter) check() error {
	switch {
	case a.Rank < 1:
		return fmt.Errorf("r is %d, it must be at least 1", a.Rank)
	case math.IsNaN(a.Alpha) || math.IsInf(a.Alpha, 0):
		return fmt.Errorf("lora_alpha is %v, it must be a number", a.Alpha)
	case !(a.Dropout >= 0 && a.Dropout < 1):
		return fmt.Errorf("lora_dropout is %v, it must be at least 0 and below 1", a.Dropout)
	case len(a.Modules) == 0:
		return fmt.Errorf("no module is adapted")
	}
	for _, path := range a.Paths() {
		if path == "" {
			return fmt.Errorf("a module has no path")
		}
		if err := a.Modules[path].check(a.Rank); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Saved)) {
		t := a.Saved[name]
		if t == nil {
			return fmt.Errorf("%s is nothing, it must be float32", name)
		}
		if t.DType() != tensor.Float32 {
			return fmt.Errorf("%s is %v, it must be float32", name, t)
		}
		if !a.saves(name) {
			return fmt.Errorf("%s is of no module in modules_to_save (%s)", name, nearest.List(a.SavedModules))
		}
	}
	return nil
}

func (p Pair) check(rank int) error {
	if p.A == nil || p.B == nil {
		return fmt.Errorf("only one of lora_A and lora_B is there")
	}
	r := int64(rank)
	for _, t := range []struct {
		name   string
		tensor *tensor.Tensor
		at     int // the dimension that is the rank
	}{{"lora_A", p.A, 0}, {"lora_B", p.B, 1}} {
		if t.tensor.DType() != tensor.Float32 || t.tensor.Rank() != 2 || t.tensor.Shape()[t.at] != r || t.tensor.Len() == 0 {
			return fmt.Errorf("%s is %v, it must be float32 with %d as dimension %d of two (r is %[3]d)", t.name, t.tensor, r, t.at)
		}
	}
	return nil
}

// saves reports whether a tensor is of a module that was trained as a whole. PEFT
// compares the ends of module paths.
func (a *Adapter) saves(name string) bool {
	for at := strings.LastIndexByte(name, '.'); at > 0; at = strings.LastIndexByte(name[:at], '.') {
		for _, end := range a.SavedModules {
			if end != "" && strings.HasSuffix(name[:at], end) {
				return true
			}
		}
	}
	return false
}
