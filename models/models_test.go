package models_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/models"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/schema"
	"espalier/tensor"
)

// words is the size of the vocabulary.
const words = 30

func description() *schema.Schema {
	return &schema.Schema{
		Version: schema.Version, Name: "test",
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: models.IDs, VocabularySize: words}},
		Tasks: []schema.Task{
			{Name: "topic", Type: schema.Classification, Labels: []string{"a", "b", "c"}},
			{Name: "mood", Type: schema.Classification, Labels: []string{"bad", "good"}},
			{Name: "tags", Type: schema.Tagging, Labels: []string{"O", "B-X", "I-X"}},
			{Name: "score", Type: schema.Regression},
		},
	}
}

// trunks has every trunk, pooling and option of layers.
var trunks = map[string]models.TrunkConfig{
	"bag":              {Type: "bag", Embedding: 8},
	"bag, dense, max":  {Type: "bag", Embedding: 8, Hidden: 6, Layers: 2, Pooling: "max"},
	"cnn":              {Type: "cnn", Embedding: 8, Hidden: 6, Layers: 2, Kernel: 3, Dilations: []int64{1, 2}, Pooling: "attention"},
	"transformer":      {Type: "transformer", Embedding: 6, Hidden: 8, Layers: 2, Heads: 2, MaxLength: 20},
	"bilstm":           {Type: "bilstm", Embedding: 8, Layers: 2, Residual: true},
	"bigru, attention": {Type: "bigru", Embedding: 6, Hidden: 8, Pooling: "attention"},
	"lstm, max":        {Type: "lstm", Embedding: 6, Layers: 2, Pooling: "max"},
	"gru":              {Type: "gru", Embedding: 6, Hidden: 5},
	"stack": {Embedding: 6, Dropout: 0.1, Stack: []models.TrunkConfig{
		{Type: "cnn", Hidden: 8, Layers: 1}, {Type: "bilstm", Skip: true, Layers: 2}, {Type: "transformer", Positions: "rotary", Heads: 2, Layers: 1},
	}},
	"rotary": {Type: "transformer", Embedding: 6, Hidden: 8, Layers: 2, Heads: 2, Positions: "rotary"},
}

func build(t *testing.T, trunk models.TrunkConfig) *models.Model {
	t.Helper()
	return sharing(t, trunk, models.SharingConfig{})
}

// all has every trunk, and every sharing structure.
func all(t *testing.T) map[string]*models.Model {
	t.Helper()
	all := map[string]*models.Model{}
	for name, trunk := range trunks {
		all[name] = build(t, trunk)
	}
	for name, c := range structures {
		all[name] = sharing(t, c.trunk, c.sharing)
	}
	return all
}

