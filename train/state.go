package train

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"

	"espalier/safetensors"
	"espalier/tensor"
	"espalier/train/balance"
	"espalier/train/step"
)

// The parts of a saved state are told apart by the prefix of their names.
const (
	statePrefix = "parameter/" // the current parameters
	bestPrefix  = "best/"      // those of the best epoch
	slotPrefix  = "optimizer/" // the optimizer's moments, by parameter
	meanPrefix  = "average/"   // the moving average of the parameters
	taskPrefix  = "balance/"   // what weighing tasks goes on from
)

// stepsState holds how many steps each block of parameters was updated in.
const stepsState = "steps"

// The format of a state. Its first one kept moments by place and counted the
// steps of all parameters as one.
const (
	stateFormat = "espalier-state-2"
	firstFormat = "espalier-state-1"
)

// State returns all that a run needs to go on exactly as if it had not been
// stopped: parameters, the best epoch's parameters, the optimizer's moments
// and the counts that order, masks and schedule are drawn from. It copies
// nothing: write it before the next step.
func (t *Trainer) State() *safetensors.File {
	f := &safetensors.File{Tensors: map[string]*tensor.Tensor{}, Metadata: map[string]string{
		"format": stateFormat,
		"epoch":  strconv.Itoa(t.epoch),
		"step":   strconv.Itoa(t.steps),
	}}
	for name, v := range t.Parameters() {
		f.Tensors[statePrefix+name] = v
	}
	// Frozen parameters are the same in all three.
	for name, v := range t.average.values {
		if !t.step.Parameters().Frozen(name) {
			f.Tensors[meanPrefix+name] = v
		}
	}
	if t.chooser.best.values != nil {
		f.Metadata["best_epoch"] = strconv.Itoa(t.chooser.best.epoch)
		f.Metadata["best_score"] = strconv.FormatUint(math.Float64bits(t.chooser.best.score), 16)
		f.Metadata["best_tasks"] = strconv.Itoa(t.chooser.best.tasks)
		f.Metadata["best_without"] = strconv.Itoa(t.chooser.best.without)
		for name, v := range t.chooser.best.values {
			if !t.step.Parameters().Frozen(name) {
				f.Tensors[bestPrefix+name] = v
			}
		}
	}
	for name, s := range t.step.Moments() {
		f.Tensors[slotPrefix+name] = tensor.Must(tensor.Of(s, int64(len(s))))
	}
	counts := t.step.Updates()
	f.Tensors[stepsState] = tensor.Must(tensor.Of(counts, int64(len(counts))))
	t.planner.save(f)
	saveProgress(f, t.tracker, t.rates)
	weighing := t.balancing.State()
	for name, v := range weighing.Float64s {
		f.Tensors[taskPrefix+name] = tensor.Must(tensor.Of(v, int64(len(v))))
	}
	for name, v := range weighing.Float32s {
		f.Tensors[taskPrefix+name] = tensor.Must(tensor.Of(v, int64(len(v))))
	}
	return f
}

