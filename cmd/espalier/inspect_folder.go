package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"espalier/input"
	"espalier/models"
	"espalier/pretrained"
	"espalier/safetensors"
	"espalier/schema"
	"espalier/setting"
	"espalier/task"
	"espalier/tensor"
	"espalier/text"
	"espalier/train/optim"
	"espalier/train/step"
)

// folderInspection is what inspect finds in the folder of a model that was trained
// elsewhere.
type folderInspection struct {
	Folder        string           `json:"folder"`
	Architecture  string           `json:"architecture,omitempty"` // empty: not supported
	ModelType     string           `json:"model_type"`
	Architectures []string         `json:"architectures,omitempty"` // as in config.json
	Sizes         *encoderSizes    `json:"sizes,omitempty"`
	Weights       *weightsFound    `json:"weights,omitempty"`
	Tokenizer     *tokenizerFound  `json:"tokenizer,omitempty"`
	Memory        []trainingMemory `json:"memory,omitempty"`
	Problems      []string         `json:"problems"` // empty: it can be trained
	config        *pretrained.Config
	shapes        map[string]tensor.Shape // of the trunk's parameters
}

// encoderSizes are those of config.json.
type encoderSizes struct {
	Layers      int    `json:"layers"`
	Hidden      int64  `json:"hidden"`
	Heads       int64  `json:"heads"`
	FeedForward int64  `json:"feed_forward"`
	Activation  string `json:"activation"`
	Embedding   int64  `json:"embedding"`
	Vocabulary  int64  `json:"vocabulary"`
	Longest     int64  `json:"longest"` // tokens of a text, special ones included
	TokenTypes  int64  `json:"token_types"`
}

// weightsFound are the tensors of a folder.
type weightsFound struct {
	Tensors    int            `json:"tensors"`
	Parameters int64          `json:"parameters"` // numbers of tensors that can be weights
	Types      map[string]int `json:"types"`      // tensors by the type of their elements
	Files      int            `json:"files"`
	Bytes      int64          `json:"bytes"`
}

// tokenizerFound is a tokenizer.json.
type tokenizerFound struct {
	Kind string `json:"kind"`
	Size int    `json:"size"`
}

// trainingMemory is what steps take, in bytes.
type trainingMemory struct {
	Learns string      `json:"learns"`
	Batch  int64       `json:"batch"`
	Tokens int64       `json:"tokens"`
	Bytes  step.Memory `json:"bytes"`
	Total  int64       `json:"total"`
}

// maxJSON bounds the bytes of a config.json or tokenizer.json.
const maxJSON = 256 << 20

// inspectFolder looks at a folder in Hugging Face's format. What keeps it from being
// trained is no error, but among the problems.
func inspectFolder(dir string) (*folderInspection, error) {
	raw, err := readSome(dir, pretrained.ConfigFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s: name an ONNX file, or the folder of a model in Hugging Face's format", dir, pretrained.ConfigFile)
	}
	if err != nil {
		return nil, err
	}
	f := &folderInspection{Folder: dir, Problems: []string{}}
	var names struct {
		ModelType     any `json:"model_type"`
		Architectures any `json:"architectures"`
	}
	if err := json.Unmarshal(raw, &names); err == nil { // else the configuration's reader says why
		f.ModelType, _ = names.ModelType.(string)
		list, _ := names.Architectures.([]any)
		for _, a := range list {
			if name, ok := a.(string); ok {
				f.Architectures = append(f.Architectures, name)
			}
		}
	}
	f.readConfig()
	f.readWeights()
	f.readTokenizer()
	return f, nil
}

func (f *folderInspection) problem(err error) { f.Problems = append(f.Problems, err.Error()) }

// readSome reads a file of a folder, unless it is too large.
func readSome(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxJSON {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, maxJSON)
	}
	return os.ReadFile(path)
}

