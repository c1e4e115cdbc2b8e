package onnx_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/onnx"
	"espalier/tensor"
)

func sampleAdapter() *onnx.Adapter {
	return &onnx.Adapter{Version: 3, ModelVersion: 4, Parameters: []*onnx.Tensor{
		onnx.TensorOf("b/x", tensor.Must(tensor.Of([]float32{0, 1, 2, 3, 4, 5}, 2, 3))),
		onnx.TensorOf("a", tensor.Must(tensor.Of([]float32{1, 1}, 1, 2))),
		onnx.TensorOf("none", tensor.Must(tensor.Of([]float32{}, 0, 2))),
		onnx.TensorOf("half", tensor.Must(tensor.Of([]int64{-1}, 1))),
	}}
}

func TestAdaptersComeBack(t *testing.T) {
	want := sampleAdapter()
	data, err := onnx.EncodeAdapter(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := onnx.DecodeAdapter(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	again, err := onnx.EncodeAdapter(got)
	if err != nil || !bytes.Equal(data, again) {
		t.Errorf("other bytes the second time: %v", err)
	}
}

// TestAdaptersAreONNXRuntimes: a file that ONNX Runtime's Python writes is read, and it
// reads and writes ours without loss.
func TestAdaptersAreONNXRuntimes(t *testing.T) {
	python := os.Getenv("ESPALIER_PYTHON")
	if python == "" {
		t.Fatal("ESPALIER_PYTHON is not set: run `make env`, and test with `make test`")
	}
	data, err := onnx.EncodeAdapter(sampleAdapter())
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := filepath.Join(t.TempDir(), "ours.onnx_adapter"), filepath.Join(t.TempDir(), "theirs.onnx_adapter")
	if err := os.WriteFile(ours, data, 0o644); err != nil {
		t.Fatal(err)
	}
	const program = `
import sys, onnxruntime as ort
a = ort.AdapterFormat.read_adapter(sys.argv[1])
b = ort.AdapterFormat()
b.set_adapter_version(a.get_adapter_version())
b.set_model_version(a.get_model_version())
b.set_parameters(a.get_parameters())
b.export_adapter(sys.argv[2])
`
	if out, err := exec.Command(python, "-c", program, ours, theirs).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if data, err = os.ReadFile(theirs); err != nil {
		t.Fatal(err)
	}
	got, err := onnx.DecodeAdapter(data)
	if err != nil {
		t.Fatal(err)
	}
	byName := cmp.Transformer("byName", func(ts []*onnx.Tensor) map[string]onnx.Tensor {
		m := map[string]onnx.Tensor{}
		for _, t := range ts {
			m[t.Name] = onnx.Tensor{DType: t.DType, Dims: t.Dims, Raw: append([]byte{}, t.Raw...)}
		}
		return m
	})
	if diff := cmp.Diff(sampleAdapter(), got, byName); diff != "" {
		t.Error(diff)
	}
}

func TestAdaptersThatCannotBe(t *testing.T) {
	data, err := onnx.EncodeAdapter(sampleAdapter())
	if err != nil {
		t.Fatal(err)
	}
	version := bytes.Clone(data)
	version[24] = 9
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":    {nil, "onnx: not an ONNX Runtime adapter, or a damaged one"},
		"a model":    {[]byte("\x08\x08\x12\x08espalier"), "onnx: not an ONNX Runtime adapter, or a damaged one"},
		"half of it": {data[:len(data)/2], "onnx: not an ONNX Runtime adapter, or a damaged one"},
		"newer":      {version, "onnx: the adapter has version 9 of its format; version 1 is read"},
	} {
		if _, err := onnx.DecodeAdapter(c.data); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := onnx.EncodeAdapter(&onnx.Adapter{Parameters: []*onnx.Tensor{{Name: "x", DType: tensor.Float32, Dims: []int64{2}, Raw: make([]byte, 4)}}}); err == nil || !strings.Contains(err.Error(), `parameter "x" of an adapter`) {
		t.Errorf("got %v", err)
	}
}

func FuzzDecodeAdapter(f *testing.F) {
	data, err := onnx.EncodeAdapter(sampleAdapter())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:40])
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := onnx.DecodeAdapter(data)
		if err != nil {
			return
		}
		if _, err := onnx.EncodeAdapter(a); err != nil {
			t.Error(err)
		}
	})
}
