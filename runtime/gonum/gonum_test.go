package gonum_test

import (
	"testing"

	"espalier/runtime"
	"espalier/runtime/enginetest"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

func TestConformance(t *testing.T) {
	open := func() runtime.Engine { return gonum.New() }
	enginetest.Test(t, open)
	t.Run("types", func(t *testing.T) {
		enginetest.Types(t, open, tensor.Float32, tensor.Float64, tensor.Float16, tensor.BFloat16,
			tensor.Int8, tensor.Int16, tensor.Int32, tensor.Int64,
			tensor.Uint8, tensor.Uint16, tensor.Uint32, tensor.Uint64, tensor.Bool, tensor.String)
	})
	t.Run("strings", func(t *testing.T) { enginetest.Strings(t, open) })
	t.Run("hostile", func(t *testing.T) {
		enginetest.Hostile(t, func() runtime.Engine { return &gonum.Engine{MaxMemory: enginetest.HostileMemory} })
	})
}
