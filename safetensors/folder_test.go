package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/tensor"
)

// layout is a file of a header, as it is written there, and elements.
func layout(header string, body []byte) []byte {
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(data, header...), body...)
}

// folder writes files by name and returns their folder.
func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil { //lint:allow writes a test's own file
			t.Fatal(err)
		}
	}
	return dir
}

func open(t testing.TB, dir string) *Folder {
	t.Helper()
	d, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func get(t testing.TB, d *Folder, name string) []float32 {
	t.Helper()
	info, ok := d.Info(name)
	if !ok {
		t.Fatalf("no tensor %q", name)
	}
	n, err := info.Shape.Elements()
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, n)
	if err := d.Read(name, dst); err != nil {
		t.Fatal(err)
	}
	whole, err := d.Tensor(name)
	if err != nil {
		t.Fatal(err)
	}
	if !whole.Shape().Equal(info.Shape) || !slices.EqualFunc(dst, whole.Float32s(), func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
		t.Fatalf("%s: Tensor and Read differ", name)
	}
	return dst
}

// TestEveryTypeIsRead: elements written by hand from the format's description.
func TestEveryTypeIsRead(t *testing.T) {
	body := []byte{0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0} // float32 1, -2.5
	body = append(body, 0x00, 0x3c, 0x00, 0xc1)        // float16 1, -2.5
	body = append(body, 0x80, 0x3f, 0x20, 0xc0)        // bfloat16 1, -2.5
	body = binary.LittleEndian.AppendUint64(body, math.Float64bits(1))
	body = binary.LittleEndian.AppendUint64(body, math.Float64bits(-2.5))
	body = append(body, 7)
	d := open(t, folder(t, map[string][]byte{WholeFile: layout(`{"__metadata__":{"format":"pt"},
		"f32":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
		"f16":{"dtype":"F16","shape":[2,1],"data_offsets":[8,12]},
		"bf16":{"dtype":"BF16","shape":[1,2],"data_offsets":[12,16]},
		"f64":{"dtype":"F64","shape":[2],"data_offsets":[16,32]},
		"empty":{"dtype":"F32","shape":[0,3],"data_offsets":[32,32]},
		"byte":{"dtype":"U8","shape":[],"data_offsets":[32,33]}}  `, body)}))
	if diff := cmp.Diff([]string{"bf16", "byte", "empty", "f16", "f32", "f64"}, d.Names()); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"f32", "f16", "bf16", "f64"} {
		if diff := cmp.Diff([]float32{1, -2.5}, get(t, d, name)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := get(t, d, "empty"); len(got) != 0 {
		t.Errorf("an empty tensor has %v", got)
	}
	info, ok := d.Info("f16")
	if diff := cmp.Diff(Info{"F16", tensor.Shape{2, 1}, WholeFile}, info); diff != "" || !ok {
		t.Error(diff)
	}
	for _, c := range []struct {
		name string
		room int
		want string
	}{
		{"byte", 1, `tensor "byte" in ` + d.path + `: elements of type U8 cannot be read as float32; F32, F16, BF16, F64 can`},
		{"f32", 3, "shape [2] has 2 elements, there is room for 3"},
		{"missing", 1, `has no tensor "missing"`},
	} {
		if _, err := d.Tensor(c.name); c.name != "f32" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if err := d.Read(c.name, make([]float32, c.room)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestBlocksMeet: tensors longer than one block, of every 16-bit pattern, that
// start at odd places.
func TestBlocksMeet(t *testing.T) {
	const n = 3*readBlock/2 + 7
	body := []byte{1}
	for i := range n {
		body = binary.LittleEndian.AppendUint16(body, uint16(i))
	}
	for i := range n {
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(float32(i)))
	}
	d := open(t, folder(t, map[string][]byte{WholeFile: layout(fmt.Sprintf(`{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},
		"b":{"dtype":"BF16","shape":[%d],"data_offsets":[1,%d]},"c":{"dtype":"F32","shape":[%[1]d],"data_offsets":[%[2]d,%d]}}`,
		n, 1+2*n, 1+6*n), body)}))
	for i, x := range get(t, d, "b") {
		if math.Float32bits(x) != uint32(uint16(i))<<16 {
			t.Fatalf("element %d is %v", i, x)
		}
	}
	for i, x := range get(t, d, "c") {
		if x != float32(i) {
			t.Fatalf("element %d is %v", i, x)
		}
	}
}

// one is a file of one float32 under a name.
func one(name string, x float32) []byte {
	return layout(fmt.Sprintf(`{%q:{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, name),
		binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
}

func TestShards(t *testing.T) {
	files := map[string][]byte{
		"model-00001-of-00002.safetensors": one("b", 1),
		"sub/model-00002.safetensors":      one("a", 2),
		IndexFile: []byte(`{"metadata":{"total_size":8},"weight_map":{
			"b":"model-00001-of-00002.safetensors","a":"sub/model-00002.safetensors"}}`),
	}
	d := open(t, folder(t, files))
	if diff := cmp.Diff([]string{"a", "b"}, d.Names()); diff != "" {
		t.Error(diff)
	}
	if a, b := get(t, d, "a"), get(t, d, "b"); a[0] != 2 || b[0] != 1 {
		t.Errorf("a is %v, b is %v", a, b)
	}
	if info, _ := d.Info("a"); info.File != "sub/model-00002.safetensors" {
		t.Errorf("a is in %s", info.File)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Read("a", make([]float32, 1)); err == nil {
		t.Error("a closed folder was read")
	}
}

// TestWholeFileComesFirst: as in transformers, an index beside a whole file is
// not looked at.
func TestWholeFileComesFirst(t *testing.T) {
	d := open(t, folder(t, map[string][]byte{WholeFile: one("x", 3), IndexFile: []byte("{")}))
	if x := get(t, d, "x"); x[0] != 3 {
		t.Errorf("x is %v", x)
	}
}

func TestOpenFolderRefuses(t *testing.T) {
	index := func(maps string) []byte { return []byte(`{"weight_map":{` + maps + `}}`) }
	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  string // DIR stands for the folder
	}{
		{"nothing", nil, "DIR has neither model.safetensors nor model.safetensors.index.json"},
		{
			"only PyTorch's own format",
			map[string][]byte{"pytorch_model.bin": nil},
			"DIR has pytorch_model.bin, but not model.safetensors: save the model as safetensors, in Python with " +
				`transformers.AutoModel.from_pretrained("DIR").save_pretrained("DIR")`,
		},
		{
			"a missing shard",
			map[string][]byte{IndexFile: index(`"a":"1.safetensors","b":"2.safetensors"`), "1.safetensors": one("a", 1)},
			"DIR/model.safetensors.index.json: the shard 2.safetensors is missing, which has 1 of the 2 tensors: fetch it, too",
		},
		{
			"a shard without the tensor",
			map[string][]byte{IndexFile: index(`"a":"1.safetensors","b":"1.safetensors"`), "1.safetensors": one("a", 1)},
			`DIR/model.safetensors.index.json: tensor "b" should be in 1.safetensors, which does not have it`,
		},
		{
			"a path that leaves the folder",
			map[string][]byte{IndexFile: index(`"a":"../1.safetensors"`)},
			`DIR/model.safetensors.index.json: tensor "a": the file "../1.safetensors" is outside of the folder`,
		},
		{
			"an absolute path",
			map[string][]byte{IndexFile: index(`"a":"/etc/passwd"`)},
			`tensor "a": the file "/etc/passwd" is outside of the folder`,
		},
		{"a shard that is a folder", map[string][]byte{IndexFile: index(`"a":"sub"`), "sub/x": nil}, "DIR/sub is no regular file"},
		{"an index without tensors", map[string][]byte{IndexFile: []byte(`{"metadata":{}}`)}, "its weight_map names no tensor"},
		{"an index that is no JSON", map[string][]byte{IndexFile: []byte(`{`)}, "DIR/model.safetensors.index.json: unexpected end of JSON input"},
		{"too short", map[string][]byte{WholeFile: []byte("1234567")}, "DIR/model.safetensors: 7 bytes are too few for a header"},
		{
			"a Git LFS pointer",
			map[string][]byte{WholeFile: []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")},
			"DIR/model.safetensors: this is Git LFS's pointer to the file, not the file: fetch it with git lfs pull",
		},
		{
			"a header longer than the file",
			map[string][]byte{WholeFile: layout(`{}`, nil)[:9]},
			"DIR/model.safetensors: the header claims 2 bytes, the file has 9: it is damaged, or no safetensors file",
		},
		{
			"a cut file",
			map[string][]byte{WholeFile: one("x", 1)[:len(one("x", 1))-1]},
			"DIR/model.safetensors: the file is cut short: its tensors have 4 bytes, the file has 3 for them; fetch it again",
		},
		{
			"bytes left over",
			map[string][]byte{WholeFile: append(one("x", 1), 0, 0)},
			"DIR/model.safetensors: the last 2 bytes belong to no tensor: the file is damaged",
		},
		{"no object", map[string][]byte{WholeFile: layout(`[]`, nil)}, "header: it is no JSON object"},
		{"an empty header", map[string][]byte{WholeFile: layout(``, nil)}, "header: unexpected EOF"},
		{"two objects", map[string][]byte{WholeFile: layout(`{}{}`, nil)}, "header: more follows the JSON object"},
		{"metadata", map[string][]byte{WholeFile: layout(`{"__metadata__":{"a":1}}`, nil)}, "header: metadata: json: cannot unmarshal number"},
		{
			"a name twice",
			map[string][]byte{WholeFile: layout(`{"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}`, []byte{1, 2})},
			`header: "x" stands there twice`,
		},
		{
			"an overlap",
			map[string][]byte{WholeFile: layout(`{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, []byte{1, 2, 3})},
			`tensors "x" and "y" overlap: bytes up to 2 belong to the first, the second starts at 1`,
		},
		{
			"a gap",
			map[string][]byte{WholeFile: layout(`{"x":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, []byte{1, 2, 3})},
			`tensor "x": it starts at byte 1, but bytes from 0 on belong to no tensor`,
		},
		{
			"a range backwards",
			map[string][]byte{WholeFile: layout(`{"x":{"dtype":"U8","shape":[2],"data_offsets":[3,1]}}`, []byte{1, 2, 3})},
			`tensor "x": bytes 3 to 1 are no range`,
		},
		{
			"a range before the file",
			map[string][]byte{WholeFile: layout(`{"x":{"dtype":"U8","shape":[4],"data_offsets":[-1,3]}}`, []byte{1, 2, 3})},
			`tensor "x": bytes -1 to 3 are no range`,
		},
		{
			"the end of numbers",
			map[string][]byte{WholeFile: layout(`{"x":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}`, nil)},
			"the file is cut short: its tensors have 9223372036854775807 bytes, the file has 0 for them",
		},
		{
			"no shape",
			map[string][]byte{WholeFile: layout(`{"x":{"dtype":"U8","data_offsets":[0,1]}}`, []byte{1})},
			`tensor "x": the header must give dtype, shape and two data_offsets`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.files)
			d, err := OpenFolder(dir)
			if want := strings.ReplaceAll(c.want, "DIR", dir); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want an error with %q", err, want)
			}
			if d != nil {
				t.Error("there is a folder beside the error")
			}
		})
	}
	if _, err := OpenFolder(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "none: no such file") {
		t.Errorf("no folder: %v", err)
	}
}

// TestOpeningReadsOnlyTheHeader: a file of 8 GiB, of which the disk has nothing
// but the header, opens, and a read at its end takes one block.
func TestOpeningReadsOnlyTheHeader(t *testing.T) {
	const n = 8 << 30
	dir := folder(t, map[string][]byte{WholeFile: layout(fmt.Sprintf(
		`{"a":{"dtype":"F16","shape":[%d],"data_offsets":[0,%d]},"b":{"dtype":"F32","shape":[1],"data_offsets":[%[2]d,%[3]d]}}`, (n-4)/2, n-4, n), nil)})
	path := filepath.Join(dir, WholeFile)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()+n); err != nil {
		t.Skipf("no file with holes here: %v", err)
	}
	d := open(t, dir)
	if b := get(t, d, "b"); b[0] != 0 {
		t.Errorf("b is %v", b)
	}
}

// TestRealWeights reads a model that was saved by other tools.
func TestRealWeights(t *testing.T) {
	dir := os.Getenv("ESPALIER_MINILM")
	if dir == "" {
		t.Skip("ESPALIER_MINILM is not set: it names the folder of the MiniLM model")
	}
	d := open(t, dir)
	info, _ := d.Info("embeddings.word_embeddings.weight")
	if diff := cmp.Diff(Info{"F32", tensor.Shape{30522, 384}, WholeFile}, info); diff != "" {
		t.Error(diff)
	}
	if len(d.Names()) != 104 {
		t.Errorf("%d tensors, want 104", len(d.Names()))
	}
	data, err := os.ReadFile(filepath.Join(dir, WholeFile))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range whole.Tensors {
		if want.DType() != tensor.Float32 {
			continue
		}
		if !slices.Equal(want.Float32s(), get(t, d, name)) {
			t.Errorf("%s differs between Decode and Read", name)
		}
	}
}

func FuzzOpenFile(f *testing.F) {
	f.Add(example(f))
	f.Add(one("x", 1))
	f.Add(layout(`{"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"y":{"dtype":"F64","shape":[],"data_offsets":[4,12]}}`, make([]byte, 12)))
	f.Add(layout(`{"x":{"dtype":"F4","shape":[3],"data_offsets":[0,2]},"y":{"dtype":"F16","shape":[0,9],"data_offsets":[2,2]}}`, make([]byte, 2)))
	path := filepath.Join(f.TempDir(), "x")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o644); err != nil { //lint:allow writes a test's own file
			t.Fatal(err)
		}
		d, err := OpenFile(path)
		if err != nil {
			return
		}
		var total int64
		for _, name := range d.Names() {
			info, _ := d.Info(name)
			n, err := info.Shape.Elements()
			if err != nil {
				t.Fatalf("%q was accepted: %v", name, err)
			}
			size := sizes[info.DType]
			if n > 8*len(data) {
				t.Fatalf("%q has %d elements in a file of %d bytes", name, n, len(data))
			}
			total += int64(n) * size
			if converters[info.DType] == nil {
				continue
			}
			if err := d.Read(name, make([]float32, n)); err != nil {
				t.Fatalf("%q cannot be read: %v", name, err)
			}
		}
		if total > int64(len(data)) {
			t.Fatalf("tensors of %d bytes in a file of %d", total, len(data))
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":8},"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../x"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		shards, err := parseIndex(text)
		if err != nil {
			return
		}
		for _, s := range shards {
			if len(s.tensors) == 0 {
				t.Fatalf("%q has no tensor", s.name)
			}
			if rel, err := filepath.Rel("/dir", filepath.Join("/dir", s.name)); err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
				t.Fatalf("%q leaves the folder", s.name)
			}
		}
	})
}
