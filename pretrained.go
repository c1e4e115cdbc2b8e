package espalier

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"espalier/models"
	"espalier/pretrained"
	"espalier/safetensors"
	"espalier/tensor"
	"espalier/train"
)

// inTrunk returns the name that a parameter has in the scope of a trunk, and false for
// one that is in none. With structures in which tasks have trunks of their own, a
// parameter of each has that name.
func inTrunk(parameter string) (name, of string, ok bool) {
	if rest, ok := strings.CutPrefix(parameter, "trunk/tasks/"); ok { // of cross-stitch
		of, name, ok = strings.Cut(rest, "/")
		return name, of, ok
	}
	if rest, ok := strings.CutPrefix(parameter, "trunk/"); ok {
		return rest, "", true
	}
	task, ok := models.TaskOf(parameter)
	if !ok {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(parameter, "head/"+task+"/trunk/")
	return rest, task, ok
}

// byTrunk divides what is known of parameters by the task whose trunk they are in, "" for
// the shared one, and names it by their names in the scope of the trunk.
func byTrunk[T any](all map[string]T) map[string]map[string]T {
	trunks := map[string]map[string]T{}
	for parameter, x := range all {
		if name, of, ok := inTrunk(parameter); ok {
			if trunks[of] == nil {
				trunks[of] = map[string]T{}
			}
			trunks[of][name] = x
		}
	}
	return trunks
}

// checkPretrained reports what does not fit between a pretrained trunk's folder and the
// model, before any data is read into data sets.
func (r *Run) checkPretrained() error {
	t := r.Recipe.Trunk
	if t.Pretrained == nil {
		return nil
	}
	if has, most := int64(r.Vocabulary.Size()), t.Pretrained.Vocabulary; has > most {
		return fmt.Errorf("%s: the tokenizer has ids to %d, but the word embeddings of %s have %d rows; they are of different models", r.Recipe.Where("trunk.path"), has-1, t.Path, most)
	}
	built, err := r.Model.Build(models.Training)
	if err != nil {
		return err
	}
	all := map[string]tensor.Shape{}
	for _, v := range built.Graph.Parameters() {
		all[v.Name()] = v.Parameter().Shape
	}
	if _, err := r.adapter(); err != nil {
		return err
	}
	return r.withWeights(func(w *safetensors.Folder) error {
		for _, of := range byTrunk(all) {
			if err := t.Pretrained.Check(w, of); err != nil {
				return err
			}
		}
		return nil
	})
}

// withWeights opens the weights of a pretrained trunk's folder.
func (r *Run) withWeights(do func(w *safetensors.Folder) error) error {
	w, err := safetensors.OpenFolder(r.Recipe.Trunk.Path)
	if err == nil {
		defer w.Close()
		err = do(w)
	}
	if err != nil {
		return fmt.Errorf("%s: trunk.path cannot be used: %w", r.Recipe.Where("trunk.path"), err)
	}
	return nil
}

// startPretrained gives a pretrained trunk the values of its folder.
func (r *Run) startPretrained(t *train.Trainer, log func(string, ...any)) error {
	of := r.Recipe.Trunk
	if of.Pretrained == nil {
		return nil
	}
	values := byTrunk(t.Parameters())
	set := 0
	err := r.withWeights(func(w *safetensors.Folder) error {
		for _, v := range values {
			for _, part := range partsOf(v) {
				err := inFloat32(v, part, func(v map[string]*tensor.Tensor) error {
					n, err := of.Pretrained.Fill(w, v)
					set += n
					return err
				})
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil {
		err = r.startAdapter(values, log)
	}
	if err != nil {
		return err
	}
	if note := r.copies(values); note != "" {
		log("%s", note)
	}
	log("trunk: %s (model_type %s), %d layers of width %d, %.1f million parameters from %s", of.Pretrained.Kind, of.Pretrained.ModelType, of.Pretrained.Layers, of.Pretrained.Hidden, float64(set)/1e6, of.Path)
	return nil
}

// copies says how often a sharing structure has the layers of a pretrained trunk, "" for
// one that has them once.
func (r *Run) copies(values map[string]map[string]*tensor.Tensor) string {
	n, bytes := 0, 0
	for _, of := range values {
		has := false
		for name, v := range of {
			if strings.HasPrefix(name, pretrained.LayerName(0)+"/") {
				has = true
			}
			bytes += v.Len() * v.DType().Size()
		}
		if has {
			n++
		}
	}
	if n < 2 {
		return ""
	}
	megabytes := float64(bytes) / 1e6
	return fmt.Sprintf("trunk: sharing method %s has the encoder %d times: its numbers take %.1f MB, and four times as many if all of them learn with Adam", r.Recipe.Sharing.Method, n, megabytes)
}

// partsOf are the parts that parameters are in, by the beginnings of their names: each
// layer, the embeddings and what else there is.
func partsOf(values map[string]*tensor.Tensor) []string {
	parts := map[string]bool{}
	for name := range values {
		part, _, _ := strings.Cut(name, "/")
		parts[part+"/"] = true
	}
	return slices.Sorted(maps.Keys(parts))
}

// inFloat32 calls do with the parameters of a part. Those that are kept in 16 bits are
// float32 meanwhile, and what do made of them is rounded.
func inFloat32(values map[string]*tensor.Tensor, part string, do func(map[string]*tensor.Tensor) error) error {
	wide := map[string]*tensor.Tensor{}
	for name, v := range values {
		if !strings.HasPrefix(name, part) {
			continue
		}
		if wide[name] = v; v.DType() != tensor.Float32 {
			own := make([]float32, v.Len())
			tensor.Widen(own, v)
			wide[name] = tensor.Must(tensor.Of(own, v.Shape()...))
		}
	}
	if err := do(wide); err != nil {
		return err
	}
	for name, v := range wide {
		if err := put(name, values[name], v.Float32s()); err != nil {
			return err
		}
	}
	return nil
}

// put gives a parameter values, rounded where it is kept in 16 bits.
func put(name string, parameter *tensor.Tensor, values []float32) error {
	narrow, finite := tensor.Narrow(parameter, values)
	if !narrow {
		copy(parameter.Float32s(), values)
	} else if !finite {
		return fmt.Errorf("parameter %q has an element that is too large for float16; set trunk.frozen_weights to bfloat16 or float32", name)
	}
	return nil
}
