//go:build cgo

package gonum_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/tensor"
)

// textModel is one operator, of operator set 20 where it is one of ai.onnx's and
// no version is given.
type textModel struct {
	op, domain string
	version    int64
	inputs     []*tensor.Tensor
	outputs    []tensor.DType
	attrs      []onnx.Attribute
}

// encode returns a model of the operator alone, with inputs x0, x1 and so on.
func (m *textModel) encode() ([]byte, error) {
	g := &onnx.Graph{Name: "text"}
	n := &onnx.Node{Name: "the " + m.op, OpType: m.op, Domain: m.domain, Attributes: m.attrs}
	for i, x := range m.inputs {
		if x == nil { // left out
			n.Inputs = append(n.Inputs, "")
			continue
		}
		v := onnx.ValueInfo{Name: fmt.Sprintf("x%d", i), DType: x.DType(), HasShape: true}
		for range x.Shape() {
			v.Shape = append(v.Shape, onnx.Dim{})
		}
		g.Inputs, n.Inputs = append(g.Inputs, v), append(n.Inputs, v.Name)
	}
	for i, d := range m.outputs {
		name := fmt.Sprintf("y%d", i)
		g.Outputs, n.Outputs = append(g.Outputs, onnx.ValueInfo{Name: name, DType: d}), append(n.Outputs, name)
	}
	g.Nodes = []*onnx.Node{n}
	imports := []onnx.OperatorSetID{{Version: 20}}
	if m.domain == "" && m.version > 0 {
		imports[0].Version = m.version
	}
	if m.domain != "" {
		imports = append(imports, onnx.OperatorSetID{Domain: m.domain, Version: m.version})
	}
	return onnx.Encode(&onnx.Model{IRVersion: 9, OpsetImports: imports, Graph: g})
}

func (m *textModel) run(e runtime.Engine) ([]*tensor.Tensor, error) {
	model, err := m.encode()
	if err != nil {
		return nil, err
	}
	s, err := e.Open(model, runtime.Options{})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var in, out []runtime.Named
	for i, x := range m.inputs {
		if x != nil {
			in = append(in, runtime.Named{Name: fmt.Sprintf("x%d", i), Tensor: x})
		}
	}
	for i := range m.outputs {
		out = append(out, runtime.Named{Name: fmt.Sprintf("y%d", i)})
	}
	if err := s.Run(context.Background(), in, out); err != nil {
		return nil, err
	}
	var results []*tensor.Tensor
	for _, o := range out {
		results = append(results, o.Tensor)
	}
	return results, nil
}

