package step

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"espalier/builder"
	"espalier/models"
	"espalier/task"
	"espalier/tensor"
)

// Feature is a value of the training graph that an example has in every epoch, because
// frozen parameters alone have a part in it: what the frozen part of a trunk hands to
// what learns. Programs are cut there, and a step reads the values in the place of
// computing them ([Input.Features]).
type Feature struct {
	Name string
	// Tokens: each token has a vector, and the value is [batch, sequence, ...]; else
	// each example has one, and it is [batch, ...].
	Tokens bool
	// Vector is the shape of a vector.
	Vector []int64
}

// Size returns the number of elements of a vector.
func (f Feature) Size() int { n, _ := tensor.Shape(f.Vector).Elements(); return n }

// fingerprint says what a value is computed from, and is the same in every graph of a
// model.
type fingerprint [sha256.Size]byte

// features are those of a model, and the program that computes them.
type features struct {
	list    []Feature
	prints  []fingerprint
	program *program
	runner  *runner
}

// errFeatures is the error of a model that has no features to keep.
var errFeatures = errors.New("train: trunk.features: no part of this model's trunk stays as it is for every example; set it to none")

// newFeatures finds the features of a model that keeps them, and nil of others.
func newFeatures(m *models.Model) (*features, error) {
	if !m.KeepsFeatures() {
		return nil, nil
	}
	built, err := m.Build(models.Training)
	if err != nil {
		return nil, err
	}
	f := &features{program: newProgram(built, nil)}
	prints := fingerprints(built.Graph)
	var outputs []builder.Output
	for _, v := range lastFixed(built) {
		of, err := featureOf(v)
		if err != nil {
			return nil, err
		}
		of.Name = fmt.Sprintf("feature/%d", len(f.list))
		f.list, f.prints = append(f.list, of), append(f.prints, prints[v])
		outputs = append(outputs, builder.Output{Name: of.Name, Value: v})
	}
	if len(f.list) == 0 {
		return nil, errFeatures
	}
	return f, f.program.emit(outputs)
}

// featureOf describes a value.
func featureOf(v *builder.Value) (f Feature, err error) {
	vector := v.Shape()[min(1, v.Rank()):]
	if f.Tokens = len(vector) > 0 && vector[0].String() == task.Sequence; f.Tokens {
		vector = vector[1:]
	}
	ok := v.Rank() > 0 && v.Dim(0).String() == task.Examples && v.DType() == tensor.Float32
	for _, d := range vector {
		n, fixed := d.Size()
		f.Vector, ok = append(f.Vector, n), ok && fixed
	}
	if !ok {
		return f, fmt.Errorf("train: trunk.features: the trunk hands on %s of shape %v, which cannot be kept by example; set it to none", v.Name(), v.Shape())
	}
	return f, nil
}

// origin is what has a part in a value.
type origin struct {
	moves   bool // parameters that learn, labels or draws
	given   bool // what the model reads
	weighed bool // frozen parameters
}

// origins follows them through a graph.
func origins(built *models.Built) map[*builder.Value]origin {
	of := map[*builder.Value]origin{}
	read := built.Inputs()
	look := func(v *builder.Value) origin {
		switch p := v.Parameter(); {
		case v.Node() != nil:
			return of[v]
		case p != nil:
			return origin{moves: !p.Frozen, weighed: p.Frozen}
		case v.Constant() != nil:
			return origin{}
		case slices.Contains(read, v):
			return origin{given: true}
		}
		return origin{moves: true}
	}
	for _, n := range built.Graph.Nodes() {
		var all origin
		for _, v := range operands(n) {
			o := look(v)
			all = origin{all.moves || o.moves, all.given || o.given, all.weighed || o.weighed}
		}
		for _, v := range n.Outputs {
			of[v] = all
		}
	}
	return of
}

// lastFixed are the values on the way to the losses that are the same for an example in
// every epoch, and are read by what is not, in the order of the graph. What is computed
// of the model's inputs without parameters, such as a mask, is not worth keeping.
func lastFixed(built *models.Built) []*builder.Value {
	of := origins(built)
	keeps := func(v *builder.Value) bool {
		o := of[v]
		return v.Node() != nil && v.DType().IsFloat() && !o.moves && o.given && o.weighed
	}
	needed := ancestors((&split{forward: &program{built: built}}).losses(), nil)
	kept := map[*builder.Value]bool{}
	for _, n := range built.Graph.Nodes() {
		if !of[n.Outputs[0]].moves || !slices.ContainsFunc(n.Outputs, func(v *builder.Value) bool { return needed[v] }) {
			continue
		}
		for _, v := range operands(n) {
			if !keeps(v) {
				continue
			}
			for isView(v.Node()) && keeps(v.Node().Inputs[0]) {
				v = v.Node().Inputs[0]
			}
			kept[v] = true
		}
	}
	var last []*builder.Value
	for _, n := range built.Graph.Nodes() {
		for _, v := range n.Outputs {
			if kept[v] {
				last = append(last, v)
			}
		}
	}
	return last
}