// restoreBalance goes on from what State wrote.
func restoreBalance(f *safetensors.File, b *balance.Balancer) error {
	s := balance.State{Float64s: map[string][]float64{}, Float32s: map[string][]float32{}}
	for name, v := range underPrefix(f, taskPrefix) {
		if v.DType() == tensor.Float64 {
			s.Float64s[name] = v.Float64s()
		} else {
			s.Float32s[name] = v.Float32s()
		}
	}
	if err := b.Restore(s); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// savedSteps reads how many steps the blocks were updated in.
func savedSteps(f *safetensors.File, blocks, steps int) ([]int64, error) {
	v := f.Tensors[stepsState]
	if v == nil || v.DType() != tensor.Int64 || v.Len() != blocks {
		return nil, fmt.Errorf("train: the state's %s do not fit; it is from another model or other settings of tasks", stepsState)
	}
	for _, n := range v.Int64s() {
		if n < 0 || n > int64(steps) {
			return nil, fmt.Errorf("train: the state says that parameters were updated in %d of %d steps", n, steps)
		}
	}
	return v.Int64s(), nil
}

// Resume goes on from a state that State returned for the same model and
// configuration. After an error the trainer may hold a part of the state: make
// another.
func (t *Trainer) Resume(f *safetensors.File) error {
	saved, err := t.checkState(f)
	if err != nil {
		return err
	}
	if err := t.planner.restore(f); err != nil {
		return err
	}
	if err := restoreProgress(f, t.tracker, t.rates, saved.steps); err != nil {
		return err
	}
	if t.tracker != nil {
		if err := t.enter(t.tracker.States()); err != nil {
			return err
		}
	}
	if err := restoreBalance(f, t.balancing.Balancer); err != nil {
		return err
	}
	if err := t.SetParameters(underPrefix(f, statePrefix)); err != nil {
		return fmt.Errorf("train: the state does not fit the model: %w", err)
	}
	for name, to := range t.step.Moments() {
		copy(to, f.Tensors[slotPrefix+name].Float32s())
	}
	t.step.SetUpdates(saved.updates)
	t.epoch, t.steps, t.chooser.best = saved.epoch, saved.steps, saved.best
	if saved.average != nil {
		t.average.values = saved.average
	}
	return nil
}

// saved is what a state says that fits a trainer.
type saved struct {
	epoch, steps int
	updates      []int64 // by block of parameters
	best         best
	average      map[string]*tensor.Tensor // nil for none
}

// checkState reports a state of another format, model or optimizer, and reads the
// counts and the parameters of one that fits.
func (t *Trainer) checkState(f *safetensors.File) (s saved, err error) {
	switch got := f.Metadata["format"]; got {
	case stateFormat:
	case firstFormat:
		return s, fmt.Errorf("train: the state is of an earlier version, in format %s, and this version reads %s: finish the run with the version that began it, or train anew in another directory", got, stateFormat)
	default:
		return s, fmt.Errorf("train: the file is not a training state (its format is %q)", got)
	}
	var err1, err2 error
	s.epoch, err1 = strconv.Atoi(f.Metadata["epoch"])
	s.steps, err2 = strconv.Atoi(f.Metadata["step"])
	if err1 != nil || err2 != nil || s.epoch < 0 || s.steps < 0 {
		return s, fmt.Errorf("train: the state names no epoch and step")
	}
	if t.tracker == nil && f.Tensors[trackerState] != nil {
		return s, fmt.Errorf("train: the state is of a run whose tasks have rates, an order or ends of their own, of which this one says nothing")
	}
	if s.updates, err = savedSteps(f, len(t.step.Updates()), s.steps); err != nil {
		return s, err
	}
	for name, to := range t.step.Moments() {
		from := f.Tensors[slotPrefix+name]
		if from == nil || from.DType() != tensor.Float32 || from.Len() != len(to) {
			return s, fmt.Errorf("train: the state's %s%s does not fit; it is from another model or optimizer", slotPrefix, name)
		}
	}
	if text := f.Metadata["best_epoch"]; text != "" {
		if s.best, err = savedBest(f, text, t.step.Parameters()); err != nil {
			return s, err
		}
	}
	if mean := underPrefix(f, meanPrefix); t.config.Average > 0 && len(mean) > 0 {
		withFrozen(mean, t.step.Parameters())
		if err := fits(mean, t.Parameters()); err != nil {
			return s, fmt.Errorf("train: the state's averaged parameters %w", err)
		}
		s.average = mean
	}
	if err := fits(underPrefix(f, statePrefix), t.Parameters()); err != nil {
		return s, fmt.Errorf("train: the state's parameters %w", err)
	}
	return s, nil
}

// savedBest reads the best epoch. A state from before scores were free of scale
// does not say how many tasks its score is made of; it can be held against no
// other, and the next epoch with a score takes its place.
func savedBest(f *safetensors.File, epoch string, parameters *step.Parameters) (best, error) {
	n, err1 := strconv.Atoi(epoch)
	bits, err2 := strconv.ParseUint(f.Metadata["best_score"], 16, 64)
	tasks, err3 := strconv.Atoi(cmp.Or(f.Metadata["best_tasks"], "0"))
	without, err4 := strconv.Atoi(cmp.Or(f.Metadata["best_without"], "0"))
	if err := errors.Join(err1, err2, err3, err4); err != nil || tasks < 0 || without < 0 {
		return best{}, fmt.Errorf("train: the state's best epoch is damaged")
	}
	values := underPrefix(f, bestPrefix)
	withFrozen(values, parameters)
	if err := fits(values, parameters.ByName()); err != nil {
		return best{}, fmt.Errorf("train: the state's best parameters %w", err)
	}
	return best{values: values, score: math.Float64frombits(bits), epoch: n, tasks: tasks, without: without}, nil
}

// withFrozen adds the frozen parameters, which a state has once, to a set of others.
func withFrozen(values map[string]*tensor.Tensor, p *step.Parameters) {
	for name, v := range p.ByName() {
		if p.Frozen(name) {
			values[name] = v
		}
	}
}

// fits reports parameters that are not the model's.
func fits(values, parameters map[string]*tensor.Tensor) error {
	for name, v := range parameters {
		if b := values[name]; b == nil || b.DType() != v.DType() && b.DType() != tensor.Float32 || !b.Shape().Equal(v.Shape()) {
			return fmt.Errorf("do not fit the model at %q", name)
		}
	}
	return nil
}

func underPrefix(f *safetensors.File, prefix string) map[string]*tensor.Tensor {
	values := map[string]*tensor.Tensor{}
	for name, v := range f.Tensors {
		if len(name) > len(prefix) && name[:len(prefix)] == prefix {
			values[name[len(prefix):]] = v
		}
	}
	return values
}
