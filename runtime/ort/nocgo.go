//go:build !cgo

package ort

import (
	"fmt"

	"espalier/runtime"
)

// Engine is a stand-in: this program was built without cgo.
type Engine struct{ runtime.Engine }

// Library returns nothing: there is no library.
func (e *Engine) Library() string { return "" }

// Version returns nothing: there is no library.
func (e *Engine) Version() string { return "" }

// Open fails: the binding needs cgo.
func Open(Config) (*Engine, error) {
	return nil, fmt.Errorf("%w: this program was built without cgo, which ONNX Runtime's binding needs; "+
		"install a C compiler and build it again with CGO_ENABLED=1", runtime.ErrLibrary)
}

// Describe finds the library and says why it cannot be used.
func Describe(path string) (Info, error) {
	_, err := Open(Config{})
	return Info{Search: Find(path)}, err
}
