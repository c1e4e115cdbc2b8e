package pretrained

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPoolingIsReadAsSentenceTransformersWritesIt, in its old form of flags and its new
// form of one word.
func TestPoolingIsReadAsSentenceTransformersWritesIt(t *testing.T) {
	const (
		transformer = `{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"}`
		pooling     = `{"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}`
		normalize   = `{"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}`
		dense       = `{"idx": 2, "path": "2_Dense", "type": "sentence_transformers.models.Dense"}`
	)
	for name, c := range map[string]struct {
		modules, pooling string
		want             Pooling
	}{
		"no modules":  {"", "", Pooling{Mode: MeanPooling}},
		"mean":        {"[" + transformer + "," + pooling + "," + normalize + "]", `{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false}`, Pooling{Mode: MeanPooling, Normalize: true}},
		"first":       {"[" + transformer + "," + pooling + "]", `{"pooling_mode_mean_tokens": false, "pooling_mode_cls_token": true}`, Pooling{Mode: FirstPooling}},
		"max":         {"[" + transformer + "," + pooling + "]", `{"pooling_mode_max_tokens": true}`, Pooling{Mode: MaxPooling}},
		"a word":      {"[" + transformer + "," + pooling + "]", `{"pooling_mode": "cls"}`, Pooling{Mode: FirstPooling}},
		"two":         {"[" + transformer + "," + pooling + "]", `{"pooling_mode_max_tokens": true, "pooling_mode_mean_tokens": true}`, Pooling{Mode: MeanPooling, Unsupported: "1_Pooling/config.json: it pools by max_tokens and mean_tokens; supported is one of mean, cls, max"}},
		"dense":       {"[" + transformer + "," + dense + "]", "", Pooling{Mode: MeanPooling, Unsupported: "modules.json has a module of type sentence_transformers.models.Dense; supported are Transformer, Pooling and Normalize"}},
		"outside":     {`[{"path": "../x", "type": "Pooling"}]`, "", Pooling{Mode: MeanPooling, Unsupported: `modules.json names the folder "../x", which is not inside of this one`}},
		"not a list":  {"{", "", Pooling{Mode: MeanPooling, Unsupported: "modules.json: unexpected end of JSON input"}},
		"not objects": {"[" + pooling + "]", "[]", Pooling{Mode: MeanPooling, Unsupported: "1_Pooling/config.json: not a JSON object: json: cannot unmarshal array into Go value of type map[string]interface {}"}},
	} {
		dir := t.TempDir()
		if c.modules != "" {
			write(t, filepath.Join(dir, modulesFile), c.modules)
		}
		if c.pooling != "" {
			write(t, filepath.Join(dir, "1_Pooling", ConfigFile), c.pooling)
		}
		if got := ReadPooling(dir); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
