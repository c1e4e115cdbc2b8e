package predict_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	goruntime "runtime"
	"strings"
	"testing"

	"espalier/onnx"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/tensor"
)

// bomb is base64 of gzip of so many MiB of lines.
func bomb(t testing.TB, mib int) string {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	chunk := bytes.Repeat([]byte("a\n"), 1<<19)
	for range mib {
		if _, err := z.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// TestHostileMetadata: what the metadata claims is an error before it costs
// anything, on both engines.
func TestHostileMetadata(t *testing.T) {
	set := func(key, value string) func(m *onnx.Model) {
		return func(m *onnx.Model) {
			for i := range m.Metadata {
				if m.Metadata[i].Key == key {
					m.Metadata[i].Value = value
				}
			}
		}
	}
	replace := func(old, fresh string) func(m *onnx.Model) {
		return func(m *onnx.Model) {
			s, _ := m.MetadataValue(schema.Key)
			if !strings.Contains(s, old) {
				t.Fatalf("%q is not in %s", old, s)
			}
			set(schema.Key, strings.Replace(s, old, fresh, 1))(m)
		}
	}
	for _, c := range []struct {
		name   string
		change func(m *onnx.Model)
		want   string
	}{
		{"no metadata", func(m *onnx.Model) { m.Metadata = nil }, "it was not exported by espalier"},
		{"a vocabulary that unfolds to 1 GiB", set(schema.KeyVocabulary, bomb(t, 1024)), "it unfolds to more than"},
		{"JSON without end", set(schema.Key, strings.Repeat("[", 1<<20)), "schema is not valid JSON"},
		{"a pattern that unfolds", replace(`[\\pL]+`, `((((a{100}){100}){100}){100})`), "pattern of the regex tokenizer"},
		{"a negative length", replace(`"max_length":6`, `"max_length":-6`), "neither may be negative"},
		{"one label", replace(`["bad","good"]`, `["bad"]`), "needs at least two labels"},
		{"a label for every number", replace(`["bad","good"]`, `["`+strings.Join(strings.Split(strings.Repeat("x", 3000), ""), `y","`)+`"]`), "stands twice"},
		{"a fixed batch beyond memory", fixed(1<<40, 0), "has a fixed size of 1099511627776 rows"},
		{"a fixed length beyond memory", fixed(0, 1<<40), "and 1099511627776 tokens"},
		{"a product beyond memory", fixed(1<<20, 1<<20), "has a fixed size of 1048576 rows and 1048576 tokens"},
		{"a product that overflows", fixed(1<<32, 1<<32), "has a fixed size of 4294967296 rows"},
		{"a negative batch", fixed(-1, 0), "has a fixed size of -1 rows"},
		{"an input for an output", replace(`"mood_label"`, `"ids"`), `the graph has no output "ids"`},
		{"an output of another kind", replace(`"places_label"`, `"score_value"`), "has two roles"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := model(t, c.change)
			for name, e := range engines(t) {
				var before, after goruntime.MemStats
				goruntime.ReadMemStats(&before)
				_, err := predict.OpenBytes(data, predict.Options{Engine: e})
				goruntime.ReadMemStats(&after)
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
				}
				if n := after.TotalAlloc - before.TotalAlloc; n > 512<<20 {
					t.Errorf("%s: %d bytes were allocated", name, n)
				}
			}
		})
	}
}

// fixed gives the input a size, 0 leaving it open.
func fixed(batch, length int64) func(m *onnx.Model) {
	return func(m *onnx.Model) {
		for i, size := range []int64{batch, length} {
			if size != 0 {
				m.Graph.Inputs[0].Shape[i] = onnx.Dim{Known: true, Size: size}
			}
		}
	}
}

// TestOutputsThatAreNotWhatTheyDeclare: a graph that leaves its sizes open and
// then gives others is an error of the call, not a crash.
func TestOutputsThatAreNotWhatTheyDeclare(t *testing.T) {
	open := func(m *onnx.Model, name string) *onnx.ValueInfo {
		for i := range m.Graph.Outputs {
			if v := &m.Graph.Outputs[i]; v.Name == name {
				v.Shape = make([]onnx.Dim, len(v.Shape))
				return v
			}
		}
		t.Fatalf("no output %q", name)
		return nil
	}
	// behind puts a node between what computes an output and the output.
	behind := func(m *onnx.Model, name string, n *onnx.Node) {
		for _, other := range m.Graph.Nodes {
			for i, out := range other.Outputs {
				if out == name {
					other.Outputs[i] = name + "/inner"
				}
			}
			for i, in := range other.Inputs {
				if in == name {
					other.Inputs[i] = name + "/inner"
				}
			}
		}
		n.Inputs[0] = name + "/inner"
		n.Outputs = []string{name}
		m.Graph.Nodes = append(m.Graph.Nodes, n)
	}
	constant := func(m *onnx.Model, name string, v ...int64) {
		m.Graph.Initializers = append(m.Graph.Initializers, onnx.TensorOf(name, tensor.Must(tensor.Of(v, int64(len(v))))))
	}
	for _, c := range []struct {
		name   string
		change func(m *onnx.Model)
		want   string
	}{
		{"more labels", func(m *onnx.Model) {
			open(m, "mood_probabilities")
			behind(m, "mood_probabilities", &onnx.Node{OpType: "Concat", Inputs: []string{"", "mood_probabilities/inner"}, Attributes: []onnx.Attribute{onnx.IntAttr("axis", 1)}})
		}, `task "mood": output "mood_probabilities" has 8 elements, the batch needs 4`},
		{"a label outside", func(m *onnx.Model) {
			constant(m, "far", 7)
			behind(m, "mood_label", &onnx.Node{OpType: "Add", Inputs: []string{"", "far"}})
		}, `is outside of 2 labels`},
		{"fewer rows", func(m *onnx.Model) {
			open(m, "score_value")
			constant(m, "first", 0)
			behind(m, "score_value", &onnx.Node{OpType: "Gather", Inputs: []string{"", "first"}})
		}, `task "score": output "score_value" has 1 elements, the batch needs 2`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, e := range engines(t) {
				p, err := predict.OpenBytes(model(t, c.change), predict.Options{Engine: e})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for range 2 {
					if _, err = p.Predict(context.Background(), "i like", "i"); err == nil || !strings.Contains(err.Error(), c.want) {
						t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
					}
				}
				p.Close()
			}
		})
	}
}
