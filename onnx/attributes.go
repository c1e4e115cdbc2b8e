package onnx

// IntAttr makes an integer attribute.
func IntAttr(name string, v int64) Attribute { return Attribute{Name: name, Type: AttrInt, Int: v} }

// IntsAttr makes an attribute that is a list of integers.
func IntsAttr(name string, v []int64) Attribute {
	return Attribute{Name: name, Type: AttrInts, Ints: v}
}

// FloatAttr makes a float attribute.
func FloatAttr(name string, v float32) Attribute {
	return Attribute{Name: name, Type: AttrFloat, Float: v}
}

// FloatsAttr makes an attribute that is a list of floats.
func FloatsAttr(name string, v []float32) Attribute {
	return Attribute{Name: name, Type: AttrFloats, Floats: v}
}

// StringAttr makes a string attribute.
func StringAttr(name, v string) Attribute {
	return Attribute{Name: name, Type: AttrString, String: []byte(v)}
}

// StringsAttr makes an attribute that is a list of strings.
func StringsAttr(name string, v []string) Attribute {
	a := Attribute{Name: name, Type: AttrStrings}
	for _, s := range v {
		a.Strings = append(a.Strings, []byte(s))
	}
	return a
}

// TensorAttr makes a tensor attribute.
func TensorAttr(name string, v *Tensor) Attribute {
	return Attribute{Name: name, Type: AttrTensor, Tensor: v}
}

// GraphAttr makes a sub-graph attribute.
func GraphAttr(name string, v *Graph) Attribute {
	return Attribute{Name: name, Type: AttrGraph, Graph: v}
}
