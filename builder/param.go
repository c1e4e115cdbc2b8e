package builder

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"espalier/tensor"
)

// Parameter is what a graph learns.
type Parameter struct {
	Name  string // its path, such as trunk/conv_0/weight
	Shape tensor.Shape
	Init  Init
	// Decay says whether weight decay applies: not for biases, norms and
	// embeddings.
	Decay bool
	// Rows says that the parameter is a table whose rows are looked up: a
	// trainer may read and update only the rows a batch touches.
	Rows bool
	// Frozen says that the parameter stays as it is given: a trainer takes no
	// gradient of it.
	Frozen bool
	// Stored is the type that it is kept in where that is not the graph's own: float16
	// or bfloat16, of a frozen parameter.
	Stored tensor.DType
}

// Size returns the number of elements.
func (p *Parameter) Size() int { n, _ := p.Shape.Elements(); return n }

// Init says how a parameter starts.
type Init struct {
	kind   initKind
	scale  float64
	values []float64
}

type initKind uint8

const (
	initZeros initKind = iota
	initConstant
	initGiven
	initNormal
	initUniform
	initGlorot
	initHe
)

// Zeros starts at 0.
func Zeros() Init { return Init{} }

// Ones starts at 1.
func Ones() Init { return Init{kind: initConstant, scale: 1} }

// Filled starts at x everywhere.
func Filled(x float64) Init { return Init{kind: initConstant, scale: x} }

// Given starts at these values, in the order of the parameter's elements. For a
// parameter of another size the graph has an error.
func Given(values []float64) Init { return Init{kind: initGiven, values: slices.Clone(values)} }

// Normal draws from a normal distribution with mean 0.
func Normal(std float64) Init { return Init{kind: initNormal, scale: std} }

// Uniform draws from [-bound, bound).
func Uniform(bound float64) Init { return Init{kind: initUniform, scale: bound} }

// Glorot draws uniformly within sqrt(6/(fan in + fan out)) (Glorot and Bengio
// 2010). The fans are the last two dimensions, times the product of the others.
func Glorot() Init { return Init{kind: initGlorot} }

// He draws from a normal distribution with variance 2/fan in (He et al. 2015).
func He() Init { return Init{kind: initHe} }

// Fill writes the parameter's first elements into dst, which must have Size
// elements. The draw depends on the seed and the parameter's name only, so
// that adding a head does not change how the trunk starts.
func (p *Parameter) Fill(dst []float32, seed uint64) {
	h := fnv.New64a()
	h.Write([]byte(p.Name))
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	draw := p.Init.sampler(p.Shape, r)
	for i := range dst {
		dst[i] = float32(draw())
	}
}

func (in Init) sampler(shape tensor.Shape, r *rand.Rand) func() float64 {
	fanIn, fanOut := fans(shape)
	switch in.kind {
	case initConstant:
		return func() float64 { return in.scale }
	case initGiven:
		i := -1
		return func() float64 { i++; return in.values[i] }
	case initNormal:
		return func() float64 { return r.NormFloat64() * in.scale }
	case initUniform:
		return func() float64 { return (2*r.Float64() - 1) * in.scale }
	case initGlorot:
		bound := math.Sqrt(6 / (fanIn + fanOut))
		return func() float64 { return (2*r.Float64() - 1) * bound }
	case initHe:
		std := math.Sqrt(2 / fanIn)
		return func() float64 { return r.NormFloat64() * std }
	}
	return func() float64 { return 0 }
}

func fans(shape tensor.Shape) (in, out float64) {
	in, out = 1, 1
	n := len(shape)
	if n >= 1 {
		out = float64(shape[n-1])
	}
	if n >= 2 {
		in = float64(shape[n-2])
	}
	for _, d := range shape[:max(n-2, 0)] {
		in *= float64(d)
		out *= float64(d)
	}
	return in, out
}

