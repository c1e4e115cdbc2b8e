package gonum

import (
	"fmt"
	"math"
	"slices"

	"espalier/onnx"
	"espalier/tensor"
)

// labelMakers are the operators of ai.onnx.ml that the engine has.
func labelMakers() map[string]forms {
	lists := []string{"keys_floats", "keys_int64s", "keys_strings", "values_floats", "values_int64s", "values_strings"}
	return map[string]forms{
		"ai.onnx.ml.LabelEncoder": made(1, 1, newClassEncoder, "classes_strings", "default_int64", "default_string").
			andMade(2, 2, newLabelEncoder, slices.Concat([]string{"default_float", "default_int64", "default_string"}, lists)...).
			andMade(4, 4, newLabelEncoder, slices.Concat([]string{"default_float", "default_int64", "default_string", "default_tensor", "keys_tensor", "values_tensor"}, lists)...),
	}
}

// newLabelEncoder makes a look-up: keys and values at the same places, and a
// value for everything else. As of version 4, not a number is a key like any
// other.
func newLabelEncoder(a attributes, version int64) (kernel, error) {
	keys, err := a.list("keys")
	if err != nil {
		return nil, err
	}
	values, err := a.list("values")
	if err != nil {
		return nil, err
	}
	if keys.Len() != values.Len() {
		return nil, fmt.Errorf("there are %d keys and %d values", keys.Len(), values.Len())
	}
	other, err := a.other(values.DType())
	if err != nil {
		return nil, err
	}
	switch k := keys.Any().(type) {
	case []string:
		return encoderFrom(k, values, other, version >= 4)
	case []int64:
		return encoderFrom(k, values, other, version >= 4)
	case []float32:
		return encoderFrom(k, values, other, version >= 4)
	case []float64:
		return encoderFrom(k, values, other, version >= 4)
	case []int32:
		return encoderFrom(k, values, other, version >= 4)
	case []int16:
		return encoderFrom(k, values, other, version >= 4)
	}
	return nil, refuse(keys)
}

// list reads the attribute of keys or values that is there, by its type.
func (a attributes) list(name string) (*tensor.Tensor, error) {
	if v := a.get(name+"_tensor", onnx.AttrTensor); v != nil {
		return v.Tensor.Value()
	}
	if s := a.texts(name + "_strings"); s != nil {
		return tensor.Of(s, int64(len(s)))
	}
	if x := a.ints(name + "_int64s"); x != nil {
		return tensor.Of(x, int64(len(x)))
	}
	if x := a.floats(name + "_floats"); x != nil {
		return tensor.Of(x, int64(len(x)))
	}
	return nil, fmt.Errorf("it has no %s_strings, %s_int64s, %s_floats or %s_tensor", name, name, name, name)
}

// other is the value of what is no key.
func (a attributes) other(dtype tensor.DType) (*tensor.Tensor, error) {
	if v := a.get("default_tensor", onnx.AttrTensor); v != nil {
		t, err := v.Tensor.Value()
		if err == nil && (t.DType() != dtype || t.Len() != 1) {
			err = fmt.Errorf("default_tensor is %v, the values are %v", t, dtype)
		}
		return t, err
	}
	switch dtype {
	case tensor.String:
		return tensor.Scalar(a.text("default_string", "_Unused")), nil
	case tensor.Int64:
		return tensor.Scalar(a.int("default_int64", -1)), nil
	case tensor.Float32:
		return tensor.Scalar(a.float("default_float", float32(math.Copysign(0, -1)))), nil
	case tensor.Float64:
		return tensor.Scalar(math.Copysign(0, -1)), nil
	case tensor.Int32:
		return tensor.Scalar(int32(-1)), nil
	case tensor.Int16:
		return tensor.Scalar(int16(-1)), nil
	}
	return nil, fmt.Errorf("values of type %v are not among those of the operator", dtype)
}

func encoderFrom[K comparable](keys []K, values, other *tensor.Tensor, nans bool) (kernel, error) {
	switch v := values.Any().(type) {
	case []string:
		return encoder(keys, v, other, nans), nil
	case []int64:
		return encoder(keys, v, other, nans), nil
	case []float32:
		return encoder(keys, v, other, nans), nil
	case []float64:
		return encoder(keys, v, other, nans), nil
	case []int32:
		return encoder(keys, v, other, nans), nil
	case []int16:
		return encoder(keys, v, other, nans), nil
	}
	return nil, refuse(values)
}

// encoder looks up in a map; of a key that stands twice, the first counts.
func encoder[K comparable, V any](keys []K, values []V, other *tensor.Tensor, nans bool) kernel {
	none := other.Any().([]V)[0]
	nan := none // not a number does not equal itself
	known := make(map[K]V, len(keys))
	for i, k := range keys {
		if k != k {
			if nans {
				nan, nans = values[i], false
			}
			continue
		}
		if _, twice := known[k]; !twice {
			known[k] = values[i]
		}
	}
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		xs, ok := x.Any().([]K)
		if !ok {
			return fmt.Errorf("the operand is %v, the keys are of another type", x)
		}
		y, err := c.make(0, other.DType(), x.Shape())
		if err != nil {
			return err
		}
		out := y.Any().([]V)
		for i, k := range xs {
			v, ok := known[k]
			switch {
			case k != k:
				v = nan
			case !ok:
				v = none
			}
			out[i] = v
		}
		return nil
	}
}

// newClassEncoder is version 1: strings to their places in a list, or back.
func newClassEncoder(a attributes, _ int64) (kernel, error) {
	classes, none, unknown := a.texts("classes_strings"), a.int("default_int64", -1), a.text("default_string", "_Unused")
	if classes == nil {
		return nil, fmt.Errorf("it has no classes_strings")
	}
	places := make([]int64, len(classes))
	for i := range places {
		places[i] = int64(i)
	}
	to := encoder(classes, places, tensor.Scalar(none), false)
	from := encoder(places, classes, tensor.Scalar(unknown), false)
	return func(c *call) error {
		if x := c.optional(0); x != nil && x.DType() == tensor.Int64 {
			return from(c)
		}
		return to(c)
	}, nil
}
