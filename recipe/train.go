package recipe

import (
	"maps"
	"slices"
	"strings"

	"espalier/internal/nearest"
	"espalier/setting"
	"espalier/train/balance"
	"espalier/train/sample"
)

// Train says how to train.
type Train struct {
	// Epochs is how often the training data is gone through; 10.
	Epochs int `key:"epochs"`
	// EpochSteps is how many steps an epoch has before the model is validated; 0,
	// one pass over the training data. Passes follow one another, each in an order
	// of its own.
	EpochSteps int `key:"epoch_steps,omitempty"`
	// Batch is the most examples in a batch; 32.
	Batch int `key:"batch"`
	// MaxTokens is the most tokens in a batch, padding included; 0, no limit.
	MaxTokens int `key:"max_tokens"`
	// Accumulate is how many batches make one step; 1.
	Accumulate int `key:"accumulate"`
	// Seed decides everything that is drawn by chance; 1.
	Seed int `key:"seed"`
	// Optimizer turns gradients into steps.
	Optimizer Optimizer `key:"optimizer"`
	// ClipNorm limits the norm of all gradients together; 0, no limit.
	ClipNorm float64 `key:"clip_norm"`
	// Schedule moves the learning rate. A plateau is each task's by its own
	// metric, and the trunk's by what select says.
	Schedule Schedule `key:"schedule"`
	// Trunk is the learning rate of what tasks share.
	Trunk Rate `key:"trunk,omitempty"`
	// Priorities is the order in which tasks begin.
	Priorities Priorities `key:"priorities,omitempty"`
	// Shares caps how much of training single tasks take.
	Shares Shares `key:"shares,omitempty"`
	// Balance weighs the tasks against each other.
	Balance Balance `key:"balance"`
	// Sampling says which task each step trains.
	Sampling Sampling `key:"sampling,omitempty"`
	// Average is the decay per step of a moving average of the parameters, such
	// as 0.999, which is what is validated and kept; 0, none.
	Average float64 `key:"average"`
	// Select says what decides the best epoch, patience and a plateau of the trunk:
	// mean (the default), the mean of the tasks' scores; loss, the mean of their
	// losses on validation; or the name of a task. A mapping gives weights of tasks'
	// scores; tasks that it does not name do not count. Scores have no unit:
	// docs/selection.md says how a metric becomes one.
	Select  string             `key:"select"`
	Selects map[string]float64 `key:"select,many"`
	// Patience is after how many epochs without improvement training stops; 0,
	// never.
	Patience int `key:"patience"`
	// Recompute computes what is inside the trunk's layers again for the backward pass,
	// in place of keeping it; false.
	Recompute bool `key:"recompute,omitempty"`
	// Threads is the number of threads the engine may use; 0, all cores.
	Threads int `key:"threads"`
}

// Optimizer turns gradients into steps.
type Optimizer struct {
	// Type is sgd, adam (the default) or adamw.
	Type string `key:"type"`
	// LR is the learning rate; 0.001.
	LR float64 `key:"lr"`
	// Beta1 and Beta2 are adam's decay rates; 0.9 and 0.999. Eps is added to
	// its divisor; 1e-8.
	Beta1 float64 `key:"beta1"`
	Beta2 float64 `key:"beta2"`
	Eps   float64 `key:"eps"`
	// Momentum is sgd's; 0. Nesterov takes it ahead; false.
	Momentum float64 `key:"momentum"`
	Nesterov bool    `key:"nesterov"`
	// WeightDecay pulls weights to zero: added to the gradient by sgd and
	// adam, apart from it by adamw; 0.
	WeightDecay float64 `key:"weight_decay"`
	// Dense updates every row of an embedding table at every step; false,
	// which updates those of the words in the batch.
	Dense bool `key:"dense"`
}

// Sampling says which task each step trains, for tasks that are annotated on
// different examples. An epoch has as many steps as it takes to go through all
// labelled examples once.
type Sampling struct {
	// Method is proportional (to the n examples that a task has), uniform,
	// temperature (n^(1/T)), sqrt, annealed (from proportional to n^0.2 over the
	// epochs), round_robin, weights, cap (min(n, cap)) or progress (by what each
	// task's score on validation, which has no unit, lacks to 1). Without one, every step takes
	// examples as they come, with all their labels.
	Method string `key:"method,omitempty"`
	// Temperature is T of temperature, above 0.
	Temperature float64 `key:"temperature,omitempty"`
	// Weights are those of weights, by task; a task that is not named has 1.
	Weights map[string]float64 `key:"weights,omitempty"`
	// Cap is the most examples that a task counts with in cap.
	Cap int `key:"cap,omitempty"`
	// Batches is single (the default), one task a batch, or mixed, in which the
	// task is drawn for each example and all its labels count.
	Batches string `key:"batches,omitempty"`
}

// Balance weighs the tasks against each other; docs/balancing.md lists the
// methods and their options, which stand beside the keys here: {method: cagrad,
// c: 0.4}.
type Balance struct {
	// Method is equal (the default: the losses are added up), fixed (each is
	// first multiplied by its task's weight), rlw, uncertainty, uw-so, imtl-l,
	// dwa, gls, stch, famo, gradnorm, mgda, pcgrad, gradvac, graddrop, cagrad,
	// imtl-g, nash-mtl, fairgrad, aligned-mtl, upgrad, dualproj, config, db-mtl,
	// moco, excess-mtl, modo or sdmgrad.
	Method string `key:"method"`
	// At is where methods that need the tasks' gradients take them: parameters
	// (the default), all that tasks share, or representation, the values that
	// the trunk hands to the heads, for the price of about one more step in five.
	At string `key:"at,omitempty"`
	// Diagnostics measures every so many steps how the tasks' gradients lie to
	// each other, with methods that do not need them, and shows it with those that
	// do; true is every 10 steps; 0 or false, never.
	Diagnostics int `key:"diagnostics,omitempty,switch=10"`
	// Options are the method's, by name: a number, a word, or a mapping from
	// tasks to numbers. Every method with weights has heads (weighted or
	// unweighted: whether what belongs to one task follows the weights) and
	// smooth (the decay of a moving average of the weights; 0, none).
	Options map[string]any
}

