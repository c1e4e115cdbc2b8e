package train

import (
	"fmt"
	"math"
	"strconv"

	"espalier/safetensors"
	"espalier/tensor"
	"espalier/train/balance"
	"espalier/train/optim"
)

// The parts of a saved state are told apart by the prefix of their names.
const (
	statePrefix = "parameter/" // the current parameters
	bestPrefix  = "best/"      // those of the best epoch
	slotPrefix  = "optimizer/" // the optimizer's moments
	meanPrefix  = "average/"   // the moving average of the parameters
	taskPrefix  = "balance/"   // what weighing tasks goes on from
)

// State returns all that a run needs to go on exactly as if it had not been
// stopped: parameters, the best epoch's parameters, the optimizer's moments
// and the counts that order, masks and schedule are drawn from. It copies
// nothing: write it before the next step.
func (t *Trainer) State() *safetensors.File {
	f := &safetensors.File{Tensors: map[string]*tensor.Tensor{}, Metadata: map[string]string{
		"format": "espalier-state-1",
		"epoch":  strconv.Itoa(t.epoch),
		"step":   strconv.Itoa(t.steps),
	}}
	for name, v := range t.arena.byName {
		f.Tensors[statePrefix+name] = v
	}
	for name, v := range t.average.values {
		f.Tensors[meanPrefix+name] = v
	}
	if t.best.values != nil {
		f.Metadata["best_epoch"] = strconv.Itoa(t.best.epoch)
		f.Metadata["best_score"] = strconv.FormatUint(math.Float64bits(t.best.score), 16)
		for name, v := range t.best.values {
			f.Tensors[bestPrefix+name] = v
		}
	}
	for name, s := range t.slots() {
		f.Tensors[slotPrefix+name] = tensor.Must(tensor.Of(s, int64(len(s))))
	}
	t.saveSampler(f)
	t.saveProgress(f)
	weighing := t.balancer.State()
	for name, v := range weighing.Float64s {
		f.Tensors[taskPrefix+name] = tensor.Must(tensor.Of(v, int64(len(v))))
	}
	for name, v := range weighing.Float32s {
		f.Tensors[taskPrefix+name] = tensor.Must(tensor.Of(v, int64(len(v))))
	}
	return f
}

// restoreBalance goes on from what State wrote.
func (t *Trainer) restoreBalance(f *safetensors.File) error {
	s := balance.State{Float64s: map[string][]float64{}, Float32s: map[string][]float32{}}
	for name, v := range underPrefix(f, taskPrefix) {
		if v.DType() == tensor.Float64 {
			s.Float64s[name] = v.Float64s()
		} else {
			s.Float32s[name] = v.Float32s()
		}
	}
	if err := t.balancer.Restore(s); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// slots lists the optimizer's moments by name.
func (t *Trainer) slots() map[string][]float32 {
	all := map[string][]float32{}
	add := func(name string, s *optim.Slots) {
		if s.First != nil {
			all[name+"/first"] = s.First
		}
		if s.Second != nil {
			all[name+"/second"] = s.Second
		}
	}
	for i, r := range t.dense {
		add(fmt.Sprintf("dense_%d", i), r.slots)
	}
	for _, s := range t.tables {
		add(s.param.Name, s.slots)
	}
	return all
}

// Resume goes on from a state that State returned for the same model and
// configuration. On an error the trainer is as it was.
func (t *Trainer) Resume(f *safetensors.File) error {
	if got := f.Metadata["format"]; got != "espalier-state-1" {
		return fmt.Errorf("train: the file is not a training state (its format is %q)", got)
	}
	epoch, err1 := strconv.Atoi(f.Metadata["epoch"])
	steps, err2 := strconv.Atoi(f.Metadata["step"])
	if err1 != nil || err2 != nil || epoch < 0 || steps < 0 {
		return fmt.Errorf("train: the state names no epoch and step")
	}
	if t.tracker == nil && f.Tensors[trackerState] != nil {
		return fmt.Errorf("train: the state is of a run whose tasks have rates, an order or ends of their own, of which this one says nothing")
	}
	slots := t.slots()
	for name, to := range slots {
		from := f.Tensors[slotPrefix+name]
		if from == nil || from.DType() != tensor.Float32 || from.Len() != len(to) {
			return fmt.Errorf("train: the state's %s%s does not fit; it is from another model or optimizer", slotPrefix, name)
		}
	}
	var top best
	if text := f.Metadata["best_epoch"]; text != "" {
		var err error
		if top, err = t.savedBest(f, text); err != nil {
			return err
		}
	}
	mean := underPrefix(f, meanPrefix)
	if t.config.Average > 0 && len(mean) > 0 {
		if err := t.fits(mean); err != nil {
			return fmt.Errorf("train: the state's average %w", err)
		}
	}
	if err := t.fits(underPrefix(f, statePrefix)); err != nil {
		return fmt.Errorf("train: the state's parameters %w", err)
	}
	if err := t.restoreSampler(f); err != nil {
		return err
	}
	if err := t.restoreProgress(f, steps); err != nil {
		return err
	}
	if err := t.restoreBalance(f); err != nil {
		return err
	}
	if err := t.arena.restore(underPrefix(f, statePrefix)); err != nil {
		return fmt.Errorf("train: the state does not fit the model: %w", err)
	}
	for name, to := range slots {
		copy(to, f.Tensors[slotPrefix+name].Float32s())
	}
	t.epoch, t.steps, t.best = epoch, steps, top
	if t.config.Average > 0 && len(mean) > 0 {
		t.average.values = mean
	}
	return nil
}

func (t *Trainer) savedBest(f *safetensors.File, epoch string) (best, error) {
	n, err1 := strconv.Atoi(epoch)
	bits, err2 := strconv.ParseUint(f.Metadata["best_score"], 16, 64)
	if err1 != nil || err2 != nil {
		return best{}, fmt.Errorf("train: the state's best epoch is damaged")
	}
	values := underPrefix(f, bestPrefix)
	if err := t.fits(values); err != nil {
		return best{}, fmt.Errorf("train: the state's best parameters %w", err)
	}
	return best{values: values, score: math.Float64frombits(bits), epoch: n}, nil
}

// fits reports parameters that are not the model's.
func (t *Trainer) fits(values map[string]*tensor.Tensor) error {
	for name, v := range t.arena.byName {
		if b := values[name]; b == nil || !b.Shape().Equal(v.Shape()) {
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
