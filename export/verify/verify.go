// Package verify holds an exported file against the trainer that made it and
// against several engines: the file is read back, checked, and run on batches
// and lengths of every kind, and each output's largest difference is reported.
package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"espalier/input"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
	"espalier/text"
)

// Bound is the largest difference of a float output that passes.
const Bound = 1e-5

// tiny is what relative differences are taken of at least: below it, numbers
// are rounding.
const tiny = 1e-6

// Options say what a file is compared with.
type Options struct {
	// Engines run the file. Every one after the first is compared with the
	// first where no Reference is given, and may lack operators of the file.
	Engines []runtime.Engine
	// Reference computes the outputs for the inputs that the schema names: the
	// trainer's own program. Nil compares engines with each other only.
	Reference func(ctx context.Context, inputs []runtime.Named) ([]runtime.Named, error)
	// Adapters are files of ONNX Runtime's adapters that the file is run with.
	Adapters []string
	// Longest is the longest sequence that is tried; 40, or the most the model
	// reads.
	Longest int
	// Bound is the largest difference of a float output that passes; 0 is the
	// package's.
	Bound float64
}

// Report is what was found.
type Report struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
	// Data is the size of the files that tensors are kept in beside it.
	Data  int64 `json:"data_bytes,omitempty"`
	Nodes int   `json:"nodes"`
	// The file is well formed for these versions, else there is no report.
	IRVersion int64            `json:"ir_version"`
	Opsets    map[string]int64 `json:"opsets"`
	Engines   []string         `json:"engines"`
	// Missing says, by engine, why it did not run the file: operators that it
	// does not have.
	Missing map[string]string `json:"missing,omitempty"`
	Against string            `json:"against"` // "trainer" or the first engine's name
	Shapes  []Shape           `json:"shapes"`
	// Inferred counts outputs whose shape, on every engine and batch, was held
	// against what the file declares.
	Inferred int      `json:"shapes_as_declared"`
	Bound    float64  `json:"bound"`
	Outputs  []Output `json:"outputs"`
}

// Shape is one batch that was run.
type Shape struct {
	Batch  int `json:"batch"`
	Length int `json:"length"`
}

// Output is how far an engine's output is from the reference over all shapes.
type Output struct {
	Engine   string  `json:"engine"`
	Name     string  `json:"name"`
	Absolute float64 `json:"max_absolute_difference"`
	Relative float64 `json:"max_relative_difference"`
	// Scale multiplies the bound of a number. For a float32 output it is |mean| +
	// deviation and counts where it is above 1, because float32 holds no more digits.
	// For a float64 output, Double, it is the deviation, also where that is below 1.
	Scale  float64 `json:"scale,omitempty"`
	Double bool    `json:"double,omitempty"`
	// Scaled is the largest difference over that scale, which is what the bound is
	// compared with. A float32 number beyond the scale is its own scale: counts may be
	// a hundred times their mean.
	Scaled float64 `json:"max_scaled_difference"`
	// Labels counts integer elements that differ, Ties those of them whose two
	// best probabilities are closer than Bound, so that either is right.
	Labels int `json:"labels_different"`
	Ties   int `json:"ties"`
}

// scale is what differences are divided by before they are compared with the bound.
func (o *Output) scale() float64 {
	if o.Double {
		return o.Scale
	}
	return max(1, o.Scale)
}

// OK reports whether every difference is within the bound.
func (r *Report) OK() bool {
	for _, o := range r.Outputs {
		if !(o.Scaled <= r.Bound) || o.Labels > o.Ties {
			return false
		}
	}
	return true
}