// randomText is made of pieces that tokenizers care about.
func randomText(r *rand.Rand) string {
	pieces := []string{"a", "B", "ab", "1", ".", ",", " ", "  ", "\t", "\n", "\u00a0", "\u3000", "\u00e9", "e\u0301", "\u0130", "\u03a3", "\u00df", "\U0001F600", "\u4e16", "-", "ba", "x,y"}
	var b strings.Builder
	for range r.IntN(9) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func randomTexts(r *rand.Rand, shape ...int64) *tensor.Tensor {
	t := tensor.Must(tensor.New(tensor.String, shape...))
	for i := range t.Strings() {
		t.Strings()[i] = randomText(r)
	}
	return t
}

// randomTextModel draws an operator with attributes and operands.
func randomTextModel(r *rand.Rand) *textModel {
	shape := []int64{1 + r.Int64N(3), 1 + r.Int64N(3)}[r.IntN(2):]
	x := randomTexts(r, shape...)
	switch r.IntN(5) {
	case 0:
		return randomTokenizer(r, x)
	case 1:
		m := &textModel{op: "StringSplit", inputs: []*tensor.Tensor{x}, outputs: []tensor.DType{tensor.String, tensor.Int64}}
		if d := r.IntN(4); d > 0 {
			m.attrs = append(m.attrs, onnx.StringAttr("delimiter", []string{"", "", ",", "ab"}[d]))
		}
		if r.IntN(2) == 0 {
			m.attrs = append(m.attrs, onnx.IntAttr("maxsplit", 1+r.Int64N(3)))
		}
		return m
	case 2:
		return &textModel{op: "StringConcat", inputs: []*tensor.Tensor{x, randomTexts(r, shape[len(shape)-1])}, outputs: []tensor.DType{tensor.String}}
	case 3:
		pattern := []string{`[ab]*`, `\w+`, `a|ab`, `[^,]+,?y?`, `.*`, `\S*`, `(?i)B+.?`, `\pL\pM?`, ``}[r.IntN(9)]
		return &textModel{op: "RegexFullMatch", inputs: []*tensor.Tensor{x}, outputs: []tensor.DType{tensor.Bool}, attrs: []onnx.Attribute{onnx.StringAttr("pattern", pattern)}}
	}
	return randomLabels(r, x)
}

func randomTokenizer(r *rand.Rand, x *tensor.Tensor) *textModel {
	m := &textModel{op: "Tokenizer", domain: "com.microsoft", version: 1, inputs: []*tensor.Tensor{x}, outputs: []tensor.DType{tensor.String}}
	x.Strings()[0] += "abc" // without any token ONNX Runtime gives another rank
	m.attrs = []onnx.Attribute{onnx.IntAttr("mark", r.Int64N(2)), onnx.StringAttr("pad_value", []string{"", "#"}[r.IntN(2)])}
	least := 1 + r.Int64N(3)
	switch r.IntN(3) {
	case 0:
		expression := []string{`\w+|[^\w\s]`, `[^ ]+`, `a|ab|abc`, `\pL+`, `[a-c]+\d*`, `[abc]`, `abc|\S+,`}[r.IntN(7)]
		m.attrs = append(m.attrs, onnx.StringAttr("tokenexp", expression))
		if strings.Contains(expression, "[abc]") {
			least = 1
		}
	case 1:
		separators := [][]string{{" "}, {"\\s"}, {",", " "}, {"b+", "1"}, {"xy", "\\.", "-"}}[r.IntN(5)]
		m.attrs = append(m.attrs, onnx.StringsAttr("separators", separators))
		x.Strings()[0] = "ccc"
	case 2:
		m.attrs = append(m.attrs, onnx.StringsAttr("separators", []string{""}))
		least = 1
	}
	m.attrs = append(m.attrs, onnx.IntAttr("mincharnum", least))
	return m
}

// randomLabels looks up texts, integers or floats, some keys twice.
func randomLabels(r *rand.Rand, x *tensor.Tensor) *textModel {
	m := &textModel{op: "LabelEncoder", domain: "ai.onnx.ml", version: 2 + r.Int64N(3), inputs: []*tensor.Tensor{x}}
	numbers := tensor.Must(tensor.New(tensor.Int64, x.Shape()...))
	floats := tensor.Must(tensor.New(tensor.Float32, x.Shape()...))
	for i := range numbers.Int64s() {
		numbers.Int64s()[i] = r.Int64N(5)
		floats.Float32s()[i] = []float32{0, 0.5, 1, float32(math.NaN()), float32(math.Inf(1))}[r.IntN(5)]
	}
	kind := r.IntN(5)
	switch kind {
	case 0, 1: // strings to integers or floats
		m.attrs = append(m.attrs, onnx.StringsAttr("keys_strings", []string{x.Strings()[0], "a", "", "a"}))
	case 2: // integers to strings
		m.inputs[0] = numbers
		m.attrs = append(m.attrs, onnx.IntsAttr("keys_int64s", []int64{1, 2, 1, 4}))
	default: // floats to strings or integers
		m.inputs[0] = floats
		m.attrs = append(m.attrs, onnx.FloatsAttr("keys_floats", []float32{0.5, float32(math.NaN()), 1, float32(math.Inf(1))}))
	}
	switch kind {
	case 0, 3:
		m.attrs, m.outputs = append(m.attrs, onnx.IntsAttr("values_int64s", []int64{7, 8, 9, 10}), onnx.IntAttr("default_int64", 3)), []tensor.DType{tensor.Int64}
	case 1:
		m.attrs, m.outputs = append(m.attrs, onnx.FloatsAttr("values_floats", []float32{7, 8, 9, 10})), []tensor.DType{tensor.Float32}
	default:
		m.attrs, m.outputs = append(m.attrs, onnx.StringsAttr("values_strings", []string{"p", "q", "r", "s"})), []tensor.DType{tensor.String}
	}
	return m
}

// TestTextOperatorsAgree: operators on strings give what ONNX Runtime gives.
func TestTextOperatorsAgree(t *testing.T) {
	oracle := ortEngine(t)
	for seed := range uint64(600) {
		m := randomTextModel(rand.New(rand.NewPCG(seed, 3)))
		want, err := m.run(oracle)
		if err != nil {
			t.Fatalf("seed %d, %s: ONNX Runtime: %v", seed, m, err)
		}
		got, err := m.run(gonum.New())
		if err != nil {
			t.Errorf("seed %d, %s: %v", seed, m, err)
			continue
		}
		for i := range want {
			if err := close(got[i], want[i], 0, 0); err != nil {
				t.Errorf("seed %d, %s: output %d: %v", seed, m, i, err)
			}
		}
	}
}

func (m *textModel) String() string {
	s := m.op
	for _, a := range m.attrs {
		s += fmt.Sprintf(" %s=%q%q%d", a.Name, a.String, a.Strings, a.Int)
	}
	return s + fmt.Sprintf(" of %q", m.inputs[0].Any())
}

// TestTokenizerOfNothing: without texts, or without any token, the shapes are
// those that ONNX Runtime gives.
func TestTokenizerOfNothing(t *testing.T) {
	oracle := ortEngine(t)
	for _, how := range []onnx.Attribute{
		onnx.StringAttr("tokenexp", "[a-z]+"), onnx.StringsAttr("separators", []string{""}), onnx.StringsAttr("separators", []string{" "}),
	} {
		for _, shape := range [][]int64{{2}, {1, 2}, {0}, {0, 2}, {2, 0}} {
			for _, mark := range []int64{0, 1} {
				m := &textModel{op: "Tokenizer", domain: "com.microsoft", version: 1, outputs: []tensor.DType{tensor.String}}
				m.inputs = []*tensor.Tensor{tensor.Must(tensor.New(tensor.String, shape...))}
				m.attrs = []onnx.Attribute{onnx.IntAttr("mark", mark), onnx.StringAttr("pad_value", "#"), onnx.IntAttr("mincharnum", 1), how}
				want, err := m.run(oracle)
				if err != nil {
					t.Fatal(err)
				}
				got, err := m.run(gonum.New())
				if err != nil {
					t.Fatal(err)
				}
				if err := close(got[0], want[0], 0, 0); err != nil {
					t.Errorf("%s, mark %d, texts %v: %v", how.Name, mark, shape, err)
				}
			}
		}
	}
}

// TestMistakesInTextOperators: what an operator on strings cannot do is said
// when the model is opened, where that can be known.
func TestMistakesInTextOperators(t *testing.T) {
	tokenizer := func(attrs ...onnx.Attribute) *textModel {
		return &textModel{op: "Tokenizer", domain: "com.microsoft", version: 1, attrs: attrs}
	}
	labels := func(attrs ...onnx.Attribute) *textModel {
		return &textModel{op: "LabelEncoder", domain: "ai.onnx.ml", version: 3, attrs: attrs}
	}
	for _, c := range []struct {
		m    *textModel
		want string
	}{
		{tokenizer(), "neither tokenexp nor separators are given"},
		{tokenizer(onnx.StringAttr("tokenexp", "(")), "missing closing )"},
		{tokenizer(onnx.StringAttr("tokenexp", "(a{1000}){1000}")), "invalid repeat count"},
		{tokenizer(onnx.StringsAttr("separators", []string{"x*"})), "matches between any two characters"},
		{tokenizer(onnx.StringAttr("tokenexp", "a"), onnx.StringsAttr("separators", []string{"b"})), "are both given"},
		{tokenizer(onnx.StringAttr("tokenexp", "a"), onnx.IntAttr("mincharnum", -1)), "mincharnum is -1"},
		{tokenizer(onnx.IntAttr("tokenexp", 1)), `attribute "tokenexp"`},
		{labels(), "it has no keys_strings"},
		{labels(onnx.StringsAttr("keys_strings", []string{"a"}), onnx.IntsAttr("values_int64s", []int64{1, 2})), "there are 1 keys and 2 values"},
		{&textModel{op: "RegexFullMatch", attrs: []onnx.Attribute{onnx.StringAttr("pattern", "a)|(b")}}, "unexpected )"},
		{&textModel{op: "StringNormalizer", attrs: []onnx.Attribute{onnx.StringAttr("case_change_action", "TITLE")}}, `case_change_action "TITLE" is not one of NONE, LOWER, UPPER`},
		{&textModel{op: "StringConcat"}, "StringConcat"},
		{&textModel{op: "StringSplit", inputs: []*tensor.Tensor{tensor.Must(tensor.Of([]string{"a\xff"}, 1))}}, `text 0, "a\xff", is not valid UTF-8`},
	} {
		if c.m.inputs == nil {
			c.m.inputs = []*tensor.Tensor{tensor.Must(tensor.Of([]string{"a"}, 1))}
		}
		c.m.outputs = []tensor.DType{tensor.String}
		if _, err := c.m.run(gonum.New()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one that mentions %q", c.m, err, c.want)
		}
	}
}

// TestTextThatGrowsForEver: strings that a loop doubles end at the memory of a
// run.
func TestTextThatGrowsForEver(t *testing.T) {
	h := hostile{opset: 20, nodes: []*onnx.Node{
		node("Constant", "", "start", onnx.StringsAttr("value_strings", []string{"ab"})),
		{Name: "doubling", OpType: "Loop", Inputs: []string{"", "", "start"}, Outputs: []string{"y"}, Attributes: []onnx.Attribute{
			onnx.GraphAttr("body", subgraph("i@i go@b v@i", "go@b next@i", node("StringConcat", "v v", "next"))),
		}},
	}}
	s, err := (&gonum.Engine{MaxMemory: 1 << 20}).Open(h.encode(t), runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Run(context.Background(), nil, []runtime.Named{{Name: "y"}}); err == nil || !strings.Contains(err.Error(), "bytes of text more") {
		t.Errorf("got error %v", err)
	}
}
