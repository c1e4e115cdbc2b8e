package export_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier/export"
	"espalier/export/verify"
	"espalier/models"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/schema"
)

// hostileFiles are changes to a file that make it ask for what cannot be.
var hostileFiles = []struct {
	name   string
	change func(t testing.TB, m *onnx.Model)
	want   string
}{
	{"a fixed batch beyond memory", func(_ testing.TB, m *onnx.Model) { fix(m, 1<<40, 0) }, "a batch of 1099511627776 rows"},
	{"a fixed length beyond memory", func(_ testing.TB, m *onnx.Model) { fix(m, 0, 1<<40) }, "1099511627776 tokens cannot be tried"},
	{"a product beyond memory", func(_ testing.TB, m *onnx.Model) { fix(m, 1<<20, 1<<20) }, "cannot be tried"},
	{"a negative batch", func(_ testing.TB, m *onnx.Model) { fix(m, -3, 0) }, "a batch of -3 rows"},
	{"a negative length", func(_ testing.TB, m *onnx.Model) { fix(m, 0, -3) }, "-3 tokens cannot be tried"},
	{"no words", describe(`"vocabulary_size":22`, `"vocabulary_size":0`), "the vocabulary has 22 words, the schema says 0"},
	{"more words", describe(`"vocabulary_size":22`, `"vocabulary_size":2147483647`), "the vocabulary has 22 words, the schema says 2147483647"},
	{"another kind of input", describe(`"type":"text"`, `"type":"numbers"`), "neither one text nor columns"},
	{"no schema", func(_ testing.TB, m *onnx.Model) { m.Metadata = nil }, "schema is not valid JSON"},
}

// fix gives the input ids a size, 0 leaving it open.
func fix(m *onnx.Model, batch, length int64) {
	for i, size := range []int64{batch, length} {
		if size != 0 {
			m.Graph.Inputs[0].Shape[i] = onnx.Dim{Known: true, Size: size}
		}
	}
}

// describe changes the schema in the metadata.
func describe(old, fresh string) func(t testing.TB, m *onnx.Model) {
	return func(t testing.TB, m *onnx.Model) {
		for i := range m.Metadata {
			if p := &m.Metadata[i]; p.Key == schema.Key {
				if !strings.Contains(p.Value, old) {
					t.Fatalf("%s is not in %s", old, p.Value)
				}
				p.Value = strings.Replace(p.Value, old, fresh, 1)
			}
		}
	}
}

// TestVerifyRefusesHostileFiles before it makes inputs for them.
func TestVerifyRefusesHostileFiles(t *testing.T) {
	for _, c := range hostileFiles {
		t.Run(c.name, func(t *testing.T) {
			path, m := variant(t, export.Options{}, 0)
			c.change(t, m)
			data, err := onnx.Encode(m)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := verify.File(context.Background(), path, verify.Options{Engines: bothEngines(t)}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

// FuzzVerify: whatever a file holds, it is a report or an error.
func FuzzVerify(f *testing.F) {
	model, values, words := fixtureOf(f, models.TrunkConfig{Type: "bag", Embedding: 4})
	m, err := export.Model(model, values, words, export.Options{})
	if err != nil {
		f.Fatal(err)
	}
	add := func(m *onnx.Model) {
		data, err := onnx.Encode(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	add(m)
	for _, c := range hostileFiles {
		if m, err = export.Model(model, values, words, export.Options{}); err != nil {
			f.Fatal(err)
		}
		c.change(f, m)
		add(m)
	}
	path := filepath.Join(f.TempDir(), "m.onnx")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = verify.File(context.Background(), path, verify.Options{Engines: []runtime.Engine{&gonum.Engine{MaxMemory: 1 << 20}}, Longest: 4})
	})
}
