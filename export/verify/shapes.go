package verify

import (
	"fmt"
	"strconv"

	"espalier/onnx"
	"espalier/runtime"
)

// opsets lists a model's operator sets by domain.
func opsets(m *onnx.Model) map[string]int64 {
	out := map[string]int64{}
	for _, id := range m.OpsetImports {
		name := id.Domain
		if name == "" {
			name = "ai.onnx"
		}
		out[name] = id.Version
	}
	return out
}

// dataBytes returns how many bytes tensors take in other files.
func dataBytes(m *onnx.Model) (int64, error) {
	var total int64
	for _, t := range m.Graph.Initializers {
		for _, kv := range t.External {
			if kv.Key != "length" {
				continue
			}
			n, err := strconv.ParseInt(kv.Value, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("tensor %q: length of its elements: %w", t.Name, err)
			}
			total += n
		}
	}
	return total, nil
}

// shapes holds what came out against what the file declares: sizes that are
// fixed, and names that stand for one size in all inputs and outputs of a run.
func (v *verifier) shapes(inputs, outputs []runtime.Named) error {
	sizes := map[string]int64{}
	bind := func(what string, infos []onnx.ValueInfo, x runtime.Named) error {
		d := v.declared(infos, x.Name)
		if d == nil || !d.HasShape {
			return fmt.Errorf("%s %q has no declared shape", what, x.Name)
		}
		shape := x.Tensor.Shape()
		if d.DType != x.Tensor.DType() || len(shape) != len(d.Shape) {
			return fmt.Errorf("%s %q is %v, the file declares %v of rank %d", what, x.Name, x.Tensor, d.DType, len(d.Shape))
		}
		for i, dim := range d.Shape {
			want, known := sizes[dim.Name]
			switch {
			case dim.Known:
				want, known = dim.Size, true
			case dim.Name == "":
				continue
			case !known:
				sizes[dim.Name] = shape[i]
				continue
			}
			if want != shape[i] {
				return fmt.Errorf("%s %q is %v, the file declares %d in dimension %d", what, x.Name, x.Tensor, want, i)
			}
		}
		return nil
	}
	for _, in := range inputs {
		if err := bind("input", v.graph.Inputs, in); err != nil {
			return err
		}
	}
	for _, out := range outputs {
		if err := bind("output", v.graph.Outputs, out); err != nil {
			return err
		}
		v.report.Inferred++
	}
	return nil
}
