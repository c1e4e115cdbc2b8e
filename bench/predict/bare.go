package main

import (
	"errors"

	binding "github.com/yalue/onnxruntime_go"

	"espalier/runtime/predict"
	"espalier/text"
)

// bare is what a program does that has only the binding: it splits texts, looks
// words up, makes the input, runs, and looks at nothing that comes out.
type bare struct {
	session    *binding.DynamicAdvancedSession
	tokenizer  *text.Tokenizer
	vocabulary *text.Vocabulary
	outputs    int
}

func newBare(path string, p *predict.Predictor) (*bare, error) {
	in := p.Schema().Inputs[0]
	t, err := text.NewTokenizer(in.Tokenizer, text.Options{Lowercase: in.Lowercase})
	if err != nil {
		return nil, err
	}
	o, err := binding.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer o.Destroy()
	// As our engine sets them.
	if err := errors.Join(o.SetIntraOpNumThreads(1), o.SetGraphOptimizationLevel(binding.GraphOptimizationLevelEnableAll),
		o.AddSessionConfigEntry("session.force_spinning_stop", "1")); err != nil {
		return nil, err
	}
	var outputs []string
	for _, task := range p.Schema().Tasks {
		for _, out := range task.Outputs {
			outputs = append(outputs, out.Tensor)
		}
	}
	s, err := binding.NewDynamicAdvancedSession(path, []string{in.Tensor}, outputs, o)
	if err != nil {
		return nil, err
	}
	return &bare{session: s, tokenizer: t, vocabulary: p.Vocabulary(), outputs: len(outputs)}, nil
}

func (b *bare) run(texts []string) error {
	rows := make([][]text.Token, len(texts))
	length := 1
	for i, s := range texts {
		rows[i] = b.tokenizer.Tokenize(nil, s)
		length = max(length, len(rows[i]))
	}
	ids := make([]int64, len(texts)*length)
	for i, row := range rows {
		for j, t := range row {
			ids[i*length+j] = b.vocabulary.ID(t.Text)
		}
	}
	in, err := binding.NewTensor(binding.NewShape(int64(len(texts)), int64(length)), ids)
	if err != nil {
		return err
	}
	outputs := make([]binding.Value, b.outputs)
	err = b.session.Run([]binding.Value{in}, outputs)
	err = errors.Join(err, in.Destroy())
	for _, o := range outputs {
		if o != nil {
			err = errors.Join(err, o.Destroy())
		}
	}
	return err
}

func (b *bare) close() error { return b.session.Destroy() }