// Scope is a graph with a path in front of parameter names. Operators are
// those of the graph.
type Scope struct {
	*Graph
	path string
}

// Scope returns the graph under a path, such as "trunk" or "head/topic".
func (g *Graph) Scope(path string) *Scope { return &Scope{Graph: g, path: path} }

// In returns the scope one step down.
func (s *Scope) In(name string) *Scope { return &Scope{Graph: s.Graph, path: s.path + "/" + name} }

// Path returns the scope's path.
func (s *Scope) Path() string { return s.path }

// ParameterOptions are what Parameter is told besides name and shape.
type ParameterOptions struct {
	Init   Init
	Decay  bool
	Rows   bool
	Frozen bool
	// Stored is float16 or bfloat16 of a frozen parameter that is kept so, and 0 of
	// others. [Graph.GemmStored] reads one.
	Stored tensor.DType
}

// Parameter adds a trained tensor of the graph's float type. Asking again for
// a name returns the same one when the shape agrees, which shares weights.
func (s *Scope) Parameter(name string, opts ParameterOptions, dims ...int64) *Value {
	g := s.Graph
	if g.err != nil {
		return g.invalid
	}
	full := s.path + "/" + name
	shape := tensor.Shape(dims)
	n, err := shape.Elements()
	if err != nil || n == 0 {
		return g.fail("Parameter", nil, fmt.Errorf("parameter %q cannot have shape %v", full, shape))
	}
	if opts.Init.kind == initGiven && len(opts.Init.values) != n {
		return g.fail("Parameter", nil, fmt.Errorf("parameter %q of shape %v is given %d values to start at", full, shape, len(opts.Init.values)))
	}
	if v := g.byName[full]; v != nil {
		if v.param == nil || !v.param.Shape.Equal(shape) {
			return g.fail("Parameter", []*Value{v}, fmt.Errorf("parameter %q is asked for again with shape %v", full, shape))
		}
		return v
	}
	frozen := opts.Frozen || g.freeze != nil && g.freeze(full)
	dtype := g.float
	switch opts.Stored {
	case tensor.Undefined:
	case tensor.Float16, tensor.BFloat16:
		dtype = opts.Stored
		if !frozen {
			return g.fail("Parameter", nil, fmt.Errorf("parameter %q is kept in %v and learns; only a frozen one can be kept in 16 bits", full, opts.Stored))
		}
	default:
		return g.fail("Parameter", nil, fmt.Errorf("parameter %q cannot be kept in %v, only in float16 or bfloat16", full, opts.Stored))
	}
	v := &Value{
		g: g, kind: kindParameter, name: full, dtype: dtype, shape: Dims(dims...),
		param: &Parameter{
			Name: full, Shape: append(tensor.Shape{}, dims...), Init: opts.Init, Decay: opts.Decay, Rows: opts.Rows,
			Frozen: frozen, Stored: opts.Stored,
		},
	}
	g.byName[full] = v
	g.params = append(g.params, v)
	return v
}

// Mask describes a random mask: every element is 1/Keep with probability Keep
// and 0 otherwise. Whoever runs the graph draws it and feeds it, so that a run
// can be repeated and resumed exactly.
type Mask struct {
	Keep  float64
	Shape Shape
}

// RandomMask adds a random mask of the graph's float type.
func (g *Graph) RandomMask(keep float64, dims ...Dim) *Value {
	if g.err != nil {
		return g.invalid
	}
	if !(keep > 0 && keep <= 1) {
		return g.fail("RandomMask", nil, fmt.Errorf("the share to keep is %v, it must be above 0 and at most 1", keep))
	}
	shape := append(Shape{}, dims...)
	v := &Value{
		g: g, kind: kindRandom, name: g.unique(fmt.Sprintf("random_%d", len(g.byName))),
		dtype: g.float, shape: shape, mask: &Mask{Keep: keep, Shape: shape},
	}
	g.byName[v.name] = v
	return v
}
