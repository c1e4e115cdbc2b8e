package recipe

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/data/source"
	"espalier/models"
	"espalier/schema"
)

const tableRecipe = `data:
  all: {format: csv, file: d.csv}
  split: {train: 0.6, valid: 0.2, test: 0.2, seed: 4, by: rich}
inputs:
  work: {type: categorical, embedding: 8, missing: ["?"]}
columns:
  numeric: [age, wage]
  categorical: [sex]
trunk: {hidden: [16, 8], dropout: 0.1}
tasks:
  rich: {type: classification, metric: auc}
`

func TestTablesAndWhatTheyMean(t *testing.T) {
	r := parsed(t, tableRecipe)
	again := parsed(t, marshalled(t, r))
	for _, r := range []*Recipe{r, again} {
		want := []schema.Input{
			{Name: "work", Type: schema.Categorical, MinCount: 1, Missing: []string{"?"}},
			{Name: "age", Type: schema.Numeric, MinCount: 1},
			{Name: "wage", Type: schema.Numeric, MinCount: 1},
			{Name: "sex", Type: schema.Categorical, MinCount: 1},
		}
		if diff := cmp.Diff(want, r.Schema().Inputs); diff != "" {
			t.Error(diff)
		}
		c := r.Model()
		if diff := cmp.Diff(models.TrunkConfig{Type: "mlp", Widths: []int64{16, 8}, Norm: "none", Dropout: 0.1}, c.Trunk); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]models.InputConfig{"work": {Embedding: 8}}, c.Inputs); diff != "" || c.Sharing.ExpertHidden != 8 {
			t.Error(diff, c.Sharing)
		}
		for split, want := range map[string]source.Share{
			"train": {From: 0, To: 0.6, Seed: 4, By: "rich"}, "valid": {From: 0.6, To: 0.8, Seed: 4, By: "rich"}, "test": {From: 0.8, To: 1, Seed: 4, By: "rich"},
		} {
			if s := r.Sources(split); len(s) != 1 || s[0].File != "d.csv" || *s[0].Share != want {
				t.Errorf("%s: %+v", split, s)
			}
		}
	}
	const written = `trunk:
  type: mlp
  hidden:
    - 16
    - 8
  norm: none
  dropout: 0.1
  embedding_dropout: 0
`
	if content := marshalled(t, r); !strings.Contains(content, written) || strings.Contains(content, "columns") || strings.Contains(content, "holdout") {
		t.Errorf("written out it is\n%s", content)
	}
	r.DropTest()
	if len(r.Sources("test")) != 0 || r.Sources("valid")[0].Share.To != 0.8 {
		t.Error("without a test the rest is divided in another way")
	}
	single, err := again.Single("rich")
	if err != nil || len(single.Inputs) != 4 || len(single.Sources("train")) != 1 {
		t.Error(single, err)
	}
	for hidden, want := range map[string][]int64{"[]": {}, "7": {7}} {
		r := parsed(t, strings.Replace(tableRecipe, "[16, 8]", hidden, 1))
		again := parsed(t, marshalled(t, r))
		if diff := cmp.Diff([][]int64{want, want}, [][]int64{r.Model().Trunk.Widths, again.Model().Trunk.Widths}); diff != "" {
			t.Error(diff)
		}
	}
}

func TestMistakesInTables(t *testing.T) {
	for _, c := range []struct{ old, by, want string }{
		{"hidden: [16, 8]", "hidden: [16, 0]", "dir/small.yaml:9: trunk.hidden is 0, it must be at least 1"},
		{"hidden: [16, 8]", "type: cnn", "dir/small.yaml:9: trunk.type is cnn, but the inputs are columns of a table, which mlp reads"},
		{"hidden: [16, 8]", "pooling: max", "dir/small.yaml:9: trunk.pooling is for text; the trunk of a table has hidden, norm, dropout and embedding_dropout"},
		{"hidden: [16, 8]", "norm: batch", `dir/small.yaml:9: trunk.norm is "batch", which is not one of none, layer`},
		{"[age, wage]", "[age, work]", `dir/small.yaml:7: columns.numeric has "work", which is an input already`},
		{"embedding: 8", "embedding: 0", "dir/small.yaml:5: inputs.work.embedding is 0, it must be at least 1"},
		{"embedding: 8", "lowercase: true", "dir/small.yaml:5: inputs.work.lowercase is for inputs of type text, not for categorical"},
		{"type: categorical, embedding", "type: numeric, embedding", "dir/small.yaml:5: inputs.work.embedding is for categorical inputs; a number has no vectors"},
		{"type: categorical, embedding: 8, missing: [\"?\"]", "type: text", "dir/small.yaml:5: inputs.work.type is text, but other inputs are columns of a table; a model reads one text or a table"},
		{`["?"]`, `[""]`, `dir/small.yaml:5: inputs.work.missing has "", which is empty, as a missing value always may be, or stands there twice`},
		{"train: 0.6", "train: 0.7", "dir/small.yaml:3: data.split has shares that add up to 1.0999999999999999, more than there is"},
		{"train: 0.6", "train: 0", "dir/small.yaml:3: data.split.train is 0, it must be a share above 0"},
		{"train: 0.6", "train: .nan", "dir/small.yaml:3: data.split.train is NaN, it must be a share above 0"},
		{"inputs:", "  train: {format: csv, file: d.csv}\ninputs:", "dir/small.yaml:4: data.train is set, but so is data.all, which data.split divides; leave one of them out"},
		{"  split: {train: 0.6, valid: 0.2, test: 0.2, seed: 4, by: rich}\n", "", "dir/small.yaml:2: data.split is missing; say how data.all is divided, as in {train: 0.6, valid: 0.2, test: 0.2}"},
	} {
		if !strings.Contains(tableRecipe, c.old) {
			t.Fatalf("%q stands nowhere", c.old)
		}
		if _, err := Parse("dir/small.yaml", []byte(strings.Replace(tableRecipe, c.old, c.by, 1))); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.by, err, c.want)
		}
	}
	text := strings.Replace(least, "inputs:", "trunk: {hidden: [4]}\ninputs:", 1)
	if _, err := Parse("dir/small.yaml", []byte(text)); err == nil || err.Error() != "dir/small.yaml:3: trunk has type mlp, norm or a list of widths, which are for columns of a table, but the input is text" {
		t.Error(err)
	}
}
