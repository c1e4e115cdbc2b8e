//go:build cgo

package ort

import (
	"errors"

	"espalier/runtime"
)

// Unsupported lists the operators of the model that ORT lacks.
func (e *Engine) Unsupported(model []byte) ([]string, error) {
	s, err := e.Open(model, runtime.Options{Optimization: "none", Threads: 1})
	if err == nil {
		return nil, s.Close()
	}
	if errors.Is(err, runtime.ErrUnsupported) {
		return []string{err.Error()}, nil
	}
	return nil, err
}
