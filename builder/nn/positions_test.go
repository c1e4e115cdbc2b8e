package nn_test

import (
	"math"
	"math/cmplx"
	"strings"
	"testing"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/tensor"
)

// TestRotaryAttentionAgreesWithALoop: attention with turned queries and keys,
// pair by pair as complex numbers, in float64.
func TestRotaryAttentionAgreesWithALoop(t *testing.T) {
	const width, heads, each, length = 12, 2, 6, 9
	g := builder.New("rotary", builder.Options{})
	x := g.Input("x", tensor.Float32, builder.Named("batch"), builder.Named("sequence"), builder.Fixed(width))
	mask := g.Input("mask", tensor.Float32, builder.Named("batch"), builder.Named("sequence"))
	y := nn.SelfAttention(g.Scope("a"), x, mask, heads, 0, nn.NewRotation(g, x.Dim(1), each))
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	lengths := []int{length, 4, 1}
	in := map[string]*tensor.Tensor{"x": draw(4, int64(len(lengths)), length, width), "mask": maskOf(length, lengths...)}
	got := compute(t, g, in, builder.Output{Name: "y", Value: y})
	dense := func(scope string, row []float64, out int) []float64 {
		w, b := got[scope+"/weight"].Float32s(), got[scope+"/bias"].Float32s()
		to := make([]float64, out)
		for j := range to {
			to[j] = float64(b[j])
			for i, v := range row {
				to[j] += v * float64(w[i*out+j])
			}
		}
		return to
	}
	// turned is a head's query or key at a place as complex numbers.
	turned := func(row []float64, place int) []complex128 {
		out := make([]complex128, each/2)
		for i := range out {
			angle := float64(place) * math.Pow(10000, -2*float64(i)/each)
			out[i] = complex(row[i], row[i+each/2]) * cmplx.Rect(1, angle)
		}
		return out
	}
	for row, n := range lengths {
		qkv := make([][]float64, n)
		for p := range qkv {
			token := make([]float64, width)
			for i := range token {
				token[i] = float64(in["x"].Float32s()[(row*length+p)*width+i])
			}
			qkv[p] = dense("a/in", token, 3*width)
		}
		for p := range n {
			joined := make([]float64, width)
			for h := range heads {
				weights, sum := make([]float64, n), 0.0
				q := turned(qkv[p][h*each:], p)
				for o := range n {
					score := 0.0
					for i, k := range turned(qkv[o][width+h*each:], o) {
						score += real(q[i] * cmplx.Conj(k))
					}
					weights[o] = math.Exp(score / math.Sqrt(each))
					sum += weights[o]
				}
				for o, w := range weights {
					for i := range each {
						joined[h*each+i] += w / sum * qkv[o][2*width+h*each+i]
					}
				}
			}
			for i, want := range dense("a/out", joined, width) {
				near(t, "attention", got["y"].Float32s()[(row*length+p)*width+i], want)
			}
		}
	}
}

func TestRotationsThatCannotBe(t *testing.T) {
	g := builder.New("odd", builder.Options{})
	nn.NewRotation(g, builder.Named("sequence"), 3)
	if err := g.Err(); err == nil || !strings.HasSuffix(err.Error(), ": turns pairs of features, of which there are 3") {
		t.Errorf("got %v", err)
	}
}
