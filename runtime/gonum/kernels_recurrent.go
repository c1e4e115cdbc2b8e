package gonum

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/tensor"
)

// recurrentKernels are whole recurrent layers (ONNX's RNN, GRU and LSTM): one
// product for the inputs of all steps, then one a step for the states.
func recurrentKernels() map[string]forms {
	return map[string]forms{
		"RNN":  recurrent(recurrentKernel(1, "Tanh")),
		"GRU":  recurrent(recurrentKernel(3, "Sigmoid", "Tanh"), "linear_before_reset"),
		"LSTM": recurrent(recurrentKernel(4, "Sigmoid", "Tanh", "Tanh"), "input_forget"),
	}
}

// recurrent are the forms of a layer, whose batch may stand in front as of
// version 14.
func recurrent(k kernel, own ...string) forms {
	reads := slices.Concat([]string{"activation_alpha", "activation_beta", "activations", "clip", "direction", "hidden_size"}, own)
	return versions(7, 7, k, reads...).and(14, 22, k, slices.Concat(reads, []string{"layout"})...)
}

func recurrentKernel(gates int, activations ...string) kernel {
	return func(c *call) error {
		x, err := c.input(0)
		if err != nil {
			return err
		}
		switch x.Any().(type) {
		case []float32:
			return recur[float32](c, gates, activations)
		case []float64:
			return recur[float64](c, gates, activations)
		}
		return refuse(x)
	}
}

// layer is a recurrent operator at work. Slices are nil where an operand is
// omitted; states and outputs have time and then directions in front.
type layer[T float] struct {
	*call
	gates, directions, steps, batch, in, hidden int

	x, w, r, b, h0, c0, p []T
	lengths               []int64 // nil: every row has all steps
	reverse               []bool  // by direction
	functions             [][]func([]T)
	clip                  T
	beforeReset, coupled  bool

	y            []T // [steps, directions, batch, hidden] or nil
	lastH, lastC []T // [directions, batch, hidden]
}

func recur[T float](c *call, gates int, activations []string) error {
	l := &layer[T]{call: c, gates: gates}
	if err := l.readAttributes(activations); err != nil {
		return err
	}
	batchFirst := c.attrs.int("layout", 0) == 1
	x, err := l.readOperands(batchFirst)
	if err != nil {
		return err
	}
	scratches, err := l.prepare()
	if err != nil {
		return err
	}
	if err := l.compute(scratches); err != nil {
		return err
	}
	for _, s := range scratches {
		giveBack(c.memory, s)
	}
	if batchFirst {
		c.release(x)
	}
	return l.hand(x.DType(), batchFirst)
}

// readAttributes reads everything but the sizes.
func (l *layer[T]) readAttributes(defaults []string) error {
	a := l.attrs
	switch d := a.text("direction", "forward"); d {
	case "forward":
		l.reverse = []bool{false}
	case "reverse":
		l.reverse = []bool{true}
	case "bidirectional":
		l.reverse = []bool{false, true}
	default:
		return fmt.Errorf("direction %q is not one of forward, reverse, bidirectional", d)
	}
	l.directions = len(l.reverse)
	if layout := a.int("layout", 0); layout != 0 && layout != 1 {
		return fmt.Errorf("layout is %d, not 0 or 1", layout)
	}
	l.clip = T(a.float("clip", 0))
	l.beforeReset, l.coupled = a.int("linear_before_reset", 0) != 0, a.int("input_forget", 0) != 0
	names := slices.Repeat(defaults, l.directions)
	if given := a.texts("activations"); given != nil {
		if len(given) != len(names) {
			return fmt.Errorf("activations are %q, there must be %d", given, len(names))
		}
		names = given
	}
	alphas, betas := a.floats("activation_alpha"), a.floats("activation_beta")
	var all []func([]T)
	for _, name := range names {
		f, err := activation[T](name, &alphas, &betas)
		if err != nil {
			return err
		}
		all = append(all, f)
	}
	for d := range l.directions {
		l.functions = append(l.functions, all[d*len(defaults):(d+1)*len(defaults)])
	}
	return nil
}