// readConfig reads the configuration and counts what training takes.
func (f *folderInspection) readConfig() {
	c, err := pretrained.ReadConfig(f.Folder)
	if err != nil {
		f.problem(err)
		return
	}
	f.config, f.Architecture = c, c.Kind
	f.Sizes = &encoderSizes{
		c.Layers, c.Hidden, c.Heads, c.FeedForward, c.Activation, c.Embedding, c.Vocabulary, c.Longest(), c.TokenTypes,
	}
	if err := f.count(); err != nil {
		f.problem(err)
	}
}

// count counts the memory of steps of one small head on the encoder.
func (f *folderInspection) count() error {
	const batch = 32
	tokens := min(64, f.config.Longest())
	for _, way := range []struct {
		learns, tune string
		recompute    bool
	}{
		{"all weights", "all", false},
		{"all weights", "all", true},
		{"low-rank changes", "lora", false},
		{"low-rank changes", "lora", true},
		{"heads alone", "none", false},
	} {
		m, err := models.New(smallTask(int(f.config.Vocabulary)), models.Config{Trunk: models.TrunkConfig{
			Type: models.PretrainedTrunk, Path: f.Folder, Pretrained: f.config, Options: setting.Values{"tune": way.tune},
		}})
		if err != nil {
			return err
		}
		if f.shapes == nil {
			if err := f.trunk(m); err != nil {
				return err
			}
		}
		memory, err := step.Estimate(m, step.Config{Optimizer: optim.Config{Type: "adamw"}, Recompute: way.recompute}, map[string]int64{"batch": batch, "sequence": tokens})
		if err != nil {
			return err
		}
		by := "tune: " + way.tune
		if way.recompute {
			by += ", recompute"
		}
		f.Memory = append(f.Memory, trainingMemory{fmt.Sprintf("%s (%s)", way.learns, by), batch, tokens, memory, memory.Total()})
	}
	return nil
}

// smallTask is the schema of a model that reads texts of tokens of a vocabulary and has
// one task of the first type, with two labels, whose head is next to nothing.
func smallTask(vocabulary int) *schema.Schema {
	s := &schema.Schema{
		Version: schema.Version,
		Tasks:   []schema.Task{{Name: "task", Type: task.Types()[0].Name(), Labels: []string{"no", "yes"}}},
	}
	for _, k := range input.Kinds() {
		if t := k.Traits(); t.Given == input.Text && t.Tokens && t.Vocabulary && !t.Foreign {
			s.Inputs = append(s.Inputs, schema.Input{Name: "text", Type: k.Name(), VocabularySize: vocabulary})
		}
	}
	return s
}

// trunk keeps the shapes of the trunk's parameters, by their names in it.
func (f *folderInspection) trunk(m *models.Model) error {
	built, err := m.Build(models.Training)
	if err != nil {
		return err
	}
	f.shapes = map[string]tensor.Shape{}
	for _, v := range built.Graph.Parameters() {
		if name, ok := strings.CutPrefix(v.Name(), "trunk/"); ok {
			f.shapes[name] = v.Parameter().Shape
		}
	}
	return nil
}

// readWeights reads the headers of the weights, and compares them with the
// configuration.
func (f *folderInspection) readWeights() {
	w, err := safetensors.OpenFolder(f.Folder)
	if err != nil {
		f.problem(err)
		return
	}
	defer w.Close()
	found := &weightsFound{Types: map[string]int{}}
	files := map[string]bool{}
	for _, name := range w.Names() {
		info, _ := w.Info(name)
		found.Tensors++
		found.Types[info.DType]++
		if n, err := info.Shape.Elements(); err == nil && info.Floats() {
			found.Parameters += int64(n)
		}
		if files[info.File] {
			continue
		}
		files[info.File] = true
		if stat, err := os.Stat(filepath.Join(f.Folder, filepath.FromSlash(info.File))); err == nil {
			found.Bytes += stat.Size()
		}
	}
	found.Files = len(files)
	f.Weights = found
	if f.shapes != nil {
		if err := f.config.Check(w, f.shapes); err != nil {
			f.problem(err)
		}
	}
}