// fingerprints of all values that operators without graphs inside compute.
func fingerprints(g *builder.Graph) map[*builder.Value]fingerprint {
	prints := map[*builder.Value]fingerprint{}
	leaf := func(v *builder.Value) fingerprint {
		var b bytes.Buffer
		if c := v.Constant(); c != nil {
			fmt.Fprint(&b, c.DType(), c.Shape(), " ")
			writeElements(&b, c)
		} else {
			fmt.Fprint(&b, v.Name())
		}
		return sha256.Sum256(b.Bytes())
	}
	for i, n := range g.Nodes() {
		var b bytes.Buffer
		fmt.Fprint(&b, n.Domain, " ", n.Op)
		if len(n.Bodies) > 0 {
			fmt.Fprint(&b, " ", i)
		}
		for _, a := range n.Attributes {
			if a.Tensor != nil || a.Graph != nil {
				fmt.Fprint(&b, " ", i) // known by its place
				continue
			}
			fmt.Fprintf(&b, " %s %v %v %s %v %v %s", a.Name, a.Float, a.Int, a.String, a.Floats, a.Ints, a.Strings)
		}
		for _, v := range n.Inputs {
			if v == nil {
				b.WriteByte(0)
				continue
			}
			p, ok := prints[v]
			if !ok {
				p = leaf(v)
				prints[v] = p
			}
			b.Write(p[:])
		}
		for k, v := range n.Outputs {
			prints[v] = sha256.Sum256(fmt.Append(slices.Clone(b.Bytes()), " ", k))
		}
	}
	return prints
}

// writeElements writes a constant's elements.
func writeElements(b *bytes.Buffer, c *tensor.Tensor) {
	switch c.DType() {
	case tensor.Float32:
		_ = binary.Write(b, binary.LittleEndian, c.Float32s())
	case tensor.Float64:
		_ = binary.Write(b, binary.LittleEndian, c.Float64s())
	case tensor.Int64:
		_ = binary.Write(b, binary.LittleEndian, c.Int64s())
	default:
		fmt.Fprintf(b, "%v", c)
	}
}

// in returns the features as values of a graph of the model, nil for one that it does
// not have.
func (f *features) in(g *builder.Graph) []*builder.Value {
	if f == nil {
		return nil
	}
	values := make([]*builder.Value, len(f.list))
	prints := fingerprints(g)
	for _, n := range g.Nodes() {
		for _, v := range n.Outputs {
			if i := slices.Index(f.prints, prints[v]); i >= 0 && values[i] == nil {
				values[i] = v
			}
		}
	}
	return values
}

// open prepares the program.
func (f *features) open(s *Step) error {
	if f == nil {
		return nil
	}
	if s.config.WordDropout > 0 || s.config.RareWordDropout > 0 {
		return errors.New("train: trunk.features: word_dropout and rare_word_dropout give the trunk other words in every epoch, so that nothing can be kept of an example; set them to 0, or trunk.features to none")
	}
	opts := s.options()
	opts.SaveMemory = f.program.denseSize() >= largeModel
	if err := f.program.open(s.engine, opts); err != nil {
		return err
	}
	var names []string
	for _, of := range f.list {
		names = append(names, of.Name)
	}
	var err error
	f.runner, err = newRunner(f.program, s.params, s.model.Schema().Tasks, ends{answers: names})
	return err
}

// Features returns what the frozen part of the trunk gives to what learns; nil where the
// model keeps nothing of it.
func (s *Step) Features() []Feature {
	if s.features == nil {
		return nil
	}
	return s.features.list
}

// ComputeFeatures computes the features of a batch, float32. They are valid until the
// next call, and until a step or an evaluation of a batch that brings none.
func (s *Step) ComputeFeatures(ctx context.Context, b *tensor.Batch) ([]*tensor.Tensor, error) {
	r := s.features.runner
	if err := r.run(ctx, &Input{Batch: b}); err != nil {
		return nil, err
	}
	values := make([]*tensor.Tensor, len(s.features.list))
	for i, of := range s.features.list {
		var err error
		if values[i], err = r.binding.Output(of.Name); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// complete computes the features of a batch that brings none.
func (s *Step) complete(ctx context.Context, in *Input) error {
	if s.features == nil || in.Features != nil {
		return nil
	}
	values, err := s.ComputeFeatures(ctx, in.Batch)
	for _, v := range values {
		in.Features = append(in.Features, v.Clone())
	}
	return err
}
