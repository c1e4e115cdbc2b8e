package predict

import (
	"espalier/input"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/schema"
)

// inputReader turns one kind of inputs into tensors. Each stands in a file of its own
// (input_*.go).
type inputReader struct {
	// describe finds out what input i needs for that, and holds it against the graph.
	describe func(f *file, i int, m *onnx.Model) error
	// prepare appends the tensors of input i, which are written to before each run.
	prepare func(f *file, i int, c *prepared, to []runtime.Named) ([]runtime.Named, error)
}

// readers is the table of all kinds by what a caller gives.
func readers() map[input.Form]inputReader {
	column := inputReader{describeColumn, prepareColumn}
	return map[input.Form]inputReader{
		input.Text:   {describeTextInput, prepareText},
		input.Number: column,
		input.Value:  column,
	}
}

// newColumnReader returns what reads a column of a table.
func newColumnReader(in *schema.Input) columnReader {
	kinds := map[input.Form]func(*schema.Input) columnReader{input.Number: newNumberReader, input.Value: newValueReader}
	return kinds[input.TraitsOf(in).Given](in)
}