func sharing(t *testing.T, trunk models.TrunkConfig, c models.SharingConfig) *models.Model {
	t.Helper()
	m, err := models.NewText(description(), models.Config{
		Trunk: trunk, Sharing: c, Heads: map[string]models.HeadConfig{"topic": {Hidden: 5}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func engines(t *testing.T) []runtime.Engine {
	t.Helper()
	if os.Getenv(ort.LibraryVariable) == "" {
		t.Fatalf("%s is not set: run `make env`, and test with `make test`", ort.LibraryVariable)
	}
	e, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return []runtime.Engine{e, gonum.New()}
}

// values draws parameters, none of them 0 or 1 by convention.
func values(b *models.Built) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for _, v := range b.Graph.Parameters() {
		p := v.Parameter()
		data := make([]float32, p.Size())
		p.Fill(data, 3)
		r := rand.New(rand.NewPCG(1, uint64(len(p.Name))))
		for i := range data {
			data[i] += float32(r.NormFloat64() * 0.2)
		}
		out[p.Name] = tensor.Must(tensor.Of(data, p.Shape...))
	}
	return out
}

// program opens outputs of a built model and returns a function that runs it.
func program(t *testing.T, e runtime.Engine, b *models.Built, outputs []builder.Output) func(inputs map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	return programOf(t, e, b, values(b), outputs)
}

// programOf is program with parameters that are given.
func programOf(t *testing.T, e runtime.Engine, b *models.Built, parameters map[string]*tensor.Tensor, outputs []builder.Output) func(inputs map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	emitted, err := b.Graph.Emit(builder.Emission{Outputs: outputs, Values: parameters})
	if err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Encode(emitted.Model)
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Open(data, runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return func(inputs map[string]*tensor.Tensor) map[string]*tensor.Tensor {
		t.Helper()
		var in, out []runtime.Named
		for _, v := range s.Inputs() {
			in = append(in, runtime.Named{Name: v.Name, Tensor: inputs[v.Name]})
		}
		for _, o := range outputs {
			out = append(out, runtime.Named{Name: o.Name})
		}
		if err := s.Run(context.Background(), in, out); err != nil {
			t.Fatal(err)
		}
		got := map[string]*tensor.Tensor{}
		for _, o := range out {
			got[o.Name] = o.Tensor
		}
		return got
	}
}

func answers(b *models.Built) []builder.Output {
	var out []builder.Output
	for _, t := range b.Tasks {
		out = append(out, t.Outputs...)
	}
	return out
}

func ids(rows ...[]int64) map[string]*tensor.Tensor {
	length := 1
	for _, r := range rows {
		length = max(length, len(r))
	}
	flat := make([]int64, len(rows)*length)
	for i, r := range rows {
		copy(flat[i*length:], r)
	}
	return map[string]*tensor.Tensor{"ids": tensor.Must(tensor.Of(flat, int64(len(rows)), int64(length)))}
}

// near compares float elements.
func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= 1e-5) {
			t.Errorf("%s[%d] is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// TestAnswersDependOnTheTextAlone: not on padding, nor on the other rows of a
// batch; empty batches, single tokens and rows of padding work; both engines
// agree.
func TestAnswersDependOnTheTextAlone(t *testing.T) {
	for name, m := range all(t) {
		t.Run(name, func(t *testing.T) {
			b, err := m.Build(models.Inference)
			if err != nil {
				t.Fatal(err)
			}
			var first map[string]*tensor.Tensor
			for _, e := range engines(t) {
				run := program(t, e, b, answers(b))
				text := []int64{4, 9, 2, 17, 5}
				alone := run(ids(text))
				batch := run(ids([]int64{7}, text, []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}, nil))
				for output, want := range alone {
					per := want.Len()
					if want.DType() != tensor.Float32 {
						continue
					}
					// Rows of token tasks are longer in the batch.
					row := batch[output].Len() / 4
					got := batch[output].Float32s()[row : 2*row]
					near(t, e.Name()+" "+output, got, want.Float32s()[:per])
					for i, x := range batch[output].Float32s() {
						if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
							t.Fatalf("%s: %s[%d] is %v", e.Name(), output, i, x)
						}
					}
				}
				for output, got := range run(ids()) {
					if got.Len() != 0 || got.Shape()[0] != 0 {
						t.Errorf("%s of an empty batch is %v", output, got)
					}
				}
				if first == nil {
					first = batch
					continue
				}
				for output, want := range first {
					near(t, "engines differ: "+output, batch[output].Float32s(), want.Float32s())
					if !cmp.Equal(batch[output].Int64s(), want.Int64s()) {
						t.Errorf("engines give other labels for %s", output)
					}
				}
			}
		})
	}
}

func TestProbabilitiesAndLabels(t *testing.T) {
	b, err := build(t, trunks["bag"]).Build(models.Inference)
	if err != nil {
		t.Fatal(err)
	}
	got := program(t, gonum.New(), b, answers(b))(ids([]int64{2, 3, 4}, []int64{5, 6, 7}))
	for task, shape := range map[string]tensor.Shape{"topic": {2, 3}, "mood": {2, 2}, "tags": {2, 3, 3}} {
		p, l := got[task+"_probabilities"], got[task+"_label"]
		if !p.Shape().Equal(shape) || !l.Shape().Equal(shape[:len(shape)-1]) {
			t.Errorf("%s has shapes %v and %v", task, p.Shape(), l.Shape())
		}
		n := int(shape[len(shape)-1])
		for i, label := range l.Int64s() {
			row, sum, best := p.Float32s()[i*n:(i+1)*n], float32(0), 0
			for j, x := range row {
				sum += x
				if x > row[best] {
					best = j
				}
			}
			if math.Abs(float64(sum-1)) > 1e-6 || int64(best) != label {
				t.Errorf("%s: probabilities %v sum to %v, label %d", task, row, sum, label)
			}
		}
	}
	if v := got["score_value"]; !v.Shape().Equal(tensor.Shape{2}) {
		t.Errorf("score_value is %v", v)
	}
}

// TestEvaluationAnswersAsInferenceDoes: the graph with losses gives the answers
// of the one that is exported.
func TestEvaluationAnswersAsInferenceDoes(t *testing.T) {
	for name, m := range all(t) {
		inference, err := m.Build(models.Inference)
		if err != nil {
			t.Fatal(err)
		}
		evaluation, err := m.Build(models.Evaluation)
		if err != nil {
			t.Fatal(err)
		}
		in := ids([]int64{2, 3, 4}, []int64{5})
		want := program(t, gonum.New(), inference, answers(inference))(in)
		got := program(t, gonum.New(), evaluation, answers(evaluation))(in)
		for output := range want {
			// A recurrence is another operator where nothing learns.
			if want[output].DType() == tensor.Float32 {
				near(t, name+" "+output, got[output].Float32s(), want[output].Float32s())
			} else if !cmp.Equal(want[output].Any(), got[output].Any()) {
				t.Errorf("%s: %s differs", name, output)
			}
		}
	}
}

// labelled returns a batch of three rows whose labels are as given.
func labelled(topic, mood, tags []int64, score, present []float32) map[string]*tensor.Tensor {
	in := ids([]int64{2, 3, 4}[:3], []int64{5, 6, 7}, []int64{8, 9, 10})
	in["topic_labels"] = tensor.Must(tensor.Of(topic, 3))
	in["mood_labels"] = tensor.Must(tensor.Of(mood, 3))
	in["tags_labels"] = tensor.Must(tensor.Of(tags, 3, 3))
	in["score_labels"] = tensor.Must(tensor.Of(score, 3))
	in["score_present"] = tensor.Must(tensor.Of(present, 3))
	return in
}

// TestMissingLabelsAddNothing: a loss is the mean over the labels that are
// there, and a task without any has loss and gradient 0.
func TestMissingLabelsAddNothing(t *testing.T) {
	b, err := build(t, trunks["cnn"]).Build(models.Evaluation)
	if err != nil {
		t.Fatal(err)
	}
	var outputs []builder.Output
	for _, task := range b.Tasks {
		d := grad.Gradients(b.Graph, []*builder.Value{task.Loss}, nil, []*builder.Value{b.Shared})[0]
		outputs = append(outputs, builder.Output{Name: task.Name + "/loss", Value: task.Loss},
			builder.Output{Name: task.Name + "/count", Value: task.Count}, builder.Output{Name: task.Name + "/gradient", Value: d})
	}
	run := program(t, gonum.New(), b, outputs)
	all := run(labelled([]int64{0, 1, 2}, []int64{0, 1, 1}, []int64{0, 1, 2, 0, 0, 1, 2, 1, 0}, []float32{1, 2, 3}, []float32{1, 1, 1}))
	only := make([]map[string]*tensor.Tensor, 3)
	for row := range only {
		topic, mood, tags := []int64{-1, -1, -1}, []int64{-1, -1, -1}, []int64{-1, -1, -1, -1, -1, -1, -1, -1, -1}
		present := []float32{0, 0, 0}
		topic[row], mood[row], present[row] = []int64{0, 1, 2}[row], []int64{0, 1, 1}[row], 1
		copy(tags[3*row:], []int64{0, 1, 2, 0, 0, 1, 2, 1, 0}[3*row:3*row+3])
		only[row] = run(labelled(topic, mood, tags, []float32{1, 2, 3}, present))
	}
	for _, task := range []string{"topic", "mood", "tags", "score"} {
		mean := (only[0][task+"/loss"].Float32s()[0] + only[1][task+"/loss"].Float32s()[0] + only[2][task+"/loss"].Float32s()[0]) / 3
		near(t, task+" loss", all[task+"/loss"].Float32s(), []float32{mean})
		if n := all[task+"/count"].Float32s()[0]; n != map[bool]float32{true: 9, false: 3}[task == "tags"] {
			t.Errorf("%s counts %v labels", task, n)
		}
		sum := make([]float32, all[task+"/gradient"].Len())
		for _, o := range only {
			for i, x := range o[task+"/gradient"].Float32s() {
				sum[i] += x / 3
			}
		}
		near(t, task+" gradient", all[task+"/gradient"].Float32s(), sum)
	}
	none := run(labelled([]int64{-1, -1, -1}, []int64{-1, -1, -1}, []int64{-1, -1, -1, -1, -1, -1, -1, -1, -1}, []float32{1, 2, 3}, []float32{0, 0, 0}))
	for name, v := range none {
		for i, x := range v.Float32s() {
			if x != 0 {
				t.Errorf("without labels %s[%d] is %v", name, i, x)
			}
		}
	}
}

func TestParameters(t *testing.T) {
	m := build(t, models.TrunkConfig{Type: "bag", Embedding: 8, Hidden: 6, Layers: 1})
	got, err := m.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	want := models.Count{
		Shared: words*8 + 8*6 + 6,
		Tasks:  map[string]int{"topic": 6*5 + 5 + 5*3 + 3, "mood": 6 + 1, "tags": 6*3 + 3, "score": 6 + 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	b, err := m.Build(models.Training)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range b.Graph.Parameters() {
		task, ok := models.TaskOf(v.Name())
		if shared := strings.HasPrefix(v.Name(), "trunk/"); shared == ok || ok && !strings.HasPrefix(v.Name(), "head/"+task+"/") {
			t.Errorf("parameter %s belongs to %q, %v", v.Name(), task, ok)
		}
	}
}

// TestAddingATaskDoesNotChangeTheOthers: a parameter's first value depends on
// its name alone.
func TestAddingATaskDoesNotChangeTheOthers(t *testing.T) {
	first := func(s *schema.Schema) map[string][]float32 {
		m, err := models.NewText(s, models.Config{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := m.Build(models.Training)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][]float32{}
		for _, v := range b.Graph.Parameters() {
			out[v.Name()] = make([]float32, v.Parameter().Size())
			v.Parameter().Fill(out[v.Name()], 1)
		}
		return out
	}
	fewer := description()
	fewer.Tasks = fewer.Tasks[1:]
	whole := first(description())
	for name, x := range first(fewer) {
		if !cmp.Equal(x, whole[name]) {
			t.Errorf("%s starts differently", name)
		}
	}
}

func TestTransformerBoundsTheLength(t *testing.T) {
	if got := build(t, trunks["transformer"]).Schema().Inputs[0].MaxLength; got != 20 {
		t.Errorf("texts may have %d tokens, there are 20 positions", got)
	}
	both := models.TrunkConfig{Stack: []models.TrunkConfig{{Type: "gru"}, {Type: "transformer", MaxLength: 9}, {Type: "transformer", MaxLength: 30}}}
	if got := build(t, both).Schema().Inputs[0].MaxLength; got != 9 {
		t.Errorf("texts may have %d tokens, a part has 9 positions", got)
	}
	if got := build(t, trunks["rotary"]).Schema().Inputs[0].MaxLength; got != 0 {
		t.Errorf("texts may have %d tokens, rotary positions have no end", got)
	}
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	for want, c := range map[string]models.Config{
		`trunk: type "rnn" is not one of bag, cnn, bilstm, bigru, lstm, gru, transformer`:         {Trunk: models.TrunkConfig{Type: "rnn"}},
		`trunk: pooling is "sum", which is not one of mean, max, attention`:                       {Trunk: models.TrunkConfig{Pooling: "sum"}},
		"trunk: kernel is 4, it must be odd, so that a text keeps":                                {Trunk: models.TrunkConfig{Type: "cnn", Kernel: 4}},
		"trunk: dilations has 1 entries for 2 layers":                                             {Trunk: models.TrunkConfig{Type: "cnn", Dilations: []int64{1}}},
		"trunk: dilations.0 is 0, it must be at least 1":                                          {Trunk: models.TrunkConfig{Type: "cnn", Dilations: []int64{0, 1}}},
		`trunk: positions is "sine", which is not one of learned, rotary`:                         {Trunk: models.TrunkConfig{Positions: "sine"}},
		"trunk: heads is 4, which leaves each 3 of hidden; rotary positions turn pairs":           {Trunk: models.TrunkConfig{Type: "transformer", Hidden: 12, Positions: "rotary"}},
		`trunk: type is "cnn", but there is a stack`:                                              {Trunk: models.TrunkConfig{Type: "cnn", Stack: []models.TrunkConfig{{}}}},
		"trunk: the stack has no parts":                                                           {Trunk: models.TrunkConfig{Type: "stack"}},
		"trunk: part 2 of the stack: hidden is 7, it must be even: each direction of":             {Trunk: models.TrunkConfig{Stack: []models.TrunkConfig{{Type: "cnn", Hidden: 7}, {Type: "bigru"}}}},
		"trunk: part 1 of the stack: layers is 0, it must be at least 1":                          {Trunk: models.TrunkConfig{Stack: []models.TrunkConfig{{}}}},
		"trunk: part 1 of the stack: a stack cannot be part of one":                               {Trunk: models.TrunkConfig{Stack: []models.TrunkConfig{{Type: "stack"}}}},
		"trunk: part 1 of the stack: skip is to add what the part reads, which is 64 wide, to wh": {Trunk: models.TrunkConfig{Stack: []models.TrunkConfig{{Type: "cnn", Hidden: 32, Skip: true}}}},
		"trunk: heads is 3, which does not divide hidden, 64":                                     {Trunk: models.TrunkConfig{Type: "transformer", Heads: 3}},
		"trunk: embedding is -1, it must be at least 1":                                           {Trunk: models.TrunkConfig{Embedding: -1}},
		"trunk: dropout is 1, it must be at least 0 and below 1":                                  {Trunk: models.TrunkConfig{Dropout: 1}},
		"trunk: embedding_dropout is -0.5":                                                        {Trunk: models.TrunkConfig{EmbeddingDropout: -0.5}},
		`sharing: method "mmo" is not one of hard, soft, cross_stitch, mmoe`:                      {Sharing: models.SharingConfig{Method: "mmo"}},
		"sharing: method is soft, which works on the layers of a trunk, and trunk.layers is 0":    {Sharing: models.SharingConfig{Method: "soft"}},
		"sharing: experts is -1, it must be at least 1":                                           {Sharing: models.SharingConfig{Method: "mmoe", Experts: -1}},
		"sharing: k is 5, but there are 4 experts to choose from":                                 {Sharing: models.SharingConfig{Method: "dselect_k", K: 5}},
		"sharing: experts is 1, dselect_k needs at least 2 to choose from":                        {Sharing: models.SharingConfig{Method: "dselect_k", Experts: 1}},
		"sharing: temperature is -1, it must be above 0":                                          {Sharing: models.SharingConfig{Method: "mmoe", Temperature: -1}},
		"sharing: task_experts is -1, it must be at least 0":                                      {Sharing: models.SharingConfig{Method: "ple", TaskExperts: -1}},
		"sharing: own is 1.5, it must be at most 1":                                               {Sharing: models.SharingConfig{Own: 1.5}},
		"sharing: l2 is -1, it cannot be negative":                                                {Sharing: models.SharingConfig{L2: -1}},
		`head "x" belongs to no task; the tasks are topic, mood, tags, score`:                     {Heads: map[string]models.HeadConfig{"x": {}}},
		`head "topic": hidden is -1, it must be at least 0`:                                       {Heads: map[string]models.HeadConfig{"topic": {Hidden: -1}}},
		`head "topic": dropout is 2`:                                                              {Heads: map[string]models.HeadConfig{"topic": {Dropout: 2}}},
	} {
		_, err := models.NewText(description(), c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	for want, change := range map[string]func(s *schema.Schema){
		"a text model reads one text input, the schema has 0 inputs": func(s *schema.Schema) { s.Inputs = nil },
		`input "text" has a vocabulary of 0 words`:                   func(s *schema.Schema) { s.Inputs[0].VocabularySize = 0 },
		"schema has no tasks":                                        func(s *schema.Schema) { s.Tasks = nil },
		`task "topic": classification needs at least two labels`:     func(s *schema.Schema) { s.Tasks[0].Labels = []string{"a"} },
	} {
		s := description()
		change(s)
		_, err := models.NewText(s, models.Config{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func ExampleModel_Parameters() {
	m, err := models.NewText(&schema.Schema{
		Version: schema.Version, Name: "example",
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: models.IDs, VocabularySize: 100}},
		Tasks:  []schema.Task{{Name: "topic", Type: schema.Classification, Labels: []string{"a", "b", "c"}}},
	}, models.Config{Trunk: models.TrunkConfig{Type: "bag", Embedding: 16}})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := m.Parameters()
	fmt.Println(c.Shared, c.Tasks["topic"], err)
	// Output: 1600 51 <nil>
}

// TestStacksAreTheirParts: a stack of one part is the trunk of that type, and a
// skip adds what the part reads.
func TestStacksAreTheirParts(t *testing.T) {
	part := models.TrunkConfig{Type: "bigru", Hidden: 8, Layers: 2}
	alone := part
	alone.Embedding = 8
	skipped := part
	skipped.Skip = true
	e := gonum.New()
	states := func(trunk models.TrunkConfig, from, to string) (shared, words []float32) {
		b, err := build(t, trunk).Build(models.Inference)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]*tensor.Tensor{}
		for _, v := range b.Graph.Parameters() {
			p := v.Parameter()
			named := *p
			named.Name = strings.Replace(p.Name, from, to, 1)
			x := make([]float32, p.Size())
			named.Fill(x, 3)
			values[p.Name] = tensor.Must(tensor.Of(x, p.Shape...))
		}
		run := programOf(t, e, b, values, []builder.Output{{Name: "shared", Value: b.Shared}, {Name: "words", Value: wordVectors(b)}})
		got := run(ids([]int64{4, 9, 2}, []int64{7}))
		return got["shared"].Float32s(), got["words"].Float32s()
	}
	want, words := states(alone, "", "")
	got, _ := states(models.TrunkConfig{Embedding: 8, Stack: []models.TrunkConfig{part}}, "part_0/", "")
	near(t, "stack of one part", got, want)
	for i := range want {
		want[i] += words[i]
	}
	got, _ = states(models.TrunkConfig{Embedding: 8, Stack: []models.TrunkConfig{skipped}}, "part_0/", "")
	near(t, "stack of one part with a skip", got, want)
}

// wordVectors is what the embedding gives.
func wordVectors(b *models.Built) *builder.Value {
	for _, n := range b.Graph.Nodes() {
		if n.Op == "Gather" && n.Inputs[0].Name() == models.EmbeddingTable {
			return n.Outputs[0]
		}
	}
	return nil
}