// Table returns the report for people.
func (r *Report) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d bytes, %d nodes, compared with the %s on %d shapes\n", r.File, r.Bytes+r.Data, r.Nodes, r.Against, len(r.Shapes))
	fmt.Fprintf(&b, "  well formed for IR %d", r.IRVersion)
	for _, name := range slices.Sorted(maps.Keys(r.Opsets)) {
		fmt.Fprintf(&b, ", %s %d", name, r.Opsets[name])
	}
	fmt.Fprintf(&b, "; %d output shapes as declared; bound %.0e\n", r.Inferred, r.Bound)
	fmt.Fprintf(&b, "  %-6s %-28s %12s %12s %7s\n", "engine", "output", "max abs", "max rel", "labels")
	for _, o := range r.Outputs {
		fmt.Fprintf(&b, "  %-6s %-28s %12.2e %12.2e %7d", o.Engine, o.Name, o.Absolute, o.Relative, o.Labels-o.Ties)
		switch {
		case o.Double:
			fmt.Fprintf(&b, "  deviation %.0e, bound %.0e", o.Scale, r.Bound*o.Scale)
		case o.Scale > 1:
			fmt.Fprintf(&b, "  numbers up to %.0e, bound %.0e", o.Scale, r.Bound*o.Scale)
		}
		b.WriteByte('\n')
	}
	for _, name := range slices.Sorted(maps.Keys(r.Missing)) {
		fmt.Fprintf(&b, "  %-6s not run: %s\n", name, r.Missing[name])
	}
	return b.String()
}

// File verifies an exported file. An error says that it could not be run; a
// difference is in the report.
func File(ctx context.Context, path string, o Options) (*Report, error) {
	if len(o.Engines) == 0 {
		return nil, fmt.Errorf("verify: no engine is given")
	}
	data, err := onnx.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	m, err := onnx.Decode(data, onnx.Limits{})
	if err != nil {
		return nil, fmt.Errorf("verify: %s: %w", path, err)
	}
	if err := onnx.Check(m); err != nil {
		return nil, fmt.Errorf("verify: %s: %w", path, err)
	}
	run := data // what engines open
	if len(o.Adapters) > 0 {
		if m, err = onnx.ReadAdapters(m, o.Adapters...); err == nil {
			run, err = onnx.Encode(m)
		}
		if err != nil {
			return nil, fmt.Errorf("verify: %s: %w", path, err)
		}
	}
	description, _ := m.MetadataValue(schema.Key)
	s, err := task.Decode([]byte(description))
	if err != nil {
		return nil, fmt.Errorf("verify: %s: %w", path, err)
	}
	var vocabulary *text.Vocabulary
	if !input.Table(s) {
		key, keyHash := s.Inputs[0].VocabularyKeys()
		words, _ := m.MetadataValue(key)
		hash, _ := m.MetadataValue(keyHash)
		if vocabulary, err = input.Stored(&s.Inputs[0]).Unfold(words, hash); err != nil {
			return nil, fmt.Errorf("verify: %s: metadata %s: %w", path, key, err)
		}
	}
	v := &verifier{schema: s, vocabulary: vocabulary, graph: m.Graph, folder: filepath.Dir(path), options: o, report: &Report{
		File: path, Bytes: int64(len(data)), Nodes: len(m.Graph.Nodes), IRVersion: m.IRVersion, Opsets: opsets(m), Against: "trainer", Bound: o.Bound,
	}}
	if v.report.Bound == 0 {
		v.report.Bound = Bound
	}
	if err := v.usable(); err != nil {
		return nil, fmt.Errorf("verify: %s: %w", path, err)
	}
	if v.report.Data, err = dataBytes(m); err != nil {
		return nil, fmt.Errorf("verify: %s: %w", path, err)
	}
	if o.Reference == nil {
		v.report.Against = o.Engines[0].Name()
	}
	for _, e := range o.Engines {
		err := v.engine(ctx, e, run)
		if errors.Is(err, runtime.ErrUnsupported) && len(v.report.Engines) > 0 {
			if v.report.Missing == nil {
				v.report.Missing = map[string]string{}
			}
			v.report.Missing[e.Name()] = err.Error()
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("verify: %s on %s: %w", path, e.Name(), err)
		}
	}
	return v.report, nil
}

// mostElements bounds the inputs that are made: a file may fix any size.
const mostElements = 1 << 24

