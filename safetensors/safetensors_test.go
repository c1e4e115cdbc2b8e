package safetensors

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/tensor"
)

func example(t testing.TB) []byte {
	t.Helper()
	f := &File{
		Tensors: map[string]*tensor.Tensor{
			"b":     tensor.Must(tensor.Of([]float32{1, -2.5, 3}, 3)),
			"a":     tensor.Must(tensor.Of([]int64{-1, 1 << 40}, 2, 1)),
			"empty": tensor.Must(tensor.Of([]float64{}, 0, 4)),
		},
		Metadata: map[string]string{"step": "7"},
	}
	var buf bytes.Buffer
	if err := Write(&buf, f); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestRoundTrip(t *testing.T) {
	data := example(t)
	f, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float32{1, -2.5, 3}, f.Tensors["b"].Float32s()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{-1, 1 << 40}, f.Tensors["a"].Int64s()); diff != "" {
		t.Error(diff)
	}
	if got := f.Tensors["empty"].String(); got != "float64[0,4]" {
		t.Errorf("empty tensor is %s", got)
	}
	if f.Metadata["step"] != "7" {
		t.Errorf("metadata is %v", f.Metadata)
	}
	if !bytes.Equal(data, example(t)) {
		t.Error("the same tensors gave other bytes")
	}
}

func TestDecodeRefuses(t *testing.T) {
	with := func(header string, body int) []byte {
		data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		return append(append(data, header...), make([]byte, body)...)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "0 bytes are too few for a header"},
		{"long header", binary.LittleEndian.AppendUint64(nil, 1<<60), "the header claims 1152921504606846976 bytes, the file has 8"},
		{"no JSON", with("{", 0), "header: unexpected EOF"},
		{"type", with(`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), `tensor "x": type "U8" is not one of [F32 F64 I64]`},
		{"range", with(`{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 3), `the file is cut short: its tensors have 4 bytes, the file has 3 for them`},
		{"shape", with(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4), `tensor "x": shape [2] of F32 does not fill bytes 0 to 4`},
		{"huge", with(`{"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}`, 4), "more elements than memory can address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode(c.data)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(example(f))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Decode(data)
		if err != nil {
			return
		}
		var buf bytes.Buffer
		if err := Write(&buf, file); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}
