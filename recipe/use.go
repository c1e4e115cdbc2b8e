package recipe

import (
	"fmt"
	"io/fs"
	"os"

	"espalier/data"
	"espalier/models"
	"espalier/schema"
	"espalier/text"
	"espalier/train"
	"espalier/train/progress"
	"espalier/train/sample"
	"espalier/train/threshold"
)

// Schema returns the recipe's inputs and tasks; their labels and vocabulary
// are learned from data.
func (r *Recipe) Schema() *schema.Schema {
	s := &schema.Schema{Version: schema.Version, Name: r.Name}
	for _, in := range r.Inputs {
		s.Inputs = append(s.Inputs, in.schema())
	}
	if c := r.Trunk.Characters; c.Type != "none" {
		s.Inputs[0].Characters = &schema.Characters{MaxLength: c.MaxLength}
	}
	for _, t := range r.Tasks {
		of, _ := t.schema()
		s.Tasks = append(s.Tasks, of)
	}
	return s
}

// Encoder returns what encodes the recipe's data, before it has learned.
func (r *Recipe) Encoder() (*data.Encoder, error) {
	s := r.Schema()
	if r.tabular() {
		e, err := data.NewEncoder(s)
		if err == nil {
			r.Configure(e)
		}
		return e, err
	}
	// A transformer has no learned positions for more tokens.
	if in, most := &s.Inputs[0], int(r.Trunk.Longest()); most > 0 && (in.MaxLength == 0 || in.MaxLength > most) {
		in.MaxLength = most
	}
	subwords, err := r.subwords()
	if err != nil {
		return nil, err
	}
	if r.Trunk.Pretrained != nil { // its table has rows by the ids of its tokenizer
		s.Version, s.Inputs[0].OwnIDs, s.Inputs[0].Padding = schema.VersionOwnIDs, true, subwords.Padding()
	}
	if c := r.Trunk.Pretrained; c != nil && c.TokenTypes > 1 && s.Inputs[0].Pair != "" {
		s.Inputs[0].TokenTypes = schema.TokenTypes
	}
	e, err := data.NewSubwordEncoder(s, subwords)
	if err != nil {
		return nil, err
	}
	r.Configure(e)
	e.MaxVocabulary = r.Inputs[0].MaxSize
	return e, nil
}

// subwords reads the tokenizer.json that the recipe names, if it does.
func (r *Recipe) subwords() (*text.Vocabulary, error) {
	name := r.Inputs[0].File
	if name == "" {
		return nil, nil
	}
	var content []byte
	var err error
	if r.FS != nil {
		content, err = fs.ReadFile(r.FS, name)
	} else {
		content, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("inputs.%s.file: %w", r.Inputs[0].Name, err)
	}
	read := text.ReadSubwords
	if c := r.Trunk.Pretrained; c != nil {
		read = func(content []byte) (*text.Vocabulary, error) { return text.ReadOwnIDs(content, c.Padding) }
	}
	v, err := read(content)
	if err != nil {
		return nil, fmt.Errorf("inputs.%s.file: %s: %w", r.Inputs[0].Name, name, err)
	}
	return v, nil
}

// Configure gives an encoder what the recipe says of labels that are missing or
// not as they should be.
func (r *Recipe) Configure(e *data.Encoder) {
	e.Unseen = r.Data.Unseen
	e.SkipUnlabelled = r.Data.Unlabelled == "skip"
	e.Rules = map[string]data.TagRules{}
	for _, t := range r.Tasks {
		_, e.Rules[t.Name] = t.schema()
	}
}

// names maps inputs and tasks to the fields that hold them.
func (r *Recipe) names() map[string]string {
	names := map[string]string{}
	for _, in := range r.Inputs {
		names[in.Name] = in.Field
		if in.Pair != "" {
			names[in.Pair] = in.Pair
		}
	}
	for _, t := range r.Tasks {
		names[t.Name] = t.Field
	}
	return names
}

// Vectors returns where word vectors are, with an empty file name where the
// recipe names none.
func (r *Recipe) Vectors() (file string, o data.VectorOptions) {
	v := r.Trunk.Vectors
	return v.File, data.VectorOptions{Root: r.Data.Root, FS: r.FS, Dim: int(r.Trunk.Embedding), Format: v.Format, Add: v.Add}
}

// Model returns the sizes of trunk and heads.
func (r *Recipe) Model() models.Config {
	c := models.Config{Trunk: r.Trunk.Explicit(), Sharing: r.Sharing.Explicit(&r.Trunk.TrunkConfig), Heads: map[string]models.HeadConfig{}}
	c.Trunk.Frozen = r.Trunk.Vectors.File != "" && r.Trunk.Vectors.Freeze
	for _, t := range r.Tasks {
		head := t.Explicit(schema.TaskType(t.Type))
		if t.thresholded() {
			head.Threshold = t.Threshold.Value
		}
		c.Heads[t.Name] = head
	}
	for _, in := range r.Inputs {
		if c.Inputs == nil && r.tabular() {
			c.Inputs = map[string]models.InputConfig{}
		}
		if in.Embedding > 0 {
			c.Inputs[in.Name] = models.InputConfig{Embedding: int64(in.Embedding)}
		}
	}
	return c
}

