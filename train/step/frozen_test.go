package step_test

import (
	"slices"
	"strings"
	"testing"

	"espalier/data"
	"espalier/models"
	"espalier/runtime/gonum"
	"espalier/train/optim"
	"espalier/train/step"
)

// frozenTexts is a transformer with some parameters frozen.
func frozenTexts(t *testing.T, freeze func(name string) bool) (*models.Model, *data.Dataset) {
	t.Helper()
	m, d := texts(t, "trunk.type=transformer", "trunk.heads=2", "trunk.layers=2")
	c := m.Config()
	c.Freeze = freeze
	frozen, err := models.New(m.Schema(), c)
	if err != nil {
		t.Fatal(err)
	}
	return frozen, d
}

// TestFrozenParametersStayAsTheyAre: with every way of balancing, frozen dense
// parameters and tables keep their bytes, have no moments and take no memory of
// gradients, while the others learn.
func TestFrozenParametersStayAsTheyAre(t *testing.T) {
	frozen := func(name string) bool {
		return strings.HasPrefix(name, "trunk/block_0/") || strings.HasPrefix(name, "trunk/embedding/") || name == "trunk/block_1/feedforward_in/weight"
	}
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			m, d := frozenTexts(t, frozen)
			s, b := w.stepOf(t, m, nil)
			before := map[string][]float32{}
			for name, v := range s.Parameters().ByName() {
				before[name] = slices.Clone(v.Float32s())
			}
			for number := range 5 {
				if _, err := makeStep(s, b, batchOf(d, number, 0, 12), number); err != nil {
					t.Fatal(err)
				}
			}
			size, moments := 0, s.Moments()
			for name, v := range s.Parameters().ByName() {
				same := slices.Equal(v.Float32s(), before[name])
				if s.Parameters().Frozen(name) != frozen(name) {
					t.Errorf("%s: frozen is %v", name, !frozen(name))
				}
				switch {
				case frozen(name) && !same:
					t.Errorf("%s is frozen and has changed", name)
				case frozen(name) && moments[name+"/first"] != nil:
					t.Errorf("%s is frozen and has moments", name)
				case !frozen(name) && same && !strings.HasSuffix(name, "in/bias"): // that of keys has no gradient
					t.Errorf("%s has not changed", name)
				}
				if !frozen(name) {
					size += (v.Len() + 15) / 16 * 16
				}
			}
			if got := step.GradientMemory(s); got != size {
				t.Errorf("gradients have %d floats, what learns has %d", got, size)
			}
		})
	}
}

// TestASnapshotSharesFrozenParameters, which need no copy.
func TestASnapshotSharesFrozenParameters(t *testing.T) {
	m, _ := frozenTexts(t, func(name string) bool { return strings.HasPrefix(name, "trunk/") })
	s, err := step.New(m, gonum.New(), step.Config{Optimizer: optim.Config{Type: "sgd"}, Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, v := range s.Parameters().Snapshot() {
		own := s.Parameters().ByName()[name]
		if shared := &own.Float32s()[0] == &v.Float32s()[0]; shared != strings.HasPrefix(name, "trunk/") {
			t.Errorf("%s: the snapshot shares its memory: %v", name, shared)
		}
	}
}
