package pretrained

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/builder/nn"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/ort"
	"espalier/safetensors"
	"espalier/tensor"
)

// references are small random encoders that transformers saved, with what PyTorch
// computes with them; testdata/reference.py says what is where.
func references(t *testing.T) string {
	t.Helper()
	python := os.Getenv("ESPALIER_PYTHON_TORCH")
	if python == "" {
		t.Skip("ESPALIER_PYTHON_TORCH names no Python with transformers; `make go-test` installs one")
	}
	dir := t.TempDir()
	if out, err := exec.Command(python, "-B", "testdata/reference.py", dir).CombinedOutput(); err != nil {
		t.Fatalf("reference.py: %v\n%s", err, out)
	}
	return dir
}

// encoderGraph is the graph of a folder's encoder with all of its hidden states.
type encoderGraph struct {
	*builder.Graph
	config  *Config
	states  []*builder.Value // what the first layer reads, then what each layer computes
	last    *builder.Value
	mask    *builder.Value
	pooled  *builder.Value // nil where the checkpoint has no pooling layer
	weights map[string]*tensor.Tensor
}

// open builds the encoder of a folder and reads its weights.
func open(t *testing.T, dir string, pooler bool) *encoderGraph {
	t.Helper()
	c, err := ReadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	g := builder.New("encoder", builder.Options{})
	e := &encoderGraph{Graph: g, config: c}
	batch, length := builder.Named("batch"), builder.Named("sequence")
	ids, types := g.Input("ids", tensor.Int64, batch, length), g.Input("token_types", tensor.Int64, batch, length)
	e.mask = g.Input("mask", tensor.Float32, batch, length)
	s := g.Scope("trunk")
	words := nn.Embedding(s.In("embedding"), ids, c.Vocabulary, c.Embedding)
	o := Options{Trained: true}
	x := c.Embed(s, Input{Words: words, Mask: e.mask, TokenTypes: types}, o)
	e.states = append(e.states, x)
	for i := range c.Layers {
		x = c.Layer(s, x, e.mask, i, o)
		e.states = append(e.states, x)
	}
	e.last = x
	if pooler {
		e.pooled = c.Pool(s, x, o)
	}
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	w, err := safetensors.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	e.weights = map[string]*tensor.Tensor{}
	values := map[string]*tensor.Tensor{}
	for _, v := range g.Parameters() {
		p := v.Parameter()
		values[p.Name] = tensor.Must(tensor.New(tensor.Float32, p.Shape...))
		e.weights[strings.TrimPrefix(p.Name, "trunk/")] = values[p.Name]
	}
	if n, err := c.Fill(w, e.weights); err != nil {
		t.Fatal(err)
	} else if want := count(e.weights); n != want {
		t.Fatalf("%d of %d numbers were set", n, want)
	}
	e.weights = values
	return e
}

func count(of map[string]*tensor.Tensor) (n int) {
	for _, t := range of {
		n += t.Len()
	}
	return n
}

// run computes outputs on a batch.
func (e *encoderGraph) run(t *testing.T, engine runtime.Engine, outputs []builder.Output, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	emitted, err := e.Emit(builder.Emission{Outputs: outputs, Values: e.weights})
	if err != nil {
		t.Fatal(err)
	}
	content, err := onnx.Encode(emitted.Model)
	if err != nil {
		t.Fatal(err)
	}
	s, err := engine.Open(content, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var from, to []runtime.Named
	for _, v := range s.Inputs() {
		from = append(from, runtime.Named{Name: v.Name, Tensor: in[v.Name]})
	}
	for _, o := range outputs {
		to = append(to, runtime.Named{Name: o.Name})
	}
	if err := s.Run(context.Background(), from, to); err != nil {
		t.Fatal(err)
	}
	got := map[string]*tensor.Tensor{}
	for _, o := range to {
		got[o.Name] = o.Tensor
	}
	return got
}

// furthest returns the largest difference of a and b at places that count, as a share
// of the largest number of b.
func furthest(a, b []float32, counts func(i int) bool) float64 {
	var off, largest float64
	for i := range b {
		if counts(i) {
			off = max(off, math.Abs(float64(a[i]-b[i])))
			largest = max(largest, math.Abs(float64(b[i])))
		}
	}
	return off / largest
}

func everywhere(int) bool { return true }

// TestEncodersAreThoseOfTransformers: hidden states, pooled vectors and gradients of all
// parameters are those that PyTorch computes, for every architecture, on texts and
// pairs of several lengths.
func TestEncodersAreThoseOfTransformers(t *testing.T) {
	dir := references(t)
	folders, err := filepath.Glob(filepath.Join(dir, "*", "reference.safetensors"))
	if err != nil || len(folders) < 11 {
		t.Fatalf("%d folders have a reference: %v", len(folders), err)
	}
	engine, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, reference := range folders {
		folder := filepath.Dir(reference)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			content, err := os.ReadFile(reference)
			if err != nil {
				t.Fatal(err)
			}
			f, err := safetensors.Decode(content)
			if err != nil {
				t.Fatal(err)
			}
			compareEncoder(t, engine, folder, f.Tensors)
		})
	}
	t.Run("models with a head", func(t *testing.T) { compareHeaded(t, dir) })
}

