package peft

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/internal/atomicfile"
	"espalier/safetensors"
	"espalier/tensor"
)

const query, value = "encoder.layer.0.attention.self.query", "encoder.layer.1.attention.self.value"

func matrix(t testing.TB, shape ...int64) *tensor.Tensor {
	t.Helper()
	m := tensor.Must(tensor.New(tensor.Float32, shape...))
	for i, d := 0, m.Float32s(); i < len(d); i++ {
		d[i] = float32(i) + 1
	}
	return m
}

func example(t testing.TB) *Adapter {
	t.Helper()
	return &Adapter{
		Base: "some/base", TaskType: "FEATURE_EXTRACTION", Rank: 2, Alpha: 3, Dropout: 0.1, Targets: []string{"query", "value"},
		Modules: map[string]Pair{
			query: {matrix(t, 2, 3), matrix(t, 4, 2)},
			value: {matrix(t, 2, 3), matrix(t, 3, 2)},
		},
		SavedModules: []string{"pooler"},
		Saved:        map[string]*tensor.Tensor{"pooler.dense.bias": matrix(t, 3)},
	}
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	err := atomicfile.WriteFile(path, func(w io.Writer) error { _, err := w.Write(data); return err })
	if err != nil {
		t.Fatal(err)
	}
}

func contents(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	dir, a := filepath.Join(t.TempDir(), "new", "adapter"), example(t)
	if err := Write(dir, a); err != nil {
		t.Fatal(err)
	}
	b, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(x, y *tensor.Tensor) bool {
		return x.String() == y.String() && cmp.Equal(x.Float32s(), y.Float32s())
	})
	if diff := cmp.Diff(a, b, same); diff != "" {
		t.Error(diff)
	}
	const want = `{
  "base_model_name_or_path": "some/base",
  "bias": "none",
  "fan_in_fan_out": false,
  "inference_mode": true,
  "init_lora_weights": true,
  "layers_to_transform": null,
  "lora_alpha": 3,
  "lora_dropout": 0.1,
  "modules_to_save": [
    "pooler"
  ],
  "peft_type": "LORA",
  "r": 2,
  "target_modules": [
    "query",
    "value"
  ],
  "task_type": "FEATURE_EXTRACTION",
  "use_rslora": false
}
`
	if diff := cmp.Diff(want, string(contents(t, filepath.Join(dir, ConfigFile)))); diff != "" {
		t.Error(diff)
	}
	weights := contents(t, filepath.Join(dir, WeightsFile))
	if err := Write(dir, b); err != nil {
		t.Fatal(err)
	}
	if string(weights) != string(contents(t, filepath.Join(dir, WeightsFile))) {
		t.Error("the same adapter gave other bytes")
	}
}

// TestMerge: W + (alpha/r) B A by hand, with W = 0, A = [1 2 3; 4 5 6], B = [1 2; 3 4; ...].
func TestMerge(t *testing.T) {
	a := example(t)
	w := tensor.Must(tensor.New(tensor.Float32, 4, 3))
	if err := a.Merge(query, w); err != nil {
		t.Fatal(err)
	}
	want := []float32{1.5 * 9, 1.5 * 12, 1.5 * 15, 1.5 * 19, 1.5 * 26, 1.5 * 33, 1.5 * 29, 1.5 * 40, 1.5 * 51, 1.5 * 39, 1.5 * 54, 1.5 * 69}
	if diff := cmp.Diff(want, w.Float32s()); diff != "" {
		t.Error(diff)
	}
	if err := a.Merge("other", w); err != nil || !cmp.Equal(want, w.Float32s()) {
		t.Errorf("a module that is not adapted changed: %v", err)
	}
	err := a.Merge(value, w)
	if err == nil || err.Error() != value+": the adapter is for a weight float32[3,3], this one is float32[4,3]" {
		t.Error(err)
	}
	a.Stabilized, a.Rank = true, 4
	if a.Scale() != 1.5 { // 3 / sqrt(4)
		t.Errorf("the scale is %v", a.Scale())
	}
}

