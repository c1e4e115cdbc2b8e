package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"espalier"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
)

// engineFlags are the flags of every verb that runs a model.
type engineFlags struct {
	name, library string
	maxMemory     int64 // for files of others; 0 is no limit
}

// othersMemory is what a file that is not our own may take.
const othersMemory = 4 << 30

func (f *engineFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.name, "engine", "auto", "what runs the model: ort (ONNX Runtime), gonum (pure Go), or auto")
	cmd.Flags().StringVar(&f.library, "library", "", "path of ONNX Runtime's shared library; searched for when empty")
}

// open opens the engine and says which it is where that was left open.
func (f *engineFlags) open(talk io.Writer) (runtime.Engine, error) {
	switch f.name {
	case "auto", "ort", "gonum":
	default:
		return nil, usageError{fmt.Errorf("--engine %q is not one of auto, ort, gonum", f.name)}
	}
	e, err := espalier.OpenEngineWith(f.name, ort.Config{Library: f.library, MaxMemory: f.maxMemory})
	if err != nil {
		return nil, err
	}
	if f.name == "auto" && e.Name() == "gonum" {
		fmt.Fprintln(talk, "ONNX Runtime's library was not found: running in pure Go, which is slower (see espalier doctor)")
	}
	return e, nil
}

// verifying lists the engines that a file is run by: the one in use first.
func verifying(e runtime.Engine) []runtime.Engine {
	engines := []runtime.Engine{e}
	if e.Name() != "gonum" {
		engines = append(engines, gonum.New())
	}
	return engines
}
