package baseline

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"
	"testing/fstest"

	"espalier/data"
	"espalier/data/source"
	"espalier/metric"
	"espalier/schema"
)

// golden is what testdata/golden.py has from scikit-learn.
type golden struct {
	Train, Test []json.RawMessage
	TFIDF       []map[string]float64 `json:"tfidf"`
	Features    int
	Text, Table struct {
		Logistic map[string][][]float64
		Ridge    map[string][]float64
	}
}

func readGolden(t *testing.T) *golden {
	t.Helper()
	content, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(content, &g); err != nil {
		t.Fatal(err)
	}
	return &g
}

var textInput = []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: "whitespace"}}

// taskOf encodes lines of JSON for one task.
func taskOf(t *testing.T, inputs []schema.Input, task schema.Task, metric string, train, valid, test []json.RawMessage) Task {
	t.Helper()
	task.Outputs = []schema.Output{
		{Role: schema.Probabilities, Tensor: "p"}, {Role: schema.Label, Tensor: "l"}, {Role: schema.Value, Tensor: "v"},
	}
	s := &schema.Schema{Inputs: inputs, Tasks: []schema.Task{task}}
	e, err := data.NewEncoder(s)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	set := func(name string, lines []json.RawMessage) source.List {
		content := [][]byte{}
		for _, line := range lines {
			content = append(content, line)
		}
		files[name] = &fstest.MapFile{Data: bytes.Join(content, []byte("\n"))}
		return source.List{{Format: "jsonl", File: name, FS: files}}
	}
	out := Task{Metric: metric}
	if err := e.Learn(set("train", train)); err != nil {
		t.Fatal(err)
	}
	for name, into := range map[string]struct {
		set   **data.Dataset
		lines []json.RawMessage
	}{"train": {&out.Train, train}, "valid": {&out.Valid, valid}, "test": {&out.Test, test}} {
		if *into.set, err = e.Encode(set(name, into.lines)); err != nil {
			t.Fatal(err)
		}
	}
	out.Schema = e.Schema()
	return out
}

// TestTFIDFIsScikitLearns: the same features with the same weights.
func TestTFIDFIsScikitLearns(t *testing.T) {
	g := readGolden(t)
	task := taskOf(t, textInput, schema.Task{Name: "topic", Type: schema.Classification}, "accuracy", g.Train, g.Test, g.Test)
	n := newNgrams(task.Train, all(task.Train))
	if len(n.idf) != g.Features {
		t.Errorf("there are %d features, scikit-learn has %d", len(n.idf), g.Features)
	}
	x := n.read(task.Test, all(task.Test))
	for i, want := range g.TFIDF {
		_, values := x.row(i)
		if len(values) != len(want) {
			t.Errorf("text %d has %d features, scikit-learn %d", i, len(values), len(want))
		}
		// The columns have no names here: their weights are compared in order.
		sum, wanted := 0.0, 0.0
		for _, v := range values {
			sum += v * v * v
		}
		for _, v := range want {
			wanted += v * v * v
		}
		if math.Abs(sum-wanted) > 1e-12 {
			t.Errorf("text %d: the cubes of its weights add up to %v, scikit-learn's to %v", i, sum, wanted)
		}
	}
}

// TestModelsAreScikitLearns: logistic and ridge regressions on texts and tables
// decide as LogisticRegression(solver="liblinear") and Ridge do.
func TestModelsAreScikitLearns(t *testing.T) {
	g := readGolden(t)
	table := []schema.Input{{Name: "size", Type: schema.Numeric}, {Name: "load", Type: schema.Numeric}, {Name: "kind", Type: schema.Categorical}}
	for _, c := range []struct {
		name   string
		inputs []schema.Input
		want   struct {
			Logistic map[string][][]float64
			Ridge    map[string][]float64
		}
	}{{"text", textInput, g.Text}, {"table", table, g.Table}} {
		topic := taskOf(t, c.inputs, schema.Task{Name: "topic", Type: schema.Classification}, "accuracy", g.Train, g.Test, g.Test)
		f := &fitting{task: &topic, reader: newReader(&topic)}
		f.read()
		for strength, want := range c.want.Logistic {
			s, _ := strconv.ParseFloat(strength, 64)
			for label := range want {
				w := logistic(f.train, f.labels[label], s, 1e-10, 1)
				near(t, c.name+", C "+strength, decisions(f.test, w), want[label])
			}
		}
		score := taskOf(t, c.inputs, schema.Task{Name: "score", Type: schema.Regression}, "rmse", g.Train, g.Test, g.Test)
		f = &fitting{task: &score, reader: newReader(&score)}
		f.read()
		for strength, want := range c.want.Ridge {
			s, _ := strconv.ParseFloat(strength, 64)
			near(t, c.name+", alpha "+strength, decisions(f.test, ridge(f.train, f.values, s, 1e-12)), want)
		}
	}
}

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-6*math.Max(1, math.Abs(want[i])) {
			t.Errorf("%s: example %d is decided by %v, scikit-learn has %v", what, i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d decisions, want %d", what, len(got), len(want))
	}
}

func lines(texts ...string) []json.RawMessage {
	var out []json.RawMessage
	for _, s := range texts {
		out = append(out, json.RawMessage(s))
	}
	return out
}

// valueOf is the metric of a baseline's answers.
func valueOf(t *testing.T, b *Baseline) float64 {
	t.Helper()
	none, each, err := b.Answers.Measure()
	if err != nil {
		t.Fatal(err)
	}
	sum := none()
	for _, a := range each {
		if err := sum.Merge(a); err != nil {
			t.Fatal(err)
		}
	}
	return sum.Value()
}

