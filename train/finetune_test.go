package train_test

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"espalier/data"
	"espalier/models"
	"espalier/pretrained"
	"espalier/runtime/ort"
	"espalier/safetensors"
	"espalier/schema"
	"espalier/setting"
	"espalier/task"
	"espalier/tensor"
	"espalier/train"
)

// TestFineTuningIsThatOfPyTorch: 20 steps without dropout on each architecture, with a
// head for texts and one for tokens, have the losses and end with the parameters of the
// same training in PyTorch, by SGD and by AdamW; on texts and pairs of several lengths.
func TestFineTuningIsThatOfPyTorch(t *testing.T) {
	python := os.Getenv("ESPALIER_PYTHON_TORCH")
	if python == "" {
		t.Skip("ESPALIER_PYTHON_TORCH names no Python with transformers; `make go-test` installs one")
	}
	dir := t.TempDir()
	if out, err := exec.Command(python, "-B", "../pretrained/testdata/reference.py", dir).CombinedOutput(); err != nil {
		t.Fatalf("reference.py: %v\n%s", err, out)
	}
	e, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bert", "bert-gelu-new", "electra", "roberta", "xlm-roberta", "distilbert"} {
		content, err := os.ReadFile(filepath.Join(dir, name, "reference.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Decode(content)
		if err != nil {
			t.Fatal(err)
		}
		for _, optimizer := range []train.OptimizerConfig{
			{Type: "sgd", LR: 0.1, Dense: true}, {Type: "adamw", LR: 0.001, Dense: true},
		} {
			t.Run(name+" "+optimizer.Type, func(t *testing.T) {
				finetune(t, e, filepath.Join(dir, name), optimizer, f.Tensors)
			})
		}
	}
}

func finetune(t *testing.T, e *ort.Engine, folder string, optimizer train.OptimizerConfig, want map[string]*tensor.Tensor) {
	c, err := pretrained.ReadConfig(folder)
	if err != nil {
		t.Fatal(err)
	}
	s := &schema.Schema{
		Version: schema.VersionOwnIDs, Name: "finetune",
		Inputs: []schema.Input{{
			Name: "text", Type: schema.Text, Tensor: models.IDs, Tokenizer: "subword", VocabularySize: int(c.Vocabulary),
			OwnIDs: true, Padding: c.Padding, TokenTypes: schema.TokenTypes,
		}},
		Tasks: []schema.Task{
			{Name: "class", Type: schema.Classification, Labels: []string{"a", "b", "c"}},
			{Name: "tags", Type: schema.Tagging, Labels: []string{"a", "b", "c", "d"}},
		},
	}
	trunk := models.TrunkConfig{
		Type: models.PretrainedTrunk, Path: folder, Pretrained: c,
		Options: setting.Values{"dropout": 0.0, "attention_dropout": 0.0},
	}
	m, err := models.NewText(s, models.Config{Trunk: trunk})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := train.New(m, e, train.Config{Batch: 5, Threads: 1, Optimizer: optimizer})
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	start(t, tr, c, folder, want)

	shape := want["train/ids"].Shape()
	steps, rows, length := int(shape[0]), int(shape[1]), int(shape[2])
	for step := range steps {
		b := &data.Batch{Counts: []int{rows, 0}}
		b.SetSize(task.Examples, rows)
		b.SetSize(task.Sequence, length)
		for name, from := range map[string]string{
			schema.IDs: "train/ids", schema.TokenTypes: "train/token_types", task.LabelsInput("class"): "train/class", task.LabelsInput("tags"): "train/tags",
		} {
			all := want[from].Int64s()
			n := len(all) / steps
			list := tensor.Fill(&b.Batch, name, int64(0), map[bool][]int{true: {rows, length}, false: {rows}}[n > rows]...)
			copy(list, all[step*n:])
			if from == "train/tags" {
				for _, x := range list {
					if x >= 0 {
						b.Counts[1]++
					}
				}
			}
		}
		losses, err := tr.Step(context.Background(), b)
		if err != nil {
			t.Fatal(err)
		}
		got, expected := float64(losses[0])+float64(losses[1]), float64(want[optimizer.Type+"/losses"].Float32s()[step])
		if !(math.Abs(got-expected) <= 1e-3*expected) {
			t.Fatalf("step %d: the loss is %v, PyTorch's %v", step, got, expected)
		}
	}
	ends(t, tr, c, optimizer.Type, want)
}

// start gives the trainer the folder's weights and the heads of the reference.
func start(t *testing.T, tr *train.Trainer, c *pretrained.Config, folder string, want map[string]*tensor.Tensor) {
	t.Helper()
	w, err := safetensors.OpenFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	trunk := map[string]*tensor.Tensor{}
	for name, v := range tr.Parameters() {
		if rest, ok := strings.CutPrefix(name, "trunk/"); ok {
			trunk[rest] = v
		}
	}
	if _, err := c.Fill(w, trunk); err != nil {
		t.Fatal(err)
	}
	for name, v := range tr.Parameters() {
		if strings.HasPrefix(name, "head/") {
			copy(v.Float32s(), headIn(name, want, ""))
		}
	}
}

// headIn is a parameter of a head in the reference, where weights are [out, in].
func headIn(name string, want map[string]*tensor.Tensor, prefix string) []float32 {
	parts := strings.Split(name, "/")
	of := want[prefix+"head/"+parts[1]+"/"+parts[len(parts)-1]]
	if of.Rank() == 1 {
		return of.Float32s()
	}
	out, in := int(of.Shape()[0]), int(of.Shape()[1])
	turned := make([]float32, out*in)
	for o := range out {
		for i := range in {
			turned[i*out+o] = of.Float32s()[o*in+i]
		}
	}
	return turned
}

// checkpoint gives tensors of the reference as a folder would.
type checkpoint struct {
	tensors map[string]*tensor.Tensor
	prefix  string
}

func (c checkpoint) Info(name string) (safetensors.Info, bool) {
	of := c.tensors[c.prefix+name]
	if of == nil {
		return safetensors.Info{}, false
	}
	return safetensors.Info{DType: "F32", Shape: of.Shape()}, true
}

func (c checkpoint) Read(name string, dst []float32) error {
	copy(dst, c.tensors[c.prefix+name].Float32s())
	return nil
}

// ends compares the parameters after the last step. Keys' biases change nothing that is
// computed: AdamW makes whole steps of their rounding errors.
func ends(t *testing.T, tr *train.Trainer, c *pretrained.Config, optimizer string, want map[string]*tensor.Tensor) {
	t.Helper()
	got, expected := map[string]*tensor.Tensor{}, map[string]*tensor.Tensor{}
	for name, v := range tr.Parameters() {
		if rest, ok := strings.CutPrefix(name, "trunk/"); ok {
			got[rest], expected[rest] = v, v.Clone()
		}
	}
	if _, err := c.Fill(checkpoint{want, optimizer + "/"}, expected); err != nil {
		t.Fatal(err)
	}
	for name, v := range tr.Parameters() {
		if strings.HasPrefix(name, "head/") {
			of := headIn(name, want, optimizer+"/")
			got[name], expected[name] = v, tensor.Must(tensor.Of(of, v.Shape()...))
		}
	}
	for name, v := range got {
		largest, off := 0.0, 0.0
		width := int(c.Hidden)
		keys := strings.HasSuffix(name, "attention/in/bias")
		for i, x := range expected[name].Float32s() {
			if keys && i/width == 1 {
				continue
			}
			largest = max(largest, math.Abs(float64(x)))
			off = max(off, math.Abs(float64(x-v.Float32s()[i])))
		}
		if !(off <= 1e-3*largest) {
			t.Errorf("%s differs by %.2g, its largest number is %.2g", name, off, largest)
		}
	}
}
