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
	place := PlaceOf(projection)
	for _, w := range c.Weights() {
		if w.Parameter == place.weight(layer) {
			return strings.TrimSuffix(w.Tensors[place.At], ".weight")
		}
	}
	return ""
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
	place := PlaceOf(projection)
	of := values[place.weight(layer)]
	if of == nil {
		return fmt.Errorf("the model has no parameter %s", place.weight(layer))
	}
	weight, err := tensor.New(tensor.Float32, c.ModuleShape(projection)...)
	if err != nil {
		return err
	}
	all, own := of.Float32s(), weight.Float32s()
	out, in, width := int(weight.Shape()[0]), int(weight.Shape()[1]), int(of.Shape()[1])
	for o := range out {
		for i := range in {
			own[o*in+i] = all[i*width+place.At*out+o]
		}
	}
	if err := merge(weight); err != nil {
		return err
	}
	copyColumns(all, own, in, out, width, place.At*out, true)
	return nil
}

// ProjectionOf returns the layer and the projection whose module has a path, which may
// have the architecture's name in front, and false for any other module.
func (c *Config) ProjectionOf(path string) (layer int, projection string, ok bool) {
	for _, prefix := range c.architecture.prefixes {
		path = strings.TrimPrefix(path, prefix)
	}
	for _, w := range c.Weights() {
		at := slices.Index(w.Tensors, path+".weight")
		if at < 0 {
			continue
		}
		for i := range c.Layers {
			for _, p := range Projections() {
				if place := PlaceOf(p); place.At == at && place.weight(i) == w.Parameter {
					return i, p, true
				}
			}
		}
	}
	return 0, "", false
}

// Prefixes are what may stand in front of the names of modules and tensors, such as
// "bert.".
func (c *Config) Prefixes() []string { return slices.Clone(c.architecture.prefixes) }
