package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"espalier/export"
	"espalier/input"
	"espalier/models"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// matrix collects the files that every runtime is asked to run.
type matrix struct {
	engine runtime.Engine
	out    string
	models []*model
	// pure is what the pure-Go engine answers, in the form of interop/run.py.
	pure []any
}

// model is one exported model: a file with all tasks, and one a task for
// runtimes that cannot run the whole.
type model struct {
	Name  string `json:"name"`
	Reads string `json:"reads"` // ids, text, table or "table ids"
	file
	Tasks map[string]*taskFile `json:"tasks"`
	Calls []call               `json:"calls"`
}

type file struct {
	File      string   `json:"file"` // relative to the folder of matrix.json
	Operators []string `json:"operators"`
}

type taskFile struct {
	Type string `json:"type"`
	CRF  bool   `json:"crf"`
	file
	Outputs []string `json:"outputs"`
	// Scale is what differences of a float64 output are measured in, the
	// deviation of its values; 0: the values themselves.
	Scale float64 `json:"scale"`
}

// call is one run of the file with all tasks: what goes in and what must come
// out. Batch and Length are sizes of the inputs; tables have no length.
type call struct {
	Batch   int     `json:"batch"`
	Length  int     `json:"length"`
	Inputs  []value `json:"inputs"`
	Outputs []value `json:"outputs"`
}

// value is a tensor in JSON, where null is NaN.
type value struct {
	Name  string  `json:"name"`
	DType string  `json:"dtype"`
	Shape []int64 `json:"shape"`
	Data  any     `json:"data"`
}

// add writes a model's files to dir/base.onnx and dir/heads, and what they
// answer to the calls.
func (x *matrix) add(dir, base string, m *models.Model, values map[string]*tensor.Tensor, words *text.Vocabulary, o export.Options, calls [][]runtime.Named) error {
	s := m.Schema()
	entry := &model{Name: filepath.ToSlash(dir), Reads: reads(s, o), Tasks: map[string]*taskFile{}}
	var err error
	if entry.file, err = x.export(filepath.Join(dir, base+".onnx"), m, values, words, o); err != nil {
		return err
	}
	for _, t := range s.Tasks {
		o.Heads = []string{t.Name}
		f, err := x.export(filepath.Join(dir, "heads", base+"_"+t.Name+".onnx"), m, values, words, o)
		if err != nil {
			return err
		}
		entry.Tasks[t.Name] = &taskFile{Type: string(t.Type), CRF: heads[t.Name].CRF && !input.Table(s), file: f}
		if t.Double {
			entry.Tasks[t.Name].Scale = t.Deviation
		}
		for _, out := range t.Outputs {
			entry.Tasks[t.Name].Outputs = append(entry.Tasks[t.Name].Outputs, out.Tensor)
		}
		if entry.Reads == "text" {
			entry.Tasks[t.Name].Outputs = append(entry.Tasks[t.Name].Outputs, export.TokensOutput)
		}
	}
	x.models = append(x.models, entry)
	if entry.Calls, err = answer(x.engine, filepath.Join(x.out, entry.File), calls); err != nil {
		return err
	}
	return x.answerPure(entry, calls)
}

func reads(s *schema.Schema, o export.Options) string {
	switch {
	case input.Table(s) && o.Input == "ids":
		return "table ids"
	case input.Table(s):
		return "table"
	case o.Input == "":
		return "ids"
	}
	return o.Input
}

func (x *matrix) export(name string, m *models.Model, values map[string]*tensor.Tensor, words *text.Vocabulary, o export.Options) (file, error) {
	made, err := export.Model(m, values, words, o)
	if err != nil {
		return file{}, err
	}
	path := filepath.Join(x.out, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return file{}, err
	}
	return file{File: filepath.ToSlash(name), Operators: operators(made.Graph)}, export.Write(path, made)
}

// operators are the kinds of a graph's nodes and of those in their bodies.
func operators(g *onnx.Graph) []string {
	var kinds []string
	for _, n := range g.Nodes {
		kinds = append(kinds, n.OpType)
		for _, a := range n.Attributes {
			if a.Graph != nil {
				kinds = append(kinds, operators(a.Graph)...)
			}
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

func answer(e runtime.Engine, path string, calls [][]runtime.Named) ([]call, error) {
	session, err := e.OpenFile(path, runtime.Options{})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	var all []call
	for _, in := range calls {
		var outputs []runtime.Named
		for _, o := range session.Outputs() {
			outputs = append(outputs, runtime.Named{Name: o.Name})
		}
		if err := session.Run(context.Background(), in, outputs); err != nil {
			return nil, err
		}
		c := call{Batch: int(in[0].Tensor.Shape()[0])}
		if shape := in[0].Tensor.Shape(); len(shape) > 1 {
			c.Length = int(shape[1])
		}
		for _, i := range in {
			c.Inputs = append(c.Inputs, inJSON(i.Name, i.Tensor))
		}
		for _, o := range outputs {
			c.Outputs = append(c.Outputs, inJSON(o.Name, o.Tensor))
			if o.Name == export.TokensOutput {
				c.Length = int(o.Tensor.Shape()[1])
			}
		}
		all = append(all, c)
	}
	return all, nil
}

// answerPure asks the pure-Go engine, which has every operator that we export.
func (x *matrix) answerPure(m *model, calls [][]runtime.Named) error {
	got, err := answer(gonum.New(), filepath.Join(x.out, m.File), calls)
	if errors.Is(err, runtime.ErrUnsupported) {
		return fmt.Errorf("the pure-Go engine: %w", err)
	}
	if err != nil {
		return err
	}
	answers := []any{}
	for _, c := range got {
		answers = append(answers, map[string]any{"outputs": c.Outputs})
	}
	x.pure = append(x.pure, map[string]any{"model": m.Name, "file": m.File, "calls": answers})
	return nil
}

func (x *matrix) write() error {
	if err := writeJSON(filepath.Join(x.out, "matrix.json"), map[string]any{"models": x.models}); err != nil {
		return err
	}
	return writeJSON(filepath.Join(x.out, "pure.json"), map[string]any{"version": "", "answers": x.pure})
}

func writeJSON(path string, content any) error {
	data, err := json.Marshal(content)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

func inJSON(name string, t *tensor.Tensor) value {
	v := value{Name: name, DType: t.DType().String(), Shape: append([]int64{}, t.Shape()...), Data: t.Any()}
	switch t.DType() {
	case tensor.Float32:
		v.Data = cells(t.Float32s())
	case tensor.Float64:
		v.Data = cells(t.Float64s())
	}
	return v
}

// cells are numbers, null in the place of NaN.
func cells[T float32 | float64](xs []T) []any {
	out := []any{}
	for _, x := range xs {
		if math.IsNaN(float64(x)) {
			out = append(out, nil)
			continue
		}
		out = append(out, x)
	}
	return out
}
