package train_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"espalier/data"
	"espalier/train"
)

// layered is a transformer of three layers without dropout.
var layered = []string{
	"trunk.type=transformer", "trunk.heads=2", "trunk.layers=3", "trunk.dropout=0", "trunk.embedding_dropout=0", "trunk.word_dropout=0", "trunk.rare_word_dropout=0",
	"train.batch=256",
}

// depthIn is the depth of a parameter in such a trunk.
func depthIn(name string) int {
	switch {
	case strings.HasPrefix(name, "trunk/embedding/"), strings.HasPrefix(name, "trunk/positions/"), strings.HasPrefix(name, "trunk/project/"):
		return -1
	case strings.HasPrefix(name, "trunk/norm/"):
		return 2
	case strings.HasPrefix(name, "trunk/block_"):
		return int(name[len("trunk/block_")] - '0')
	}
	return 3
}

// movedBy is how far each parameter moves in a step on a batch.
func movedBy(t *testing.T, tr *train.Trainer, b *data.Batch) map[string][]float32 {
	t.Helper()
	all := map[string][]float32{}
	for name, v := range tr.Parameters() {
		all[name] = slices.Clone(v.Float32s())
	}
	if _, err := tr.Step(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	for name, v := range tr.Parameters() {
		for i, x := range v.Float32s() {
			all[name][i] -= x
		}
	}
	return all
}

// TestLayerDecay: a step of sgd moves layer l of 3 by decay^(2-l) of what it moves it
// otherwise, the embeddings by decay^3, and what is above the layers by as much.
func TestLayerDecay(t *testing.T) {
	m, c, d := demoData(t, layered...)
	c.Optimizer = train.OptimizerConfig{Type: "sgd", LR: 1}
	var b data.Batch
	d.Fill(&b, []int{0, 1, 2, 3, 4, 5, 6, 7})
	want := movedBy(t, trainerOf(t, m, c), &b)
	const decay = 0.5
	c.LayerDecay = decay
	for name, got := range movedBy(t, trainerOf(t, m, c), &b) {
		factor := 1.0
		if depth := depthIn(name); depth < 3 {
			factor = math.Pow(decay, float64(2-depth))
		}
		for i, x := range got {
			if w := factor * float64(want[name][i]); math.Abs(float64(x)-w) > 1e-6 {
				t.Fatalf("%s has moved by %v, want %v", name, x, w)
			}
		}
	}
}

// TestGradualUnfreezing: the first epoch moves only what is above the trunk's layers,
// and then every two epochs one more layer learns. A resumed run ends in the same bytes.
func TestGradualUnfreezing(t *testing.T) {
	m, c, d := demoData(t, append(layered, "train.epochs=8")...)
	c.Unfreeze, c.ClipNorm = 2, 1
	whole := trainerOf(t, m, c)
	last := whole.State()
	before := map[string][]float32{}
	note := func() {
		for name, v := range whole.Parameters() {
			before[name] = slices.Clone(v.Float32s())
		}
	}
	note()
	var half []byte
	_, err := whole.Fit(t.Context(), d, d, train.Hooks{Epoch: func(e train.Epoch) error {
		unfrozen := []int{0, 1, 1, 2, 2, 3, 3, 4}[e.Epoch-1]
		for name, v := range whole.Parameters() {
			changed := !slices.Equal(v.Float32s(), before[name])
			if want := depthIn(name) >= 3-unfrozen; changed != want && !strings.HasSuffix(name, "attention/in/bias") {
				t.Errorf("epoch %d: %s has changed: %v", e.Epoch, name, changed)
			}
		}
		note()
		var err error
		if e.Epoch == 4 {
			half, err = encoded(whole.State())
		}
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	sameWhenResumed(t, whole, trainerOf(t, m, c), d, half)
	if len(whole.State().Tensors) < len(last.Tensors) {
		t.Error("the state has lost tensors")
	}
	c.Epochs = 3
	short := trainerOf(t, m, c)
	if _, err := short.Fit(t.Context(), d, d, train.Hooks{}); err != nil {
		t.Fatal(err)
	}
	const want = "train.trunk.unfreeze: 3 epochs unfreeze 1 of the trunk's 3 layers and not the embeddings; what is below stays as it is given"
	if !slices.ContainsFunc(short.Warnings(), func(w string) bool { return strings.Contains(w, want) }) {
		t.Errorf("warnings are %q", short.Warnings())
	}
}