// usable refuses a description that no inputs can be made for.
func (v *verifier) usable() error {
	if in := &v.schema.Inputs[0]; !input.Table(v.schema) {
		switch {
		case !input.OneText(v.schema):
			return fmt.Errorf("the schema has %d inputs, which are neither one text nor columns of a table", len(v.schema.Inputs))
		case v.vocabulary.Size() != in.VocabularySize:
			return fmt.Errorf("the vocabulary has %d words, the schema says %d", v.vocabulary.Size(), in.VocabularySize)
		}
	}
	for _, s := range v.batches() {
		if s.Batch < 0 || s.Length < 1 || s.Batch > mostElements/s.Length {
			return fmt.Errorf("a batch of %d rows and %d tokens cannot be tried; up to %d elements are", s.Batch, s.Length, mostElements)
		}
	}
	return nil
}

type verifier struct {
	schema     *schema.Schema
	vocabulary *text.Vocabulary
	graph      *onnx.Graph
	folder     string
	options    Options
	report     *Report
	// reference holds what each batch must give.
	reference [][]runtime.Named
}

// batches are the shapes that a file is tried on.
func (v *verifier) batches() []Shape {
	longest := v.options.Longest
	if longest == 0 {
		longest = 40
	}
	if limit := v.schema.Inputs[0].MaxLength; limit > 0 {
		longest = min(longest, limit)
	}
	var out []Shape
	batches, lengths := []int{0, 1, 3}, []int{1, min(7, longest), longest}
	if !input.HasTokens(v.schema) {
		batches, lengths = []int{0, 1, 3, 40}, []int{1}
	}
	if in := v.declared(v.graph.Inputs, v.schema.Inputs[0].Tensor); in != nil {
		if len(in.Shape) > 0 && in.Shape[0].Known {
			batches = []int{int(in.Shape[0].Size)}
		}
		if len(in.Shape) > 1 && in.Shape[1].Known {
			lengths = []int{int(in.Shape[1].Size)}
		}
	}
	for _, batch := range batches {
		for _, length := range lengths {
			out = append(out, Shape{batch, length})
		}
	}
	return out
}

func (v *verifier) declared(infos []onnx.ValueInfo, name string) *onnx.ValueInfo {
	for i := range infos {
		if infos[i].Name == name {
			return &infos[i]
		}
	}
	return nil
}

func (v *verifier) outputs() []runtime.Named {
	var out []runtime.Named
	for _, t := range v.schema.Tasks {
		for _, o := range t.Outputs {
			out = append(out, runtime.Named{Name: o.Tensor})
		}
	}
	if e := v.schema.Embeddings; e != nil {
		out = append(out, runtime.Named{Name: e.Tensor})
	}
	return out
}

func (v *verifier) engine(ctx context.Context, e runtime.Engine, data []byte) error {
	session, err := e.Open(data, runtime.Options{Folder: v.folder})
	if err != nil {
		return err
	}
	defer session.Close()
	first := len(v.report.Engines) == 0
	v.report.Engines = append(v.report.Engines, e.Name())
	found := map[string]*Output{}
	for i, shape := range v.batches() {
		out := v.outputs()
		in, ids, err := v.inputs(shape)
		if err != nil {
			return err
		}
		if err := session.Run(ctx, in, out); err != nil {
			return fmt.Errorf("batch %d, length %d: %w", shape.Batch, shape.Length, err)
		}
		if err := v.shapes(in, out); err != nil {
			return fmt.Errorf("batch %d, length %d: %w", shape.Batch, shape.Length, err)
		}
		if err := v.number(out); err != nil {
			return err
		}
		if first {
			v.report.Shapes = append(v.report.Shapes, shape)
			want, err := v.want(ctx, ids, out)
			if err != nil {
				return err
			}
			v.reference = append(v.reference, want)
			if v.options.Reference == nil {
				continue
			}
		}
		if err := v.compare(e.Name(), shape, out, v.reference[i], found); err != nil {
			return err
		}
	}
	for _, o := range v.outputs() {
		if f := found[o.Name]; f != nil {
			v.report.Outputs = append(v.report.Outputs, *f)
		}
	}
	return nil
}

