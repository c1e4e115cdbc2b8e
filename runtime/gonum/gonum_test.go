package gonum_test

import (
	"testing"

	"espalier/runtime"
	"espalier/runtime/enginetest"
	"espalier/runtime/gonum"
)

func TestConformance(t *testing.T) {
	enginetest.Test(t, func() runtime.Engine { return gonum.New() })
}
