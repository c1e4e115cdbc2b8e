package nn_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/builder/nn"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// known are the values of a graph's parameters and inputs, and later of its
// outputs, in float64.
type known map[string]*tensor.Tensor

// row returns element i of the last dimension's vectors.
func (k known) row(name string, i int) []float64 {
	t := k[name]
	n := int(t.Shape()[len(t.Shape())-1])
	return t.Float64s()[i*n : (i+1)*n]
}

// affine is x W + b of the parameters under a path, b 0 where it has none.
func (k known) affine(path string, x []float64) []float64 {
	w := k[path+"/weight"]
	out := make([]float64, w.Shape()[1])
	if b := k[path+"/bias"]; b != nil {
		copy(out, b.Float64s())
	}
	for i, xi := range x {
		for j := range out {
			out[j] += xi * w.Float64s()[i*len(out)+j]
		}
	}
	return out
}

// experts are relu(x W + b) cut into vectors of a width.
func (k known) experts(path string, x []float64, width int) [][]float64 {
	var out [][]float64
	for y := relu(k.affine(path, x)); len(y) > 0; y = y[width:] {
		out = append(out, y[:width])
	}
	return out
}

func relu(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = math.Max(v, 0)
	}
	return out
}

func softmax(x []float64, temperature float64) []float64 {
	out, sum := make([]float64, len(x)), 0.0
	for i, v := range x {
		out[i] = math.Exp((v - slices.Max(x)) / temperature)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// mixed is the sum of vectors by weights.
func mixed(weights []float64, xs [][]float64) []float64 {
	out := make([]float64, len(xs[0]))
	for e, w := range weights {
		for i, v := range xs[e] {
			out[i] += w * v
		}
	}
	return out
}

// structure builds something on x [2, 3, 4], six tokens of four features, and
// returns its outputs.
func structure(t *testing.T, build func(g *builder.Graph, x *builder.Value) []*builder.Value) known {
	t.Helper()
	g := builder.New("structure", builder.Options{Float: tensor.Float64})
	x := g.Input("x", tensor.Float64, builder.Named("batch"), builder.Named("sequence"), builder.Fixed(4))
	var outputs []builder.Output
	for i, y := range build(g, x) {
		outputs = append(outputs, builder.Output{Name: fmt.Sprint("y", i), Value: g.Identity(y)})
	}
	values := known{"x": normal64(1, 2, 3, 4)}
	for i, p := range g.Parameters() {
		values[p.Name()] = normal64(uint64(i+2), p.Parameter().Shape...)
	}
	return compute64(t, g, values, outputs)
}

func normal64(seed uint64, dims ...int64) *tensor.Tensor {
	x := tensor.Must(tensor.New(tensor.Float64, dims...))
	r := rand.New(rand.NewPCG(seed, 5))
	for i := range x.Float64s() {
		x.Float64s()[i] = r.NormFloat64()
	}
	return x
}

// compute64 runs outputs once and adds them to the values.
func compute64(t *testing.T, g *builder.Graph, values known, outputs []builder.Output) known {
	t.Helper()
	opened(t, g, outputs)(values)
	return values
}

// opened returns a function that runs outputs in float64, every parameter
// being an input, and adds them to the values.
func opened(t *testing.T, g *builder.Graph, outputs []builder.Output) func(values known) {
	t.Helper()
	e, err := g.Emit(builder.Emission{Outputs: outputs})
	if err != nil {
		t.Fatal(err)
	}
	content, err := onnx.Encode(e.Model)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gonum.New().Open(content, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return func(values known) {
		t.Helper()
		var in, out []runtime.Named
		for _, v := range s.Inputs() {
			in = append(in, runtime.Named{Name: v.Name, Tensor: values[v.Name]})
		}
		for _, o := range outputs {
			out = append(out, runtime.Named{Name: o.Name})
		}
		if err := s.Run(context.Background(), in, out); err != nil {
			t.Fatal(err)
		}
		for _, o := range out {
			values[o.Name] = o.Tensor
		}
	}
}

// same compares an output's vector of token i with what it should be.
func same(t *testing.T, k known, output string, i int, want []float64) {
	t.Helper()
	got := k.row(output, i)
	if len(got) != len(want) {
		t.Fatalf("%s has %d features, want %d", output, len(got), len(want))
	}
	for j := range want {
		if !(math.Abs(got[j]-want[j]) <= 1e-12*(1+math.Abs(want[j]))) {
			t.Errorf("%s of token %d is %v, want %v", output, i, got, want)
			return
		}
	}
}

const tokens = 6

// scopes are those of tasks a, b, ...
func scopes(g *builder.Graph, names []string) []*builder.Scope {
	out := make([]*builder.Scope, len(names))
	for i, n := range names {
		out[i] = g.Scope("head/" + n)
	}
	return out
}

func TestMMoE(t *testing.T) {
	names := []string{"a", "b", "c"}
	k := structure(t, func(g *builder.Graph, x *builder.Value) []*builder.Value {
		return nn.MMoE(g.Scope("trunk"), scopes(g, names), x, 3, 5, 0.7)
	})
	for i := range tokens {
		x := k.row("x", i)
		for task, n := range names {
			want := mixed(softmax(k.affine("head/"+n+"/gate", x), 0.7), k.experts("trunk/experts", x, 5))
			same(t, k, fmt.Sprint("y", task), i, want)
		}
	}
}

func TestMMoEWithOneExpertIsADenseLayer(t *testing.T) {
	k := structure(t, func(g *builder.Graph, x *builder.Value) []*builder.Value {
		dense := g.Relu(nn.Dense(g.Scope("trunk/experts"), x, 5))
		return append(nn.MMoE(g.Scope("trunk"), scopes(g, []string{"a"}), x, 1, 5, 1), dense)
	})
	if diff := cmp.Diff(k["y1"].Float64s(), k["y0"].Float64s()); diff != "" {
		t.Error(diff)
	}
}

// ple is the formula of Tang et al. (2020), token by token. Experts and gates
// are found where a loss of only one task reaches them, or else in the trunk.
func ple(k known, names []string, x []float64, levels, taskExperts, width int, temperature float64) [][]float64 {
	common, own := x, make([][]float64, len(names))
	for i := range own {
		own[i] = x
	}
	find := func(level int, task, part string) string {
		path := fmt.Sprintf("head/%s/level_%d/%s", task, level, part)
		if k[path+"/weight"] == nil {
			path = fmt.Sprintf("trunk/level_%d/tasks/%s/%s", level, task, part)
		}
		return path
	}
	for j := range levels {
		sharedExperts := k.experts(fmt.Sprintf("trunk/level_%d/experts", j), common, width)
		var all [][]float64
		next := make([][]float64, len(names))
		for i, n := range names {
			var read [][]float64
			if taskExperts > 0 {
				read = k.experts(find(j, n, "experts"), own[i], width)
			}
			all = append(all, read...)
			read = append(append([][]float64{}, read...), sharedExperts...)
			next[i] = mixed(softmax(k.affine(find(j, n, "gate"), own[i]), temperature), read)
		}
		if j < levels-1 {
			gate := softmax(k.affine(fmt.Sprintf("trunk/level_%d/gate", j), common), temperature)
			common = mixed(gate, append(all, sharedExperts...))
		}
		own = next
	}
	return own
}

func TestPLE(t *testing.T) {
	names := []string{"a", "b", "c"}
	for _, c := range []struct{ levels, shared, task int }{{1, 2, 1}, {2, 2, 1}, {3, 1, 2}, {2, 3, 0}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			k := structure(t, func(g *builder.Graph, x *builder.Value) []*builder.Value {
				return nn.PLE(g.Scope("trunk"), scopes(g, names), names, x, nn.PLEOptions{
					Levels: c.levels, Experts: int64(c.shared), TaskExperts: int64(c.task), Hidden: 5, Temperature: 2,
				})
			})
			for i := range tokens {
				for task, want := range ple(k, names, k.row("x", i), c.levels, c.task, 5, 2) {
					same(t, k, fmt.Sprint("y", task), i, want)
				}
			}
		})
	}
}

func TestPLEWithoutTaskExpertsIsMMoE(t *testing.T) {
	names := []string{"a", "b"}
	k := structure(t, func(g *builder.Graph, x *builder.Value) []*builder.Value {
		p := nn.PLE(g.Scope("p"), scopes(g, names), names, x, nn.PLEOptions{Levels: 1, Experts: 3, Hidden: 5, Temperature: 1})
		// The same parameters, where MMoE looks for them.
		level := []*builder.Scope{g.Scope("head/a/level_0"), g.Scope("head/b/level_0")}
		return append(p, nn.MMoE(g.Scope("p/level_0"), level, x, 3, 5, 1)...)
	})
	for i := range 2 {
		if diff := cmp.Diff(k[fmt.Sprint("y", 2+i)].Float64s(), k[fmt.Sprint("y", i)].Float64s()); diff != "" {
			t.Error(diff)
		}
	}
}

// TestTransfers: the equations of Xi et al. (2021), token by token.
func TestTransfers(t *testing.T) {
	const n = 5
	names := []string{"a", "b", "c"}
	k := structure(t, func(g *builder.Graph, x *builder.Value) []*builder.Value {
		return nn.Transfers(scopes(g, names), x, n)
	})
	for i := range tokens {
		var before []float64
		for task, name := range names {
			at := "head/" + name
			z := relu(k.affine(at+"/tower", k.row("x", i)))
			if task > 0 {
				var scores []float64
				var values [][]float64
				for _, u := range [][]float64{relu(k.affine(at+"/transfer", before)), z} {
					all := k.affine(at+"/attention", u)
					score := 0.0
					for j := range n {
						score += all[n+j] * all[2*n+j] / math.Sqrt(n)
					}
					scores, values = append(scores, score), append(values, all[:n])
				}
				z = mixed(softmax(scores, 1), values)
			}
			same(t, k, fmt.Sprint("y", task), i, z)
			before = z
		}
	}
}

// TestCalibration: only what rises counts.
func TestCalibration(t *testing.T) {
	k := structure(t, func(g *builder.Graph, x *builder.Value) []*builder.Value {
		p := []*builder.Value{g.Sigmoid(x), g.Sigmoid(g.Sin(x)), g.Sigmoid(g.Exp(x))}
		return append(p, nn.Calibration(g, p), nn.Calibration(g, p[:1]))
	})
	want := 0.0
	for i, p := range k["y0"].Float64s() {
		q, r := k["y1"].Float64s()[i], k["y2"].Float64s()[i]
		want += (math.Max(q-p, 0) + math.Max(r-q, 0)) / (tokens * 4)
	}
	if got := k["y3"].Float64s()[0]; math.Abs(got-want) > 1e-12 || want == 0 {
		t.Errorf("the penalty is %v, want %v", got, want)
	}
	if got := k["y4"].Float64s()[0]; got != 0 {
		t.Errorf("one task has a penalty of %v", got)
	}
}

func smoothStep(x, gamma float64) float64 {
	switch {
	case x <= -gamma/2:
		return 0
	case x >= gamma/2:
		return 1
	}
	return -2/(gamma*gamma*gamma)*x*x*x + 3/(2*gamma)*x + 0.5
}

// selector is the choice of one selector from its bits' numbers.
func selector(z []float64, experts int, gamma float64) []float64 {
	out := make([]float64, experts)
	for code := range 1 << len(z) {
		p := 1.0
		for b, x := range z {
			if s := smoothStep(x, gamma); code>>b&1 == 1 {
				p *= s
			} else {
				p *= 1 - s
			}
		}
		out[code%experts] += p
	}
	return out
}

func TestDSelect(t *testing.T) {
	for _, experts := range []int{2, 4, 5, 6, 8} {
		for _, conditional := range []bool{false, true} {
			t.Run(fmt.Sprint(experts, conditional), func(t *testing.T) {
				const k, gamma = 2, 3.0
				v := structure(t, func(g *builder.Graph, x *builder.Value) []*builder.Value {
					gate, selectors := nn.DSelect(g.Scope("g"), x, nn.DSelectOptions{
						Experts: int64(experts), K: k, Gamma: gamma, Conditional: conditional,
					})
					return []*builder.Value{gate, nn.SelectorEntropy(g, selectors, nil)}
				})
				places := 1
				if conditional {
					places = tokens
				}
				var entropy float64
				for i := range places {
					var z, w []float64
					if conditional {
						z, w = v.affine("g/code", v.row("x", i)), v.affine("g/selectors", v.row("x", i))
					} else {
						z, w = v["g/code"].Float64s(), v["g/selectors"].Float64s()
					}
					var all [][]float64
					for s := range k {
						n := len(z) / k
						all = append(all, selector(z[s*n:(s+1)*n], experts, gamma))
						for _, r := range all[s] {
							entropy -= r * math.Log(r+1e-6) / float64(places)
						}
					}
					want := mixed(softmax(w, 1), all)
					same(t, v, "y0", i, want)
					sum := 0.0
					for _, q := range v.row("y0", i) {
						sum += q
					}
					if math.Abs(sum-1) > 1e-12 {
						t.Errorf("a gate sums to %v", sum)
					}
				}
				if got := v["y1"].Float64s()[0]; math.Abs(got-entropy) > 1e-12 {
					t.Errorf("the entropy is %v, want %v", got, entropy)
				}
			})
		}
	}
}

// TestDSelectChoosesAtMostK: gradient descent on the distance to a target and
// the selectors' entropy ends with at most k weights that are not 0, exactly.
func TestDSelectChoosesAtMostK(t *testing.T) {
	for _, experts := range []int64{4, 5, 8} {
		for k := int64(1); k <= 3; k++ {
			g := builder.New("gate", builder.Options{Float: tensor.Float64})
			gate, selectors := nn.DSelect(g.Scope("g"), nil, nn.DSelectOptions{Experts: experts, K: k, Gamma: 1})
			target := g.Input("target", tensor.Float64, builder.Fixed(experts))
			d := g.Sub(gate, target)
			loss := g.Add(g.SumAll(g.Mul(d, d)), g.Mul(nn.SelectorEntropy(g, selectors, nil), g.Scalar(0.5)))
			grads := grad.Gradients(g, []*builder.Value{loss}, nil, g.Parameters())
			outputs := []builder.Output{{Name: "gate", Value: gate}}
			values := known{"target": normal64(9, experts)}
			for i, p := range g.Parameters() {
				outputs = append(outputs, builder.Output{Name: "d " + p.Name(), Value: grads[i]})
				start := make([]float32, p.Parameter().Size())
				p.Parameter().Fill(start, 1)
				values[p.Name()] = tensor.Must(tensor.New(tensor.Float64, p.Parameter().Shape...))
				for j, x := range start {
					values[p.Name()].Float64s()[j] = float64(x)
				}
			}
			run := opened(t, g, outputs)
			for range 400 {
				run(values)
				for _, p := range g.Parameters() {
					for j, dx := range values["d "+p.Name()].Float64s() {
						values[p.Name()].Float64s()[j] -= 0.05 * dx
					}
				}
			}
			chosen, sum := int64(0), 0.0
			for _, q := range values["gate"].Float64s() {
				sum += q
				if q != 0 {
					chosen++
				}
			}
			if chosen < 1 || chosen > k || math.Abs(sum-1) > 1e-12 {
				t.Errorf("k %d of %d experts: the gate is %v", k, experts, values["gate"].Float64s())
			}
		}
	}
}

func TestCrossStitch(t *testing.T) {
	k := structure(t, func(g *builder.Graph, x *builder.Value) []*builder.Value {
		xs := []*builder.Value{x, g.Exp(x), g.Sin(x)}
		return append(nn.CrossStitch(scopes(g, []string{"a", "b", "c"}), xs, 0.9), xs[1:]...)
	})
	for i := range tokens {
		xs := [][]float64{k.row("x", i), k.row("y3", i), k.row("y4", i)}
		for task, n := range []string{"a", "b", "c"} {
			own, others := k["head/"+n+"/own"].Float64s()[0], k["head/"+n+"/others"].Float64s()
			weights := append(append(append([]float64{}, others[:task]...), own), others[task:]...)
			same(t, k, fmt.Sprint("y", task), i, mixed(weights, xs))
		}
	}
}

func TestCrossStitchWithTheIdentityKeepsTrunksApart(t *testing.T) {
	g := builder.New("identity", builder.Options{Float: tensor.Float64})
	x := g.Input("x", tensor.Float64, builder.Fixed(6), builder.Fixed(4))
	xs := []*builder.Value{x, g.Exp(x)}
	ys := nn.CrossStitch(scopes(g, []string{"a", "b"}), xs, 1)
	k := known{"x": normal64(1, 6, 4)}
	for _, p := range g.Parameters() { // as they start
		start := make([]float32, 1)
		p.Parameter().Fill(start, 1)
		k[p.Name()] = tensor.Must(tensor.Of([]float64{float64(start[0])}, 1))
	}
	k = compute64(t, g, k, []builder.Output{{Name: "a", Value: ys[0]}, {Name: "b", Value: ys[1]}, {Name: "exp", Value: xs[1]}})
	if diff := cmp.Diff(k["x"].Float64s(), k["a"].Float64s()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(k["exp"].Float64s(), k["b"].Float64s()); diff != "" {
		t.Error(diff)
	}
}

func TestSquaredDistances(t *testing.T) {
	k := structure(t, func(g *builder.Graph, x *builder.Value) []*builder.Value {
		xs := []*builder.Value{x, g.Exp(x), g.Sin(x)}
		return append(xs, nn.SquaredDistances(g, xs), nn.SquaredDistances(g, xs[:1]))
	})
	want := 0.0
	for _, pair := range [][2]string{{"y0", "y1"}, {"y0", "y2"}, {"y1", "y2"}} {
		for i, a := range k[pair[0]].Float64s() {
			d := a - k[pair[1]].Float64s()[i]
			want += d * d
		}
	}
	if got := k["y3"].Float64s()[0]; math.Abs(got-want) > 1e-9 {
		t.Errorf("the distances are %v, want %v", got, want)
	}
	if got := k["y4"].Float64s()[0]; got != 0 {
		t.Errorf("one value has distance %v", got)
	}
}

func TestAttentionMasks(t *testing.T) {
	k := structure(t, func(g *builder.Graph, x *builder.Value) []*builder.Value {
		second := nn.Dense(g.Scope("second"), x, 5)
		return []*builder.Value{nn.AttentionMasks(g.Scope("m"), []*builder.Value{x, second}, 3), second}
	})
	masked := func(at string, read, p []float64) []float64 {
		out := make([]float64, len(p))
		for i, m := range k.affine(at+"/mask", relu(k.affine(at+"/in", read))) {
			out[i] = p[i] / (1 + math.Exp(-m))
		}
		return out
	}
	for i := range tokens {
		x, second := k.row("x", i), k.row("y1", i)
		first := masked("m/attention_0", x, x)
		carried := relu(k.affine("m/attention_1/carry", first))
		same(t, k, "y0", i, masked("m/attention_1", append(append([]float64{}, second...), carried...), second))
	}
}

func TestAdapters(t *testing.T) {
	k := structure(t, func(g *builder.Graph, x *builder.Value) []*builder.Value {
		return []*builder.Value{nn.Adapter(g.Scope("a"), x, 3), nn.LowRank(g.Scope("l"), x, 2, 0.5)}
	})
	for i := range tokens {
		x := k.row("x", i)
		bottleneck := k.affine("a/up", relu(k.affine("a/down", x)))
		low := k.affine("l/up", k.affine("l/down", x))
		for j := range x {
			bottleneck[j] += x[j]
			low[j] = x[j] + 0.5*low[j]
		}
		same(t, k, "y0", i, bottleneck)
		same(t, k, "y1", i, low)
	}
}

// TestScalarMixIsGammaTimesAWeightedMean of states, with weights by softmax (Peters et
// al. 2018, equation 1).
func TestScalarMixIsGammaTimesAWeightedMean(t *testing.T) {
	g := builder.New("mix", builder.Options{})
	states, in := make([]*builder.Value, 3), map[string]*tensor.Tensor{}
	for i := range states {
		name := string(rune('a' + i))
		states[i] = g.Input(name, tensor.Float32, builder.Named("batch"), builder.Named("sequence"), builder.Fixed(4))
		in[name] = draw(uint64(i)+9, 2, 3, 4)
	}
	out := builder.Output{Name: "mix", Value: nn.ScalarMix(g.Scope("mix"), states)}
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	got := compute(t, g, in, out)
	scores, gamma := got["mix/scores"].Float32s(), float64(got["mix/gamma"].Float32s()[0])
	sum := 0.0
	for _, s := range scores {
		sum += math.Exp(float64(s))
	}
	for i, x := range got["mix"].Float32s() {
		want := 0.0
		for j, s := range scores {
			want += gamma * math.Exp(float64(s)) / sum * float64(in[string(rune('a'+j))].Float32s()[i])
		}
		if math.Abs(want-float64(x)) > 1e-5 {
			t.Errorf("element %d is %v, want %v", i, x, want)
		}
	}
}
