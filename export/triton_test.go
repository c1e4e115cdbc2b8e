package export_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"espalier/export"
	"espalier/models"
	"espalier/onnx"
	"espalier/schema"
	"espalier/tensor"
)

// readConfig parses config.pbtxt by NVIDIA's own messages, which refuse a field
// that they do not have, and holds inputs and outputs against the model beside it.
const readConfig = `
import importlib.metadata, importlib.util, sys
import onnx
from google.protobuf import text_format

# The package itself asks for grpc, its messages do not.
path = importlib.metadata.distribution("tritonclient").locate_file("tritonclient/grpc/model_config_pb2.py")
spec = importlib.util.spec_from_file_location("model_config_pb2", path)
pb = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pb)
T = onnx.TensorProto
types = {T.FLOAT: pb.TYPE_FP32, T.DOUBLE: pb.TYPE_FP64, T.INT64: pb.TYPE_INT64, T.STRING: pb.TYPE_STRING}
for folder in sys.argv[1:]:
    with open(folder + "/config.pbtxt") as f:
        config = text_format.Parse(f.read(), pb.ModelConfig())
    graph = onnx.load(folder + "/1/model.onnx").graph
    assert config.backend == "onnxruntime" and config.name == folder.rsplit("/", 1)[1], folder
    for described, values in ((config.input, graph.input), (config.output, graph.output)):
        assert [d.name for d in described] == [v.name for v in values], folder
        for d, v in zip(described, values):
            shape = [x.dim_value if x.HasField("dim_value") else -1 for x in v.type.tensor_type.shape.dim]
            if config.max_batch_size > 0:
                assert shape[0] == -1, (folder, d.name)
                shape = shape[1:]
            told = list(d.reshape.shape) if d.HasField("reshape") else list(d.dims)
            assert told == shape and len(d.dims) > 0 and 0 not in d.dims, (folder, d.name, told, shape)
            assert d.data_type == types[v.type.tensor_type.elem_type], (folder, d.name)
`

// TestTritonReadsTheConfiguration of files that read ids, text and tables, with
// labels by number and by name.
func TestTritonReadsTheConfiguration(t *testing.T) {
	python := os.Getenv("ESPALIER_PYTHON")
	if python == "" {
		t.Fatal("ESPALIER_PYTHON is not set: run `make env`, and test with `make test`")
	}
	dir := t.TempDir()
	var folders []string
	write := func(m *onnx.Model) {
		t.Helper()
		name := fmt.Sprint("model-", len(folders))
		path, config, err := export.Triton(dir, name, m)
		if err == nil {
			err = export.WriteTritonConfig(path, config)
		}
		if err == nil {
			err = export.Write(path, m)
		}
		if err != nil {
			t.Fatal(err)
		}
		folders = append(folders, filepath.Join(dir, name))
	}
	for _, o := range []export.Options{
		{}, {Labels: "strings"}, {Input: "text"}, {Input: "text", Labels: "ids"}, {Batch: 2, Labels: "strings"}, {Length: 5}, {Heads: []string{"tags"}},
	} {
		_, m := variant(t, o, 0)
		write(m)
	}
	table, values := tableFixture(t)
	for _, o := range []export.Options{{}, {Labels: "ids"}, {Input: "ids", Labels: "strings"}, {Input: "ids"}, {Batch: 4}} {
		m, err := export.Model(table, values, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		write(m)
	}
	if out, err := exec.Command(python, append([]string{"-c", readConfig}, folders...)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// tableFixture is a model of a table, and its parameters.
func tableFixture(t *testing.T) (*models.Model, map[string]*tensor.Tensor) {
	t.Helper()
	m, err := models.NewTabular(&schema.Schema{
		Version: schema.Version, Name: "table",
		Inputs: []schema.Input{
			{Name: "age", Type: schema.Numeric, Mean: 1.7e9, Deviation: 10, Double: true},
			{Name: "work", Type: schema.Categorical, Values: []string{"farm", "shop"}},
		},
		Tasks: []schema.Task{
			{Name: "rich", Type: schema.Classification, Labels: []string{"no", "yes"}},
			{Name: "hours", Type: schema.Regression},
			{Name: "likes", Type: schema.MultiLabel, Labels: []string{"a", "b", "c"}},
		},
	}, models.Config{Trunk: models.TrunkConfig{Widths: []int64{8}}})
	if err != nil {
		t.Fatal(err)
	}
	return m, parametersOf(t, m)
}
