package step_test

import (
	"errors"
	"testing"

	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/train/optim"
	"espalier/train/progress"
	"espalier/train/step"
)

// failing is an engine that opens nothing while err is set.
type failing struct {
	runtime.Engine
	err error
}

func (f *failing) Open(model []byte, o runtime.Options) (runtime.Session, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Engine.Open(model, o)
}

// TestStatesThatCannotBeSet: a step whose engine cannot open what dropping a task needs
// goes on as before, and opens it when the engine can.
func TestStatesThatCannotBeSet(t *testing.T) {
	m, _ := demoData(t)
	e := &failing{Engine: gonum.New()}
	s, err := step.New(m, e, step.Config{Plain: true, Grouped: true, Optimizer: optim.Config{Type: "sgd"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	states := make([]progress.State, len(m.Schema().Tasks))
	states[0] = progress.Dropped
	e.err = errors.New("no memory")
	for range 2 {
		if err := s.SetStates(states); !errors.Is(err, e.err) || !s.Plain() {
			t.Fatalf("%v, and the step is plain: %v", err, s.Plain())
		}
	}
	e.err = nil
	if err := s.SetStates(states); err != nil || s.Plain() {
		t.Fatalf("%v, and the step is plain: %v", err, s.Plain())
	}
}