// TestConstantModels: what is most frequent in training, or the mean.
func TestConstantModels(t *testing.T) {
	for _, c := range []struct {
		name, metric string
		task         schema.Task
		train, test  []json.RawMessage
		want         float64
	}{
		{
			"the majority", "accuracy",
			schema.Task{Name: "y", Type: schema.Classification},
			lines(`{"text": "x", "y": "b"}`, `{"text": "x", "y": "b"}`, `{"text": "x", "y": "a"}`),
			lines(`{"text": "x", "y": "b"}`, `{"text": "x", "y": "a"}`, `{"text": "x", "y": "a"}`, `{"text": "x", "y": "b"}`), 0.5,
		},
		{
			"its share as a probability", "log_loss",
			schema.Task{Name: "y", Type: schema.Classification},
			lines(`{"text": "x", "y": "b"}`, `{"text": "x", "y": "b"}`, `{"text": "x", "y": "b"}`, `{"text": "x", "y": "a"}`),
			lines(`{"text": "x", "y": "b"}`, `{"text": "x", "y": "a"}`), -(math.Log(0.75) + math.Log(0.25)) / 2,
		},
		{
			"the median of labels with an order, which is not the most frequent", "rank_mae",
			schema.Task{Name: "y", Type: "ordinal"},
			lines(`{"text": "x", "y": "1"}`, `{"text": "x", "y": "1"}`, `{"text": "x", "y": "1"}`, `{"text": "x", "y": "2"}`, `{"text": "x", "y": "2"}`, `{"text": "x", "y": "3"}`, `{"text": "x", "y": "3"}`),
			lines(`{"text": "x", "y": "3"}`, `{"text": "x", "y": "2"}`), 0.5,
		},
		{
			"the mean", "rmse",
			schema.Task{Name: "y", Type: schema.Regression},
			lines(`{"text": "x", "y": 1}`, `{"text": "x", "y": 2}`, `{"text": "x", "y": 6}`),
			lines(`{"text": "x", "y": 0}`, `{"text": "x", "y": 6}`), 3,
		},
		{
			"the mean of numbers that float32 is too coarse for", "rmse",
			schema.Task{Name: "y", Type: schema.Regression},
			lines(`{"text": "x", "y": 1700000001}`, `{"text": "x", "y": 1700000002}`, `{"text": "x", "y": 1700000006}`),
			lines(`{"text": "x", "y": 1700000000}`, `{"text": "x", "y": 1700000006}`), 3,
		},
		{
			"the most frequent set", "micro_f1",
			schema.Task{Name: "y", Type: schema.MultiLabel},
			lines(`{"text": "x", "y": ["a"]}`, `{"text": "x", "y": ["a", "b"]}`, `{"text": "x", "y": ["b", "a"]}`, `{"text": "x", "y": ["c"]}`),
			lines(`{"text": "x", "y": ["a", "b"]}`, `{"text": "x", "y": ["c"]}`), 2 * 2 / 7.,
		},
		{
			"a word's most frequent tag, of a new one that of all", "accuracy",
			schema.Task{Name: "y", Type: schema.Tagging},
			lines(`{"text": "a a b", "y": "P Q R"}`, `{"text": "a b", "y": "Q R"}`, `{"text": "c d e", "y": "R R R"}`),
			lines(`{"text": "a b new", "y": "Q R R"}`, `{"text": "a", "y": "P"}`), 0.75,
		},
	} {
		task := taskOf(t, textInput, c.task, c.metric, c.train, c.test, c.test)
		b, err := Constant(task)
		if err != nil {
			t.Fatal(err)
		}
		if got := valueOf(t, b); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s: %s is %v, want %v", c.name, c.metric, got, c.want)
		}
	}
}

// TestLinearModelsLearn: all kinds of tasks, the same twice, with the strength
// and the thresholds that validation chose.
func TestLinearModelsLearn(t *testing.T) {
	g := readGolden(t)
	for _, c := range []struct {
		task   schema.Task
		metric string
		beyond float64 // the constant model by this
	}{
		{schema.Task{Name: "topic", Type: schema.Classification}, "accuracy", 0.15},
		{schema.Task{Name: "moods", Type: schema.MultiLabel}, "macro_f1", 0.3},
		{schema.Task{Name: "score", Type: schema.Regression}, "rmse", 0.3},
		{schema.Task{Name: "score", Type: "count"}, "d2", 0.2},
	} {
		task := taskOf(t, textInput, c.task, c.metric, g.Train[:45], g.Train[45:], g.Test)
		constant, err := Constant(task)
		if err != nil {
			t.Fatal(err)
		}
		a, err := Linear(context.Background(), task, 1)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Linear(context.Background(), task, 3)
		if err != nil {
			t.Fatal(err)
		}
		gain := valueOf(t, a) - valueOf(t, constant)
		if !metric.HigherIsBetter(c.metric) {
			gain = -gain
		}
		if gain < c.beyond {
			t.Errorf("%s: %v is not beyond %v", c.task.Name, valueOf(t, a), valueOf(t, constant))
		}
		if valueOf(t, a) != valueOf(t, b) || a.Strength != b.Strength || a.Strength == 0 || a.Features == 0 {
			t.Errorf("%s: %v with %v, and %v with %v", c.task.Name, valueOf(t, a), a.Strength, valueOf(t, b), b.Strength)
		}
	}
	tags := taskOf(t, textInput, schema.Task{Name: "y", Type: schema.Tagging}, "accuracy", lines(`{"text": "a", "y": "P"}`, `{"text": "b", "y": "Q"}`), lines(`{"text": "a", "y": "P"}`), lines(`{"text": "a", "y": "P"}`))
	if b, err := Linear(context.Background(), tags, 1); b != nil || err != nil {
		t.Errorf("a tagger is %v, %v", b, err)
	}
}