func (b *Balance) more() *map[string]any { return &b.Options }

func (c *checker) train(r *Recipe) {
	t := &r.Train
	c.complete("train", t, nil)
	if t.EpochSteps > 0 && t.Sampling.Method != "" {
		c.fail("train.epoch_steps", "is %d, and train.sampling lays out epochs, too; leave one of them out", t.EpochSteps)
	}
	c.optimizer(&t.Optimizer)
	c.schedule("train.schedule", &t.Schedule)
	c.selection(r)
	c.progress(r)
	c.balance(r)
	c.sampling(r)
}

// selection checks what epochs are chosen by.
func (c *checker) selection(r *Recipe) {
	const path = "train.select"
	t, tasks := &r.Train, taskNames(r.Tasks)
	if t.Selects == nil {
		c.oneOf(path, t.Select, append([]string{"mean", "loss"}, tasks...)...)
		return
	}
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(t.Selects)) {
		at := path + "." + name
		if near := nearest.Word(name, tasks); !slices.Contains(tasks, name) && near != "" {
			c.fail(at, "is of a task that is not there; did you mean %q?", near)
		} else if !slices.Contains(tasks, name) {
			c.fail(at, "is of a task that is not there; there are %s", strings.Join(tasks, ", "))
		}
		sum += t.Selects[name]
	}
	if sum == 0 {
		c.fail(path, "has no weight above 0; name a task, as in {%s: 1}", tasks[0])
	}
}

// sampling checks which task steps train.
func (c *checker) sampling(r *Recipe) {
	tasks := taskNames(r.Tasks)
	if s := r.Train.Sampling; s.Method == "" {
		if s.Temperature != 0 || s.Weights != nil || s.Cap != 0 || s.Batches != "" {
			c.fail("train.sampling.method", "is missing; it is one of %s", strings.Join(sample.Methods(), ", "))
		}
	} else if c.err == nil {
		const path = "train.sampling"
		if s.Method == "temperature" && !c.has(path+".temperature") {
			c.fail(path+".temperature", "is missing; method temperature needs a number above 0")
		}
		of := samplingSection()
		for _, m := range of.parts {
			if m.name == s.Method {
				c.check(path, m.options, &s)
			}
		}
		if err := r.Training().CheckSampling(tasks); err != nil {
			c.fail("train.sampling", "cannot be: %w", err)
		}
	}
}

// balance checks the method and its options, each by itself so that the one
// that is wrong is named by its line.
func (c *checker) balance(r *Recipe) {
	const path = "train.balance."
	b := &r.Train.Balance
	var tasks []string
	s := balanceSection()
	c.oneOf(path+"method", b.Method, s.names()...)
	c.check("train.balance", s.options, b)
	for _, task := range r.Tasks {
		tasks = append(tasks, task.Name)
		if b.Method != "fixed" && task.Weight != 1 {
			c.fail("tasks."+task.Name+".weight", "is %v, but train.balance.method is %s, %s", task.Weight, b.Method, withoutWeights(b.Method))
		}
		if _, both := b.Options["weights"]; both && task.Weight != 1 {
			c.fail("tasks."+task.Name+".weight", "is %v, and train.balance.weights is there, too; give one of them", task.Weight)
		}
	}
	if c.err != nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(b.Options)) {
		_, err := balance.New(balance.Config{Method: b.Method, Tasks: tasks, Options: map[string]any{name: b.Options[name]}})
		if near := nearest.Word(name, setting.Keys(s.options)); err != nil && near != "" {
			c.fail(path+name, "is no setting; did you mean %q?", near)
		} else if err != nil {
			c.fail(path+name, "cannot be: %s", strings.TrimPrefix(err.Error(), "balance: "))
		}
	}
	if c.err == nil {
		if err := r.Training().CheckBalance(tasks); err != nil {
			c.fail(path+"at", "cannot be: %w", err)
		}
	}
}

// withoutWeights says what a method does with tasks' weights.
func withoutWeights(method string) string {
	if method == "equal" {
		return "which weighs all alike; set it to fixed"
	}
	return "which finds weights itself; set it to fixed or leave the weight out"
}

func (c *checker) optimizer(o *Optimizer) {
	const path = "train.optimizer"
	c.complete(path, o, nil)
	if o.Nesterov && o.Momentum == 0 {
		c.fail(path+".nesterov", "needs a momentum above 0")
	}
}

// hasNo says that the chosen type has none of the settings that only others have.
func hasNo(s section, key, chosen string) (at, text string) {
	own := setting.Keys(s.own(chosen))
	var keys []string
	for _, o := range s.all() {
		if !slices.Contains(own, o.Key) && !slices.Contains(keys, o.Key) {
			keys = append(keys, o.Key)
		}
	}
	list := strings.Join(keys, ", ")
	if n := len(keys) - 1; n > 0 {
		list = strings.Join(keys[:n], ", ") + " and " + keys[n]
	}
	if readers := s.readers(key); len(readers) == 1 {
		list += "; they are " + readers[0] + "'s"
	}
	return s.by, "is " + chosen + ", which has no " + list
}