// Training returns how to train.
func (r *Recipe) Training() train.Config {
	t, o := r.Train, r.Train.Optimizer
	c := train.Config{
		Epochs: t.Epochs, EpochSteps: t.EpochSteps, Batch: t.Batch, MaxTokens: t.MaxTokens, Accumulate: t.Accumulate, Seed: uint64(t.Seed),
		Optimizer: train.OptimizerConfig{
			Type: o.Type, LR: o.LR, Beta1: o.Beta1, Beta2: o.Beta2, Epsilon: o.Eps,
			Momentum: o.Momentum, Nesterov: o.Nesterov, WeightDecay: o.WeightDecay, Dense: o.Dense,
		},
		Schedule: t.Schedule.config(), Trunk: train.RateConfig{LR: t.Trunk.LR, Frozen: t.Trunk.Frozen, Schedule: t.Trunk.Schedule.config()}, Priorities: t.Priorities.order(),
		LayerDecay: t.Trunk.LayerDecay, Unfreeze: t.Trunk.Unfreeze,
		Shares:   progress.Shares{Of: t.Shares.Of, Caps: t.Shares.Caps},
		ClipNorm: t.ClipNorm, WordDropout: r.Trunk.WordDropout, RareWordDropout: r.Trunk.RareWordDropout, Average: t.Average, Patience: t.Patience, Recompute: t.Recompute, Threads: t.Threads,
		Weights: map[string]float64{}, Metrics: map[string]string{}, MoreMetrics: map[string][]string{},
	}
	c.Select = t.selection()
	c.Sampling = sample.Config{
		Method: t.Sampling.Method, Temperature: t.Sampling.Temperature, Weights: t.Sampling.Weights, Cap: t.Sampling.Cap, Batches: t.Sampling.Batches,
	}
	c.Balance = train.BalanceConfig{Method: t.Balance.Method, At: t.Balance.At, Options: t.Balance.Options, Diagnostics: t.Balance.Diagnostics}
	for _, task := range r.Tasks {
		c.Weights[task.Name], c.Metrics[task.Name] = task.Weight, task.Metric
		if task.thresholded() {
			if c.Thresholds == nil {
				c.Thresholds = map[string]threshold.Config{}
			}
			c.Thresholds[task.Name] = threshold.Config{Tune: task.Threshold.Tune, Metric: task.Threshold.Metric}
		}
		if len(task.Metrics) > 0 {
			c.MoreMetrics[task.Name] = task.Metrics
		}
		if own := task.training(); own != (train.TaskConfig{Rate: train.RateConfig{LR: 1}}) {
			if c.Tasks == nil {
				c.Tasks = map[string]train.TaskConfig{}
			}
			c.Tasks[task.Name] = own
		}
	}
	return c
}

// selection returns what epochs are judged by.
func (t *Train) selection() train.Selection {
	switch {
	case t.Selects != nil:
		return train.Selection{Weights: t.Selects}
	case t.Select == "loss":
		return train.Selection{Loss: true}
	case t.Select == "mean" || t.Select == "":
		return train.Selection{}
	}
	return train.Selection{Weights: map[string]float64{t.Select: 1}}
}

// training returns how a task learns.
func (t *Task) training() train.TaskConfig {
	return train.TaskConfig{
		Rate: train.RateConfig{LR: t.LR, Frozen: t.Frozen, Schedule: t.Schedule.config()},
		Stop: progress.Stop{Patience: t.Stop.Patience, Then: t.Stop.Then},
	}
}

// config returns how a learning rate moves; nothing of a schedule that is not
// there.
func (s Schedule) config() train.ScheduleConfig {
	c := train.ScheduleConfig{Type: s.Type, Warmup: s.Warmup, Final: s.Final, Every: s.Every, Factor: s.Factor}
	if s.Type == "plateau" {
		c.Patience, c.Min, c.Threshold = s.Patience, s.Min, s.Threshold
	}
	return c
}

// order returns the order in which tasks begin; nothing where there is none.
func (p Priorities) order() progress.Order {
	o := progress.Order{Groups: p.Order, By: p.By, Earlier: p.Earlier}
	switch {
	case p.By == "performance":
		o.Patience, o.Reach = p.Patience, p.Reach
	case p.Everies != nil:
		o.Every = p.Everies
	case p.By != "":
		o.Every = []int{p.Every}
	}
	return o
}
