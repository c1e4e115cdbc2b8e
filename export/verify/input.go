package verify

import (
	"fmt"
	"math/rand/v2"

	"espalier/input"
	"espalier/runtime"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
)

// drawers is the table of what draws each kind of inputs: what the file is given and,
// in ids, what the trainer is given for the same answers.
func drawers() map[input.Form]func(v *verifier, r *rand.Rand, in *schema.Input, s Shape) (given, ids []runtime.Named, err error) {
	return map[input.Form]func(v *verifier, r *rand.Rand, in *schema.Input, s Shape) (given, ids []runtime.Named, err error){
		input.Text: drawText, input.Number: drawNumbers, input.Value: drawValues,
	}
}

// inputs returns what the file is given and what the trainer is given for the same
// answers.
func (v *verifier) inputs(s Shape) (given, ids []runtime.Named, err error) {
	r := rand.New(rand.NewPCG(uint64(s.Batch), uint64(s.Length)))
	drawers := drawers()
	for i := range v.schema.Inputs {
		in := &v.schema.Inputs[i]
		more, numbered, err := drawers[input.TraitsOf(in).Given](v, r, in, s)
		if err != nil {
			return nil, nil, err
		}
		given, ids = append(given, more...), append(ids, numbered...)
	}
	return given, ids, nil
}

// unlabel makes the labels behind a text's last token -1, as number does, where
// the file gives names.
func (v *verifier) unlabel(out []runtime.Named, ids *tensor.Tensor) error {
	for i := range out {
		for _, t := range v.schema.Tasks {
			if task.TraitsOf(&t).Level != task.OfToken || t.Output(schema.Label) != out[i].Name {
				continue
			}
			if o := v.declared(v.graph.Outputs, out[i].Name); o == nil || o.DType != tensor.String {
				continue // numbers behind the last token are the model's
			}
			labels := append([]int64{}, out[i].Tensor.Int64s()...)
			for j, id := range ids.Int64s() {
				if id == v.schema.Inputs[0].Padding {
					labels[j] = -1
				}
			}
			var err error
			if out[i].Tensor, err = tensor.Of(labels, ids.Shape()...); err != nil {
				return err
			}
		}
	}
	return nil
}

// number puts labels' numbers in the place of their names, and -1 where there
// is none: behind a text's last token.
func (v *verifier) number(out []runtime.Named) error {
	for i := range out {
		if out[i].Tensor.DType() != tensor.String {
			continue
		}
		for _, t := range v.schema.Tasks {
			if t.Output(schema.Label) != out[i].Name {
				continue
			}
			names := out[i].Tensor.Strings()
			numbers := make([]int64, len(names))
			for j, name := range names {
				if numbers[j] = int64(t.LabelIndex(name)); numbers[j] < 0 && name != "" {
					return fmt.Errorf("output %q is %q, which is no label of the task", out[i].Name, name)
				}
			}
			var err error
			if out[i].Tensor, err = tensor.Of(numbers, out[i].Tensor.Shape()...); err != nil {
				return err
			}
		}
	}
	return nil
}