// readOperands checks and reads what the layer computes with, and returns the
// input with time in front.
func (l *layer[T]) readOperands(batchFirst bool) (*tensor.Tensor, error) {
	x, r := l.optional(0), l.optional(2)
	if r == nil || x.Rank() != 3 || r.Rank() != 3 {
		return nil, fmt.Errorf("needs an input of rank 3, not %v, and recurrent weights [directions, gates*hidden, hidden], not %v", x, r)
	}
	if batchFirst {
		var err error
		if x, err = moveAxis(l.call, x, 0, 1); err != nil {
			return nil, err
		}
	}
	l.steps, l.batch, l.in, l.hidden = int(x.Shape()[0]), int(x.Shape()[1]), int(x.Shape()[2]), int(r.Shape()[2])
	if n := l.attrs.int("hidden_size", int64(l.hidden)); n != int64(l.hidden) {
		return nil, fmt.Errorf("hidden_size is %d, the recurrent weights are %v", n, r)
	}
	l.x = x.Any().([]T)
	d, g, h := int64(l.directions), int64(l.gates), int64(l.hidden)
	state := tensor.Shape{d, int64(l.batch), h}
	if batchFirst {
		state = tensor.Shape{int64(l.batch), d, h}
	}
	for _, o := range []struct {
		to    *[]T
		index int
		what  string
		shape tensor.Shape
	}{
		{&l.w, 1, "weights", tensor.Shape{d, g * h, int64(l.in)}},
		{&l.r, 2, "recurrent weights", tensor.Shape{d, g * h, h}},
		{&l.b, 3, "biases", tensor.Shape{d, 2 * g * h}},
		{&l.h0, 5, "first hidden state", state},
		{&l.c0, 6, "first cell state", state},
		{&l.p, 7, "peepholes", tensor.Shape{d, 3 * h}},
	} {
		t := l.optional(o.index)
		switch {
		case t == nil && o.index < 3:
			return nil, fmt.Errorf("the %s are missing", o.what)
		case t == nil:
			continue
		case t.DType() != x.DType() || !t.Shape().Equal(o.shape):
			return nil, fmt.Errorf("the %s are %v, the other operands ask for %v%v", o.what, t, x.DType(), o.shape)
		}
		if *o.to = t.Any().([]T); batchFirst && (o.index == 5 || o.index == 6) {
			*o.to = swapped(*o.to, l.batch, l.directions, l.hidden)
		}
	}
	return x, l.readLengths()
}

func (l *layer[T]) readLengths() error {
	t := l.optional(4)
	if t == nil {
		return nil
	}
	xs, err := toInts(t)
	if err != nil || len(xs) != l.batch {
		return fmt.Errorf("the lengths are %v, there are %d rows", t, l.batch)
	}
	for _, n := range xs {
		if n < 0 || n > int64(l.steps) {
			return fmt.Errorf("a length is %d, there are %d steps", n, l.steps)
		}
	}
	l.lengths = xs
	return nil
}

// swapped returns [a, b, n] elements as [b, a, n].
func swapped[T any](xs []T, a, b, n int) []T {
	out := make([]T, len(xs))
	for i := range a {
		for j := range b {
			copy(out[(j*a+i)*n:(j*a+i+1)*n], xs[(i*b+j)*n:])
		}
	}
	return out
}

// wants reports whether somebody asks for an output.
func (l *layer[T]) wants(i int) bool { return i < len(l.slots) && l.slots[i] >= 0 }

// prepare allocates everything, so that directions can run side by side: for
// each direction what the inputs add to the gates and room for one step.
func (l *layer[T]) prepare() (scratches [][]T, err error) {
	room := func(n int) (s []T) {
		if err == nil {
			s, err = scratch[T](l.memory, n)
		}
		return s
	}
	states := l.batch * l.hidden
	l.lastH, l.lastC = room(l.directions*states), room(l.directions*states)
	if l.wants(0) {
		l.y = room(l.steps * l.directions * states)
	}
	spare := 0
	if l.gates == 3 { // products that are not simply added to the gates
		spare = 4 * states
	}
	for range l.directions {
		scratches = append(scratches, room(l.steps*l.batch*l.gates*l.hidden), room(spare))
	}
	if err != nil {
		return nil, err
	}
	clear(l.y) // 0 beyond a row's length
	for to, from := range map[*[]T][]T{&l.lastH: l.h0, &l.lastC: l.c0} {
		clear(*to)
		copy(*to, from)
	}
	return scratches, nil
}

