// Package espalier trains one shared trunk with many task heads, writes it as
// one multi-output ONNX file, and runs that file.
//
// [Train] fits what a recipe says and leaves a [Run], a directory. [Run.Export]
// writes its model as one ONNX file, which package runtime/predict and every ONNX
// runtime read. A program that only predicts needs runtime/predict
// and an engine, not this package.
package espalier

import (
	"errors"
	"fmt"

	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
)

// OpenEngine returns an engine by name: "ort" is ONNX Runtime, "gonum" is pure
// Go, and "auto" is ONNX Runtime where its library is found and pure Go
// otherwise. library is the path of ONNX Runtime's library; empty searches the
// usual places.
func OpenEngine(name, library string) (runtime.Engine, error) {
	return OpenEngineWith(name, ort.Config{Library: library})
}

// OpenEngineWith is [OpenEngine] with all settings. The limit of memory applies
// to pure Go, too, where it is one of each run.
func OpenEngineWith(name string, c ort.Config) (runtime.Engine, error) {
	pure := &gonum.Engine{MaxMemory: int(c.MaxMemory)}
	switch name {
	case "gonum":
		return pure, nil
	case "ort":
		return ort.Open(c)
	case "auto", "":
		e, err := ort.Open(c)
		if err == nil {
			return e, nil
		}
		// A library that was named must work; one that is only missing need not.
		if c.Library != "" || !errors.Is(err, runtime.ErrLibrary) {
			return nil, err
		}
		return pure, nil
	}
	return nil, fmt.Errorf("engine %q is not one of auto, ort, gonum", name)
}