func compareEncoder(t *testing.T, engine runtime.Engine, folder string, want map[string]*tensor.Tensor) {
	e := open(t, folder, want["pooled"] != nil)
	mask := want["mask"].Int64s()
	floats := make([]float32, len(mask))
	tokens := 0
	for i, m := range mask {
		floats[i] = float32(m)
		tokens += int(m)
	}
	in := map[string]*tensor.Tensor{
		"ids": want["ids"], "token_types": want["token_types"], "mask": tensor.Must(tensor.Of(floats, want["mask"].Shape()...)),
	}
	var outputs []builder.Output
	for i, x := range e.states {
		outputs = append(outputs, builder.Output{Name: "hidden." + string(rune('0'+i)), Value: x})
	}
	loss := e.Div(e.SumAll(e.Mul(e.Mul(e.last, e.last), e.Unsqueeze(e.mask, -1))), e.SumAll(e.mask))
	if e.pooled != nil {
		outputs = append(outputs, builder.Output{Name: "pooled", Value: e.pooled})
		loss = e.Add(loss, e.Div(e.SumAll(e.Mul(e.pooled, e.pooled)), e.Scalar(float64(want["pooled"].Len()))))
	}
	outputs = append(outputs, builder.Output{Name: "loss", Value: loss})
	params := e.Parameters()
	for i, d := range grad.Gradients(e.Graph, []*builder.Value{loss}, nil, params) {
		outputs = append(outputs, builder.Output{Name: "gradient/" + params[i].Name(), Value: d})
	}
	got := e.run(t, engine, outputs, in)

	hidden := int(e.config.Hidden)
	real := func(i int) bool { return mask[i/hidden] > 0 }
	for name, w := range want {
		counts := everywhere
		switch {
		case strings.HasPrefix(name, "hidden."):
			counts = real
		case name != "pooled" && name != "loss":
			continue
		}
		if got[name] == nil {
			t.Errorf("%s was not computed", name)
		} else if off := furthest(got[name].Float32s(), w.Float32s(), counts); !(off <= 1e-5) {
			t.Errorf("%s differs by %.2g of its largest number", name, off)
		}
	}
	compareGradients(t, e, got, want)
}

// compareGradients holds every gradient against the largest of the model: keys' biases
// change nothing, and theirs is 0 but for rounding.
func compareGradients(t *testing.T, e *encoderGraph, got, want map[string]*tensor.Tensor) {
	largest, seen := 0.0, 0
	for name, w := range want {
		if strings.HasPrefix(name, "gradient/") {
			seen++
			for _, x := range w.Float32s() {
				largest = max(largest, math.Abs(float64(x)))
			}
		}
	}
	compared := 0
	for _, w := range e.config.Weights() {
		of := got["gradient/trunk/"+w.Parameter]
		if of == nil {
			continue
		}
		width := int(of.Shape()[of.Rank()-1])
		at := 0
		for _, name := range w.Tensors {
			wanted := want["gradient/"+name]
			if wanted == nil {
				t.Errorf("the reference has no gradient of %s", name)
				continue
			}
			compared++
			part := cut(of.Float32s(), wanted.Shape(), width, &at, w.Transposed)
			off := 0.0
			for i, x := range wanted.Float32s() {
				off = max(off, math.Abs(float64(x-part[i])))
			}
			if !(off <= 1e-4*largest) {
				t.Errorf("the gradient of %s is off by %.2g of the largest of the model, %.3g", name, off/largest, largest)
			}
		}
	}
	if compared != seen {
		t.Errorf("%d gradients were compared, PyTorch has %d", compared, seen)
	}
}

