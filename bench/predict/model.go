package main

import (
	"bufio"
	"fmt"
	"strings"

	"espalier/examples/demo"
	"espalier/export"
	"espalier/models"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// sentences are those of the demonstration's training set.
func sentences() ([]string, error) {
	f, err := demo.Files.Open("train.conll")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var texts, words []string
	for in := bufio.NewScanner(f); in.Scan(); {
		word, _, ok := strings.Cut(in.Text(), "\t")
		switch {
		case ok:
			words = append(words, strings.ToLower(word))
		case len(words) > 0:
			texts = append(texts, strings.Join(words, " "))
			words = nil
		}
	}
	return texts, nil
}

type model struct {
	model      *models.Model
	values     map[string]*tensor.Tensor
	vocabulary *text.Vocabulary
}

// newModel is a model of SNIPS's size with random parameters: "cnn" is the trunk
// of examples/snips.yaml, "bag" word vectors and their mean; heads of 7 and 2
// labels, and of 72 tags.
func newModel(kind string, texts []string) (*model, error) {
	counter := text.NewCounter()
	for _, s := range texts {
		for _, w := range strings.Fields(s) {
			counter.Add(w)
		}
	}
	for i := range 11000 {
		counter.Add(fmt.Sprint("word", i))
	}
	labels := func(n int) []string {
		out := []string{"O"}
		for i := range n - 1 {
			out = append(out, fmt.Sprint("B-", i))
		}
		return out
	}
	m := &model{vocabulary: counter.Build(1, 0), values: map[string]*tensor.Tensor{}}
	trunk := models.TrunkConfig{Type: kind, Embedding: 128}
	if kind == "cnn" {
		trunk.Hidden, trunk.Layers, trunk.Kernel = 256, 3, 5
	}
	var err error
	m.model, err = models.NewText(&schema.Schema{
		Version: schema.Version, Name: "bench",
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: models.IDs, Tokenizer: "whitespace", Lowercase: true, VocabularySize: m.vocabulary.Size()}},
		Tasks: []schema.Task{
			{Name: "intent", Type: schema.Classification, Labels: labels(7)},
			{Name: "mood", Type: schema.Classification, Labels: labels(2)},
			{Name: "slots", Type: schema.Tagging, Scheme: "bio", Labels: labels(72)},
		},
	}, models.Config{Trunk: trunk})
	if err != nil {
		return nil, err
	}
	built, err := m.model.Build(models.Inference)
	if err != nil {
		return nil, err
	}
	for _, v := range built.Graph.Parameters() {
		p := v.Parameter()
		data := make([]float32, p.Size())
		p.Fill(data, 1)
		if m.values[p.Name], err = tensor.Of(data, p.Shape...); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *model) write(path string, heads []string) error {
	file, err := export.Model(m.model, m.values, m.vocabulary, export.Options{Heads: heads})
	if err != nil {
		return err
	}
	return export.Write(path, file)
}
