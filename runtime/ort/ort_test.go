//go:build cgo

package ort

import (
	"os"
	"testing"

	"espalier/runtime"
	"espalier/runtime/enginetest"
	"espalier/tensor"
)

// openEngine opens ORT for a test. A test that needs the library fails without
// it: a skipped one would hide that nothing was tested.
func openEngine(t testing.TB) *Engine {
	t.Helper()
	if os.Getenv(LibraryVariable) == "" {
		t.Fatalf("%s is not set: run `make env`, which fetches the library, and test with `make test`", LibraryVariable)
	}
	e, err := Open(Config{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestConformance(t *testing.T) {
	e := openEngine(t)
	open := func() runtime.Engine { return e }
	enginetest.Test(t, open)
	t.Run("types", func(t *testing.T) {
		enginetest.Types(t, open, tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16,
			tensor.Int8, tensor.Int16, tensor.Int32, tensor.Int64,
			tensor.Uint8, tensor.Uint16, tensor.Uint32, tensor.Uint64, tensor.Bool, tensor.String)
	})
	t.Run("strings", func(t *testing.T) { enginetest.Strings(t, open) })
	t.Run("allocations", func(t *testing.T) { enginetest.Allocations(t, open) })
	t.Run("hostile", func(t *testing.T) {
		enginetest.Hostile(t, func() runtime.Engine { return limited(t) })
	})
}
