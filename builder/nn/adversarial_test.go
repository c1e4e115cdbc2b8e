package nn_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/builder/nn"
	"espalier/tensor"
)

// The game is between a discriminator of three tasks and the vectors x [4, 4] of
// four examples: of task 1, of tasks 0 and 2, of none, of task 2.
var (
	gameTargets = []float64{0, 1, 0, 0.5, 0, 0.5, 0, 0, 0, 0, 0, 1}
	gameFactor  = 0.3
)

const gameExamples = 3 // that count

// player builds one of the discriminator's losses.
type player func(d *nn.Discriminator, g *builder.Graph, x, targets *builder.Value) *builder.Value

func reversed(d *nn.Discriminator, g *builder.Graph, x, targets *builder.Value) *builder.Value {
	return d.ReversedLikelihood(g, x, targets, gameFactor)
}

func leastSquares(d *nn.Discriminator, g *builder.Graph, x, targets *builder.Value) *builder.Value {
	return d.LeastSquares(g, x, targets, gameFactor)
}

// play returns a loss, "loss", and its gradients, "d " and the name, at values
// that it adds to k where k lacks them.
func play(t *testing.T, hidden int64, loss player, k known) known {
	t.Helper()
	g := builder.New("game", builder.Options{Float: tensor.Float64})
	x := g.Input("x", tensor.Float64, builder.Named("batch"), builder.Fixed(4))
	targets := g.Input("targets", tensor.Float64, builder.Named("batch"), builder.Fixed(3))
	value := loss(nn.NewDiscriminator(g.Scope("d"), 4, hidden, 3), g, x, targets)
	wrt := append(g.Parameters(), x)
	outputs := []builder.Output{{Name: "loss", Value: value}}
	for i, d := range grad.Gradients(g, []*builder.Value{value}, nil, wrt) {
		outputs = append(outputs, builder.Output{Name: "d " + wrt[i].Name(), Value: d})
	}
	if k["x"] == nil {
		k["x"], k["targets"] = normal64(1, 4, 4), tensor.Must(tensor.Of(gameTargets, 4, 3))
		for i, p := range g.Parameters() {
			k[p.Name()] = normal64(uint64(i+2), p.Parameter().Shape...)
		}
	}
	return compute64(t, g, k, outputs)
}

// found are the discriminator's probabilities for example i.
func (k known) found(i int) []float64 {
	x := make([]float64, 4)
	for j := range x {
		mean, square := 0.0, 0.0
		for row := range 4 {
			v := k.row("x", row)[j]
			mean += v / 4
			square += v * v / 4
		}
		x[j] = (k.row("x", i)[j] - mean) / math.Sqrt(square-mean*mean+1e-5)
	}
	if k["d/hidden/weight"] != nil {
		x = relu(k.affine("d/hidden", x))
	}
	return softmax(k.affine("d/logits", x), 1)
}

// likelihood is the negative log likelihood of the targets; squares the squared
// distance from them, and uniform that from equal shares. All are means over the
// examples that count.
func (k known) likelihood() (loss float64) {
	for i := range 4 {
		for task, p := range k.found(i) {
			loss -= gameTargets[3*i+task] * math.Log(p) / gameExamples
		}
	}
	return loss
}

func (k known) squares() (loss float64) {
	return k.off(func(i, task int) float64 { return gameTargets[3*i+task] })
}

func (k known) uniform() (loss float64) {
	return k.off(func(int, int) float64 { return 1.0 / 3 })
}

func (k known) off(target func(i, task int) float64) (loss float64) {
	for _, i := range []int{0, 1, 3} {
		for task, p := range k.found(i) {
			loss += math.Pow(p-target(i, task), 2) / gameExamples
		}
	}
	return loss
}

// games are the losses, what they are worth written in loops, and what each side
// makes smaller.
var games = map[string]struct {
	loss                           player
	value, discriminator, features func(k known) float64
}{
	"nll": {
		reversed, known.likelihood, known.likelihood,
		func(k known) float64 { return -gameFactor * k.likelihood() },
	},
	"l2": {
		leastSquares, func(k known) float64 { return k.squares() + gameFactor*k.uniform() }, known.squares,
		func(k known) float64 { return gameFactor * k.uniform() },
	},
}

// TestDiscriminatorAgainstLoops: the value is that of loops, and each side's
// gradient is that of central differences of what it makes smaller, which for
// the vectors of the negative log likelihood is its negative.
func TestDiscriminatorAgainstLoops(t *testing.T) {
	for name, c := range games {
		for _, hidden := range []int64{0, 5} {
			k := play(t, hidden, c.loss, known{})
			if got, want := k["loss"].Float64s()[0], c.value(k); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: the loss is %v, loops give %v", name, got, want)
			}
			for _, at := range []string{"x", "d/logits/weight", "d/logits/bias", "d/hidden/weight", "d/hidden/bias"} {
				if k[at] == nil {
					continue
				}
				of := c.discriminator
				if at == "x" {
					of = c.features
				}
				for i, got := range k["d "+at].Float64s() {
					if want := k.difference(of, at, i); math.Abs(got-want) > 1e-7 {
						t.Errorf("%s, hidden %d: the gradient of %s[%d] is %v, differences give %v", name, hidden, at, i, got, want)
					}
				}
			}
		}
	}
}

