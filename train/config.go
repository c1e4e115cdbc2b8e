package train

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"espalier/schema"
	"espalier/setting"
	"espalier/task"
	"espalier/train/optim"
	"espalier/train/progress"
	"espalier/train/sample"
	"espalier/train/threshold"
)

// Config says how to train. Zero fields take the defaults that [Options] and package
// optim declare.
type Config struct {
	Epochs     int `key:"epochs"`      // passes over the training data
	EpochSteps int `key:"epoch_steps"` // steps of an epoch, in place of one pass; 0: one pass
	Batch      int `key:"batch"`       // examples a step
	MaxTokens  int `key:"max_tokens"`  // most tokens a step, padding included; 0: no limit
	// Accumulate is how many batches make one step: their gradients are added up, and the
	// losses are means over the labels of all of them.
	Accumulate int    `key:"accumulate"`
	Seed       uint64 // of parameters, order and masks
	// Optimizer is sgd, adam (the default) or adamw.
	Optimizer OptimizerConfig
	// Schedule says how the learning rate moves over the steps of a run.
	Schedule ScheduleConfig
	// Tasks says how fast single tasks learn, and when they are done.
	Tasks map[string]TaskConfig
	// Trunk is the rate of what tasks share. A plateau looks at what epochs are
	// judged by.
	Trunk RateConfig
	// LayerDecay multiplies the rate of each layer of the trunk by its power of how many
	// layers lie above, and that of the embeddings by that of all (Howard and Ruder
	// 2018; Sun et al. 2019); 0 is 1.
	LayerDecay float64
	// Unfreeze trains in the first epoch only what is above the trunk's layers, and then
	// every so many epochs one more layer from the top, the embeddings last (Howard and
	// Ruder 2018); 0: all from the first epoch on.
	Unfreeze int
	// Priorities is the order in which tasks begin.
	Priorities progress.Order
	// Shares caps how much of an epoch tasks take.
	Shares progress.Shares
	// ClipNorm limits the global norm of all gradients; 0: no limit.
	ClipNorm float64
	// Sampling says which task each step trains; without a method every step
	// takes examples as they come, with all their labels.
	Sampling sample.Config
	// Balance says how tasks are weighed against each other.
	Balance BalanceConfig
	// Weights are the factors of the tasks' losses where Balance does nothing
	// else; a task that is not named has 1.
	Weights map[string]float64
	// WordDropout is the share of tokens that a training step reads as
	// unknown.
	WordDropout float64
	// RareWordDropout is the alpha by which a training step reads a word that
	// stands n times in the training data as unknown with a probability of
	// alpha/(alpha+n) (Kiperwasser and Goldberg 2016); 0: none.
	RareWordDropout float64
	// Average is the decay per step of a moving average of the parameters,
	// such as 0.999, which is what is validated and kept; 0: none.
	Average float64
	// Patience is how many epochs may pass without a better validation score
	// before training stops; 0: all epochs run.
	Patience int
	// Metrics names the metric that each task is judged by; a task that is not
	// named has its type's main metric.
	Metrics map[string]string
	// Select says by what epochs are judged; the mean of the tasks' scores.
	Select Selection
	// MoreMetrics names metrics of each task that are measured beside those of
	// its type.
	MoreMetrics map[string][]string
	// Thresholds says how the thresholds of multi-label tasks and relations are
	// chosen; a task that is not named has the defaults.
	Thresholds map[string]threshold.Config
	// Recompute keeps of each layer of the trunk only what it reads, and computes the
	// rest again for the backward pass: less memory for more time. The numbers are the
	// same.
	Recompute bool `key:"recompute"`
	// Scratch is the folder for what is kept of examples in a file, which is removed when
	// the trainer is closed; "": the system's for temporary files.
	Scratch string
	// Threads is what the engine may use; 0: all cores.
	Threads int
	// Profile is a file prefix: an engine that can writes there, when the
	// trainer is closed, how long each operator of the steps took; with -back
	// behind it those of the backward program where gradients are computed task by task.
	Profile string
}

// OptimizerConfig names an optimizer and its constants. Zero fields take the
// optimizer's usual defaults.
type OptimizerConfig struct {
	Type        string  `key:"type"`
	LR          float64 `key:"lr"`
	Beta1       float64 `key:"beta1"`
	Beta2       float64 `key:"beta2"`
	Epsilon     float64 `key:"eps"`
	Momentum    float64 `key:"momentum"`
	Nesterov    bool    `key:"nesterov"`
	WeightDecay float64 `key:"weight_decay"`
	// Dense updates every row of an embedding table at every step, by the
	// textbook rule. The default updates the rows that the batch touches, and
	// the moments of the others rest (as PyTorch's SparseAdam).
	Dense bool `key:"dense"`
}

// TaskConfig says how a task learns.
type TaskConfig struct {
	// Rate is that of what belongs to the task alone. A plateau looks at the
	// task's own metric.
	Rate RateConfig
	// Stop says when the task is done; without patience it never is.
	Stop progress.Stop
}