// readTokenizer reads the tokenizer, and compares its ids with the word embeddings.
func (f *folderInspection) readTokenizer() {
	raw, err := readSome(f.Folder, pretrained.TokenizerFile)
	if errors.Is(err, fs.ErrNotExist) {
		f.problem(fmt.Errorf("%s has no %s: save the tokenizer in Python with "+
			`transformers.AutoTokenizer.from_pretrained(%q).save_pretrained(%q)`, f.Folder, pretrained.TokenizerFile, f.Folder, f.Folder))
		return
	}
	if err != nil {
		f.problem(err)
		return
	}
	padding := int64(-1)
	if f.config != nil {
		padding = f.config.Padding
	}
	v, err := text.ReadOwnIDs(raw, padding)
	if err != nil {
		f.problem(fmt.Errorf("%s: %w", filepath.Join(f.Folder, pretrained.TokenizerFile), err))
		return
	}
	var of struct{ Model struct{ Type string } }
	if err := json.Unmarshal(raw, &of); err != nil {
		f.problem(err)
	}
	f.Tokenizer = &tokenizerFound{of.Model.Type, v.Size()}
	if f.config != nil && int64(v.Size()) > f.config.Vocabulary {
		f.problem(fmt.Errorf("the tokenizer has ids to %d, but the word embeddings have %d rows (vocab_size): they are of different models", v.Size()-1, f.config.Vocabulary))
	}
}

func files(n int) string {
	if n == 1 {
		return "one file"
	}
	return fmt.Sprintf("%d files", n)
}

// mega writes bytes in millions.
func mega(bytes int64) string { return fmt.Sprintf("%.0f", float64(bytes)/1e6) }

func (f *folderInspection) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "folder\t%s\n", f.Folder)
	kind := f.Architecture
	if kind == "" {
		kind = "unknown"
	}
	fmt.Fprintf(w, "architecture\t%s, model_type %q", kind, f.ModelType)
	if len(f.Architectures) > 0 {
		fmt.Fprintf(w, ", saved from %s", strings.Join(f.Architectures, ", "))
	}
	fmt.Fprintln(w)
	if s := f.Sizes; s != nil {
		fmt.Fprintf(w, "layers\t%d of width %d, %d heads, feed-forward %d (%s)\n", s.Layers, s.Hidden, s.Heads, s.FeedForward, s.Activation)
		fmt.Fprintf(w, "reads\ttexts of up to %d tokens, %d ids, word vectors of width %d\n", s.Longest, s.Vocabulary, s.Embedding)
	}
	if s := f.Weights; s != nil {
		fmt.Fprintf(w, "weights\t%d numbers in %d tensors (%s), %s MB in %s\n", s.Parameters, s.Tensors, s.types(), mega(s.Bytes), files(s.Files))
	}
	if t := f.Tokenizer; t != nil {
		fmt.Fprintf(w, "tokenizer\t%s of %d tokens\n", t.Kind, t.Size)
	}
	if len(f.Problems) == 0 {
		fmt.Fprintf(w, "trains here\tyes, by trunk: {type: pretrained, path: %s}\n", f.Folder)
	}
	for i, p := range f.Problems {
		fmt.Fprintf(w, "%s\t%s\n", head("trains here", i), "no: "+p)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.printMemory(out)
}

func (w *weightsFound) types() string {
	names := sorted(w.Types)
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", w.Types[name], name)
	}
	return strings.Join(names, ", ")
}

func (f *folderInspection) printMemory(out io.Writer) error {
	if len(f.Memory) == 0 {
		return nil
	}
	m := f.Memory[0]
	fmt.Fprintf(out, "\nmemory of training on batches of %d texts of %d tokens, with AdamW, in MB; the program, data and validation come on top\n", m.Batch, m.Tokens)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what learns\tweights\tgradients\tmoments\tbest epoch\tbatch\tactivations\ttotal")
	for _, m := range f.Memory {
		b := m.Bytes
		fmt.Fprintln(w, strings.Join([]string{
			m.Learns, mega(b.Weights), mega(b.Gradients), mega(b.Moments), mega(b.Best), mega(b.Batch), mega(b.Activations), mega(m.Total),
		}, "\t"))
	}
	return w.Flush()
}
