package pretrained

import (
	"fmt"
	"slices"
	"strings"

	"espalier/safetensors"
	"espalier/tensor"
)

// Weight says which tensors of a checkpoint a parameter is.
type Weight struct {
	// Parameter is the name in the scope of the trunk.
	Parameter string
	// Tensors are the names in the checkpoint. Several stand side by side in the
	// parameter's last dimension.
	Tensors []string
	// Transposed: each tensor is [out, in] and the parameter [in, out].
	Transposed bool
}

// linear is the weight and the bias of one or more layers side by side.
func linear(parameter string, tensors ...string) []Weight {
	w, b := Weight{Parameter: parameter + "/weight", Transposed: true}, Weight{Parameter: parameter + "/bias"}
	for _, t := range tensors {
		w.Tensors, b.Tensors = append(w.Tensors, t+".weight"), append(b.Tensors, t+".bias")
	}
	return []Weight{w, b}
}

// normalized is the scale and the bias of layer normalisation.
func normalized(parameter, tensor string) []Weight {
	return []Weight{
		{Parameter: parameter + "/scale", Tensors: []string{tensor + ".weight"}},
		{Parameter: parameter + "/bias", Tensors: []string{tensor + ".bias"}},
	}
}

// table is a table of vectors.
func table(parameter, tensor string) Weight {
	return Weight{Parameter: parameter + "/table", Tensors: []string{tensor + ".weight"}}
}

// Weights says which tensors of a checkpoint the encoder's parameters are, those of the
// pooling layer last.
func (c *Config) Weights() []Weight {
	return append(c.architecture.weights(c), c.architecture.pooler...)
}

// Checkpoint are the tensors of a folder, as [safetensors.OpenFolder] opens them.
type Checkpoint interface {
	// Info says what a tensor is, and false where there is none.
	Info(name string) (safetensors.Info, bool)
	// Read reads a tensor as float32.
	Read(name string, dst []float32) error
}

// find returns what a tensor is called in a checkpoint: models with a head put the
// architecture's name in front, and old ones call scale and bias of normalisation gamma
// and beta.
func (c *Config) find(from Checkpoint, name string) (string, bool) {
	forms := []string{name}
	if rest, ok := strings.CutSuffix(name, "LayerNorm.weight"); ok {
		forms = append(forms, rest+"LayerNorm.gamma")
	}
	if rest, ok := strings.CutSuffix(name, "LayerNorm.bias"); ok {
		forms = append(forms, rest+"LayerNorm.beta")
	}
	for _, form := range forms {
		for _, prefix := range append([]string{""}, c.architecture.prefixes...) {
			if _, ok := from.Info(prefix + form); ok {
				return prefix + form, true
			}
		}
	}
	return "", false
}

// Check reports the first parameter that a checkpoint cannot fill. shapes are those of
// the parameters by their name in the scope of the trunk; parameters that are not the
// checkpoint's, such as adapters, are left out.
func (c *Config) Check(from Checkpoint, shapes map[string]tensor.Shape) error {
	_, err := c.plan(from, shapes)
	return err
}

// planned is a parameter with the names of its tensors in the checkpoint.
type planned struct {
	Weight
	names []string
	parts []tensor.Shape
}

func (c *Config) plan(from Checkpoint, shapes map[string]tensor.Shape) ([]planned, error) {
	var plan []planned
	for _, w := range c.Weights() {
		shape, ok := shapes[w.Parameter]
		if !ok {
			continue
		}
		p := planned{Weight: w}
		last := int64(0)
		for _, t := range w.Tensors {
			name, ok := c.find(from, t)
			if !ok {
				return nil, fmt.Errorf("the checkpoint has no tensor %q, which a model of type %s has; is the folder complete, and the one that its %s describes?", t, c.ModelType, ConfigFile)
			}
			of, _ := from.Info(name)
			if !of.Floats() {
				return nil, fmt.Errorf("tensor %q in %s is of type %s, which weights cannot be; supported are F32, F16, BF16 and F64", name, of.File, of.DType)
			}
			own := slices.Clone(of.Shape)
			if w.Transposed && len(own) == 2 {
				own[0], own[1] = own[1], own[0]
			}
			if len(own) != len(shape) || !slices.Equal(own[:len(own)-1], shape[:len(shape)-1]) {
				return nil, misfit(name, of.Shape, c)
			}
			last += own[len(own)-1]
			p.names, p.parts = append(p.names, name), append(p.parts, own)
		}
		if last != shape[len(shape)-1] {
			of, _ := from.Info(p.names[0])
			return nil, misfit(p.names[0], of.Shape, c)
		}
		plan = append(plan, p)
	}
	return plan, nil
}

func misfit(name string, shape tensor.Shape, c *Config) error {
	return fmt.Errorf("tensor %q is %v, which is not what the sizes in %s make it: %d hidden, %d in feed-forward layers, %d ids, %d positions", name, shape, ConfigFile, c.Hidden, c.FeedForward, c.Vocabulary, c.Positions)
}

// Fill gives parameters the values of a checkpoint. values are the parameters by their
// name in the scope of the trunk, float32; those that are not the checkpoint's stay as
// they are. It returns how many numbers it set.
func (c *Config) Fill(from Checkpoint, values map[string]*tensor.Tensor) (int, error) {
	shapes := map[string]tensor.Shape{}
	for name, t := range values {
		shapes[name] = t.Shape()
	}
	plan, err := c.plan(from, shapes)
	if err != nil {
		return 0, err
	}
	set := 0
	var buffer []float32
	for _, p := range plan {
		dst := values[p.Parameter].Float32s()
		set += len(dst)
		if len(p.names) == 1 && !p.Transposed {
			if err := from.Read(p.names[0], dst); err != nil {
				return 0, err
			}
			continue
		}
		width := int(values[p.Parameter].Shape()[len(p.parts[0])-1])
		at := 0
		for i, name := range p.names {
			rows, cols := 1, int(p.parts[i][len(p.parts[i])-1])
			if len(p.parts[i]) == 2 {
				rows = int(p.parts[i][0])
			}
			buffer = slices.Grow(buffer[:0], rows*cols)[:rows*cols]
			if err := from.Read(name, buffer); err != nil {
				return 0, err
			}
			copyColumns(dst, buffer, rows, cols, width, at, p.Transposed)
			at += cols
		}
	}
	return set, nil
}

// block is the side of the squares that a matrix is transposed in, so that what is read
// and what is written both stay in the cache.
const block = 32

// copyColumns copies a matrix [rows, cols], or one that is stored transposed, into columns at
// and on of one that is width wide.
func copyColumns(dst, src []float32, rows, cols, width, at int, transposed bool) {
	if !transposed {
		for r := range rows {
			copy(dst[r*width+at:], src[r*cols:(r+1)*cols])
		}
		return
	}
	for r0 := 0; r0 < rows; r0 += block {
		for c0 := 0; c0 < cols; c0 += block {
			for r := r0; r < min(r0+block, rows); r++ {
				for c := c0; c < min(c0+block, cols); c++ {
					dst[r*width+at+c] = src[c*rows+r]
				}
			}
		}
	}
}
