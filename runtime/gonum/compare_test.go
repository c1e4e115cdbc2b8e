//go:build cgo

package gonum_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// compared is a model that both engines are timed on.
type compared struct {
	name    string
	model   []byte
	in, out []runtime.Named
}

// recurrentLayer is a bidirectional LSTM or GRU on 32 sentences of 12 words.
func recurrentLayer(tb testing.TB, op string, gates int64) compared {
	const hidden, directions = benchWidth / 2, 2
	c := &recurrentCase{r: rand.New(rand.NewPCG(1, 1)), op: op, outputs: []string{"y"}}
	c.attrs = []onnx.Attribute{onnx.StringAttr("direction", "bidirectional"), onnx.IntAttr("hidden_size", hidden)}
	if op == "GRU" {
		c.attrs = append(c.attrs, onnx.IntAttr("linear_before_reset", 1))
	}
	c.floats("x", benchLength, benchBatch, benchWidth)
	c.floats("w", directions, gates*hidden, benchWidth)
	c.floats("r", directions, gates*hidden, hidden)
	c.floats("b", directions, 2*gates*hidden)
	return compared{
		name: op, model: c.model(tb), in: c.given(),
		out: []runtime.Named{{Name: "y", Tensor: tensor.Must(tensor.New(tensor.Float32, benchLength, directions, benchBatch, hidden))}},
	}
}

// tokenizing splits 64 sentences and looks their words up.
func tokenizing(tb testing.TB) compared {
	r := rand.New(rand.NewPCG(1, 1))
	keys, values := make([]string, 20000), make([]int64, 20000)
	for i := range keys {
		keys[i], values[i] = fmt.Sprintf("word%d", i), int64(i)
	}
	texts := make([]string, 64)
	for i := range texts {
		var words []string
		for range benchLength {
			words = append(words, fmt.Sprintf("word%d", r.IntN(30000)))
		}
		texts[i] = strings.Join(words, " ")
	}
	g := &onnx.Graph{Name: "tokenizing", Outputs: []onnx.ValueInfo{{Name: "ids", DType: tensor.Int64}}}
	g.Inputs = []onnx.ValueInfo{declaredAs("text", tensor.String, tensor.Shape{64})}
	g.Nodes = []*onnx.Node{
		{OpType: "Tokenizer", Domain: "com.microsoft", Inputs: []string{"text"}, Outputs: []string{"words"}, Attributes: []onnx.Attribute{
			onnx.IntAttr("mark", 0), onnx.IntAttr("mincharnum", 1), onnx.StringAttr("pad_value", ""), onnx.StringAttr("tokenexp", `\w+|[^\w\s]`),
		}},
		{OpType: "LabelEncoder", Domain: "ai.onnx.ml", Inputs: []string{"words"}, Outputs: []string{"ids"}, Attributes: []onnx.Attribute{
			onnx.StringsAttr("keys_strings", keys), onnx.IntsAttr("values_int64s", values), onnx.IntAttr("default_int64", 1),
		}},
	}
	model, err := onnx.Encode(&onnx.Model{IRVersion: 8, OpsetImports: []onnx.OperatorSetID{{Version: 17}, {Domain: "com.microsoft", Version: 1}, {Domain: "ai.onnx.ml", Version: 3}}, Graph: g})
	if err != nil {
		tb.Fatal(err)
	}
	return compared{
		name: "Tokenizer and LabelEncoder", model: model,
		in:  []runtime.Named{{Name: "text", Tensor: tensor.Must(tensor.Of(texts, 64))}},
		out: []runtime.Named{{Name: "ids", Tensor: tensor.Must(tensor.New(tensor.Int64, 64, benchLength))}},
	}
}

// TestConcurrentRunsAgree: runs of one session side by side, with any number of
// threads, give the same bits.
func TestConcurrentRunsAgree(t *testing.T) {
	step := compared{name: "training step"}
	step.model, step.in, step.out = trainingStep(t, benchTrunks()["bilstm"])
	for _, c := range []compared{recurrentLayer(t, "LSTM", 4), recurrentLayer(t, "GRU", 3), tokenizing(t), step} {
		t.Run(c.name, func(t *testing.T) {
			var want []runtime.Named
			for _, threads := range []int{1, 2, 5} {
				s, err := gonum.New().Open(c.model, runtime.Options{Threads: threads})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				results := make([][]runtime.Named, 4)
				var wait sync.WaitGroup
				for i := range results {
					for _, o := range c.out {
						results[i] = append(results[i], runtime.Named{Name: o.Name})
					}
					wait.Go(func() {
						if err := s.Run(context.Background(), c.in, results[i]); err != nil {
							t.Error(err)
						}
					})
				}
				wait.Wait()
				for _, got := range results {
					if want == nil {
						want = got
					}
					for i := range want {
						if err := close(got[i].Tensor, want[i].Tensor, 0, 0); err != nil {
							t.Errorf("%d threads: %s: %v", threads, want[i].Name, err)
						}
					}
				}
			}
		})
	}
}

// BenchmarkAgainstORT reports how many times as long the pure-Go engine takes
// as ONNX Runtime, both with one thread: the fastest of each one's rounds, in
// which they take turns.
func BenchmarkAgainstORT(b *testing.B) {
	models := []compared{recurrentLayer(b, "LSTM", 4), recurrentLayer(b, "GRU", 3), tokenizing(b)}
	for name, trunk := range benchTrunks() {
		c := compared{name: "training step, " + name}
		c.model, c.in, c.out = trainingStep(b, trunk)
		models = append(models, c)
	}
	for _, c := range models {
		b.Run(c.name, func(b *testing.B) {
			var bound []runtime.Binding
			for _, e := range []runtime.Engine{gonum.New(), ortEngine(b)} {
				s, err := e.Open(c.model, runtime.Options{Threads: 1})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				r, err := s.Bind(c.in, c.out)
				if err != nil {
					b.Fatal(err)
				}
				defer r.Close()
				bound = append(bound, r)
			}
			fastest := [2]float64{math.Inf(1), math.Inf(1)}
			for b.Loop() {
				for i, r := range bound {
					start := time.Now()
					for range 3 {
						if err := r.Run(context.Background()); err != nil {
							b.Fatal(err)
						}
					}
					fastest[i] = min(fastest[i], time.Since(start).Seconds()/3)
				}
			}
			b.ReportMetric(fastest[0]/fastest[1], "times-ORT")
			b.ReportMetric(fastest[0]*1e3, "ms")
		})
	}
}
