//go:build cgo

package ort

import (
	"context"
	"errors"
	"testing"
	"time"

	"espalier/runtime"
	"espalier/runtime/enginetest"
	"espalier/tensor"
)

// FuzzOpen: whatever a file holds, opening and running it gives results or an
// error, and the process goes on.
func FuzzOpen(f *testing.F) {
	openEngine(f)
	e, err := Open(Config{MaxMemory: testLimit})
	if err != nil {
		f.Fatal(err)
	}
	good := enginetest.ThreeHeads(f)
	f.Add(good)
	for _, model := range enginetest.Nonsense(f) {
		f.Add(model)
	}
	f.Add(good[:len(good)/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, model []byte) {
		s, err := e.Open(model, runtime.Options{Threads: 1})
		if err != nil {
			if !errors.Is(err, runtime.ErrModel) && !errors.Is(err, runtime.ErrUnsupported) {
				t.Errorf("got error %v, want one that is %q or %q", err, runtime.ErrModel, runtime.ErrUnsupported)
			}
			return
		}
		defer s.Close()
		var in, out []runtime.Named
		for _, v := range s.Inputs() {
			shape := tensor.Shape{}
			for _, d := range v.Shape {
				if d.Size < 0 {
					d.Size = 2
				}
				shape = append(shape, d.Size)
			}
			if n, err := shape.Elements(); err != nil || n > 1<<12 {
				return
			}
			x, err := tensor.New(v.DType, shape...)
			if err != nil {
				return
			}
			in = append(in, runtime.Named{Name: v.Name, Tensor: x})
		}
		for _, v := range s.Outputs() {
			out = append(out, runtime.Named{Name: v.Name})
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if len(out) > 0 {
			_ = s.Run(ctx, in, out)
		}
	})
}
