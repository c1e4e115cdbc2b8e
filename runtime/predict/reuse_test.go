package predict_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/export"
	"espalier/input"
	"espalier/models"
	"espalier/onnx"
	"espalier/runtime/gonum"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// subwordFile is a tokenizer.json.
const subwordFile = `{"normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": false, "lowercase": true},
	"pre_tokenizer": {"type": "BertPreTokenizer"}, "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
	"max_input_chars_per_word": 20, "vocab": {"[UNK]": 0, "new": 1, "york": 2, "lik": 3, "##e": 4, "i": 5, "[PAD]": 6}}}`

// everyTask is a file with tasks of every type, and spans by a CRF.
func everyTask(t testing.TB, in schema.Input, o export.Options) []byte {
	t.Helper()
	counter := text.NewCounter()
	for _, w := range []string{"i", "like", "new", "york", "n", "e", "w"} {
		counter.Add(w)
	}
	words := counter.Build(1, 0)
	if in.Tokenizer == text.Subword {
		var err error
		if words, err = (text.Stored{Tokenizer: text.Subword, OwnIDs: in.OwnIDs, Padding: in.Padding}).Read([]byte(subwordFile)); err != nil {
			t.Fatal(err)
		}
	}
	version := schema.Version
	if in.OwnIDs {
		version = schema.VersionOwnIDs
	}
	in.Name, in.Type, in.Tensor, in.VocabularySize = "text", schema.Text, models.IDs, words.Size()
	m, err := models.NewText(&schema.Schema{
		Version: version, Name: "every", Inputs: []schema.Input{in},
		Tasks: []schema.Task{
			{Name: "topic", Type: schema.Classification, Labels: []string{"a", "b", "c"}},
			{Name: "moods", Type: schema.MultiLabel, Labels: []string{"calm", "sad", "odd"}, Thresholds: []float32{0.1, 0.5, 0.2}},
			{Name: "tags", Type: schema.Tagging, Labels: []string{"x", "y"}},
			{Name: "spans", Type: schema.Tagging, Scheme: "bio", Labels: []string{"O", "B-X", "I-X"}},
			{Name: "rel", Type: schema.Relation, Entities: "spans", Labels: []string{"near", "far"}},
			{Name: "score", Type: schema.Regression, Unit: "stars"},
		},
	}, models.Config{Trunk: models.TrunkConfig{Type: "cnn", Embedding: 8, Layers: 1}, Heads: map[string]models.HeadConfig{"spans": {CRF: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return written(t, m, words, o)
}

func everyTable(t testing.TB, o export.Options) []byte {
	t.Helper()
	m, err := models.NewTabular(&schema.Schema{
		Version: schema.Version, Name: "table",
		Inputs: []schema.Input{
			{Name: "age", Type: schema.Numeric, Mean: 40, Deviation: 10, Indicator: true, Missing: []string{"NA"}},
			{Name: "work", Type: schema.Categorical, Values: []string{"farm", "shop"}},
			{Name: "since", Type: schema.Numeric, Mean: 1.7e9, Deviation: 80, Double: true},
		},
		Tasks: []schema.Task{
			{Name: "rich", Type: schema.Classification, Labels: []string{"no", "yes"}},
			{Name: "hours", Type: schema.Regression, Unit: "hours"},
			{Name: "likes", Type: schema.MultiLabel, Labels: []string{"a", "b", "c"}},
			{Name: "until", Type: schema.Regression, Mean: 1.7e9, Deviation: 80, Double: true},
		},
	}, models.Config{Trunk: models.TrunkConfig{Widths: []int64{8}}})
	if err != nil {
		t.Fatal(err)
	}
	return written(t, m, nil, o)
}

// written exports a model with the parameters that training starts from.
func written(t testing.TB, m *models.Model, words *text.Vocabulary, o export.Options) []byte {
	t.Helper()
	b, err := m.Build(models.Inference)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]*tensor.Tensor{}
	for _, v := range b.Graph.Parameters() {
		x := make([]float32, v.Parameter().Size())
		v.Parameter().Fill(x, 1)
		values[v.Name()] = tensor.Must(tensor.Of(x, v.Parameter().Shape...))
	}
	file, err := export.Model(m, values, words, o)
	if err != nil {
		t.Fatal(err)
	}
	data, err := onnx.Encode(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// reuses are files whose answers a buffer is to give without allocating.
func reuses(t testing.TB) map[string][]byte {
	return map[string][]byte{
		"whitespace":            everyTask(t, schema.Input{}, export.Options{}),
		"lower case":            everyTask(t, schema.Input{Lowercase: true}, export.Options{}),
		"regex":                 everyTask(t, schema.Input{Tokenizer: "regex", Pattern: `[\pL]+|[^\pL\s]`, Lowercase: true}, export.Options{}),
		"characters":            everyTask(t, schema.Input{Tokenizer: "characters", Lowercase: true}, export.Options{}),
		"subword":               everyTask(t, schema.Input{Tokenizer: text.Subword}, export.Options{}),
		"own ids":               everyTask(t, schema.Input{Tokenizer: text.Subword, OwnIDs: true, Padding: 6}, export.Options{}),
		"fixed batch":           everyTask(t, schema.Input{}, export.Options{Batch: 2}),
		"names of labels":       everyTask(t, schema.Input{}, export.Options{Labels: "strings"}),
		"raw text":              everyTask(t, schema.Input{Lowercase: true}, export.Options{Input: "text"}),
		"raw text, numbers":     everyTask(t, schema.Input{Tokenizer: "regex", Pattern: `[\pL]+`}, export.Options{Input: "text", Labels: "ids"}),
		"table":                 everyTable(t, export.Options{}),
		"table, ids":            everyTable(t, export.Options{Input: "ids"}),
		"table, fixed batch":    everyTable(t, export.Options{Batch: 3}),
		"table, names of label": everyTable(t, export.Options{Labels: "strings"}),
	}
}

var reuseTexts = [][]string{
	{"I like New York"}, {"new york NEW", "i", "like"}, {"", "i like Zürich", "new york new york new york", "é ß Ω ’"}, {"like"},
}

func reuseRows() []predict.Columns {
	return []predict.Columns{
		{Numbers: map[string][]float64{"age": {30}}, Values: map[string][]string{"work": {"farm"}}},
		{Numbers: map[string][]float64{"age": {30, 50, 20, 1}, "since": {1.7e9 + 1, 1.7e9 + 2, math.NaN(), 1.7e9}}},
		{Values: map[string][]string{"work": {"", " shop"}}},
	}
}

// TestABufferAllocatesNothing whatever the file reads and answers, once it has
// seen such texts: on ONNX Runtime. The answers are those of a predictor.
func TestABufferAllocatesNothing(t *testing.T) {
	e := ortEngine(t)
	for name, data := range reuses(t) {
		t.Run(name, func(t *testing.T) {
			p, err := predict.OpenBytes(data, predict.Options{Engine: e})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			b := p.NewBuffer()
			defer b.Close()
			if n := testing.AllocsPerRun(50, reusing(t, p, b)); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// TestAPureGoBufferAllocatesLittle: a few small objects for each node, which say
// what shape its result has. Elements are in memory that is used again.
func TestAPureGoBufferAllocatesLittle(t *testing.T) {
	heads := []string{"topic", "moods", "tags", "score"} // a CRF's loop allocates by the token
	for name, data := range map[string][]byte{
		"text":  everyTask(t, schema.Input{}, export.Options{Heads: heads}),
		"table": everyTable(t, export.Options{}),
	} {
		t.Run(name, func(t *testing.T) {
			p, err := predict.OpenBytes(data, predict.Options{Engine: gonum.New()})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			m, err := onnx.Decode(data, onnx.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			calls, most := float64(len(reuseTexts)+1), 6*float64(len(m.Graph.Nodes))
			if input.Table(p.Schema()) {
				calls = float64(len(reuseRows()) + 1)
			}
			if n := testing.AllocsPerRun(50, reusing(t, p, p.NewBuffer())) / calls; n > most {
				t.Errorf("%v allocations a call, %d nodes", n, len(m.Graph.Nodes))
			} else {
				t.Logf("%v allocations a call, %d nodes", n, len(m.Graph.Nodes))
			}
		})
	}
}

// reusing returns calls that have been made before. Their answers are compared
// with those of a predictor first.
func reusing(t *testing.T, p *predict.Predictor, b *predict.Buffer) func() {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	rows := reuseRows()
	row := map[string]string{"age": " 31", "work": "shop"}
	table := input.Table(p.Schema())
	for range 3 {
		for i := range reuseTexts {
			var want, got []predict.Prediction
			var err, err2 error
			switch {
			case !table:
				want, err = p.Predict(ctx, reuseTexts[i]...)
				got, err2 = b.Predict(ctx, reuseTexts[i]...)
			case i < len(rows):
				want, err = p.PredictColumns(ctx, rows[i])
				got, err2 = b.PredictColumns(ctx, rows[i])
			}
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			if diff := cmp.Diff(want, got, near...); diff != "" {
				t.Fatal(diff)
			}
		}
	}
	again := func() {
		if table {
			for _, c := range rows {
				if _, err := b.PredictColumns(ctx, c); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := b.PredictRows(ctx, row, row); err != nil {
				t.Fatal(err)
			}
			return
		}
		for _, texts := range reuseTexts {
			if _, err := b.Predict(ctx, texts...); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Predict(ctx, "I like", "new york"); err != nil {
			t.Fatal(err)
		}
	}
	again()
	return again
}

// TestNoRows: no row has no answer and is no mistake, whether rows or columns, and
// on a buffer that has answered nothing yet.
func TestNoRows(t *testing.T) {
	ctx := context.Background()
	for name, e := range engines(t) {
		p, err := predict.OpenBytes(everyTable(t, export.Options{}), predict.Options{Engine: e})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		b := p.NewBuffer()
		defer b.Close()
		for _, when := range []string{"fresh", "used"} {
			if when == "used" {
				if got, err := b.PredictRows(ctx, map[string]string{"age": "30"}); err != nil || len(got) != 1 {
					t.Fatalf("%s: %v, %v", name, got, err)
				}
			}
			for how, ask := range map[string]func() ([]predict.Prediction, error){
				"a buffer's rows": func() ([]predict.Prediction, error) { return b.PredictRows(ctx) },
				"a buffer's columns": func() ([]predict.Prediction, error) {
					return b.PredictColumns(ctx, predict.Columns{Numbers: map[string][]float64{"age": {}}})
				},
				"a predictor's rows": func() ([]predict.Prediction, error) { return p.PredictRows(ctx) },
				"a predictor's columns": func() ([]predict.Prediction, error) {
					return p.PredictColumns(ctx, predict.Columns{Numbers: map[string][]float64{"age": {}}})
				},
			} {
				if got, err := ask(); err != nil || len(got) != 0 {
					t.Errorf("%s, %s, %s: %v, %v", name, how, when, got, err)
				}
			}
		}
	}
}

// TestRowsOfATableAreSplitAndPadded for a file with a fixed batch: answers are
// those of a file with an open one.
func TestRowsOfATableAreSplitAndPadded(t *testing.T) {
	ctx := context.Background()
	columns := predict.Columns{
		Numbers: map[string][]float64{"age": {30, 50, 20, 1, 80}, "since": {1.7e9 + 1, math.NaN(), 1.7e9 + 60.5, 1.7e9 - 60, math.NaN()}},
		Values:  map[string][]string{"work": {"farm", "", "shop", "moon", " farm "}},
	}
	rows := []map[string]string{
		{"age": "30", "work": "farm", "since": "1700000001"},
		{"age": "50"},
		{"age": " 20", "work": "shop", "since": "1700000060.5"},
		{"age": "1", "work": "moon", "since": "1699999940"},
		{"age": "80", "work": " farm "},
	}
	for name, e := range engines(t) {
		for _, input := range []string{"ids", "text"} {
			open, err := predict.OpenBytes(everyTable(t, export.Options{Input: input}), predict.Options{Engine: e})
			if err != nil {
				t.Fatal(err)
			}
			defer open.Close()
			want, err := open.PredictColumns(ctx, columns)
			if err != nil {
				t.Fatal(err)
			}
			for _, batch := range []int{1, 3, 5, 8} {
				fixed, err := predict.OpenBytes(everyTable(t, export.Options{Input: input, Batch: batch}), predict.Options{Engine: e})
				if err != nil {
					t.Fatal(err)
				}
				defer fixed.Close()
				byColumns, err := fixed.PredictColumns(ctx, columns)
				if err != nil {
					t.Fatalf("%s, %s, batch %d: %v", name, input, batch, err)
				}
				byRows, err := fixed.PredictRows(ctx, rows...)
				if err != nil {
					t.Fatalf("%s, %s, batch %d: %v", name, input, batch, err)
				}
				for _, got := range [][]predict.Prediction{byColumns, byRows} {
					if diff := cmp.Diff(want, got, near...); diff != "" {
						t.Errorf("%s, %s, batch %d: %s", name, input, batch, diff)
					}
				}
			}
		}
	}
	p, err := predict.OpenBytes(everyTable(t, export.Options{}), predict.Options{Engine: gonum.New()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for of, answers := range map[string]func(x float64) ([]predict.Prediction, error){
		"columns": func(x float64) ([]predict.Prediction, error) {
			return p.PredictColumns(ctx, predict.Columns{Numbers: map[string][]float64{"since": {1.7e9 + 1, 1.7e9 + 2, x}}})
		},
		"rows": func(x float64) ([]predict.Prediction, error) {
			return p.PredictRows(ctx, map[string]string{"since": "1700000001"}, map[string]string{"since": "1700000002"}, map[string]string{"since": fmt.Sprint(x)})
		},
	} {
		got, err := answers(1.7e9)
		if err != nil {
			t.Fatal(err)
		}
		until := func(i int) float64 { return *got[i].Task("until").Value }
		if step := until(1) - until(0); step == 0 || math.Abs(step-(until(0)-until(2))) > 1e-3*math.Abs(step) {
			t.Errorf("%s: seconds apart are answered with %v, %v and %v", of, until(0), until(1), until(2))
		}
		_, err = answers(1e39)
		if err == nil || !strings.HasPrefix(err.Error(), `predict: input does not fit the model: row 2: input "since" is numeric, `) || !strings.HasSuffix(err.Error(), ` is beyond 3.4e38, the largest number of float32, in which models compute; give it in a larger unit`) {
			t.Errorf("%s: %v", of, err)
		}
	}
	data := everyTable(t, export.Options{Batch: 3})
	m, err := onnx.Decode(data, onnx.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Inputs[1].Shape[0].Size = 4
	if data, err = onnx.Encode(m); err != nil {
		t.Fatal(err)
	}
	_, err = predict.OpenBytes(data, predict.Options{Engine: gonum.New()})
	if want := `predict: input "work" is fixed to 4 rows, input "age" to 3; they must be the same`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
