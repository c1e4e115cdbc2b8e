package export

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"espalier/internal/atomicfile"
	"espalier/models"
	"espalier/onnx"
	"espalier/tensor"
)

// What an export makes of low-rank changes of a pretrained trunk's weights.
const (
	AdaptersMerged = "merge" // they are added to the weights
	AdaptersKept   = "keep"  // they stay nodes of the graph
	AdaptersFiles  = "files" // they are files of their own
)

// Adapters is a file of low-rank changes that an exported file is run with.
type Adapters struct {
	// Task is the task whose own they are; "": all tasks share them.
	Task    string
	Content *onnx.Adapter
}

// AdapterPath is where the file of adapters of a model's file is: beside it, under its
// name, that of the task if they are one's own, and ".onnx_adapter".
func (a *Adapters) AdapterPath(model string) string {
	base := strings.TrimSuffix(model, ".onnx")
	if a.Task != "" {
		base += "." + a.Task
	}
	return base + ".onnx_adapter"
}

// adapted returns the model and its parameters for what the options make of low-rank
// changes.
func (o *Options) adapted(m *models.Model, values map[string]*tensor.Tensor) (*models.Model, map[string]*tensor.Tensor, error) {
	switch o.Adapters {
	case "", AdaptersMerged:
		return m.With(models.MergeAdapters, values)
	case AdaptersKept:
		return m, values, nil
	case AdaptersFiles:
		if !m.LowRank() {
			return nil, nil, fmt.Errorf("export: there is nothing to put into files of adapters: the model has no low-rank changes (tune: lora) of a pretrained trunk's weights")
		}
		return m.With(models.SplitAdapters, values)
	}
	return nil, nil, fmt.Errorf("export: adapters %q are not one of merge, keep, files", o.Adapters)
}

// splitAdapters gives a graph that reads low-rank changes as inputs defaults of rank 0, by
// which they add nothing, and returns their values, which are to be given instead.
func splitAdapters(m *onnx.Model, values map[string]*tensor.Tensor) []Adapters {
	g := m.Graph
	var files []Adapters
	for i := range g.Inputs {
		in := &g.Inputs[i]
		if !models.IsLowRank(in.Name) {
			continue
		}
		task, _ := models.TaskOf(in.Name)
		at := slices.IndexFunc(files, func(a Adapters) bool { return a.Task == task })
		if at < 0 {
			at = len(files)
			files = append(files, Adapters{Task: task, Content: &onnx.Adapter{Version: 1, ModelVersion: 1}})
		}
		t := onnx.TensorOf(in.Name, values[in.Name])
		files[at].Content.Parameters = append(files[at].Content.Parameters, t)
		rank := 1 // of down [in, rank]
		if strings.HasSuffix(t.Name, "/up/weight") {
			rank = 0
		}
		none := &onnx.Tensor{Name: t.Name, DType: t.DType, Dims: slices.Clone(t.Dims)}
		none.Dims[rank] = 0
		in.Shape[rank] = onnx.Dim{}
		g.Initializers = append(g.Initializers, none)
	}
	slices.SortStableFunc(files, func(a, b Adapters) int { return strings.Compare(a.Task, b.Task) })
	return files
}

// WriteAdapter writes a file of adapters, whole or not at all.
func WriteAdapter(path string, a *onnx.Adapter) error {
	data, err := onnx.EncodeAdapter(a)
	if err == nil {
		err = atomicfile.WriteFile(path, func(w io.Writer) error { _, err := w.Write(data); return err })
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}
