package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier/onnx"
	"espalier/tensor"
)

func TestInspectAndVerify(t *testing.T) {
	path := exported(t)
	code, stdout, _ := command(t, "inspect", path)
	for _, want := range []string{"IR 8, ai.onnx 17", "ids int64[batch,sequence]", "topic_probabilities float32[batch,2]", "topic: classification of fruit, thing"} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit %d and %q, want %q", code, stdout, want)
		}
	}
	code, stdout, stderr := command(t, "verify", path, "--engine", "gonum", "--json")
	if code != 0 || !strings.Contains(stdout, `"against": "gonum"`) {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

// TestVerifyFindsATamperedFile: other parameters than the run's are told by
// --run, and metadata that was changed by its hash. The table and the JSON are
// printed all the same, and the command fails.
func TestVerifyFindsATamperedFile(t *testing.T) {
	run := trained(t)
	path := filepath.Join(t.TempDir(), "m.onnx")
	if code, _, stderr := command(t, "export", run, "-o", path, "--engine", "gonum"); code != 0 {
		t.Fatal(stderr)
	}
	if code, stdout, stderr := command(t, "verify", path, "--run", run, "--engine", "gonum"); code != 0 || !strings.Contains(stdout, "compared with the trainer") {
		t.Fatalf("exit %d, %q, %q", code, stdout, stderr)
	}
	tamper := func(change func(m *onnx.Model)) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Decode(data, onnx.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		change(m)
		if data, err = onnx.Encode(m); err != nil {
			t.Fatal(err)
		}
		return file(t, "tampered.onnx", string(data))
	}
	weights := tamper(func(m *onnx.Model) {
		for _, x := range m.Graph.Initializers {
			for i := 3; x.DType == tensor.Float32 && i < len(x.Raw); i += 4 {
				x.Raw[i] ^= 0x80 // the sign
			}
		}
	})
	const message = "gives answers that differ by more than 1e-05 from those of"
	code, stdout, stderr := command(t, "verify", weights, "--run", run, "--engine", "gonum")
	if code != 1 || !strings.Contains(stderr, message) || !strings.Contains(stdout, "topic_probabilities") {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	code, stdout, stderr = command(t, "verify", weights, "--run", run, "--engine", "gonum", "--json")
	var report struct {
		Outputs []struct {
			Name     string  `json:"name"`
			Absolute float64 `json:"max_absolute_difference"`
		} `json:"outputs"`
	}
	if err := json.Unmarshal([]byte(stdout), &report); code != 1 || err != nil || !strings.Contains(stderr, message) {
		t.Fatalf("exit %d, %v, %q, %q", code, err, stdout, stderr)
	}
	if report.Outputs[0].Absolute < 1e-5 {
		t.Errorf("%+v", report.Outputs)
	}
	words := tamper(func(m *onnx.Model) {
		for i := range m.Metadata {
			if m.Metadata[i].Key == "espalier.vocabulary_sha256" {
				m.Metadata[i].Value = strings.Repeat("0", 64)
			}
		}
	})
	if code, _, stderr := command(t, "verify", words, "--engine", "gonum"); code != 1 || !strings.Contains(stderr, "the file is damaged") {
		t.Errorf("exit %d, %q", code, stderr)
	}
}