// want is what the trainer gives, or what the first engine gave.
func (v *verifier) want(ctx context.Context, in []runtime.Named, got []runtime.Named) ([]runtime.Named, error) {
	if v.options.Reference == nil {
		return got, nil
	}
	if in[0].Tensor.Len() == 0 {
		return nil, nil // a trainer sees no empty batch: only the shapes are checked
	}
	want, err := v.options.Reference(ctx, in)
	if err != nil {
		return want, err
	}
	if e := v.schema.Embeddings; e != nil { // the trainer has none: other engines are held against the first
		want = append(want, got[slices.IndexFunc(got, func(o runtime.Named) bool { return o.Name == e.Tensor })])
	}
	return want, v.unlabel(want, in[0].Tensor)
}

func (v *verifier) compare(engine string, shape Shape, got, want []runtime.Named, found map[string]*Output) error {
	byName := map[string]*tensor.Tensor{}
	for _, w := range want {
		byName[w.Name] = w.Tensor
	}
	outputs := map[string]*tensor.Tensor{}
	for _, g := range got {
		outputs[g.Name] = g.Tensor
	}
	for _, g := range got {
		if found[g.Name] == nil {
			found[g.Name] = v.output(engine, g.Name)
		}
		if shape.Batch == 0 {
			if s := g.Tensor.Shape(); len(s) == 0 || s[0] != 0 {
				return fmt.Errorf("output %q of an empty batch has shape %v", g.Name, s)
			}
			continue
		}
		w := byName[g.Name]
		if w == nil || !w.Shape().Equal(g.Tensor.Shape()) || w.DType() != g.Tensor.DType() {
			return fmt.Errorf("output %q is %v, the %s has %v", g.Name, g.Tensor, v.report.Against, w)
		}
		difference(found[g.Name], g.Tensor, w)
		if g.Tensor.DType() == tensor.Int64 {
			v.ties(found[g.Name], g, w, outputs)
		}
	}
	return nil
}

// output is an output in which no difference has been found yet.
func (v *verifier) output(engine, name string) *Output {
	o := &Output{Engine: engine, Name: name}
	for _, t := range v.schema.Tasks {
		switch {
		case t.Deviation == 0 || t.Output(schema.Value) != name:
		case t.Double:
			o.Scale, o.Double = t.Deviation, true
		default:
			o.Scale = math.Abs(t.Mean) + t.Deviation
		}
	}
	return o
}

func difference(o *Output, got, want *tensor.Tensor) {
	note := func(g, w float64) {
		d := math.Abs(g - w)
		if math.IsNaN(d) {
			d = math.Inf(1) // a NaN on either side is never right
		}
		scale := o.scale()
		if !o.Double && !math.IsInf(w, 0) {
			scale = max(scale, math.Abs(w))
		}
		o.Absolute, o.Scaled = max(o.Absolute, d), max(o.Scaled, d/scale)
		if d > 0 {
			o.Relative = max(o.Relative, d/max(math.Abs(w), tiny))
		}
	}
	g, w := got.Float32s(), want.Float32s()
	for i := range g {
		note(float64(g[i]), float64(w[i]))
	}
	gd, wd := got.Float64s(), want.Float64s()
	for i := range gd {
		note(gd[i], wd[i])
	}
	gi, wi := got.Int64s(), want.Int64s()
	for i := range gi {
		if gi[i] != wi[i] {
			o.Labels++
		}
	}
}

// ties counts differing labels whose probabilities are the same but for
// rounding.
func (v *verifier) ties(o *Output, got runtime.Named, want *tensor.Tensor, outputs map[string]*tensor.Tensor) {
	for _, t := range v.schema.Tasks {
		if t.Output(schema.Label) != got.Name {
			continue
		}
		p := outputs[t.Output(schema.Probabilities)].Float32s()
		n := len(t.Labels)
		for i, l := range got.Tensor.Int64s() {
			if w := want.Int64s()[i]; w != l && min(w, l) >= 0 && math.Abs(float64(p[i*n+int(l)]-p[i*n+int(w)])) < v.report.Bound {
				o.Ties++
			}
		}
	}
}
