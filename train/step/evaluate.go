package step

import (
	"context"
	"errors"

	"espalier/runtime"
	"espalier/schema"
	"espalier/tensor"
)

// Evaluate computes the losses and the predictions of a batch, of which it makes no
// draws. The losses, one a task, are valid until the next call; [Step.Predictions] has
// the rest.
func (s *Step) Evaluate(ctx context.Context, in Input) (losses []float32, err error) {
	if err := s.complete(ctx, &in); err != nil {
		return nil, err
	}
	in.Draws = nil
	err = s.evaluation.run(ctx, &in)
	return s.evaluation.losses, err
}

// Predictions returns the outputs of the last Evaluate by name, valid until the next.
func (s *Step) Predictions() (map[string]*tensor.Tensor, error) {
	outputs := map[string]*tensor.Tensor{}
	for _, name := range answerNames(s.model.Schema().Tasks) {
		out, err := s.evaluation.binding.Output(name)
		if err != nil {
			return nil, err
		}
		outputs[name] = out
	}
	return outputs, nil
}

// Predict computes all tasks' outputs for the model's inputs, by name, by the graph
// that evaluation measures. The first call opens a session for it, which Close closes.
func (s *Step) Predict(ctx context.Context, in []runtime.Named) ([]runtime.Named, error) {
	if s.inference == nil {
		if err := s.openInference(); err != nil {
			return nil, err
		}
	}
	r := s.inference
	b, err := r.program.batchOf(in)
	if err != nil {
		return nil, err
	}
	if err := r.run(ctx, &Input{Batch: b}); err != nil {
		return nil, err
	}
	var out []runtime.Named
	for _, name := range answerNames(s.model.Schema().Tasks) {
		answer, err := r.binding.Output(name)
		if err != nil {
			return nil, err
		}
		out = append(out, runtime.Named{Name: name, Tensor: answer.Clone()})
	}
	return out, nil
}

// openInference opens the program of the outputs alone.
func (s *Step) openInference() error {
	p, err := compileAnswers(s.model)
	if err != nil {
		return err
	}
	if err := p.open(s.engine, s.options()); err != nil {
		return err
	}
	tasks := s.model.Schema().Tasks
	r, err := newRunner(p, s.params, tasks, ends{answers: answerNames(tasks)})
	if err != nil {
		return errors.Join(err, p.session.Close())
	}
	s.inference = r
	return nil
}

func answerNames(tasks []schema.Task) []string {
	var names []string
	for _, t := range tasks {
		for _, o := range t.Outputs {
			names = append(names, o.Tensor)
		}
	}
	return names
}
