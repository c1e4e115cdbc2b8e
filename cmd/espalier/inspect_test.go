package main

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"espalier/onnx"
	"espalier/tensor"
)

func TestHostileModels(t *testing.T) {
	good, err := os.ReadFile(exported(t))
	if err != nil {
		t.Fatal(err)
	}
	model := func(change func(m *onnx.Model)) string {
		m, err := onnx.Decode(append([]byte{}, good...), onnx.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		change(m)
		data, err := onnx.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		return file(t, "bad.onnx", string(data))
	}
	giant := binary.AppendUvarint([]byte{0x3a}, 1<<40) // field 7, the graph, of a terabyte
	for _, c := range []struct{ name, path, want string }{
		{"missing", "/no/model.onnx", "no such file or directory"},
		{"empty", file(t, "e.onnx", ""), "there is no graph"},
		{"text", file(t, "t.onnx", "hello world"), "onnx: "},
		{"truncated", file(t, "c.onnx", string(good[:len(good)/2])), "unexpected EOF"},
		{"giant length", file(t, "g.onnx", string(giant)), "unexpected EOF"},
		{"no metadata", model(func(m *onnx.Model) { m.Metadata = nil }), "it was not exported by espalier"},
		{"cycle", model(func(m *onnx.Model) { m.Graph.Nodes[0].Inputs[0] = m.Graph.Nodes[len(m.Graph.Nodes)-1].Outputs[0] }), ""},
		{"huge dimensions", model(func(m *onnx.Model) {
			m.Graph.Initializers = append(m.Graph.Initializers, &onnx.Tensor{Name: "huge", DType: tensor.Float32, Dims: []int64{1 << 40, 1 << 40}})
		}), "more elements than memory can address"},
		{"dimensions without elements", model(func(m *onnx.Model) {
			m.Graph.Initializers = append(m.Graph.Initializers, &onnx.Tensor{Name: "huge", DType: tensor.Float32, Dims: []int64{1 << 20}})
		}), "its dimensions [1048576] ask for 1048576 elements"},
		{"wrong vocabulary", model(func(m *onnx.Model) {
			for i := range m.Metadata {
				if m.Metadata[i].Key == "espalier.vocabulary_sha256" {
					m.Metadata[i].Value = "00"
				}
			}
		}), "the file is damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := command(t, "predict", c.path, "--text", "x", "--engine", "gonum")
			if code != 1 || stdout != "" || !strings.Contains(stderr, c.want) || !strings.HasPrefix(stderr, "espalier: ") {
				t.Errorf("exit %d, %q and %q, want exit 1 and %q", code, stdout, stderr, c.want)
			}
		})
	}
}
