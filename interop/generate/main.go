// Command generate writes small exported models for the interoperability
// tests: one folder per trunk and structure, per tokenizer and for a table. The
// file matrix.json names them all, with the answers that Go gives through ONNX
// Runtime for batches and lengths of every kind.
package main

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"espalier/export"
	"espalier/models"
	"espalier/runtime"
	"espalier/runtime/ort"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

func main() {
	out := flag.String("out", "", "folder to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// longest is the longest sequence of the cases.
const longest = 24

func run(out string) error {
	if out == "" {
		return fmt.Errorf("generate: -out names no folder")
	}
	e, err := ort.Open(ort.Config{})
	if err != nil {
		return err
	}
	x := &matrix{engine: e, out: out}
	for _, name := range slices.Sorted(maps.Keys(trunks)) {
		if err := write(x, name, trunks[name], models.SharingConfig{}); err != nil {
			return fmt.Errorf("generate: %s: %w", name, err)
		}
	}
	for _, c := range structures {
		if err := write(x, c.Method, trunks["cnn"], c); err != nil {
			return fmt.Errorf("generate: %s: %w", c.Method, err)
		}
	}
	if err := writeTexts(x); err != nil {
		return err
	}
	if err := writeSubwords(e, filepath.Join(out, "subword")); err != nil {
		return fmt.Errorf("generate: subword: %w", err)
	}
	if err := writeTable(x); err != nil {
		return fmt.Errorf("generate: table: %w", err)
	}
	if err := writeTimes(x); err != nil {
		return fmt.Errorf("generate: times: %w", err)
	}
	return x.write()
}

func write(x *matrix, name string, trunk models.TrunkConfig, sharing models.SharingConfig) error {
	counter := text.NewCounter()
	for i := range 60 {
		counter.Add(fmt.Sprintf("word%d", i))
	}
	words := counter.Build(1, 0)
	m, err := models.NewText(description(words.Size(), trunk), models.Config{Trunk: trunk, Sharing: sharing, Heads: heads})
	if err != nil {
		return err
	}
	values, err := parameters(m)
	if err != nil {
		return err
	}
	o := export.Options{Training: map[string]string{"recipe": "interop"}}
	return x.add(name, "model", m, values, words, o, calls(m.Schema()))
}

// parameters returns values of a model's parameters that no training found.
func parameters(m *models.Model) (map[string]*tensor.Tensor, error) {
	built, err := m.Build(models.Inference)
	if err != nil {
		return nil, err
	}
	values := map[string]*tensor.Tensor{}
	for _, v := range built.Graph.Parameters() {
		p := v.Parameter()
		data := make([]float32, p.Size())
		p.Fill(data, 7)
		// Biases and norms start as zeros and ones, which would hide mistakes.
		r := rand.New(rand.NewPCG(7, uint64(len(p.Name))))
		for i := range data {
			data[i] += float32(r.NormFloat64() * 0.1)
		}
		if values[p.Name], err = tensor.Of(data, p.Shape...); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// calls are batches and lengths of every kind.
func calls(s *schema.Schema) (all [][]runtime.Named) {
	for _, batch := range []int{0, 1, 3} {
		for _, length := range []int{1, 7, longest} {
			all = append(all, tokens(s, batch, length))
		}
	}
	return all
}

func tokens(s *schema.Schema, batch, length int) []runtime.Named {
	r := rand.New(rand.NewPCG(uint64(batch), uint64(length)))
	ids := make([]int64, batch*length)
	for row := range batch {
		// The last row is all padding where there are several.
		for j := range length - row*length/2 {
			ids[row*length+j] = 1 + r.Int64N(int64(s.Inputs[0].VocabularySize-1))
		}
	}
	in := []runtime.Named{{Name: models.IDs, Tensor: tensor.Must(tensor.Of(ids, int64(batch), int64(length)))}}
	if ch := s.Inputs[0].Characters; ch != nil {
		in = append(in, runtime.Named{Name: ch.Tensor, Tensor: spelling(r, ch, ids, batch, length)})
	}
	return in
}

// spelling draws the characters of words, of one to as many as are read; of a
// text alone as many as are read, so that nothing is padding.
func spelling(r *rand.Rand, ch *schema.Characters, ids []int64, batch, length int) *tensor.Tensor {
	width := ch.MaxLength
	characters := make([]int64, len(ids)*width)
	for i, id := range ids {
		if id == text.Padding {
			continue
		}
		n := width
		if batch > 1 {
			n = 1 + r.IntN(width)
		}
		for j := range n {
			characters[i*width+j] = 1 + r.Int64N(int64(ch.Size()-1))
		}
	}
	return tensor.Must(tensor.Of(characters, int64(batch), int64(length), int64(width)))
}