// cut returns the columns of a parameter that are a tensor of a checkpoint, as the
// checkpoint has them, and moves on to the next ones.
func cut(all []float32, shape tensor.Shape, width int, at *int, transposed bool) []float32 {
	if len(shape) == 1 {
		part := all[*at : *at+int(shape[0])]
		*at += int(shape[0])
		return part
	}
	if !transposed {
		return all
	}
	out, in := int(shape[0]), int(shape[1])
	part := make([]float32, out*in)
	for o := range out {
		for i := range in {
			part[o*in+i] = all[i*width+*at+o]
		}
	}
	*at += out
	return part
}

// compareHeaded: in checkpoints of models with a head, names have the architecture's in
// front.
func compareHeaded(t *testing.T, dir string) {
	folders, err := filepath.Glob(filepath.Join(dir, "headed-*"))
	if err != nil || len(folders) < 5 {
		t.Fatalf("%d folders: %v", len(folders), err)
	}
	for _, folder := range folders {
		plain := filepath.Join(dir, strings.TrimPrefix(filepath.Base(folder), "headed-"))
		a, b := open(t, folder, false), open(t, plain, false)
		for name, w := range b.weights {
			if !slices.Equal(w.Float32s(), a.weights[name].Float32s()) {
				t.Errorf("%s: %s is not that of %s", folder, name, plain)
			}
		}
	}
}

// TestMiniLM compares the real model on sentences of several lengths.
func TestMiniLM(t *testing.T) {
	folder, python := os.Getenv("ESPALIER_MINILM"), os.Getenv("ESPALIER_PYTHON_TORCH")
	if folder == "" || python == "" {
		t.Skip("ESPALIER_MINILM and ESPALIER_PYTHON_TORCH name no model and no Python with transformers; `make go-test` installs both")
	}
	out := filepath.Join(t.TempDir(), "minilm.safetensors")
	if text, err := exec.Command(python, "-B", "testdata/minilm.py", folder, out).CombinedOutput(); err != nil {
		t.Fatalf("minilm.py: %v\n%s", err, text)
	}
	content, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Decode(content)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	e := open(t, folder, true)
	var batches []string
	if err := json.Unmarshal([]byte(f.Metadata["batches"]), &batches); err != nil {
		t.Fatal(err)
	}
	texts := 0
	outputs := []builder.Output{{Name: "hidden", Value: e.last}, {Name: "pooled", Value: e.pooled}}
	for _, b := range batches {
		mask := f.Tensors[b+".mask"].Int64s()
		floats := make([]float32, len(mask))
		for i, m := range mask {
			floats[i] = float32(m)
		}
		shape := f.Tensors[b+".mask"].Shape()
		texts += int(shape[0])
		got := e.run(t, engine, outputs, map[string]*tensor.Tensor{
			"ids": f.Tensors[b+".ids"], "token_types": tensor.Must(tensor.New(tensor.Int64, shape...)), "mask": tensor.Must(tensor.Of(floats, shape...)),
		})
		if off := furthest(got["hidden"].Float32s(), f.Tensors[b+".hidden"].Float32s(), func(i int) bool { return mask[i/384] > 0 }); !(off <= 1e-5) {
			t.Errorf("%s: hidden states differ by %.2g of the largest number", b, off)
		}
		if off := furthest(got["pooled"].Float32s(), f.Tensors[b+".pooled"].Float32s(), everywhere); !(off <= 1e-5) {
			t.Errorf("%s: pooled vectors differ by %.2g of the largest number", b, off)
		}
	}
	if texts != 500 {
		t.Errorf("%d texts were compared", texts)
	}
}