func TestCheckNamesTheFirstMisfit(t *testing.T) {
	fits := map[string]tensor.Shape{query + ".weight": {4, 3}, value + ".weight": {3, 3}, "pooler.dense.bias": {3}}
	for _, c := range []struct {
		name   string
		change func(map[string]tensor.Shape)
		want   string
	}{
		{"fits", func(map[string]tensor.Shape) {}, ""},
		{"saved and not there", func(s map[string]tensor.Shape) { delete(s, "pooler.dense.bias") }, ""},
		{
			"another width", func(s map[string]tensor.Shape) { s[value+".weight"] = tensor.Shape{3, 5} },
			"the adapter is of another base model (some/base): for " + value + " it adapts a weight of [3,3], the model's is [3,5]",
		},
		{
			"fewer layers", func(s map[string]tensor.Shape) { delete(s, value+".weight") },
			"the adapter is of another base model (some/base): it adapts " + value + ", which the model does not have",
		},
		{
			"a prefix", func(s map[string]tensor.Shape) {
				delete(s, query+".weight")
				s["bert."+query+".weight"] = tensor.Shape{4, 3}
			},
			"it adapts " + query + ", which the model does not have; it has bert." + query,
		},
		{
			"another saved shape", func(s map[string]tensor.Shape) { s["pooler.dense.bias"] = tensor.Shape{4} },
			"it replaces pooler.dense.bias by one of [3], the model's is [4]",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			shapes := map[string]tensor.Shape{}
			for k, v := range fits {
				shapes[k] = v
			}
			c.change(shapes)
			err := example(t).Check(shapes)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTrimPrefix(t *testing.T) {
	a := example(t).TrimPrefix("encoder.layer.0.")
	if diff := cmp.Diff([]string{"attention.self.query", value}, a.Paths()); diff != "" {
		t.Error(diff)
	}
	a.Modules["x."+value] = a.Modules[value]
	if diff := cmp.Diff([]string{"attention.self.query", value, "x." + value}, a.TrimPrefix("x.").Paths()); diff != "" {
		t.Errorf("a name that is taken: %s", diff)
	}
}

// TestReadRefuses changes a good adapter's files.
func TestReadRefuses(t *testing.T) {
	config := func(old, new string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, ConfigFile)
			text := string(contents(t, path))
			if !strings.Contains(text, old) {
				t.Fatalf("no %s in %s", old, text)
			}
			write(t, path, []byte(strings.Replace(text, old, new, 1)))
		}
	}
	with := func(key, value string) func(*testing.T, string) {
		return config(`"bias": "none"`, `"bias": "none", "`+key+`": `+value)
	}
	tensors := func(change func(map[string]*tensor.Tensor)) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, WeightsFile)
			f, err := safetensors.Decode(contents(t, path))
			if err != nil {
				t.Fatal(err)
			}
			change(f.Tensors)
			if err := atomicfile.WriteFile(path, func(w io.Writer) error { return safetensors.Write(w, f) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	const plain = ", which is not supported: only plain LoRA is, with one rank for all modules"
	for _, c := range []struct {
		name   string
		change func(*testing.T, string)
		want   string // DIR stands for the folder
	}{
		{"no configuration", func(t *testing.T, dir string) { remove(t, dir, ConfigFile) }, "DIR has no adapter_config.json; name the folder that PEFT's save_pretrained wrote"},
		{"no weights", func(t *testing.T, dir string) { remove(t, dir, WeightsFile) }, "DIR has no adapter_model.safetensors"},
		{
			"old weights", func(t *testing.T, dir string) {
				remove(t, dir, WeightsFile)
				write(t, filepath.Join(dir, "adapter_model.bin"), nil)
			},
			"DIR has adapter_model.bin, but not adapter_model.safetensors: load the adapter with PEFT and save it again with save_pretrained(safe_serialization=True)",
		},
		{"no JSON", config("{", "["), "DIR/adapter_config.json: invalid character"},
		{"large", config("{", "{"+strings.Repeat(" ", maxConfig)), "DIR/adapter_config.json is no file of at most 1048576 bytes"},
		{"another method", config(`"LORA"`, `"LOHA"`), `DIR/adapter_config.json: peft_type is "LOHA", only LORA is supported`},
		{"no rank", config(`"r"`, `"s"`), "s is 2" + plain},
		{"no alpha", config(`"lora_alpha": 3,`, ``), "r and lora_alpha must be there"},
		{"a rank that is no number", config(`"r": 2`, `"r": "2"`), `r is "2": json: cannot unmarshal string`},
		{"a rank of another adapter", config(`"r": 2`, `"r": 3`), query + ": lora_A is float32[2,3], it must be float32 with 3 as dimension 0 of two (r is 3)"},
		{"a negative rank", config(`"r": 2`, `"r": -2`), "r is -2, it must be at least 1"},
		{"dropout", config(`0.1`, `1.5`), "lora_dropout is 1.5, it must be at least 0 and below 1"},
		{"bias", config(`"none"`, `"all"`), "bias is all" + plain},
		{"transposed", config(`"fan_in_fan_out": false`, `"fan_in_fan_out": true`), "fan_in_fan_out is true" + plain},
		{"dora", with("use_dora", "true"), "use_dora is true" + plain},
		{"biases of B", with("lora_bias", "true"), "lora_bias is true" + plain},
		{"ranks by module", with("rank_pattern", `{"query":  4}`), `rank_pattern is {"query":  4}` + plain},
		{"alphas by module", with("alpha_pattern", `{"query":4}`), `alpha_pattern is {"query":4}` + plain},
		{"tokens", with("trainable_token_indices", `[1,2]`), `trainable_token_indices is [1,2]` + plain},
		{"parameters", with("target_parameters", `["a"]`), `target_parameters is ["a"]` + plain},
		{"a setting of tomorrow", with("use_more", "1"), "use_more is 1" + plain},
		{"changed base", config(`"init_lora_weights": true`, `"init_lora_weights": "pissa"`), "init_lora_weights is pissa, which may change the base model's weights"},
		{"targets", config("[\n    \"query\",\n    \"value\"\n  ]", "7"), "target_modules is 7: it must be a text or a list of them"},
		{"layers", config(`"layers_to_transform": null`, `"layers_to_transform": "all"`), `layers_to_transform is "all": it must be a whole number or a list of them`},
		{"a module that no target matches", config(`"value"`, `"key"`), value + " is adapted, but target_modules does not match it (key, query)"},
		{
			"half of a pair", tensors(func(f map[string]*tensor.Tensor) { delete(f, prefix+query+".lora_B.weight") }),
			"DIR/adapter_model.safetensors: " + query + ": only one of lora_A and lora_B is there",
		},
		{
			"B of another rank", tensors(func(f map[string]*tensor.Tensor) { f[prefix+query+".lora_B.weight"] = matrix(t, 4, 3) }),
			query + ": lora_B is float32[4,3], it must be float32 with 2 as dimension 1 of two (r is 2)",
		},
		{
			"a convolution", tensors(func(f map[string]*tensor.Tensor) { f[prefix+query+".lora_A.weight"] = matrix(t, 2, 3, 1, 1) }),
			query + ": lora_A is float32[2,3,1,1], it must be",
		},
		{
			"nothing wide", tensors(func(f map[string]*tensor.Tensor) { f[prefix+query+".lora_A.weight"] = matrix(t, 2, 0) }),
			query + ": lora_A is float32[2,0], it must be",
		},
		{
			"another name", tensors(func(f map[string]*tensor.Tensor) { f["x.lora_A.weight"] = matrix(t, 2, 3) }),
			`tensor "x.lora_A.weight": its name does not start with base_model.model., as PEFT's do`,
		},
		{
			"an embedding", tensors(func(f map[string]*tensor.Tensor) { f[prefix+"x.lora_embedding_A"] = matrix(t, 2, 3) }),
			`tensor "base_model.model.x.lora_embedding_A" is neither lora_A nor lora_B of a module nor of one in modules_to_save`,
		},
		{
			"whole numbers", tensors(func(f map[string]*tensor.Tensor) {
				f[prefix+query+".lora_A.weight"] = tensor.Must(tensor.New(tensor.Int64, 2, 3))
			}),
			"elements of type I64 cannot be read as float32",
		},
		{"no modules", tensors(func(f map[string]*tensor.Tensor) { clear(f) }), "no module is adapted"},
		{
			"no path", tensors(func(f map[string]*tensor.Tensor) { f[prefix+".lora_A.weight"] = matrix(t, 2, 3) }),
			"a module has no path",
		},
		{
			"cut short", func(t *testing.T, dir string) {
				path := filepath.Join(dir, WeightsFile)
				data := contents(t, path)
				write(t, path, data[:len(data)-4])
			}, "DIR/adapter_model.safetensors: the file is cut short",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := Write(dir, example(t)); err != nil {
				t.Fatal(err)
			}
			c.change(t, dir)
			_, err := Read(dir)
			if want := strings.ReplaceAll(c.want, "DIR", dir); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want an error with %q", err, want)
			}
		})
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Adapter)
		want   string
	}{
		{"a tensor of no saved module", func(a *Adapter) { a.SavedModules = nil }, "pooler.dense.bias is of no module in modules_to_save"},
		{"a target too few", func(a *Adapter) { a.Targets = []string{"query"} }, value + " is adapted, but target_modules does not match it (query)"},
		{"a layer too few", func(a *Adapter) { a.Layers = []int{0} }, value + " is adapted, but it is in none of the layers [0]"},
		{"no B", func(a *Adapter) { a.Modules[query] = Pair{A: a.Modules[query].A} }, query + ": only one of lora_A and lora_B is there"},
		{"a saved tensor that is nil", func(a *Adapter) { a.Saved["pooler.dense.bias"] = nil }, "pooler.dense.bias is nothing, it must be float32"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, a := filepath.Join(t.TempDir(), "adapter"), example(t)
			c.change(a)
			if err := Write(dir, a); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("a folder was made")
			}
		})
	}
}

func FuzzConfig(f *testing.F) {
	text, err := configOf(example(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":"all-linear","layers_to_transform":3,"use_rslora":true}`))
	f.Add([]byte(`{"peft_type":"LORA","r":8,"lora_alpha":1e3,"target_modules":null,"modules_to_save":["a","a"],"bias":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := parseConfig(text)
		if err != nil {
			return
		}
		written, err := configOf(a)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if _, err := parseConfig(written); err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, written)
		}
	})
}

// FuzzWeights puts any file beside a good configuration.
func FuzzWeights(f *testing.F) {
	dir := f.TempDir()
	if err := Write(dir, example(f)); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(dir, WeightsFile)
	f.Add(contents(f, path))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o644); err != nil { //lint:allow writes a test's own file
			t.Fatal(err)
		}
		a, err := Read(dir)
		if err != nil {
			return
		}
		shapes := map[string]tensor.Shape{}
		for path, p := range a.Modules {
			out, in := p.B.Shape()[0], p.A.Shape()[1]
			shapes[path+".weight"] = tensor.Shape{out, in}
		}
		if err := a.Check(shapes); err != nil {
			t.Fatal(err)
		}
	})
}
