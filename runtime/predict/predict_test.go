package predict_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/export"
	"espalier/models"
	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// model exports a bag of words whose answers are known: a word's topic is that
// of its number, even or odd, and "Zürich" is a place. Its heads read word
// vectors that say so outright.
func model(t testing.TB, change func(m *onnx.Model)) []byte {
	t.Helper()
	counter := text.NewCounter()
	for i, w := range []string{"zürich", "new", "york", "like", "hate", "i"} {
		for range 10 - i {
			counter.Add(w)
		}
	}
	words := counter.Build(1, 0) // ids 2.. in this order
	s := &schema.Schema{
		Version: schema.Version, Name: "known",
		Inputs: []schema.Input{{
			Name: "text", Type: schema.Text, Tensor: models.IDs, Tokenizer: "regex", Pattern: `[\pL]+`,
			Lowercase: true, VocabularySize: words.Size(), MaxLength: 6,
		}},
		Tasks: []schema.Task{
			{Name: "mood", Type: schema.Classification, Labels: []string{"bad", "good"}},
			{Name: "places", Type: schema.Tagging, Scheme: "bio", Labels: []string{"O", "B-LOC", "I-LOC"}},
			{Name: "score", Type: schema.Regression},
		},
	}
	m, err := models.NewText(s, models.Config{Trunk: models.TrunkConfig{Type: "bag", Embedding: 4}})
	if err != nil {
		t.Fatal(err)
	}
	of := func(shape []int64, x ...float32) *tensor.Tensor { return tensor.Must(tensor.Of(x, shape...)) }
	file, err := export.Model(m, map[string]*tensor.Tensor{
		// Features: outside, begins a place, goes on in one, liking.
		"trunk/embedding/table": of(
			[]int64{8, 4},
			0, 0, 0, 0 /**/, 1, 0, 0, 0 /* unknown */, 0, 1, 0, 0 /* zürich */, 0, 1, 0, 0, /* new */
			0, 0, 1, 0 /* york */, 1, 0, 0, 9 /* like */, 1, 0, 0, -9 /* hate */, 1, 0, 0, 0, /* i */
		),
		"head/mood/logits/weight":   of([]int64{4, 1}, 0, 0, 0, 1),
		"head/mood/logits/bias":     of([]int64{1}, 0),
		"head/places/logits/weight": of([]int64{4, 3}, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0),
		"head/places/logits/bias":   of([]int64{3}, 0, 0, 0),
		"head/score/value/weight":   of([]int64{4, 1}, 0, 0, 0, 1),
		"head/score/value/bias":     of([]int64{1}, 0.5),
	}, words, export.Options{Training: map[string]int{"seed": 1}})
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(file)
	}
	data, err := onnx.Encode(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func open(t testing.TB, tasks ...string) *predict.Predictor {
	t.Helper()
	p, err := predict.OpenBytes(model(t, nil), predict.Options{Engine: gonum.New(), Tasks: tasks})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestAnswersCarryTheOriginalText(t *testing.T) {
	const input = "I  like New York, naïve Zürich!"
	got, err := open(t).Predict(context.Background(), input, "i hate", "")
	if err != nil {
		t.Fatal(err)
	}
	if a := got[0].Task("mood"); a.Label != "good" || a.Probability < 0.7 || len(a.Probabilities) != 2 {
		t.Errorf("mood is %+v", a)
	}
	want := []predict.Span{
		{Type: "LOC", Text: "New York", Start: 8, End: 16, StartChar: 8, EndChar: 16, First: 2, Last: 3},
		{Type: "LOC", Text: "Zürich", Start: 25, End: 32, StartChar: 24, EndChar: 30, First: 5, Last: 5},
	}
	if diff := cmp.Diff(want, got[0].Task("places").Spans); diff != "" {
		t.Error(diff)
	}
	for _, s := range got[0].Task("places").Spans {
		if input[s.Start:s.End] != s.Text {
			t.Errorf("bytes %d to %d are %q, not %q", s.Start, s.End, input[s.Start:s.End], s.Text)
		}
	}
	if v := *got[0].Task("score").Value; v != 2 { // 0.5 + 9/6
		t.Errorf("score is %v, want 2", v)
	}
	if got[1].Task("mood").Label != "bad" || got[1].Task("places").Spans != nil {
		t.Errorf("second answer is %+v", got[1])
	}
	if len(got[2].Tokens) != 0 || len(got[2].Task("places").Tags) != 0 || *got[2].Task("score").Value != 0.5 {
		t.Errorf("the answer about nothing is %+v", got[2])
	}
}

func TestLongTextsAreCutAndSaySo(t *testing.T) {
	got, err := open(t).Predict(context.Background(), strings.Repeat("i ", 6), strings.Repeat("i ", 7))
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Truncated || !got[1].Truncated || len(got[1].Tokens) != 6 {
		t.Errorf("truncated: %v and %v", got[0].Truncated, got[1].Truncated)
	}
}

func TestTokensGiveWhatTextGives(t *testing.T) {
	p := open(t)
	a, err := p.Predict(context.Background(), "i like New York")
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.PredictTokens(context.Background(), []string{"i", "like", "New", "York"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
	if none, err := p.Predict(context.Background()); err != nil || len(none) != 0 {
		t.Errorf("no texts give %v, %v", none, err)
	}
}

func TestSomeTasks(t *testing.T) {
	got, err := open(t, "score").Predict(context.Background(), "i like")
	if err != nil {
		t.Fatal(err)
	}
	if len(got[0].Tasks) != 1 || got[0].Task("score") == nil || got[0].Task("mood") != nil {
		t.Errorf("answers are %+v", got[0].Tasks)
	}
}

func TestConcurrentCallsAndClose(t *testing.T) {
	p, err := predict.OpenBytes(model(t, nil), predict.Options{Engine: gonum.New()})
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 20 {
				if _, err := p.Predict(context.Background(), "i like New York"); err != nil && !strings.Contains(err.Error(), "session is closed") {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	wait.Wait()
	if _, err := p.Predict(context.Background(), "x"); err == nil || !strings.Contains(err.Error(), "session is closed") {
		t.Errorf("a closed predictor: %v", err)
	}
}

func TestFilesThatAreNotWhatTheySay(t *testing.T) {
	set := func(key, value string) func(m *onnx.Model) {
		return func(m *onnx.Model) {
			for i := range m.Metadata {
				if m.Metadata[i].Key == key {
					m.Metadata[i].Value = value
				}
			}
		}
	}
	replace := func(old, fresh string) func(m *onnx.Model) {
		return func(m *onnx.Model) {
			s, _ := m.MetadataValue(schema.Key)
			if !strings.Contains(s, old) {
				t.Fatalf("%q is not in %s", old, s)
			}
			set(schema.Key, strings.Replace(s, old, fresh, 1))(m)
		}
	}
	for _, c := range []struct {
		name   string
		change func(m *onnx.Model)
		want   string
	}{
		{"no schema", func(m *onnx.Model) { m.Metadata = m.Metadata[2:] }, "it was not exported by espalier"},
		{"schema is no JSON", set(schema.Key, "{"), "schema is not valid JSON"},
		{"newer schema", replace(`"version":1`, `"version":9`), "schema version 9 is not one this program reads (1 to 2); use a newer espalier"},
		{"vocabulary is no base64", set(schema.KeyVocabulary, "%"), "vocabulary: not base64"},
		{"vocabulary is no gzip", set(schema.KeyVocabulary, "aaaa"), "vocabulary: not gzip"},
		{"other hash", set(schema.KeyVocabularyHash, "00"), "the file is damaged"},
		{"other size", replace(`"vocabulary_size":8`, `"vocabulary_size":9`), "the vocabulary has 8 words, the schema says 9"},
		{"missing output", replace("mood_label", "mood_lable"), `task "mood": the graph has no output "mood_lable"`},
		{"missing input", replace(`"tensor":"ids"`, `"tensor":"words"`), `no int64 input "words"`},
		{"label counts", replace(`["bad","good"]`, `["bad","good","so so"]`), `task "mood" has 3 labels, output "mood_probabilities" has 2`},
		{"bad pattern", replace(`[\\pL]+`, `[`), "pattern of the regex tokenizer"},
		{"missing operator", func(m *onnx.Model) { m.Graph.Nodes[0].OpType = "Frobnicate" }, "Frobnicate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, e := range engines(t) {
				_, err := predict.OpenBytes(model(t, c.change), predict.Options{Engine: e})
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
				}
			}
		})
	}
	if _, err := predict.OpenBytes(model(t, nil), predict.Options{}); err == nil || !strings.Contains(err.Error(), "no engine is given") {
		t.Errorf("no engine: %v", err)
	}
	if _, err := predict.OpenBytes(model(t, nil), predict.Options{Engine: gonum.New(), Tasks: []string{"x"}}); err == nil ||
		err.Error() != `predict: unknown task "x"; the file has [mood places score]` {
		t.Errorf("unknown task: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	good := model(f, nil)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := predict.OpenBytes(data, predict.Options{Engine: gonum.New()})
		if err == nil {
			p.Close()
		}
	})
}

func ExamplePredictor_Predict() {
	path := filepath.Join(os.TempDir(), "espalier-example.onnx")
	defer os.Remove(path)
	if err := os.WriteFile(path, model(&testing.B{}, nil), 0o600); err != nil {
		log.Fatal(err)
	}
	var engine runtime.Engine = gonum.New() // or ort.Open(ort.Config{})
	p, err := predict.Open(path, predict.Options{Engine: engine})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	answers, err := p.Predict(context.Background(), "I like New York")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answers[0].Task("mood").Label)
	for _, s := range answers[0].Task("places").Spans {
		fmt.Println(s.Type, s.Text, s.Start, s.End)
	}
	// Output:
	// good
	// LOC New York 7 15
}