func (l *layer[T]) compute(scratches [][]T) error {
	wide := l.gates * l.hidden
	strands := make([]strand[T], l.directions)
	for d := range strands {
		s := &strands[d]
		n := l.batch * l.hidden
		*s = strand[T]{
			layer: l, number: d, reverse: l.reverse[d], functions: l.functions[d], in: scratches[2*d], spare: scratches[2*d+1],
			r: l.r[d*wide*l.hidden : (d+1)*wide*l.hidden],
			h: l.lastH[d*n : (d+1)*n], c: l.lastC[d*n : (d+1)*n], threads: max(l.threads/l.directions, 1),
		}
		if l.b != nil {
			s.bias = l.b[d*2*wide : (d+1)*2*wide]
		}
		if l.p != nil {
			s.peepholes = l.p[d*3*l.hidden : (d+1)*3*l.hidden]
		}
		s.fill()
		w := matrix[T]{data: l.w[d*wide*l.in : (d+1)*wide*l.in], rows: wide, cols: l.in, trans: true}
		if err := product(l.call, 1, matrix[T]{data: l.x, rows: l.steps * l.batch, cols: l.in}, w, 1, s.in); err != nil {
			return err
		}
	}
	errs := make([]error, len(strands))
	work := func(d int) { errs[d] = strands[d].run(l.ctx) }
	if l.threads > 1 && l.batch*l.steps*wide*l.hidden >= parallelFrom {
		parallel(len(strands), work)
	} else {
		for d := range strands {
			work(d)
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// hand sets the outputs: all steps, the last hidden and cell states.
func (l *layer[T]) hand(dtype tensor.DType, batchFirst bool) error {
	d, b, h := int64(l.directions), int64(l.batch), int64(l.hidden)
	give := func(i int, data []T, shape ...int64) error {
		if !l.wants(i) {
			if data != nil {
				giveBack(l.memory, data)
			}
			return nil
		}
		t, err := tensor.Of(data, shape...)
		if err != nil {
			return err
		}
		if batchFirst { // [.., directions, batch, hidden] to [batch, .., directions, hidden]
			turned, err := moveAxis(l.call, t, len(shape)-2, 0)
			if err != nil {
				return err
			}
			l.release(t)
			t = turned
		}
		l.out[i] = t
		return nil
	}
	if err := give(0, l.y, int64(l.steps), d, b, h); err != nil {
		return err
	}
	if err := give(1, l.lastH, d, b, h); err != nil {
		return err
	}
	return give(2, l.lastC, d, b, h)
}

// strand is one direction of a layer.
type strand[T float] struct {
	*layer[T]
	number    int
	reverse   bool
	functions []func([]T)
	in        []T // [steps, batch, gates*hidden], what inputs and biases add
	spare     []T
	r         []T // [gates*hidden, hidden]
	bias      []T // of inputs, then of states; nil for none
	peepholes []T
	h, c      []T // [batch, hidden]
	threads   int
}

// fill begins the sums of the gates with the biases. That of a GRU's candidate
// which the reset gate scales, too, is added later.
func (s *strand[T]) fill() {
	if s.bias == nil {
		clear(s.in)
		return
	}
	wide := s.gates * s.hidden
	sum := make([]T, wide)
	for i := range sum {
		sum[i] = s.bias[i]
		if !s.scaled() || i < 2*s.hidden {
			sum[i] += s.bias[wide+i]
		}
	}
	for at := 0; at < len(s.in); at += wide {
		copy(s.in[at:at+wide], sum)
	}
}

// scaled reports a GRU whose reset gate applies after the recurrent product.
func (s *strand[T]) scaled() bool { return s.gates == 3 && s.beforeReset }

func (s *strand[T]) run(ctx context.Context) error {
	n := s.batch * s.hidden
	for i := range s.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := i
		if s.reverse {
			t = s.steps - 1 - i
		}
		in := s.in[t*n*s.gates : (t+1)*n*s.gates]
		switch {
		case s.gates == 3 && s.beforeReset:
			s.stepScaled(t, in)
		case s.gates == 3:
			s.stepGRU(t, in)
		default:
			s.states(s.r, s.h, in, 1)
			s.rows(t, func(b int) { s.merge(in[b*s.gates*s.hidden:(b+1)*s.gates*s.hidden], b) })
		}
	}
	for b, n := range s.lengths {
		if n == 0 { // the last states of no steps are 0, as in ONNX Runtime
			clear(s.row(s.h, b))
			clear(s.row(s.c, b))
		}
	}
	return nil
}

// states adds to out, or with factor 0 sets it to, h times weights [n, hidden]
// turned. No scratch memory is needed in this form.
func (s *strand[T]) states(weights, h, out []T, factor T) {
	m, n := s.batch, len(weights)/max(s.hidden, 1)
	if m == 0 || n == 0 || s.hidden == 0 {
		return
	}
	p := panels[T]{
		a: matrix[T]{data: h, rows: m, cols: s.hidden}, b: matrix[T]{data: weights, rows: n, cols: s.hidden, trans: true},
		out: out, m: m, n: n, k: s.hidden, alpha: 1, beta: factor,
	}
	if workers := min(s.threads, p.count()); workers > 1 && m*n*s.hidden >= parallelFrom {
		p.sideBySide(workers)
		return
	}
	for i := range p.count() {
		p.compute(i)
	}
}

// rows calls do for the rows that have a token at step t, and writes their
// states to the output; the others keep theirs.
func (s *strand[T]) rows(t int, do func(b int)) {
	for b := range s.batch {
		if s.lengths != nil && int64(t) >= s.lengths[b] {
			continue
		}
		do(b)
		if s.y != nil {
			copy(s.y[((t*s.directions+s.number)*s.batch+b)*s.hidden:], s.row(s.h, b))
		}
	}
}

func (s *strand[T]) row(xs []T, b int) []T { return xs[b*s.hidden : (b+1)*s.hidden] }

// bound is the clipping of what goes into an activation.
func (s *strand[T]) bound(xs []T) []T {
	if s.clip > 0 {
		for i, x := range xs {
			xs[i] = min(max(x, -s.clip), s.clip)
		}
	}
	return xs
}

// merge computes a row's state from the sums of its gates: those of an LSTM in
// the order input, output, forget, cell, or the one of a plain RNN.
func (s *strand[T]) merge(z []T, b int) {
	n, h := s.hidden, s.row(s.h, b)
	if s.gates == 1 {
		s.functions[0](s.bound(z))
		copy(h, z)
		return
	}
	c, f := s.row(s.c, b), s.functions
	in, out, forget, cell := z[:n], z[n:2*n], z[2*n:3*n], z[3*n:]
	if s.peepholes == nil && !s.coupled {
		f[0](s.bound(z[:3*n]))
	} else {
		s.peep(in, s.peepholes, 0, c)
		f[0](s.bound(in))
		if s.coupled {
			for i, x := range in {
				forget[i] = 1 - x
			}
		} else {
			s.peep(forget, s.peepholes, 2*n, c)
			f[0](s.bound(forget))
		}
	}
	f[1](s.bound(cell))
	for i := range c {
		c[i] = forget[i]*c[i] + in[i]*cell[i]
	}
	if s.peepholes != nil || s.coupled {
		s.peep(out, s.peepholes, n, c)
		f[0](s.bound(out))
	}
	copy(h, c)
	f[2](h) // not clipped, as in ONNX Runtime
	for i := range h {
		h[i] *= out[i]
	}
}

// peep adds what a gate sees of the cell.
func (s *strand[T]) peep(gate, weights []T, from int, c []T) {
	if weights == nil {
		return
	}
	for i, w := range weights[from : from+s.hidden] {
		gate[i] += w * c[i]
	}
}

// stepScaled is a step of a GRU with linear_before_reset: the reset gate scales
// the recurrent product. Gates stand in the order update, reset, candidate.
func (s *strand[T]) stepScaled(t int, in []T) {
	n := s.hidden
	products := s.spare[:3*s.batch*n]
	s.states(s.r, s.h, products, 0)
	s.rows(t, func(b int) {
		z, q, h := in[b*3*n:(b+1)*3*n], products[b*3*n:(b+1)*3*n], s.row(s.h, b)
		for i := range 2 * n {
			z[i] += q[i]
		}
		s.functions[0](s.bound(z[:2*n]))
		update, reset, candidate, q := z[:n], z[n:2*n], z[2*n:], q[2*n:]
		for i := range candidate {
			x := q[i]
			if s.bias != nil {
				x += s.bias[5*n+i]
			}
			candidate[i] += reset[i] * x
		}
		s.mix(h, update, candidate)
	})
}

// stepGRU is a step of a GRU whose reset gate scales the state before the
// recurrent product, which therefore takes two.
func (s *strand[T]) stepGRU(t int, in []T) {
	n := s.hidden
	gates, scaled, products := s.spare[:2*s.batch*n], s.spare[2*s.batch*n:3*s.batch*n], s.spare[3*s.batch*n:]
	s.states(s.r[:2*n*n], s.h, gates, 0)
	for b := range s.batch {
		z, q, h := in[b*3*n:(b+1)*3*n], gates[b*2*n:(b+1)*2*n], s.row(s.h, b)
		for i := range q {
			z[i] += q[i]
		}
		s.functions[0](s.bound(z[:2*n]))
		for i, r := range z[n : 2*n] {
			scaled[b*n+i] = r * h[i]
		}
	}
	s.states(s.r[2*n*n:], scaled, products, 0)
	s.rows(t, func(b int) {
		z, h := in[b*3*n:(b+1)*3*n], s.row(s.h, b)
		candidate := z[2*n:]
		for i, x := range s.row(products, b) {
			candidate[i] += x
		}
		s.mix(h, z[:n], candidate)
	})
}

// mix goes from a state towards the candidate, as far as the update gate lets.
func (s *strand[T]) mix(h, update, candidate []T) {
	s.functions[1](s.bound(candidate))
	for i, z := range update {
		h[i] = (1-z)*candidate[i] + z*h[i]
	}
}

// activation returns a function of that name, which works in place. Functions
// with parameters take the next of the lists.
func activation[T float](name string, alphas, betas *[]float32) (func([]T), error) {
	next := func(list *[]float32, def float64) float64 {
		if len(*list) == 0 {
			return def
		}
		x := (*list)[0]
		*list = (*list)[1:]
		return float64(x)
	}
	switch strings.ToLower(name) {
	case "sigmoid":
		return quick[T](sigmoid, sigmoid32), nil
	case "tanh":
		return quick[T](math.Tanh, tanh32), nil
	case "relu":
		return inPlace[T](func(x float64) float64 { return math.Max(x, 0) }), nil
	case "affine":
		a, b := next(alphas, 1), next(betas, 0)
		return inPlace[T](func(x float64) float64 { return a*x + b }), nil
	case "leakyrelu":
		a := next(alphas, 0.01)
		return inPlace[T](func(x float64) float64 {
			if x < 0 {
				return a * x
			}
			return x
		}), nil
	case "thresholdedrelu":
		a := next(alphas, 1)
		return inPlace[T](func(x float64) float64 {
			if x > a {
				return x
			}
			return 0
		}), nil
	case "scaledtanh":
		a, b := next(alphas, 1), next(betas, 1)
		return inPlace[T](func(x float64) float64 { return a * math.Tanh(b*x) }), nil
	case "hardsigmoid":
		a, b := next(alphas, 0.2), next(betas, 0.5)
		return inPlace[T](func(x float64) float64 { return math.Max(0, math.Min(1, a*x+b)) }), nil
	case "elu":
		a := next(alphas, 1)
		return inPlace[T](func(x float64) float64 {
			if x < 0 {
				return a * math.Expm1(x)
			}
			return x
		}), nil
	case "softsign":
		return inPlace[T](func(x float64) float64 { return x / (1 + math.Abs(x)) }), nil
	case "softplus":
		return inPlace[T](softplus), nil
	}
	return nil, fmt.Errorf("activation %q is not one of Relu, Tanh, Sigmoid, Affine, LeakyRelu, ThresholdedRelu, ScaledTanh, HardSigmoid, Elu, Softsign, Softplus", name)
}

func inPlace[T float](f func(float64) float64) func([]T) {
	return func(xs []T) {
		for i, x := range xs {
			xs[i] = T(f(float64(x)))
		}
	}
}

// quick is inPlace with a form of its own for float32.
func quick[T float](f func(float64) float64, f32 func(float32) float32) func([]T) {
	fast, ok := any(func(xs []float32) {
		for i, x := range xs {
			xs[i] = f32(x)
		}
	}).(func([]T))
	if ok {
		return fast
	}
	return inPlace[T](f)
}
