package pretrained

import (
	"fmt"
	"slices"
	"strings"

	"espalier/tensor"
)

// Module returns what a checkpoint calls a projection of a layer, such as
// encoder.layer.0.attention.self.query: the path that PEFT names adapters by. It is ""
// for a projection that the architecture does not have.
func (c *Config) Module(layer int, projection string) string {
	parameter, part := parameterOf(projection)
	for _, w := range c.Weights() {
		if w.Parameter == LayerName(layer)+"/"+parameter {
			return strings.TrimSuffix(w.Tensors[part], ".weight")
		}
	}
	return ""
}

// parameterOf returns the parameter of a layer that has a projection's weight, and which
// of those side by side in it that is.
func parameterOf(projection string) (parameter string, part int) {
	switch projection {
	case "query", "key", "value":
		return "attention/in/weight", slices.Index(Projections(), projection)
	case "output":
		return "attention/out/weight", 0
	case "intermediate":
		return "feedforward_in/weight", 0
	}
	return "feedforward_out/weight", 0
}

// ModuleShape is the shape of a projection's weight in a checkpoint, [out, in].
func (c *Config) ModuleShape(projection string) tensor.Shape {
	switch projection {
	case "intermediate":
		return tensor.Shape{c.FeedForward, c.Hidden}
	case "feedforward":
		return tensor.Shape{c.Hidden, c.FeedForward}
	}
	return tensor.Shape{c.Hidden, c.Hidden}
}

// MergeAdapter lets merge change the weight of a projection, which it gets as a
// checkpoint has it, [out, in]. values are the parameters by their name in the scope of
// the trunk.
func (c *Config) MergeAdapter(values map[string]*tensor.Tensor, layer int, projection string, merge func(weight *tensor.Tensor) error) error {
	parameter, part := parameterOf(projection)
	of := values[LayerName(layer)+"/"+parameter]
	if of == nil {
		return fmt.Errorf("the model has no parameter %s/%s", LayerName(layer), parameter)
	}
	weight, err := tensor.New(tensor.Float32, c.ModuleShape(projection)...)
	if err != nil {
		return err
	}
	all, own := of.Float32s(), weight.Float32s()
	out, in, width := int(weight.Shape()[0]), int(weight.Shape()[1]), int(of.Shape()[1])
	for o := range out {
		for i := range in {
			own[o*in+i] = all[i*width+part*out+o]
		}
	}
	if err := merge(weight); err != nil {
		return err
	}
	place(all, own, in, out, width, part*out, true)
	return nil
}

// ProjectionOf returns the layer and the projection whose module has a path, which may
// have the architecture's name in front, and false for any other module.
func (c *Config) ProjectionOf(path string) (layer int, projection string, ok bool) {
	for _, prefix := range c.architecture.prefixes {
		path = strings.TrimPrefix(path, prefix)
	}
	for i := range c.Layers {
		for _, p := range Projections() {
			if c.Module(i, p) == path {
				return i, p, true
			}
		}
	}
	return 0, "", false
}

// Prefixes are what may stand in front of the names of modules and tensors, such as
// "bert.".
func (c *Config) Prefixes() []string { return slices.Clone(c.architecture.prefixes) }