// RateConfig is the learning rate of a part of the model.
type RateConfig struct {
	// Frozen keeps the part as it starts: the trunk, or a task's own part, whose labels
	// then do not count and need not be there.
	Frozen bool
	LR     float64 // the factor of the optimizer's; 1
	// Schedule replaces Config.Schedule where it has a type. It begins with the
	// first step that the part learns in.
	Schedule ScheduleConfig
}

// ScheduleConfig names a learning-rate schedule: constant, linear, cosine,
// inverse_sqrt, step or plateau.
type ScheduleConfig struct {
	Type string `key:"type"`
	// Warmup is how many steps the rate takes to rise from 0; below 1, what share of
	// all steps.
	Warmup float64
	// Final is the share of the rate that is left at the end of linear and
	// cosine.
	Final float64
	// Every and Factor are step's: the rate is multiplied by Factor after
	// every Every epochs.
	Every  int
	Factor float64
	// Patience, Min and Threshold are plateau's, and Factor is, too; see
	// [progress.Plateau].
	Patience       int
	Min, Threshold float64
}

// withDefaults gives fields that are zero their defaults; check reports what cannot be.
func (c Config) withDefaults() Config {
	complete := func(to any, options ...setting.Option) {
		for _, o := range options { // one by one: a value that cannot be stops none
			_, _ = setting.Binding{Options: []setting.Option{o}}.Complete(to)
		}
	}
	complete(&c, Options()...)
	complete(&c.Optimizer, optim.Options()...)
	complete(&c.Schedule, optim.ScheduleChoice())
	return c
}

// check reports the first setting that cannot be.
func (c Config) check(tasks []string) error {
	for _, f := range []struct {
		name     string
		value    float64
		min, max float64
	}{
		{"epochs", float64(c.Epochs), 1, math.MaxInt32},
		{"epoch_steps", float64(c.EpochSteps), 0, math.MaxInt32},
		{"batch", float64(c.Batch), 1, math.MaxInt32},
		{"accumulate", float64(c.Accumulate), 1, math.MaxInt32},
		{"max_tokens", float64(c.MaxTokens), 0, math.MaxInt32},
		{"optimizer.lr", c.Optimizer.LR, 0, math.MaxFloat32},
		{"optimizer.weight_decay", c.Optimizer.WeightDecay, 0, math.MaxFloat32},
		{"clip_norm", c.ClipNorm, 0, math.MaxFloat32},
		{"word_dropout", c.WordDropout, 0, 0.999},
		{"rare_word_dropout", c.RareWordDropout, 0, math.MaxFloat32},
		{"average", c.Average, 0, 0.999999},
		{"trunk.layer_decay", c.LayerDecay, 0, 1},
		{"trunk.unfreeze", float64(c.Unfreeze), 0, math.MaxInt32},
		{"patience", float64(c.Patience), 0, math.MaxInt32},
	} {
		if !(f.value >= f.min && f.value <= f.max) {
			return fmt.Errorf("train: %s is %v, it must be between %v and %v", f.name, f.value, f.min, f.max)
		}
	}
	if c.EpochSteps > 0 && c.Sampling.Method != "" {
		return fmt.Errorf("train: epoch_steps and sampling both lay out an epoch; leave one of them out")
	}
	known := map[string]bool{}
	for _, t := range tasks {
		known[t] = true
	}
	for name, w := range c.Weights {
		if !known[name] {
			return fmt.Errorf("train: a weight is given for task %q; the model has %v", name, tasks)
		}
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("train: the weight of task %q is %v, it must be a number of at least 0", name, w)
		}
	}
	for name := range c.Metrics {
		if !known[name] {
			return fmt.Errorf("train: a metric is given for task %q; the model has %v", name, tasks)
		}
	}
	if err := c.Select.check(tasks); err != nil {
		return err
	}
	return c.checkRates(tasks)
}

// checkThresholds reports the first way of choosing thresholds that cannot be.
func (c *Config) checkThresholds(s *schema.Schema) error {
	for _, name := range slices.Sorted(maps.Keys(c.Thresholds)) {
		of, how := s.Task(name), c.Thresholds[name]
		if of == nil {
			return fmt.Errorf("train: thresholds are chosen for task %q; the model has %v", name, s.TaskNames())
		}
		metrics := task.Of(of.Type).ThresholdMetrics()
		switch {
		case metrics == nil:
			return fmt.Errorf("train: task %q is %s, which has no thresholds", name, of.Type)
		case how.Tune != "" && !slices.Contains(threshold.Ways(), how.Tune):
			return fmt.Errorf("train: the thresholds of task %q are chosen by %q; choose one of %s", name, how.Tune, strings.Join(threshold.Ways(), ", "))
		case how.Metric != "" && !slices.Contains(metrics, how.Metric):
			return fmt.Errorf("train: the thresholds of task %q are tuned for %q; choose one of %s", name, how.Metric, strings.Join(metrics, ", "))
		}
	}
	return nil
}