// difference is the central one of a loss by an element.
func (k known) difference(loss func(known) float64, name string, i int) float64 {
	const h = 1e-6
	x := k[name].Float64s()
	at := x[i]
	defer func() { x[i] = at }()
	x[i] = at + h
	up := loss(k)
	x[i] = at - h
	return (up - loss(k)) / (2 * h)
}

// TestDiscriminatorAgreesWithPyTorch: losses and gradients are those of PyTorch,
// whose gradient reversal is a function of autograd and whose two players of
// least squares are detached from each other.
func TestDiscriminatorAgreesWithPyTorch(t *testing.T) {
	content, err := os.ReadFile("testdata/adversarial.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string]map[string][]float64
	if err := json.Unmarshal(content, &golden); err != nil {
		t.Fatal(err)
	}
	for name, c := range games {
		k := known{}
		for at, dims := range map[string][]int64{
			"x": {4, 4}, "targets": {4, 3}, "d/hidden/weight": {4, 5}, "d/hidden/bias": {5}, "d/logits/weight": {5, 3}, "d/logits/bias": {3},
		} {
			k[at] = tensor.Must(tensor.Of(golden["values"][at], dims...))
		}
		k = play(t, 5, c.loss, k)
		if len(golden[name]) != 6 {
			t.Fatalf("PyTorch's numbers of %s are %d", name, len(golden[name]))
		}
		for output, want := range golden[name] {
			for i, got := range k[output].Float64s() {
				if math.Abs(got-want[i]) > 1e-12 {
					t.Errorf("%s: %s[%d] is %v, PyTorch has %v", name, output, i, got, want[i])
				}
			}
		}
	}
}

// TestNoExampleOfATaskHasNoLoss: a batch without labels leaves everything as it
// is.
func TestNoExampleOfATaskHasNoLoss(t *testing.T) {
	for name, c := range games {
		k := play(t, 5, c.loss, known{
			"x": normal64(1, 2, 4), "targets": tensor.Must(tensor.New(tensor.Float64, 2, 3)),
			"d/hidden/weight": normal64(2, 4, 5), "d/hidden/bias": normal64(3, 5), "d/logits/weight": normal64(4, 5, 3), "d/logits/bias": normal64(5, 3),
		})
		for _, output := range []string{"loss", "d x", "d d/logits/weight", "d d/hidden/bias"} {
			for i, v := range k[output].Float64s() {
				if v != 0 {
					t.Errorf("%s: %s[%d] is %v", name, output, i, v)
				}
			}
		}
	}
}

// TestOverlap: by loops over the examples that are present, and 0 for features
// that are orthogonal.
func TestOverlap(t *testing.T) {
	overlap := func(shared, private *tensor.Tensor, present []float64) float64 {
		g := builder.New("overlap", builder.Options{Float: tensor.Float64})
		input := func(name string, width int64) *builder.Value {
			return g.Input(name, tensor.Float64, builder.Named("batch"), builder.Fixed(width))
		}
		y := nn.Overlap(g, input("s", shared.Shape()[1]), input("p", private.Shape()[1]), g.Input("present", tensor.Float64, builder.Named("batch")))
		k := known{"s": shared, "p": private, "present": tensor.Must(tensor.Of(present, int64(len(present))))}
		return compute64(t, g, k, []builder.Output{{Name: "y", Value: y}})["y"].Float64s()[0]
	}
	k := known{"s": normal64(1, 3, 4), "p": normal64(2, 3, 2)}
	want := 0.0
	for a := range 4 {
		for b := range 2 {
			sum := 0.0
			for _, i := range []int{0, 2} {
				sum += k.row("s", i)[a] * k.row("p", i)[b]
			}
			want += sum * sum / 4
		}
	}
	if got := overlap(k["s"], k["p"], []float64{1, 0, 1}); math.Abs(got-want) > 1e-12*want {
		t.Errorf("the overlap is %v, loops give %v", got, want)
	}
	if got := overlap(k["s"], k["p"], []float64{0, 0, 0}); got != 0 {
		t.Errorf("the overlap of no examples is %v", got)
	}
	apart := func(xs ...float64) *tensor.Tensor { return tensor.Must(tensor.Of(xs, 2, 1)) }
	if got := overlap(apart(1, 2), apart(-2, 1), []float64{1, 1}); got != 0 {
		t.Errorf("orthogonal features overlap by %v", got)
	}
}

// A linear discriminator of three tasks has a matrix and a bias.
func ExampleDiscriminator() {
	g := builder.New("example", builder.Options{})
	x := g.Input("x", tensor.Float32, builder.Named("batch"), builder.Fixed(8))
	targets := g.Input("targets", tensor.Float32, builder.Named("batch"), builder.Fixed(3))
	d := nn.NewDiscriminator(g.Scope("trunk/discriminator"), 8, 0, 3)
	loss := d.ReversedLikelihood(g, x, targets, 0.05)
	fmt.Println(loss.Shape(), len(g.Parameters()), g.Err())
	// Output: [] 2 <nil>
}
