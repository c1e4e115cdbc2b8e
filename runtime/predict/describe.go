package predict

import (
	"encoding/json"
	"fmt"

	"espalier/input"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/schema"
	"espalier/task"
)

// describe finds out what the file is, from its metadata or from the options,
// and holds it against the graph, before an engine sees the file.
func (f *file) describe(m *onnx.Model) error {
	if err := f.readSchema(m); err != nil {
		return err
	}
	if how, ok := m.MetadataValue(schema.KeyTraining); ok {
		f.training = json.RawMessage(how)
	}
	if f.options.Encode == nil && (input.Table(f.schema) || input.OneText(f.schema)) {
		readers := readers()
		for i := range f.schema.Inputs {
			r := readers[input.TraitsOf(&f.schema.Inputs[i]).Given]
			if err := r.describe(f, i, m); err != nil {
				return err
			}
			f.readers = append(f.readers, r)
		}
	}
	return f.match(m.Graph)
}

func (f *file) readSchema(m *onnx.Model) error {
	if f.options.Schema != nil {
		if err := task.Check(f.options.Schema); err != nil {
			return fmt.Errorf("predict: the schema given: %w", err)
		}
		f.schema = f.options.Schema
		_, own := m.MetadataValue(schema.Key)
		f.foreign = !own && m.ProducerName != "espalier"
		return nil
	}
	description, ok := m.MetadataValue(schema.Key)
	if !ok {
		return fmt.Errorf("predict: the file has no %s metadata: it was not exported by espalier; "+
			"give a schema in the options that names its tensors", schema.Key)
	}
	var err error
	if f.schema, err = task.Decode([]byte(description)); err != nil {
		return fmt.Errorf("predict: metadata %s: %w", schema.Key, err)
	}
	return nil
}

func find(infos []onnx.ValueInfo, name string) *onnx.ValueInfo {
	for i := range infos {
		if infos[i].Name == name {
			return &infos[i]
		}
	}
	return nil
}

// maxFixed is the most elements of an input whose size the file fixes: it is
// made whole, however few texts there are.
const maxFixed = 1 << 24

// match compares the tasks with the outputs that the graph declares.
func (f *file) match(g *onnx.Graph) error {
	for _, t := range f.schema.Tasks {
		if len(t.Outputs) == 0 {
			return fmt.Errorf("predict: task %q names no output", t.Name)
		}
		if f.foreign {
			if err := matchClasses(&t, g); err != nil {
				return err
			}
		}
		for _, o := range t.Outputs {
			v := find(g.Outputs, o.Tensor)
			if v == nil {
				return fmt.Errorf("predict: task %q: the graph has no output %q", t.Name, o.Tensor)
			}
			if v.Kind != "" && v.Kind != "tensor" {
				return fmt.Errorf("predict: task %q: %w: output %q is a %s, not a tensor; export it as one, which skl2onnx does with zipmap=False", t.Name, runtime.ErrUnsupported, o.Tensor, v.Kind)
			}
			if o.Role != schema.Probabilities && o.Role != schema.Logits || len(v.Shape) == 0 {
				continue
			}
			last := v.Shape[len(v.Shape)-1]
			one := len(t.Labels) == 2 && last.Size == 1 && task.TraitsOf(&t).Choice == task.OneLabel // the second's alone
			if last.Known && last.Size != int64(len(t.Labels)) && !one {
				return fmt.Errorf("predict: task %q has %d labels, output %q has %d", t.Name, len(t.Labels), o.Tensor, last.Size)
			}
		}
	}
	return nil
}
