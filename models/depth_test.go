package models_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/builder"
	"espalier/models"
)

// TestDepthsOfParameters: by name, with stacks whose parts count on.
func TestDepthsOfParameters(t *testing.T) {
	above := 99
	for name, want := range map[string]map[string]int{
		"a pretrained trunk": {
			"trunk/embeddings/word/table": -1, "trunk/embeddings/norm/scale": -1, "trunk/layer_0/attention/query/weight": 0, "trunk/layer_1/output/bias": 1,
			"trunk/layer_10/output/bias": 2, "trunk/pooler/weight": above, "head/topic/logits/weight": above, "head/block_0/logits/weight": above,
		},
		"a stack": {
			"trunk/embedding/table": -1, "trunk/part_0/conv_0/weight": 0, "trunk/part_0/conv_1/weight": 1, "trunk/part_1/project/weight": 2,
			"trunk/part_1/block_0/attention/in/weight": 2, "trunk/part_1/block_1/attention/in/weight": 3, "trunk/part_1/norm/scale": 3, "trunk/pool/key/weight": above,
		},
		"trunks of tasks": {
			"trunk/embedding/table": -1, "head/a/trunk/layer_0/forward/input": 0, "head/a/trunk/layer_1/forward/input": 1,
			"trunk/tasks/b/layer_0/forward/input": 0, "trunk/stitch_0/a/mix": above,
		},
		"no layers": {"trunk/columns/kind/table": -1, "trunk/norm/scale": -1, "trunk/experts/hidden": above},
	} {
		g := builder.New("depths", builder.Options{})
		for parameter := range want {
			g.Scope(parameter).Parameter("x", builder.ParameterOptions{}, 1)
		}
		d := models.DepthsOf(g.Parameters())
		got := map[string]int{}
		for parameter := range want {
			got[parameter] = above
			if depth, ok := d.Of(parameter + "/x"); ok {
				got[parameter] = depth
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
