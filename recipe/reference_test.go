package recipe

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"espalier/models"
	"espalier/setting"
)

var update = flag.Bool("update", false, "rewrite docs/recipe.md from the declared settings")

func TestReferenceIsThatOfTheCode(t *testing.T) {
	const path = "../docs/recipe.md"
	want := Reference()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/recipe.md is not what the code declares: run go test ./recipe -update\n%s", diff)
	}
}

// TestEverySettingIsDeclared: each field of a recipe belongs to a declared setting, and
// each has its line of documentation, its kind's default and a range that holds it.
func TestEverySettingIsDeclared(t *testing.T) {
	for _, p := range places() {
		keys := setting.Keys(p.all())
		for _, f := range flat(nil, p.v) {
			inLayer := p.paths[0] == "trunk.stack" || p.paths[0] == "trunk" // which have a struct between them
			if !inLayer && !slices.Contains(keys, f.name) {
				t.Errorf("%s has a key %q that nothing declares", p.paths[0], f.name)
			}
		}
		for _, o := range p.all() {
			if o.Doc == "" || strings.Contains(o.Doc, "\n") || strings.HasSuffix(o.Doc, ".") {
				t.Errorf("%s.%s: its documentation is %q, it must be one line without a full stop at its end", p.paths[0], o.Key, o.Doc)
			}
			if o.Default == nil || o.PerTask {
				continue
			}
			value, err := o.Convert(o.Default)
			if err == nil {
				err = o.Check(value)
			}
			if outside := p.paths[0] == "data.split"; err != nil && !outside {
				t.Errorf("%s: the default %v", p.paths[0], err)
			}
		}
	}
}

// inJSON reads YAML as a JSON document.
func inJSON(t *testing.T, content []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(content, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	b, err := json.Marshal(JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("recipe.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("recipe.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestRecipesFitTheJSONSchema(t *testing.T) {
	schema := compiled(t)
	var files []string
	for _, pattern := range []string{"../examples/*.yaml", "../examples/*/recipe.yaml", "../testdata/earlier/*/recipe.yaml", "../testdata/earlier/*/run/recipe.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	recipes := map[string][]byte{"least": []byte(least), "every": []byte(every), "progressing": []byte(progressing), "a table": []byte(tableRecipe), "conll04": []byte(conll04), "nlu": []byte(nluHome)}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		recipes[name] = content
	}
	for name, content := range recipes {
		if err := schema.Validate(inJSON(t, content)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if r, err := Parse(name, content); err == nil { // every has a name that cannot be
			if err := schema.Validate(inJSON(t, []byte(marshalled(t, r)))); err != nil {
				t.Errorf("%s, written out: %v", name, err)
			}
		}
	}
	for _, mistake := range []string{
		"train: {balance: {method: fairgrad, alpha: 50}}", "train: {balance: {method: gradnorm, alpha: 0.1, c: 1}}", "trunk: {type: cnn, layers: 0}", "trunk: {type: mlp, hidden: 0}",
		"trian: {}", "train: {epochs: 0}", "train: {epochs: 1.5}", "train: {ecpohs: 3}", "train: {optimizer: {type: adamax}}", "train: {optimizer: {lr: 0}}",
		"train: {schedule: {patience: 3}}", "train: {schedule: {type: linear, min: 0.1}}", "train: {balance: {method: cagrad, smoth: 0.9}}",
		"sharing: {experts: 8}", "sharing: {method: mmoe, k: 2}", "sharing: {method: mmo}", "trunk: {dropout: 1}", "trunk: {stack: [{hidden: 8}]}", "trunk: cnn",
	} {
		if err := schema.Validate(inJSON(t, []byte(least+mistake))); err == nil {
			t.Errorf("%s fits the schema", mistake)
		}
		if _, err := Parse("r.yaml", []byte(least+mistake)); err == nil {
			t.Errorf("%s is a recipe", mistake)
		}
	}
}

// TestTheJSONSchemaKnowsWhichPartHasASetting: of each setting that only other parts of a
// section have than the chosen one, it says the same as the recipe's checks.
func TestTheJSONSchemaKnowsWhichPartHasASetting(t *testing.T) {
	schema := compiled(t)
	values := map[setting.Kind]any{setting.Number: 0.5, setting.Share: 0.5, setting.Whole: 3, setting.Text: "x", setting.Flag: true}
	for _, p := range places() {
		for _, chosen := range p.parts {
			done := setting.Keys(p.own(chosen.name))
			for _, o := range p.all() {
				// What is of tables alone is refused for the input, which is a text here.
				table := p.paths[0] == "trunk" && (chosen.name == "mlp" || o.Key == "norm")
				if chosen.unnamed || table || slices.Contains(done, o.Key) || o.Kind == setting.Section {
					continue
				}
				done = append(done, o.Key)
				value := values[o.Kind]
				if o.Kind == setting.Word {
					value = o.Words[len(o.Words)-1]
				}
				if o.PerTask || o.Named {
					value = map[string]any{"topic": value}
				} else if o.List {
					value = []any{value}
				}
				of := map[string]any{p.by: chosen.name, o.Key: value, "layers": 1}
				if chosen.name == models.PretrainedTrunk {
					of["path"] = "testdata/encoder"
				}
				content := with(t, p.paths[0], of)
				_, err := Parse("r.yaml", content)
				if refused := err != nil; refused != (schema.Validate(inJSON(t, content)) != nil) {
					t.Errorf("%s: checked: %v; the schema says otherwise", content, err)
				}
			}
		}
	}
}

// with is the least recipe with a section at its place.
func with(t *testing.T, path string, of map[string]any) []byte {
	t.Helper()
	if path != "trunk.stack" {
		delete(of, "layers")
	}
	var r map[string]any
	if err := yaml.Unmarshal([]byte(least), &r); err != nil {
		t.Fatal(err)
	}
	keys := strings.Split(strings.NewReplacer("tasks.*", "tasks.topic", "inputs.*", "inputs.text").Replace(path), ".")
	at := r
	for _, key := range keys[:len(keys)-1] {
		if at[key] == nil {
			at[key] = map[string]any{}
		}
		at = at[key].(map[string]any)
	}
	at[keys[len(keys)-1]] = of
	if path == "trunk.stack" {
		at["stack"] = []any{of}
	}
	content, err := yaml.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
