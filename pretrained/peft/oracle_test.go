package peft

import (
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"espalier/safetensors"
	"espalier/tensor"
)

// python runs testdata/peft_oracle.py, in which PEFT itself makes and loads adapters.
func python(t *testing.T, verb, dir string) {
	t.Helper()
	path := os.Getenv("ESPALIER_PYTHON_TORCH")
	if err := exec.Command(path, "-c", "import peft").Run(); err != nil {
		t.Skipf("ESPALIER_PYTHON_TORCH is %q, which is no Python with the package peft (%v): `make test` has one", path, err)
	}
	if out, err := exec.Command(path, filepath.Join("testdata", "peft_oracle.py"), verb, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func weightsOf(t *testing.T, path string) map[string]*tensor.Tensor {
	t.Helper()
	d, err := safetensors.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	all := map[string]*tensor.Tensor{}
	for _, name := range d.Names() {
		if info, _ := d.Info(name); info.DType == "I64" {
			continue // buffers of positions
		}
		if all[name], err = d.Tensor(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func shapesOf(all map[string]*tensor.Tensor) map[string]tensor.Shape {
	shapes := map[string]tensor.Shape{}
	for name, t := range all {
		shapes[name] = t.Shape()
	}
	return shapes
}

// mergeAll makes the weights of a base model with an adapter merged.
func mergeAll(t *testing.T, base map[string]*tensor.Tensor, a *Adapter) map[string]*tensor.Tensor {
	t.Helper()
	if err := a.Check(shapesOf(base)); err != nil {
		t.Fatal(err)
	}
	merged := map[string]*tensor.Tensor{}
	for name, w := range base {
		merged[name] = w.Clone()
	}
	for _, path := range a.Paths() {
		if err := a.Merge(path, merged[path+".weight"]); err != nil {
			t.Fatal(err)
		}
	}
	for name, w := range a.Saved {
		merged[name] = w
	}
	return merged
}

// difference is the largest one, relative to the largest element.
func difference(t *testing.T, got, want map[string]*tensor.Tensor) float64 {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d weights, want %d", len(got), len(want))
	}
	var worst, largest float64
	for name, w := range want {
		g := got[name]
		if g == nil || !g.Shape().Equal(w.Shape()) {
			t.Fatalf("%s is %v, want %v", name, g, w)
		}
		for i, x := range w.Float32s() {
			worst = max(worst, math.Abs(float64(x)-float64(g.Float32s()[i])))
			largest = max(largest, math.Abs(float64(x)))
		}
	}
	return worst / largest
}

// TestPEFT holds reading, merging and writing against PEFT: its adapters merge to its
// weights here; written by us again, they give the same outputs there to the bit;
// adapters with matrices of ours merge there to our weights.
func TestPEFT(t *testing.T) {
	const bound = 2.5e-7 // of the largest weight: two units in the last place
	dir := t.TempDir()
	python(t, "make", dir)
	kinds, err := os.ReadDir(dir)
	if err != nil || len(kinds) < 9 {
		t.Fatalf("%d kinds of adapters: %v", len(kinds), err)
	}
	adapters := map[string]*Adapter{}
	for _, kind := range kinds {
		at := filepath.Join(dir, kind.Name())
		a, err := Read(filepath.Join(at, "adapter"))
		if err != nil {
			t.Fatal(err)
		}
		base := weightsOf(t, filepath.Join(at, "base", safetensors.WholeFile))
		d := difference(t, mergeAll(t, base, a), weightsOf(t, filepath.Join(at, "merged.safetensors")))
		t.Logf("%s: %d modules, merged weights differ from PEFT's by %.1e", kind.Name(), len(a.Modules), d)
		if d > bound {
			t.Errorf("%s: merged weights differ from PEFT's by %.1e of the largest", kind.Name(), d)
		}
		if err := Write(filepath.Join(at, "ours"), a); err != nil {
			t.Fatal(err)
		}
		adapters[kind.Name()] = a
	}
	python(t, "check", dir)

	names := slices.Sorted(maps.Keys(adapters))
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range names {
		a := adapters[name]
		for _, path := range a.Paths() {
			for _, m := range [][]float32{a.Modules[path].A.Float32s(), a.Modules[path].B.Float32s()} {
				for i := range m {
					m[i] = float32(rng.NormFloat64())
				}
			}
		}
		if err := Write(filepath.Join(dir, name, "ours"), a); err != nil {
			t.Fatal(err)
		}
	}
	python(t, "merge", dir)
	for _, name := range names {
		a := adapters[name]
		base := weightsOf(t, filepath.Join(dir, name, "base", safetensors.WholeFile))
		d := difference(t, mergeAll(t, base, a), weightsOf(t, filepath.Join(dir, name, "ours_merged.safetensors")))
		if t.Logf("%s: PEFT's merged weights differ from ours by %.1e", name, d); d > bound {
			t.Errorf("%s: PEFT's merged weights differ from ours by %.1e of the largest", name, d)
		}
	}
}
