package recipe

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/data"
	"espalier/data/source"
	"espalier/models"
	"espalier/schema"
	"espalier/train"
)

// least is the shortest recipe: everything else has a default.
const least = `data:
  train: {format: tsv, file: train.tsv}
inputs:
  text: {}
tasks:
  topic: {type: classification}
`

func parsed(t *testing.T, content string) *Recipe {
	t.Helper()
	r, err := Parse("dir/small.yaml", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func marshalled(t *testing.T, r *Recipe) string {
	t.Helper()
	b, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDefaults(t *testing.T) {
	const want = `name: small
data:
  train:
    format: tsv
    file: train.tsv
    header: true
    encoding: utf-8
  holdout: 0.1
  unseen: count
  unlabelled: keep
inputs:
  text:
    type: text
    field: text
    tokenizer: whitespace
    lowercase: false
    min_count: 1
    max_size: 0
    max_length: 0
trunk:
  type: bag
  embedding: 64
  hidden: 64
  layers: 0
  pooling: mean
  dropout: 0
  embedding_dropout: 0
  word_dropout: 0
  rare_word_dropout: 0
  variational: false
sharing:
  method: hard
tasks:
  topic:
    type: classification
    field: topic
    balanced: false
    label_smoothing: 0
    focal: 0
    weight: 1
    lr: 1
    hidden: 0
    dropout: 0
    metric: accuracy
train:
  epochs: 10
  batch: 32
  max_tokens: 0
  accumulate: 1
  seed: 1
  optimizer:
    type: adam
    lr: 0.001
    beta1: 0.9
    beta2: 0.999
    eps: 1e-08
    weight_decay: 0
    dense: false
  clip_norm: 0
  schedule:
    type: constant
    warmup: 0
  balance:
    method: equal
  average: 0
  select: mean
  patience: 0
  threads: 0
`
	if diff := cmp.Diff(want, marshalled(t, parsed(t, least))); diff != "" {
		t.Error(diff)
	}
}

// every has each key with a value that is not its default.
const every = `name: "007"
data:
  root: over/there
  train:
    - {format: lines, files: {text: a, slots: b}, encoding: latin1}
    - {format: csv, root: here, file: c.csv.gz, header: false, delimiter: ;, fields: {text: 1, topic: -1}}
  valid: {format: conll, file: d, delimiter: "\t", fields: {slots: 1}}
  test: {format: jsonl, file: e, fields: {text: body.text}}
  unseen: ignore
  unlabelled: skip
inputs:
  text: {type: text, field: body, tokenizer: regex, pattern: '\w+', lowercase: true, min_count: 2, max_size: 5000, max_length: 100}
trunk: {type: cnn, embedding: 32, hidden: 48, layers: 2, kernel: 5, dilations: [1, 2], pooling: max,
  dropout: 0.1, embedding_dropout: 0.2, word_dropout: 0.3, rare_word_dropout: 0.25,
  vectors: {file: v.vec.gz, format: text, freeze: true, add: 100}}
sharing: {method: ple, experts: 3, task_experts: 2, expert_hidden: 24, levels: 3, temperature: 0.5}
tasks:
  slots: {type: tagging, field: tags, scheme: bioes, weight: 0.5, hidden: 16, dropout: 0.4, metric: exact_match}
  "a topic?": {type: classification, metric: macro_f1}
  score: {type: regression, metric: mae}
train:
  epochs: 3
  epoch_steps: 40
  batch: 8
  max_tokens: 999
  seed: 12
  optimizer: {type: sgd, lr: 1, momentum: 0.9, nesterov: true, weight_decay: 1e-4, dense: true}
  clip_norm: 5
  schedule: {type: step, warmup: 10, every: 2, factor: 0.25}
  balance: {method: fixed}
  patience: 4
  threads: 2
`

func TestEveryKey(t *testing.T) {
	content := strings.Replace(every, `"a topic?"`, "topic", 1)
	r := parsed(t, content)
	wantModel := models.Config{
		Trunk: models.TrunkConfig{
			Type: "cnn", Embedding: 32, Hidden: 48, Layers: 2, Kernel: 5, Dilations: []int64{1, 2}, Heads: 4, FeedForward: 192,
			Positions: "learned", MaxLength: 512, Pooling: "max", Dropout: 0.1, EmbeddingDropout: 0.2, Frozen: true,
		},
		Sharing: models.SharingConfig{
			Method: "ple", L2: 0.0001, Own: 0.9, Experts: 3, TaskExperts: 2, ExpertHidden: 24, Levels: 3, Temperature: 0.5,
			K: 2, Gamma: 1, Entropy: 0.01, Bottleneck: 16, Tower: 48, Rank: 4, Scale: 1,
		},
		Heads: map[string]models.HeadConfig{"slots": {Hidden: 16, Dropout: 0.4}, "topic": {}, "score": {}},
	}
	if diff := cmp.Diff(wantModel, r.Model()); diff != "" {
		t.Error(diff)
	}
	wantTrain := train.Config{
		Epochs: 3, EpochSteps: 40, Batch: 8, MaxTokens: 999, Accumulate: 1, Seed: 12,
		Optimizer: train.OptimizerConfig{
			Type: "sgd", LR: 1, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Momentum: 0.9, Nesterov: true, WeightDecay: 1e-4, Dense: true,
		},
		Schedule: train.ScheduleConfig{Type: "step", Warmup: 10, Every: 2, Factor: 0.25},
		Balance:  train.BalanceConfig{Method: "fixed"},
		ClipNorm: 5, WordDropout: 0.3, RareWordDropout: 0.25, Patience: 4, Threads: 2,
		Weights: map[string]float64{"slots": 0.5, "topic": 1, "score": 1},
		Metrics: map[string]string{"slots": "exact_match", "topic": "macro_f1", "score": "mae"}, MoreMetrics: map[string][]string{},
	}
	if diff := cmp.Diff(wantTrain, r.Training()); diff != "" {
		t.Error(diff)
	}
	wantSchema := &schema.Schema{
		Version: schema.Version, Name: "007",
		Inputs: []schema.Input{{
			Name: "text", Type: schema.Text, Tokenizer: "regex", Pattern: `\w+`, Lowercase: true, MinCount: 2, MaxLength: 100,
		}},
		Tasks: []schema.Task{
			{Name: "slots", Type: schema.Tagging, Scheme: "bioes"},
			{Name: "topic", Type: schema.Classification},
			{Name: "score", Type: schema.Regression},
		},
	}
	if diff := cmp.Diff(wantSchema, r.Schema()); diff != "" {
		t.Error(diff)
	}
	names := map[string]string{"text": "body", "slots": "tags", "topic": "topic", "score": "score"}
	wantSources := source.List{
		{Format: "lines", Root: "over/there", Files: map[string]string{"text": "a", "slots": "b"}, Encoding: "latin1", Names: names},
		{
			Format: "csv", Root: "here", File: "c.csv.gz", Fields: map[string]string{"text": "1", "topic": "-1"}, Delimiter: ";",
			NoHeader: true, Encoding: "utf-8", Names: names,
		},
	}
	ignoreHeader := cmpopts.IgnoreFields(source.Source{}, "NoHeader")
	if diff := cmp.Diff(wantSources[:1], r.Sources("train")[:1], ignoreHeader); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(wantSources[1:], r.Sources("train")[1:]); diff != "" {
		t.Error(diff)
	}
	if n := len(r.Sources("valid")) + len(r.Sources("test")) + len(r.Sources("nothing")); n != 2 {
		t.Errorf("valid and test have %d sources", n)
	}
	file, vectors := r.Vectors()
	if diff := cmp.Diff(data.VectorOptions{Root: "over/there", Dim: 32, Format: "text", Add: 100}, vectors); diff != "" || file != "v.vec.gz" {
		t.Errorf("vectors are in %q: %s", file, diff)
	}
	e, err := r.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	if e.Unseen != data.IgnoreUnseen || e.MaxVocabulary != 5000 {
		t.Errorf("the encoder was given %v and %d", e.Unseen, e.MaxVocabulary)
	}
}

// TestStack: a part has the width of the one before it and the trunk's dropout
// where it does not say otherwise, and comes back as it was.
func TestStack(t *testing.T) {
	r := parsed(t, least+`trunk:
  embedding: 12
  dropout: 0.5
  stack:
    - {type: cnn, layers: 1, skip: true}
    - {type: bilstm, hidden: 24, dropout: 0.1, residual: true}
    - {type: transformer, positions: rotary}
    - {type: transformer, max_length: 30, feedforward: 7}
`)
	cnn := models.TrunkConfig{Type: "cnn", Hidden: 12, Layers: 1, Kernel: 3, Heads: 4, FeedForward: 48, Positions: "learned", MaxLength: 512, Dropout: 0.5, Skip: true}
	lstm := cnn
	lstm.Type, lstm.Hidden, lstm.FeedForward, lstm.Dropout, lstm.Residual, lstm.Skip = "bilstm", 24, 96, 0.1, true, false
	rotary := cnn
	rotary.Type, rotary.Hidden, rotary.Layers, rotary.FeedForward, rotary.Positions, rotary.Skip = "transformer", 24, 2, 96, "rotary", false
	learned := rotary
	learned.Positions, learned.MaxLength, learned.FeedForward = "learned", 30, 7
	want := models.TrunkConfig{Embedding: 12, Pooling: "mean", Dropout: 0.5, Stack: []models.TrunkConfig{cnn, lstm, rotary, learned}}
	if diff := cmp.Diff(want, r.Model().Trunk); diff != "" {
		t.Error(diff)
	}
	content := marshalled(t, r)
	if diff := cmp.Diff(want, parsed(t, content).Model().Trunk); diff != "" || strings.Contains(content, "  hidden: 64") {
		t.Errorf("%s\nas a file:\n%s", diff, content)
	}
	e, err := r.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	if n := e.Schema().Inputs[0].MaxLength; n != 30 {
		t.Errorf("texts keep %d tokens, a part has 30 positions", n)
	}
}

// A transformer reads no further than it has positions.
func TestEncoderStopsWhereTheTransformerDoes(t *testing.T) {
	r := parsed(t, least)
	for _, v := range [][2]string{{"trunk.type", "transformer"}, {"trunk.max_length", "7"}} {
		if err := r.Set(v[0], v[1]); err != nil {
			t.Fatal(err)
		}
	}
	e, err := r.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Schema().Inputs[0].MaxLength; got != 7 {
		t.Errorf("texts keep %d tokens of 7", got)
	}
	if r = parsed(t, least+"trunk: {type: transformer, positions: rotary}\n"); r.Trunk.Positions != "rotary" {
		t.Error("positions were not read")
	}
	if e, err = r.Encoder(); err != nil || e.Schema().Inputs[0].MaxLength != 0 {
		t.Errorf("with rotary positions texts are cut (%v)", err)
	}
}

func TestRecipeReadsItsOwnData(t *testing.T) {
	r := parsed(t, strings.Replace(least, "text: {}", "text: {field: body}", 1))
	r.FS = fstest.MapFS{"train.tsv": {Data: []byte("body\ttopic\nplay jazz\tmusic\nwho won\tsport\n")}}
	e, err := r.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Learn(r.Sources("train")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"music", "sport"}, e.Schema().Tasks[0].Labels); diff != "" {
		t.Error(diff)
	}
}

func TestMarshalComesBack(t *testing.T) {
	transformer := strings.NewReplacer("type: cnn", "type: transformer", "hidden: 48", "hidden: 48, heads: 3, feedforward: 9, max_length: 77",
		", every: 2, factor: 0.25", ", final: 0.5", "type: step", "type: cosine", `"a topic?"`, "topic").Replace(every)
	for _, content := range []string{clinc150, trec, goemotions, fduMTL, conll04, nluHome, udEWT, least, strings.Replace(every, `"a topic?"`, "topic", 1), transformer} {
		first := parsed(t, content)
		again := parsed(t, marshalled(t, first))
		if diff := cmp.Diff(marshalled(t, first), marshalled(t, again)); diff != "" {
			t.Error(diff)
		}
		ignore := cmpopts.IgnoreUnexported(Recipe{})
		unused := cmpopts.IgnoreFields(Trunk{}, "Kernel", "Dilations", "Heads", "FeedForward", "MaxLength")
		first.Data.Defaults = Source{} // every source has them
		if diff := cmp.Diff(first, again, ignore, unused, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestOneMistake(t *testing.T) {
	base := strings.TrimSuffix(least, "\n")
	for _, c := range []struct{ name, content, want string }{
		{"empty", "# nothing\n", "r.yaml: the recipe is empty"},
		{"not YAML", "data:\n  train: {format: tsv\n", "r.yaml:2: not valid YAML: did not find expected ',' or '}'"},
		{"not YAML in the first line", "a: 'b", "r.yaml:1: not valid YAML: found unexpected end of stream"},
		{"not indented alike", base + "\ntrain:\n  epochs: 3\n batch: 4", "r.yaml:9: not valid YAML: did not find expected key"},
		{"a tab", "data:\n\ttrain: 1", "r.yaml:2: not valid YAML: found character that cannot start any token"},
		{"two documents", base + "\n---\na: 1", "r.yaml:7: a recipe is one YAML document, here a second one starts"},
		{"not a mapping", "- a", "r.yaml:1: the recipe must be a mapping of settings, found a list"},
		{"an unknown key", base + "\ntrian: {}", `r.yaml:7: unknown key "trian"; did you mean "train"?`},
		{"an unknown key inside", base + "\ntrain: {epochs: 3, optimizer: {learning: 1}}", `r.yaml:7: unknown key "learning" in train.optimizer; the keys there are type, lr, beta1, beta2, eps, momentum, nesterov, weight_decay, dense`},
		{"swapped letters", base + "\ntrain:\n  ecpohs: 3", `r.yaml:8: unknown key "ecpohs" in train; did you mean "epochs"?`},
		{"a key twice", base + "\ntrain: {epochs: 1,\n  epochs: 2}", `r.yaml:8: key "train.epochs" stands twice, first at r.yaml:7`},
		{"a task twice", base + "\n  topic: {type: tagging}", `r.yaml:7: key "tasks.topic" stands twice, first at r.yaml:6`},
		{"a key that is a list", base + "\n[1]: 2", "r.yaml:7: a key must be a word"},
		{"an alias", base + "\ntrain: {epochs: &n 3, batch: *n}", "r.yaml:7: train.epochs: anchors and aliases are not read in recipes; write the value out"},
		{"a merge key", base + "\ntrain: {<<: {epochs: 3}}", `r.yaml:7: unknown key "<<" in train; the keys there are epochs, epoch_steps, batch, max_tokens, accumulate, seed, optimizer, clip_norm, schedule, trunk, priorities, shares, balance, sampling, average, select, patience, recompute, threads`},
		{"not a whole number", base + "\ntrain: {epochs: ten}", `r.yaml:7: train.epochs must be a whole number, found "ten"`},
		{"a fraction", base + "\ntrain: {epochs: 1.5}", `r.yaml:7: train.epochs must be a whole number, found "1.5"`},
		{"too large a number", base + "\ntrain: {seed: 99999999999999999999}", `r.yaml:7: train.seed must be a whole number, found "99999999999999999999"`},
		{"a number as text", base + "\ntrain: {clip_norm: '5'}", `r.yaml:7: train.clip_norm must be a number, found "5"`},
		{"yes for true", base + "\ntrain: {optimizer: {dense: yes please}}", `r.yaml:7: train.optimizer.dense must be true or false, found "yes please"`},
		{"a truth as a text", base + "\nname: true", `r.yaml:7: name must be a text, found "true"`},
		{"nothing", base + "\ntrain:\n  epochs:\n", "r.yaml:8: train.epochs must be a whole number, found nothing"},
		{"a list for a text", base + "\nname: [a]", "r.yaml:7: name must be a text, found a list"},
		{"a word for a mapping", base + "\ntrunk: cnn", `r.yaml:7: trunk must be a mapping of settings, found "cnn"`},
		{"a word for a list", base + "\ntrunk: {dilations: 2}", `r.yaml:7: trunk.dilations must be a list, found "2"`},
		{"a list of tasks", strings.Replace(base, "\n  topic:", "\n  - topic:", 1), "r.yaml:6: tasks must be a mapping from names to settings, found a list"},
		{"a task without settings", base + "\n  other:", "r.yaml:7: tasks.other must be a mapping of settings, found nothing"},
		{"a source in a list", strings.Replace(base, "{format", "[{format: tsv, file: a}, {fromat", 1) + "]", "r.yaml:2: not valid YAML: did not find expected ',' or ']'"},
		{"a key of the second source", strings.Replace(base, "{format: tsv, file: train.tsv}", "[{format: tsv, file: a}, {fromat: tsv}]", 1), `r.yaml:2: unknown key "fromat" in data.train.1; did you mean "format"?`},

		{"no data", "inputs: {text: {}}\ntasks: {a: {type: tagging}}", "r.yaml:1: data.train is missing; name the training data, as in {format: tsv, file: train.tsv}"},
		{"no format", strings.Replace(base, "format: tsv, ", "", 1), "r.yaml:2: data.train.format is missing; it is one of lines, csv, tsv, json, jsonl, spans, conll, conllu"},
		{"a format like another", strings.Replace(base, "tsv", "tvs", 1), `r.yaml:2: data.train.format is "tvs", which is not one of lines, csv, tsv, json, jsonl, spans, conll, conllu; did you mean "tsv"?`},
		{"no file", strings.Replace(base, ", file: train.tsv", "", 1), "r.yaml:2: data.train has format tsv, which reads one file: file: FILE"},
		{"no files", strings.Replace(base, "tsv", "lines", 1), "r.yaml:2: data.train has format lines, which reads parallel files: files: {FIELD: FILE, ...}; or one, with a pattern that takes its lines apart: file: FILE, pattern: PATTERN"},
		{"a header of conll", strings.Replace(base, "format: tsv", "format: conll, header: true", 1), "r.yaml:2: data.train.header is for csv and tsv, not for conll"},
		{"a delimiter of jsonl", strings.Replace(base, "format: tsv", "format: jsonl, delimiter: ;", 1), "r.yaml:2: data.train.delimiter is for csv, tsv and conll, not for jsonl"},
		{"a long delimiter", strings.Replace(base, "format: tsv", "format: tsv, delimiter: '::'", 1), `r.yaml:2: data.train.delimiter is "::", it must be one character`},
		{"an encoding", strings.Replace(base, "format: tsv", "format: tsv, encoding: utf16", 1), `r.yaml:2: data.train.encoding is "utf16", which is not one of utf-8, latin1; did you mean "utf-8"?`},
		{"a holdout of all", strings.Replace(base, "data:", "data:\n  holdout: 1", 1), "r.yaml:2: data.holdout is 1, it must be above 0 and below 1"},
		{"a holdout beside valid", strings.Replace(base, "data:", "data:\n  holdout: 0.2\n  valid: {format: tsv, file: v}", 1), "r.yaml:2: data.holdout is set, but so is data.valid; leave one of them out"},
		{"a pattern of tsv", strings.Replace(base, "format: tsv", "format: tsv, pattern: x", 1), "r.yaml:2: data.train.pattern is for lines, not for tsv"},
		{"a pattern without a file", strings.Replace(base, "tsv, file: train.tsv", "lines, pattern: '(?P<text>.*)'", 1), "r.yaml:2: data.train has format lines, which reads one file: file: FILE"},
		{"a pattern without groups", strings.Replace(base, "format: tsv", "format: lines, pattern: '(x)'", 1), "r.yaml:2: data.train.pattern does not fit: it has no named group; write (?P<FIELD>...) around what is a field"},
		{"a path of jsonl", strings.Replace(base, "format: tsv", "format: jsonl, path: x", 1), "r.yaml:2: data.train.path is for json and spans, not for jsonl"},
		{"a path of jsonl among the defaults", strings.Replace(base, "format: tsv, file: train.tsv}", "format: jsonl, file: x}\n  defaults: {path: x}", 1), "r.yaml:2: data.train.path is for json and spans, not for jsonl"},
		{"broken", strings.Replace(base, "format: tsv", "format: tsv, broken: keep", 1), `r.yaml:2: data.train.broken is "keep", which is not one of error, skip`},
		{"broken in a join", strings.Replace(base, "format: tsv", "format: tsv, join: {file: x, broken: skip}", 1), "r.yaml:2: data.train.join.broken cannot stand in a joined source; it belongs to the source that is joined to"},
		{"a loop over nothing", strings.Replace(base, "format: tsv", "format: tsv, for: {a: []}", 1), "r.yaml:2: data.train.for.a is empty; list the values that {a} stands for"},
		{"a loop of nothing", strings.Replace(base, "format: tsv", "format: tsv, for: {a: [b]}", 1), "r.yaml:2: data.train.for.a makes a source of each value, but they are all alike: {a} stands nowhere in the source's settings"},
		{"a loop over a word", strings.Replace(base, "format: tsv", "format: tsv, for: {a: b}", 1), `r.yaml:2: data.train.for.a must be a list, found "b"`},
		{"a loop that is a list", strings.Replace(base, "format: tsv", "format: tsv, for: [b]", 1), `r.yaml:2: data.train.for must be a mapping from names to lists of texts, found a list`},
		{"values from nowhere", strings.Replace(base, "format: tsv", "format: tsv, values: {topic: {from: x}}", 1), "r.yaml:2: data.train.values.topic says what to look up, but not where: it needs file: FILE or map: {TEXT: RESULT, ...}"},
		{"values and set", strings.Replace(base, "format: tsv", "format: tsv, set: {topic: a}, values: {topic: {other: x}}", 1), "r.yaml:2: data.train.set.topic is set, but so is values.topic; leave one of them out"},
		{"other and unknown", strings.Replace(base, "format: tsv", "format: tsv, values: {topic: {other: x, unknown: keep}}", 1), "r.yaml:2: data.train.values.topic.unknown is set, but so is other; leave one of them out"},
		{"unknown values", strings.Replace(base, "format: tsv", "format: tsv, values: {topic: {file: x, unknown: drop}}", 1), `r.yaml:2: data.train.values.topic.unknown is "drop", which is not one of error, missing, keep`},
		{"a joined source without a file", strings.Replace(base, "format: tsv", "format: tsv, join: [{fields: {topic: 1}}]", 1), "r.yaml:2: data.train.join.0 has format tsv, which reads one file: file: FILE"},
		{"a join in a join", strings.Replace(base, "format: tsv", "format: tsv, join: {file: x, join: {file: y}}", 1), "r.yaml:2: data.train.join.join cannot stand in a joined source; list them all in one join"},
		{"a loop in a join", strings.Replace(base, "format: tsv", "format: tsv, join: {file: x, for: {a: [b]}}", 1), "r.yaml:2: data.train.join.for cannot stand in a joined source; it belongs to the source that is joined to"},
		{"unlabelled", strings.Replace(base, "data:", "data:\n  unlabelled: drop", 1), `r.yaml:2: data.unlabelled is "drop", which is not one of keep, skip`},
		{"whole words of another tokenizer", strings.Replace(base, "text: {}", "text: {whole_words: true}", 1), `r.yaml:4: inputs.text.whole_words is for tokenizer characters, not for whitespace`},
		{"unseen", strings.Replace(base, "data:", "data:\n  unseen: warn", 1), `r.yaml:2: data.unseen is "warn", which is not one of count, ignore, error`},

		{"a layer that is not there", strings.Replace(base, "{type: classification}", "{type: classification, layer: 3}", 1) + "\ntrunk: {type: bilstm, layers: 2}", "r.yaml:6: tasks.topic.layer is 3, and the trunk has 2 layers"},
		{"no input", strings.Replace(base, "inputs:\n  text: {}", "inputs: {}", 1), "r.yaml:3: inputs has 0 entries; a recipe has one text, as in {text: {type: text}}, or columns of type numeric and categorical"},
		{"two inputs", strings.Replace(base, "text: {}", "text: {}\n  more: {}", 1), "r.yaml:4: inputs has 2 entries; a recipe has one text, as in {text: {type: text}}, or columns of type numeric and categorical"},
		{"an input of a later time", strings.Replace(base, "text: {}", "text: {type: image}", 1), `r.yaml:4: inputs.text.type is "image", which is not one of text, numeric, categorical`},
		{"a tokenizer", strings.Replace(base, "text: {}", "text: {tokenizer: white}", 1), `r.yaml:4: inputs.text.tokenizer is "white", which is not one of whitespace, regex, characters, subword`},
		{"no tokenizer.json", strings.Replace(base, "text: {}", "text: {tokenizer: subword}", 1), "r.yaml:4: inputs.text.file is missing; subword reads the tokenizer.json that it names"},
		{"a tokenizer.json of words", strings.Replace(base, "text: {}", "text: {file: tokenizer.json}", 1), "r.yaml:4: inputs.text.tokenizer is whitespace, which has no file and special_tokens; they are subword's"},
		{"special tokens of words", strings.Replace(base, "text: {}", "text: {special_tokens: true}", 1), "r.yaml:4: inputs.text.tokenizer is whitespace, which has no file and special_tokens; they are subword's"},
		{"a pair of words", strings.Replace(base, "text: {}", "text: {pair: other}", 1), "r.yaml:4: inputs.text.pair is for tokenizer subword, not for whitespace"},
		{"a pair without special tokens", strings.Replace(base, "text: {}", "text: {tokenizer: subword, file: t.json, pair: other}", 1), "r.yaml:4: inputs.text.pair is set, but two texts need the special tokens that stand between them; set special_tokens to true"},
		{"a pair of one text", strings.Replace(base, "text: {}", "text: {tokenizer: subword, file: t.json, special_tokens: true, pair: text}", 1), "r.yaml:4: inputs.text.pair is text, which is the first text's field"},
		{"lower case of subwords", strings.Replace(base, "text: {}", "text: {tokenizer: subword, file: t.json, lowercase: true}", 1), "r.yaml:4: inputs.text.lowercase is not for tokenizer subword, whose file says it"},
		{"vectors of words for pieces", strings.Replace(base, "text: {}", "text: {tokenizer: subword, file: t.json}", 1) + "\ntrunk: {vectors: {file: v.txt}}", "r.yaml:7: trunk.vectors.file names vectors of words, but the tokens of tokenizer subword are pieces of them"},
		{"no pattern", strings.Replace(base, "text: {}", "text: {tokenizer: regex}", 1), "r.yaml:4: inputs.text.pattern does not fit: text: the regex tokenizer needs a pattern"},
		{"a bad pattern", strings.Replace(base, "text: {}", "text: {tokenizer: regex, pattern: '['}", 1), "r.yaml:4: inputs.text.pattern does not fit: text: pattern of the regex tokenizer: error parsing regexp: missing closing ]: `[`"},
		{"a count", strings.Replace(base, "text: {}", "text: {min_count: 0}", 1), "r.yaml:4: inputs.text.min_count is 0, it must be at least 1"},
		{"no room for words", strings.Replace(base, "text: {}", "text: {max_size: 2}", 1), "r.yaml:4: inputs.text.max_size is 2, which leaves no room for words beside padding and unknown"},

		{"a trunk", base + "\ntrunk: {type: bilstn}", `r.yaml:7: trunk.type is "bilstn", which is not one of bag, cnn, bilstm, bigru, lstm, gru, transformer, pretrained; did you mean "bilstm"?`},
		{"an even kernel", base + "\ntrunk: {type: cnn, kernel: 4}", "r.yaml:7: trunk.kernel is 4, it must be odd, so that a text keeps its length"},
		{"heads", base + "\ntrunk:\n  type: transformer\n  hidden: 30", "r.yaml:8: trunk.heads is 4, which does not divide trunk.hidden, 30"},
		{"a stack and a type", base + "\ntrunk: {type: cnn, stack: [{type: bilstm}]}", "r.yaml:7: trunk.type is set, but the trunk is a stack; set it of the stack's parts"},
		{"an empty stack", base + "\ntrunk: {stack: []}", "r.yaml:7: trunk.stack is empty; name its parts, as in [{type: cnn}, {type: bilstm}]"},
		{"a part without a type", base + "\ntrunk:\n  stack:\n    - {hidden: 8}", "r.yaml:9: trunk.stack.0.type is missing; it is one of bag, cnn, bilstm, bigru, lstm, gru, transformer"},
		{"a bag in a stack", base + "\ntrunk:\n  stack: [{type: cnn}, {type: bag}]", "r.yaml:8: trunk.stack.1.layers is 0, it must be at least 1"},
		{"a width of a part", base + "\ntrunk:\n  stack:\n    - {type: cnn, hidden: 9}\n    - {type: bigru}", "r.yaml:10: trunk.stack.1.hidden is 9, it must be even: each direction of bigru has half of it"},
		{"a skip", base + "\ntrunk:\n  stack:\n    - {type: cnn, hidden: 32, skip: true}", "r.yaml:9: trunk.stack.0.skip is to add what the part reads, which is 64 wide, to what it gives, which is 32 wide; make its hidden 64"},
		{"a key of a part", base + "\ntrunk:\n  stack: [{type: cnn, pooling: max}]", `r.yaml:8: unknown key "pooling" in trunk.stack.0; the keys there are type, hidden, layers, kernel, dilations, heads, feedforward, positions, max_length, dropout, residual, skip`},
		{"positions", base + "\ntrunk: {type: transformer, positions: rotery}", `r.yaml:7: trunk.positions is "rotery", which is not one of learned, rotary; did you mean "rotary"?`},
		{"an end of rotary positions", base + "\ntrunk: {type: transformer, positions: rotary, max_length: 9}", "r.yaml:7: trunk.max_length is for learned positions; rotary ones have no end"},
		{"odd heads", base + "\ntrunk: {type: transformer, positions: rotary, hidden: 12}", "r.yaml:7: trunk.heads is 4, which leaves each 3 of trunk.hidden; rotary positions turn pairs, so it must be even"},
		{"no layers", base + "\ntrunk: {type: cnn, layers: 0}", "r.yaml:7: trunk.layers is 0, it must be at least 1"},
		{"hidden", base + "\ntrunk: {hidden: 0}", "r.yaml:7: trunk.hidden is 0, it must be at least 1"},
		{"too wide", base + "\ntrunk: {hidden: 3000000000}", "r.yaml:7: trunk.hidden is 3000000000, it must be at most 2147483647"},
		{"dilations", base + "\ntrunk: {type: cnn, dilations: [1, 2, 4]}", "r.yaml:7: trunk.dilations has 3 entries for 2 layers"},
		{"a dilation", base + "\ntrunk: {type: cnn, dilations: [1,\n 0]}", "r.yaml:8: trunk.dilations.1 is 0, it must be at least 1"},
		{"dropout", base + "\ntrunk: {dropout: 1}", "r.yaml:7: trunk.dropout is 1, it must be at least 0 and below 1"},
		{"vectors without a file", base + "\ntrunk: {vectors: {freeze: true}}", "r.yaml:7: trunk.vectors.file is missing; name the file of word vectors"},
		{"format of vectors", base + "\ntrunk: {vectors: {file: v, format: bin}}", "r.yaml:7: trunk.vectors.format is \"bin\", which is not one of auto, text, binary"},
		{"words to add", base + "\ntrunk: {vectors: {file: v, add: -1}}", "r.yaml:7: trunk.vectors.add is -1, it must be at least 0"},
		{"pooling", base + "\ntrunk: {pooling: last}", `r.yaml:7: trunk.pooling is "last", which is not one of mean, max, attention`},

		{"a way to share", base + "\nsharing: {method: moe}", `r.yaml:7: sharing.method is "moe", which is not one of hard, soft, cross_stitch, mmoe, dselect_k, cgc, ple, mtan, aitm, adapter, low_rank, adversarial; did you mean "mmoe"?`},
		{"no experts", base + "\nsharing: {method: mmoe, experts: 0}", "r.yaml:7: sharing.experts is 0, it must be at least 1"},
		{"no shared experts", base + "\nsharing:\n  method: ple\n  experts: 0", "r.yaml:9: sharing.experts is 0, it must be at least 1"},
		{"fewer than no task experts", base + "\nsharing: {method: cgc, task_experts: -1}", "r.yaml:7: sharing.task_experts is -1, it must be at least 0"},
		{"no width of experts", base + "\nsharing: {method: mmoe, expert_hidden: 0}", "r.yaml:7: sharing.expert_hidden is 0, it must be at least 1"},
		{"no levels", base + "\nsharing: {method: ple, levels: 0}", "r.yaml:7: sharing.levels is 0, it must be at least 1"},
		{"no temperature", base + "\nsharing: {method: mmoe, temperature: 0}", "r.yaml:7: sharing.temperature is 0, it must be above 0"},
		{"one expert to choose from", base + "\nsharing: {method: dselect_k, experts: 1, k: 1}", "r.yaml:7: sharing.experts is 1, dselect_k needs at least 2 to choose from"},
		{"more than all experts", base + "\nsharing:\n  method: dselect_k\n  experts: 4\n  k: 5", "r.yaml:10: sharing.k is 5, but there are 4 experts to choose from"},
		{"nothing chosen", base + "\nsharing: {method: dselect_k, k: 0}", "r.yaml:7: sharing.k is 0, it must be at least 1"},
		{"a step without width", base + "\nsharing: {method: dselect_k, gamma: 0}", "r.yaml:7: sharing.gamma is 0, it must be above 0"},
		{"a reward for not deciding", base + "\nsharing: {method: dselect_k, entropy: -1}", "r.yaml:7: sharing.entropy is -1, it cannot be negative"},
		{"no bottleneck", base + "\nsharing: {method: adapter, bottleneck: 0}", "r.yaml:7: sharing.bottleneck is 0, it must be at least 1"},
		{"no tower", base + "\nsharing: {method: aitm, tower: 0}", "r.yaml:7: sharing.tower is 0, it must be at least 1"},
		{"a prize for rising", base + "\nsharing: {method: aitm, calibrator: -1}", "r.yaml:7: sharing.calibrator is -1, it cannot be negative"},
		{"a calibrator of experts", base + "\nsharing: {method: mmoe, calibrator: 1}", "r.yaml:7: sharing.calibrator is for aitm, not for mmoe"},
		{"no rank", base + "\nsharing: {method: low_rank, rank: 0}", "r.yaml:7: sharing.rank is 0, it must be at least 1"},
		{"a discriminator that helps", base + "\nsharing: {method: adversarial, lambda: -1}", "r.yaml:7: sharing.lambda is -1, it cannot be negative"},
		{"a loss of tasks", base + "\nsharing: {method: adversarial, loss: mse}", `r.yaml:7: sharing.loss is "mse", which is not one of nll, l2`},
		{"an adversary of experts", base + "\nsharing: {method: mmoe, lambda: 1}", "r.yaml:7: sharing.lambda is for adversarial, not for mmoe"},
		{"no layers to share", base + "\nsharing: {method: adversarial}", "r.yaml:7: sharing.method is adversarial, which works on the layers of a trunk, and trunk.layers is 0"},
		{"no scale", base + "\nsharing: {method: low_rank, scale: 0}", "r.yaml:7: sharing.scale is 0, it must be above 0"},
		{"a distance that is wanted", base + "\ntrunk: {layers: 1}\nsharing: {method: soft, l2: -1}", "r.yaml:8: sharing.l2 is -1, it cannot be negative"},
		{"more than its own", base + "\ntrunk: {layers: 1}\nsharing: {method: cross_stitch, own: 1.5}", "r.yaml:8: sharing.own is 1.5, it must be at most 1"},
		{"trunks without layers", base + "\nsharing: {method: cross_stitch}", "r.yaml:7: sharing.method is cross_stitch, which works on the layers of a trunk, and trunk.layers is 0"},
		{"a setting of another method", base + "\nsharing: {method: mmoe, k: 2}", "r.yaml:7: sharing.k is for dselect_k, not for mmoe"},
		{"experts of no method", base + "\nsharing: {experts: 8}", "r.yaml:7: sharing.experts is for mmoe, dselect_k, cgc, ple, not for hard"},
		{"an unknown key of sharing", base + "\nsharing: {method: mmoe, expert: 8}", `r.yaml:7: unknown key "expert" in sharing; did you mean "experts"?`},

		{"no tasks", strings.Split(base, "\ntasks")[0], "r.yaml:1: tasks is empty; name at least one, as in {intent: {type: classification}}"},
		{"a threshold of a classification", strings.Replace(base, "type: classification", "type: classification, threshold: {tune: one}", 1), "r.yaml:6: tasks.topic.threshold is for multilabel and relation, not for classification"},
		{"a way to tune", strings.Replace(base, "type: classification", "type: multilabel, threshold: {tune: once}", 1), `r.yaml:6: tasks.topic.threshold.tune is "once", which is not one of auto, each, one, none; did you mean "one"?`},
		{"a threshold of 1", strings.Replace(base, "type: classification", "type: multilabel, threshold: {tune: none, value: 1}", 1), "r.yaml:6: tasks.topic.threshold.value is 1, it must be above 0 and below 1"},
		{"a metric of thresholds", strings.Replace(base, "type: classification", "type: multilabel, threshold: {metric: accuracy}", 1), `r.yaml:6: tasks.topic.threshold.metric is "accuracy", which is not one of macro_f1, micro_f1, exact_match`},
		{"a metric that nothing is tuned for", strings.Replace(base, "type: classification", "type: multilabel, threshold: {tune: none, metric: micro_f1}", 1), "r.yaml:6: tasks.topic.threshold.metric is set, but with tune none nothing is tuned; leave one of them out"},
		{"an unknown key of thresholds", strings.Replace(base, "type: classification", "type: multilabel, threshold: {valeu: 0.3}", 1), `r.yaml:6: unknown key "valeu" in tasks.topic.threshold; did you mean "value"?`},
		{"a task without a type", strings.Replace(base, "type: classification", "", 1), "r.yaml:6: tasks.topic.type is missing; it is one of classification, multilabel, tagging, regression, count, relation, ordinal"},
		{"a task type", strings.Replace(base, "classification", "clasification", 1), `r.yaml:6: tasks.topic.type is "clasification", which is not one of classification, multilabel, tagging, regression, count, relation, ordinal; did you mean "classification"?`},
		{"a relation without spans", base + "\n  rel: {type: relation}", "r.yaml:7: tasks.rel.entities needs a task of type tagging with a scheme, whose spans the relation joins, and there is none; add one, as in {entities: {type: tagging, scheme: bio}}"},
		{"a relation of no task", base + "\n  ner: {type: tagging, scheme: bio}\n  rel: {type: relation, entities: nee}", `r.yaml:8: tasks.rel.entities is "nee", which is not one of ner; did you mean "ner"?`},
		{"a relation of nothing", base + "\n  ner: {type: tagging, scheme: bio}\n  rel: {type: relation}", `r.yaml:8: tasks.rel.entities is missing; it is one of ner`},
		{"a relation of plain tags", base + "\n  ner: {type: tagging, scheme: bio}\n  pos: {type: tagging}\n  rel: {type: relation, entities: pos}", `r.yaml:9: tasks.rel.entities is "pos", which is not one of ner`},
		{"entities of no relation", base + "\n  ner: {type: tagging, scheme: bio, entities: ner}", "r.yaml:7: tasks.ner.entities is for relation, not for tagging"},
		{"a relation without a width", base + "\n  ner: {type: tagging, scheme: bio}\n  rel: {type: relation, entities: ner, hidden: 0}", "r.yaml:8: tasks.rel.hidden is 0, it must be at least 1"},
		{"a relation with a CRF", base + "\n  ner: {type: tagging, scheme: bio}\n  rel: {type: relation, entities: ner, crf: true}", "r.yaml:8: tasks.rel.crf is for tagging, not for relation"},
		{"a relation with a scheme", base + "\n  ner: {type: tagging, scheme: bio}\n  rel: {type: relation, entities: ner, scheme: bio}", "r.yaml:8: tasks.rel.scheme is for tagging, not for relation"},
		{"a head that reads a relation", base + "\n  ner: {type: tagging, scheme: bio, reads: [rel]}\n  rel: {type: relation, entities: ner}", `r.yaml:7: tasks.ner.reads.0 is "rel", which is not one of topic`},
		{"a metric of a relation", base + "\n  ner: {type: tagging, scheme: bio}\n  rel: {type: relation, entities: ner, metric: span_f1}", `r.yaml:8: tasks.rel.metric is "span_f1", which is not one of relation_f1, boundary_f1`},
		{"a task's name", base + "\n  a.b: {type: tagging}", "r.yaml:7: tasks.a.b has a name that is not one word without slashes and dots"},
		{"a task named as an input", base + "\n  text: {type: tagging}", "r.yaml:7: tasks.text has the name of an input; rename one and set its field"},
		{"a scheme", base + "\n  ner: {type: tagging, scheme: iob}", `r.yaml:7: tasks.ner.scheme is "iob", which is not one of bio, bioes; did you mean "bio"?`},
		{"a scheme of no tags", strings.Replace(base, "classification", "classification, scheme: bio", 1), "r.yaml:6: tasks.topic.scheme is for tagging, not for classification"},
		{"repair without a scheme", base + "\n  pos: {type: tagging, repair: true}", "r.yaml:7: tasks.pos.repair is for tagging with a scheme, bio or bioes"},
		{"offsets of no tags", strings.Replace(base, "classification", "classification, offsets: bytes", 1), "r.yaml:6: tasks.topic.offsets is for tagging with a scheme, bio or bioes"},
		{"overlap", base + "\n  pos: {type: tagging, scheme: bio, overlap: last}", `r.yaml:7: tasks.pos.overlap is "last", which is not one of error, longest, first`},
		{"misaligned", base + "\n  pos: {type: tagging, scheme: bio, misaligned: cut}", `r.yaml:7: tasks.pos.misaligned is "cut", which is not one of error, drop, widen`},
		{"offsets", base + "\n  pos: {type: tagging, scheme: bio, offsets: runes}", `r.yaml:7: tasks.pos.offsets is "runes", which is not one of characters, bytes, utf16`},
		{"a metric", strings.Replace(base, "classification", "classification, metric: f1", 1), `r.yaml:6: tasks.topic.metric is "f1", which is not one of accuracy, macro_f1, micro_f1, auc, log_loss`},
		{"a metric of spans", base + "\n  pos: {type: tagging, metric: span_f1}", "r.yaml:7: tasks.pos.metric is span_f1, which needs to know the scheme: bio or bioes"},
		{"a negative weight", strings.Replace(base, "classification", "classification, weight: -1", 1), "r.yaml:6: tasks.topic.weight is -1, it cannot be negative"},
		{"a weight that is not read", strings.Replace(base, "classification", "classification, weight: 2", 1), "r.yaml:6: tasks.topic.weight is 2, but train.balance.method is equal, which weighs all alike; set it to fixed"},

		{"epochs of fewer than no steps", base + "\ntrain: {epoch_steps: -1}", "r.yaml:7: train.epoch_steps is -1, it must be at least 0"},
		{"two layouts of an epoch", base + "\ntrain: {epoch_steps: 9, sampling: {method: uniform}}", "r.yaml:7: train.epoch_steps is 9, and train.sampling lays out epochs, too; leave one of them out"},
		{"no epochs", base + "\ntrain: {epochs: 0}", "r.yaml:7: train.epochs is 0, it must be at least 1"},
		{"a negative rate", base + "\ntrain:\n  optimizer:\n    lr: -0.1", "r.yaml:9: train.optimizer.lr is -0.1, it must be above 0"},
		{"an endless rate", base + "\ntrain: {optimizer: {lr: .inf}}", "r.yaml:7: train.optimizer.lr is +Inf, it must be a finite number"},
		{"no number", base + "\ntrain: {clip_norm: .nan}", "r.yaml:7: train.clip_norm is NaN, it must be a finite number"},
		{"an optimizer", base + "\ntrain: {optimizer: {type: adamax}}", `r.yaml:7: train.optimizer.type is "adamax", which is not one of sgd, adam, adamw; did you mean "adam"?`},
		{"a decay rate", base + "\ntrain: {optimizer: {beta2: 1}}", "r.yaml:7: train.optimizer.beta2 is 1, it must be above 0 and below 1"},
		{"momentum of adam", base + "\ntrain: {optimizer: {momentum: 0.9}}", "r.yaml:7: train.optimizer.type is adam, which has no momentum and nesterov; they are sgd's"},
		{"betas of sgd", base + "\ntrain: {optimizer: {type: sgd, beta1: 0.8}}", "r.yaml:7: train.optimizer.type is sgd, which has no beta1, beta2 and eps"},
		{"nesterov alone", base + "\ntrain: {optimizer: {type: sgd, nesterov: true}}", "r.yaml:7: train.optimizer.nesterov needs a momentum above 0"},
		{"a schedule", base + "\ntrain: {schedule: {type: cosin}}", `r.yaml:7: train.schedule.type is "cosin", which is not one of constant, linear, cosine, inverse_sqrt, step, plateau; did you mean "cosine"?`},
		{"a rest", base + "\ntrain: {schedule: {type: linear, final: 2}}", "r.yaml:7: train.schedule.final is 2, it must be between 0 and 1"},
		{"a factor", base + "\ntrain: {schedule: {type: step, factor: 0}}", "r.yaml:7: train.schedule.factor is 0, it must be above 0 and at most 1"},
		{"a method", base + "\ntrain: {balance: {method: equals}}", `r.yaml:7: train.balance.method is "equals", which is not one of equal, fixed, rlw, uncertainty, uw-so, imtl-l, dwa, gls, stch, famo, gradnorm, mgda, pcgrad, gradvac, graddrop, cagrad, imtl-g, nash-mtl, fairgrad, aligned-mtl, upgrad, dualproj, config, db-mtl, moco, excess-mtl, modo, sdmgrad; did you mean "equal"?`},
		{"a temperature of 0", base + "\ntrain: {sampling: {method: temperature, temperature: 0}}", `r.yaml:7: train.sampling.temperature is 0, it must be above 0`},
		{"a temperature below 0", base + "\ntrain:\n  sampling:\n    method: temperature\n    temperature: -2", `r.yaml:10: train.sampling.temperature is -2, it must be above 0`},
		{"no temperature", base + "\ntrain: {sampling: {method: temperature}}", `r.yaml:7: train.sampling.temperature is missing; method temperature needs a number above 0`},
		{"a cap of 0", base + "\ntrain: {sampling: {method: cap, cap: 0}}", `r.yaml:7: train.sampling.cap is 0, it must be at least 1`},
		{"a sampler", base + "\ntrain: {sampling: {method: unifrom}}", `r.yaml:7: train.sampling cannot be: there is no method "unifrom": did you mean "uniform"?`},
		{"what to select by", base + "\ntrain: {select: topc}", `r.yaml:7: train.select is "topc", which is not one of mean, loss, topic; did you mean "topic"?`},
		{"a task to select by", base + "\ntrain:\n  select:\n    topics: 2", `r.yaml:9: train.select.topics is of a task that is not there; did you mean "topic"?`},
		{"another task to select by", base + "\ntrain: {select: {price: 2}}", `r.yaml:7: train.select.price is of a task that is not there; there are topic`},
		{"a weight to select by", base + "\ntrain: {select: {topic: -1}}", `r.yaml:7: train.select.topic is -1, it cannot be negative`},
		{"no weight to select by", base + "\ntrain: {select: {topic: 0}}", `r.yaml:7: train.select has no weight above 0; name a task, as in {topic: 1}`},
		{"nothing to select by", base + "\ntrain: {select: {}}", `r.yaml:7: train.select has no weight above 0; name a task, as in {topic: 1}`},
		{"a list to select by", base + "\ntrain: {select: [topic]}", `r.yaml:7: train.select must be a text, found a list`},
		{"sampling without a method", base + "\ntrain: {sampling: {cap: 5}}", `r.yaml:7: train.sampling.method is missing; it is one of annealed, cap, progress, proportional, round_robin, sqrt, temperature, uniform, weights`},
		{"diagnostics", base + "\ntrain: {balance: {diagnostics: often}}", `r.yaml:7: train.balance.diagnostics must be a whole number, true or false, found "often"`},
		{"diagnostics below 0", base + "\ntrain: {balance: {diagnostics: -1}}", `r.yaml:7: train.balance.diagnostics is -1, it must be at least 0`},
		{"an option of another method", base + "\ntrain: {balance: {method: cagrad, gamma: 1}}", `r.yaml:7: train.balance.gamma cannot be: cagrad has no option "gamma", it has c, rescale, heads, smooth`},
		{"an option that is misspelt", base + "\ntrain: {balance: {method: cagrad, smoth: 0.9}}", `r.yaml:7: train.balance.smoth cannot be: cagrad has no option "smoth": did you mean "smooth"?`},
		{"a key of balance that is misspelt", base + "\ntrain: {balance: {methd: cagrad}}", `r.yaml:7: train.balance.methd is no setting; did you mean "method"?`},
		{"an option out of its range", base + "\ntrain: {balance: {method: cagrad, c: -1}}", `r.yaml:7: train.balance.c cannot be: cagrad: option c is -1, it must be between 0 and 100`},
		{"a representation for losses", base + "\ntrain: {balance: {method: dwa, at: representation}}", `r.yaml:7: train.balance.at cannot be: dwa needs no gradients, there is nothing to take at the representation`},
		{"a seed", base + "\ntrain: {seed: -1}", "r.yaml:7: train.seed is -1, it cannot be negative"},
		{"too large", "#" + strings.Repeat("x", maxSize), "r.yaml: larger than 1048576 bytes, that is no recipe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("r.yaml", []byte(c.content))
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestSet(t *testing.T) {
	r := parsed(t, least)
	for _, v := range [][2]string{
		{"train.epochs", "3"},
		{"train.optimizer.lr", "1e-2"},
		{"trunk", "{type: cnn, kernel: 5}"},
		{"trunk.dropout", "0.5"},
		{"tasks.mood", "{type: regression}"},
		{"data.test", "[{format: csv, file: a}, {format: csv, file: b}]"},
		{"data.test.1.file", "c"},
		{"name", "'2'"},
	} {
		if err := r.Set(v[0], v[1]); err != nil {
			t.Fatal(err)
		}
	}
	if r.Train.Epochs != 3 || r.Train.Optimizer.LR != 0.01 || r.Trunk.Kernel != 5 || r.Trunk.Dropout != 0.5 || r.Trunk.Layers != 2 ||
		len(r.Tasks) != 2 || r.Tasks[1].Metric != "rmse" || r.Data.Test[1].File != "c" || r.Name != "2" {
		t.Errorf("the settings are\n%s", marshalled(t, r))
	}
}

// TestWithManySettings: settings that need one another come in any order, and
// the recipe stays as it was.
func TestWithManySettings(t *testing.T) {
	r := parsed(t, least)
	before := marshalled(t, r)
	got, err := r.With("tasks.topic.weight=2", "train.balance.method=fixed")
	if err != nil || got.Tasks[0].Weight != 2 || got.Train.Balance.Method != "fixed" {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, marshalled(t, r)); diff != "" {
		t.Error(diff)
	}
	if half, err := r.With("train.epochs=0"); half != nil || err == nil {
		t.Errorf("a setting that cannot be gives %v, %v", half, err)
	}
	if _, err := r.With("train.epochs"); err == nil || err.Error() != `"train.epochs" is not of the form path=value` {
		t.Error(err)
	}
}

// TestNothingMakesALossNegative: methods that take logarithms of losses are
// given none below 0, because each setting that could make one is refused.
func TestNothingMakesALossNegative(t *testing.T) {
	base := strings.TrimSuffix(least, "\n") + "\n  price: {type: regression}\n"
	for _, c := range []struct{ more, want string }{
		{"  more: {type: classification, weight: -1}", "r.yaml:8: tasks.more.weight is -1, it cannot be negative"},
		{"  more: {type: classification, class_weights: {a: -1}}", "r.yaml:8: tasks.more.class_weights.a is -1, it cannot be negative"},
		{"  more: {type: classification, class_weights: {a: .nan}}", "r.yaml:8: tasks.more.class_weights.a is NaN, it must be a finite number"},
		{"  more: {type: classification, label_smoothing: -0.1}", "r.yaml:8: tasks.more.label_smoothing is -0.1, it must be at least 0 and below 1"},
		{"  more: {type: classification, label_smoothing: 1}", "r.yaml:8: tasks.more.label_smoothing is 1, it must be at least 0 and below 1"},
		{"  more: {type: classification, focal: -2}", "r.yaml:8: tasks.more.focal is -2, it cannot be negative"},
		{"train: {balance: {method: fixed, weights: {topic: -1}}}", "r.yaml:8: train.balance.weights cannot be: fixed: option weights of task \"topic\" is -1, it must be between 0 and 3.4028234663852886e+38"},
	} {
		if _, err := Parse("r.yaml", []byte(base+c.more)); fmt.Sprint(err) != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.more, err, c.want)
		}
	}
}

// TestTemperaturesAndExperts of 0 and below are refused by line and key.
func TestTemperaturesAndExperts(t *testing.T) {
	base := strings.TrimSuffix(least, "\n") + "\n  mood: {type: classification}\n"
	for _, c := range []struct{ more, want string }{
		{"sharing: {method: mmoe, temperature: 0}", "r.yaml:8: sharing.temperature is 0, it must be above 0"},
		{"sharing:\n  method: ple\n  temperature: -1", "r.yaml:10: sharing.temperature is -1, it must be above 0"},
		{"train: {balance: {method: dwa, temperature: 0}}", "r.yaml:8: train.balance.temperature cannot be: dwa: option temperature is 0, it must be above 0 and at most 1e+06"},
		{"train: {balance: {method: uw-so, temperature: -1}}", "r.yaml:8: train.balance.temperature cannot be: uw-so: option temperature is -1, it must be above 0 and at most 1e+06"},
		{"train: {balance: {method: stch, mu: 0}}", "r.yaml:8: train.balance.mu cannot be: stch: option mu is 0, it must be above 0 and at most 1e+06"},
		{"sharing: {method: mmoe, experts: 0}", "r.yaml:8: sharing.experts is 0, it must be at least 1"},
		{"sharing: {method: cgc, experts: 0}", "r.yaml:8: sharing.experts is 0, it must be at least 1"},
		{"sharing: {method: ple, experts: -1}", "r.yaml:8: sharing.experts is -1, it must be at least 1"},
		{"sharing: {method: ple, task_experts: -1}", "r.yaml:8: sharing.task_experts is -1, it must be at least 0"},
		{"sharing: {method: dselect_k, experts: 1}", "r.yaml:8: sharing.experts is 1, dselect_k needs at least 2 to choose from"},
	} {
		if _, err := Parse("r.yaml", []byte(base+c.more)); fmt.Sprint(err) != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.more, err, c.want)
		}
	}
}

// TestWhere: of what the file sets, of what a setting changed, and of a recipe
// that was made from another.
func TestWhere(t *testing.T) {
	r := parsed(t, least)
	if got := r.Where("tasks.topic"); got != "dir/small.yaml:6: tasks.topic" {
		t.Error(got)
	}
	if got := r.Where("tasks.none.x"); got != "dir/small.yaml: tasks.none.x" {
		t.Error(got)
	}
	set, err := r.With("tasks.mood={type: regression}")
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Where("tasks.mood"); got != "--set tasks.mood: tasks.mood" {
		t.Error(got)
	}
	derived, err := set.Derive(func(*Recipe) {})
	if err != nil {
		t.Fatal(err)
	}
	if got := derived.Where("tasks.topic"); got != "dir/small.yaml: tasks.topic" {
		t.Error(got)
	}
}

// TestDiagnosticsAreANumberOrASwitch: true is every ten steps.
func TestDiagnosticsAreANumberOrASwitch(t *testing.T) {
	for value, want := range map[string]int{"true": 10, "false": 0, "3": 3} {
		r, err := parsed(t, least).With("train.balance.diagnostics=" + value)
		if err != nil || r.Train.Balance.Diagnostics != want || r.Training().Balance.Diagnostics != want {
			t.Errorf("%s: %v, %v", value, r.Train.Balance.Diagnostics, err)
		}
		again, err := r.reread("")
		if err != nil || again.Train.Balance.Diagnostics != want {
			t.Errorf("%s does not come back: %v, %v", value, again.Train.Balance.Diagnostics, err)
		}
	}
}

func TestSetMessages(t *testing.T) {
	r := parsed(t, least)
	before := marshalled(t, r)
	for _, c := range []struct{ path, value, want string }{
		{"train.epoch", "3", `--set train.epoch: unknown key "epoch" in train; did you mean "epochs"?`},
		{"train.epochs", "three", `--set train.epochs: train.epochs must be a whole number, found "three"`},
		{"train.epochs", "0", "--set train.epochs: train.epochs is 0, it must be at least 1"},
		{"train.epochs.first", "3", `--set train.epochs.first: train.epochs must be a whole number, found a mapping`},
		{"data.train.format.x", "3", `--set data.train.format.x: there are no settings below "tsv"`},
		{"train..epochs", "3", "--set train..epochs: a setting is named as in train.epochs"},
		{"", "3", "--set : a setting is named as in train.epochs"},
		{"train.epochs", "", "--set train.epochs: the value is empty; write '' for an empty text"},
		{"train.epochs", "{", `--set train.epochs: "{" is not valid YAML`},
		{"trunk.kernel", "2", "--set trunk.kernel: trunk.kernel is 2, it must be odd, so that a text keeps its length"},
		{"tasks.topic.type", "tag", `--set tasks.topic.type: tasks.topic.type is "tag", which is not one of classification, multilabel, tagging, regression, count, relation, ordinal`},
	} {
		if err := r.Set(c.path, c.value); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	if err := r.Set("data.test", "[{format: csv, file: a}]"); err != nil {
		t.Fatal(err)
	}
	if err, want := r.Set("data.test.1.file", "x"), `--set data.test.1.file: "1" is not one of the list's numbers 0 to 0`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	r.Data.Test = nil
	if diff := cmp.Diff(before, marshalled(t, r)); diff != "" {
		t.Errorf("a refused setting left something behind: %s", diff)
	}
}

func TestRead(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "absent.yaml")); !os.IsNotExist(unwrap(err)) {
		t.Errorf("got %v", err)
	}
	examples, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range examples {
		r, err := Read(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if want := strings.TrimSuffix(filepath.Base(path), ".yaml"); r.Name != want {
			t.Errorf("%s is named %q", path, r.Name)
		}
	}
}

// The example fits its data and makes a model: 11,420 ids are the 11,418 words
// that lower-casing leaves of SNIPS, counted with tr, sort and uniq.
func TestSNIPSExample(t *testing.T) {
	r, err := Read("../examples/snips.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Set("data.root", "../../shared/data/snips"); err != nil { // as seen from here
		t.Fatal(err)
	}
	e, err := r.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Learn(r.Sources("train")); err != nil {
		t.Fatal(err)
	}
	s := e.Schema()
	if s.Inputs[0].VocabularySize != 11420 || len(s.Task("intent").Labels) != 7 || len(s.Task("slots").Labels) != 72 {
		t.Errorf("%d ids, %d intents, %d tags", s.Inputs[0].VocabularySize, len(s.Task("intent").Labels), len(s.Task("slots").Labels))
	}
	if _, err := models.NewText(s, r.Model()); err != nil {
		t.Error(err)
	}
}

func unwrap(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || os.IsNotExist(err) {
			return err
		}
		err = inner.Unwrap()
	}
}

// Any bytes are a recipe or an error; a recipe comes back as it was written.
func FuzzParse(f *testing.F) {
	for _, s := range []string{least, every, clinc150, trec, goemotions, fduMTL, conll04, nluHome, udEWT, "", "a: &a [*a]", "data: {train: []}", "\xff", "? [a]\n: b", "train: {epochs: 0x10}", "name: !!binary aGk="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		r, err := Parse("fuzzed", []byte(content))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "fuzzed") {
				t.Fatalf("the error does not name the file: %v", err)
			}
			return
		}
		first := marshalled(t, r)
		again, err := Parse("fuzzed", []byte(first))
		if err != nil {
			t.Fatalf("%v in\n%s", err, first)
		}
		if diff := cmp.Diff(first, marshalled(t, again)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestSourcesOfManyFiles(t *testing.T) {
	r := parsed(t, strings.Replace(least, "train: {format: tsv, file: train.tsv}", `root: r
  defaults: {format: tsv, header: false, fields: {text: 1, "{b}": 0}, values: {"{b}": {map: {x: "{a}"}}}}
  train:
    - {file: "{a}.{b}", for: {b: [one, two], a: [p, q]}, join: {file: "{b}.more"}}
    - {file: last, root: s, header: true, fields: {}}`, 1))
	tsv := func(a, b string) source.Source {
		return source.Source{
			Format: "tsv", Root: "r", File: a + "." + b, NoHeader: true, Encoding: "utf-8", Names: r.names(),
			Fields: map[string]string{"text": "1", b: "0"}, Values: map[string]source.Mapping{b: {Map: map[string]string{"x": a}, Unknown: "error"}},
			Join: []source.Source{{Format: "tsv", Root: "r", File: b + ".more", NoHeader: true, Encoding: "utf-8"}},
		}
	}
	want := source.List{
		tsv("p", "one"), tsv("p", "two"), tsv("q", "one"), tsv("q", "two"),
		{
			Format: "tsv", Root: "s", File: "last", Encoding: "utf-8", Names: r.names(), Fields: map[string]string{},
			Values: map[string]source.Mapping{"{b}": {Map: map[string]string{"x": "{a}"}, Unknown: "error"}},
		},
	}
	if diff := cmp.Diff(want, r.Sources("train")); diff != "" {
		t.Error(diff)
	}
}

func TestRulesOfTags(t *testing.T) {
	r := parsed(t, strings.Replace(least, "topic: {type: classification}",
		"tags: {type: tagging, scheme: bio, repair: true, overlap: longest, misaligned: widen, offsets: utf16}\n  plain: {type: tagging}", 1))
	if err := r.Set("data.train", "{format: csv, file: '*.csv', inline: note, broken: skip}"); err != nil {
		t.Fatal(err)
	}
	e, err := r.Encoder()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]data.TagRules{
		"tags":  {Repair: true, Overlap: "longest", Misaligned: "widen", Offsets: "utf16"},
		"plain": {Overlap: "error", Misaligned: "error", Offsets: "characters"},
	}
	if diff := cmp.Diff(want, e.Rules); diff != "" {
		t.Error(diff)
	}
	if s := r.Sources("train")[0]; s.Inline != "note" || !s.SkipBroken || s.File != "*.csv" {
		t.Errorf("%+v", s)
	}
	if diff := cmp.Diff(marshalled(t, r), marshalled(t, parsed(t, marshalled(t, r)))); diff != "" {
		t.Error(diff)
	}
}
