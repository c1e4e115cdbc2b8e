package espalier

import (
	"fmt"
	"slices"

	"espalier/pretrained"
	"espalier/pretrained/peft"
	"espalier/tensor"
)

// adapter reads the LoRA adapter that the recipe's trunk starts with, nil where it names
// none, and checks that it is one of that encoder.
func (r *Run) adapter() (*peft.Adapter, error) {
	t := r.Recipe.Trunk
	dir := t.Options.Text("peft")
	if dir == "" || t.Pretrained == nil {
		return nil, nil
	}
	where := r.Recipe.Where("trunk.peft")
	a, err := peft.Read(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: trunk.peft cannot be used: %w", where, err)
	}
	for _, prefix := range t.Pretrained.Prefixes() {
		a = a.TrimPrefix(prefix)
	}
	shapes := map[string]tensor.Shape{}
	for i := range t.Pretrained.Layers {
		for _, p := range pretrained.Projections() {
			shapes[t.Pretrained.Module(i, p)+".weight"] = t.Pretrained.ModuleShape(p)
		}
	}
	if err := a.Check(shapes); err != nil {
		return nil, fmt.Errorf("%s: trunk.peft cannot be used: %w", where, err)
	}
	return a, nil
}

// startAdapter puts the values of an adapter into those of the trunks: into the trunk's
// own low-rank changes, or merged into the weights where it has none. values are by
// the task whose trunk it is and the name in the scope of the trunk.
func (r *Run) startAdapter(values map[string]map[string]*tensor.Tensor, log func(string, ...any)) error {
	a, err := r.adapter()
	if err != nil || a == nil {
		return err
	}
	of := r.Recipe.Trunk
	lora := of.Options.Text("tune") == "lora"
	for _, path := range a.Paths() {
		layer, projection, _ := of.Pretrained.ProjectionOf(path)
		for _, v := range values {
			if !lora {
				err = inFloat32(v, pretrained.LayerName(layer)+"/", func(v map[string]*tensor.Tensor) error {
					return of.Pretrained.MergeAdapter(v, layer, projection, func(weight *tensor.Tensor) error { return a.Merge(path, weight) })
				})
			} else {
				err = startPair(v, loraName(layer, projection), a.Modules[path])
			}
			if err != nil {
				return fmt.Errorf("trunk.peft: %s: %w", path, err)
			}
		}
	}
	how := "merged into the weights"
	if lora {
		how = "with which training goes on"
	}
	log("trunk: a LoRA adapter of rank %d for %d weights from %s, %s", a.Rank, len(a.Modules), of.Options.Text("peft"), how)
	if len(a.Saved) > 0 {
		log("trunk: %d tensors that the adapter saved whole, such as a classifier, are left out", len(a.Saved))
	}
	return nil
}

// loraName is the scope of the low-rank change of a projection.
func loraName(layer int, projection string) string {
	return pretrained.LayerName(layer) + "/lora/" + projection
}

// startPair sets a low-rank change: x A^T B^T here for B A x there.
func startPair(values map[string]*tensor.Tensor, name string, p peft.Pair) error {
	down, up := values[name+"/down/weight"], values[name+"/up/weight"]
	if down == nil || up == nil {
		return fmt.Errorf("the model has no low-rank change there: name its projection in trunk.targets, and leave own_layers out")
	}
	for _, x := range []struct{ to, from *tensor.Tensor }{{down, p.A}, {up, p.B}} {
		rows, cols := int(x.from.Shape()[0]), int(x.from.Shape()[1])
		if !slices.Equal(x.to.Shape(), tensor.Shape{int64(cols), int64(rows)}) {
			return fmt.Errorf("its matrix is %v, the model's is %v transposed", x.from.Shape(), x.to.Shape())
		}
		transpose(x.to.Float32s(), x.from.Float32s(), rows, cols)
	}
	return nil
}

// transpose writes a matrix [rows, cols] as [cols, rows].
func transpose(dst, src []float32, rows, cols int) {
	for r := range rows {
		for c := range cols {
			dst[c*rows+r] = src[r*cols+c]
		}
	}
}

// WriteAdapter writes the low-rank changes that a run with tune lora has learned as a
// LoRA adapter in PEFT's format, in a folder that is made where it is not there. Heads
// are no part of it. Of a run whose tasks have changes of their own in the upper layers
// a task must be named; else it is "".
func (r *Run) WriteAdapter(dir, task string) error {
	t := r.Recipe.Trunk
	if t.Pretrained == nil || t.Options.Text("tune") != "lora" {
		return fmt.Errorf("the run has no LoRA adapter: its trunk was not trained with tune lora")
	}
	own := t.Pretrained.Layers - int(t.Options.Int("own_layers"))
	names := r.Model.Schema().TaskNames()
	switch {
	case own < t.Pretrained.Layers && task == "":
		return fmt.Errorf("the top %d layers have an adapter for each task; name one of %v", t.Pretrained.Layers-own, names)
	case task != "" && !slices.Contains(names, task):
		return fmt.Errorf("there is no task %q; there are %v", task, names)
	}
	values, err := r.Parameters()
	if err != nil {
		return err
	}
	a := &peft.Adapter{
		Base: t.Path, Rank: int(t.Options.Int("rank")), Alpha: t.Options.Number("alpha"),
		Dropout: t.Options.Number("adapter_dropout"), Modules: map[string]peft.Pair{},
	}
	for i := range t.Pretrained.Layers {
		scope := "trunk/"
		if i >= own {
			scope = "head/" + task + "/"
		}
		for _, projection := range t.Options.Texts("targets") {
			pair, err := learnedPair(values, scope+loraName(i, projection))
			if err != nil {
				return err
			}
			a.Modules[t.Pretrained.Module(i, projection)] = pair
		}
	}
	return peft.Write(dir, a)
}

// learnedPair reads a low-rank change.
func learnedPair(values map[string]*tensor.Tensor, name string) (p peft.Pair, err error) {
	for _, x := range []struct {
		name string
		to   **tensor.Tensor
	}{{"/down/weight", &p.A}, {"/up/weight", &p.B}} {
		from := values[name+x.name]
		if from == nil {
			return p, fmt.Errorf("the run has no parameter %s", name+x.name)
		}
		rows, cols := from.Shape()[0], from.Shape()[1]
		if *x.to, err = tensor.New(tensor.Float32, cols, rows); err != nil {
			return p, err
		}
		transpose((*x.to).Float32s(), from.Float32s(), int(rows), int(cols))
	}
	return p, nil
}
