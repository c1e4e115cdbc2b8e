package export

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"espalier/internal/atomicfile"
	"espalier/onnx"
	"espalier/tensor"
)

// tritonBatch is the most rows that Triton gathers for one run.
const tritonBatch = 64

// tritonName is what Triton takes as the name of a model, which is a folder.
var tritonName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// Triton returns the folders and files of a model in a repository of NVIDIA's
// Triton Inference Server: the path of the file within repository, to be
// written there, and the content of config.pbtxt, which names every input and
// output.
func Triton(repository, name string, m *onnx.Model) (model, config string, err error) {
	if !tritonName.MatchString(name) {
		return "", "", fmt.Errorf("export: %q cannot be a model's name in Triton, which is letters, digits, '.', '_' and '-'", name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "name: %q\nbackend: \"onnxruntime\"\n", name)
	// Without a batch that Triton may choose, the dimensions stand as they are.
	batched := true
	for _, v := range append(append([]onnx.ValueInfo{}, m.Graph.Inputs...), m.Graph.Outputs...) {
		batched = batched && len(v.Shape) > 0 && !v.Shape[0].Known
	}
	if batched {
		fmt.Fprintf(&b, "max_batch_size: %d\n", tritonBatch)
	} else {
		b.WriteString("max_batch_size: 0\n")
	}
	for _, side := range []struct {
		name   string
		values []onnx.ValueInfo
	}{{"input", m.Graph.Inputs}, {"output", m.Graph.Outputs}} {
		fmt.Fprintf(&b, "%s [\n", side.name)
		for i, v := range side.values {
			text, err := tritonValue(v, batched)
			if err != nil {
				return "", "", err
			}
			if i+1 < len(side.values) {
				text += ","
			}
			b.WriteString(text + "\n")
		}
		b.WriteString("]\n")
	}
	if batched {
		b.WriteString("dynamic_batching { }\n")
	}
	return filepath.Join(repository, name, "1", "model.onnx"), b.String(), nil
}

// tritonValue writes one input or output. A list of dimensions may not be empty
// there: a value of one element a row is reshaped.
func tritonValue(v onnx.ValueInfo, batched bool) (string, error) {
	types := map[tensor.DType]string{
		tensor.Float32: "TYPE_FP32", tensor.Float64: "TYPE_FP64", tensor.Float16: "TYPE_FP16",
		tensor.Int64: "TYPE_INT64", tensor.Int32: "TYPE_INT32", tensor.String: "TYPE_STRING", tensor.Bool: "TYPE_BOOL",
	}
	dtype, ok := types[v.DType]
	if !ok {
		return "", fmt.Errorf("export: Triton's configuration has no type for %q, which is %v", v.Name, v.DType)
	}
	shape := v.Shape
	if batched {
		shape = shape[1:]
	}
	var dims []string
	for _, d := range shape {
		if d.Known {
			dims = append(dims, fmt.Sprint(d.Size))
		} else {
			dims = append(dims, "-1")
		}
	}
	reshape := ""
	if len(dims) == 0 {
		dims, reshape = []string{"1"}, " reshape { shape: [ ] }"
	}
	return fmt.Sprintf("  { name: %q data_type: %s dims: [ %s ]%s }", v.Name, dtype, strings.Join(dims, ", "), reshape), nil
}

// WriteTritonConfig writes config.pbtxt where the model's file is two folders
// below.
func WriteTritonConfig(model, config string) error {
	dir := filepath.Dir(filepath.Dir(model))
	if err := os.MkdirAll(filepath.Dir(model), 0o755); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	err := atomicfile.WriteFile(filepath.Join(dir, "config.pbtxt"), func(w io.Writer) error { _, err := io.WriteString(w, config); return err })
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}
