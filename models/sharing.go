package models

import (
	"strings"

	"espalier/builder"
	"espalier/schema"
	"espalier/setting"
)

// Structure declares one way to share the trunk. Each stands in a file of its own
// (sharing_*.go), which says all that is to be known of it; the table of all is
// [structures].
type Structure struct {
	// Name is what [SharingConfig].Method asks for.
	Name string
	// Doc says in one line what it is, Source where it is from.
	Doc, Source string
	// Layered: it works on the layers of the trunk, of which there must be one.
	Layered bool
	// Copies: tasks have trunks of their own.
	Copies bool
	// Options are its settings. One that has no field in SharingConfig is read from
	// SharingConfig.Options.
	Options []setting.Option

	// check reports what cannot be of several settings together, as a
	// [setting.Error]; nil: nothing.
	check func(o *SharingConfig) error
	// tasks reports a task that cannot be shared so; nil: all can.
	tasks func(o SharingConfig, s *schema.Schema) error
	// share takes x through the trunk's layers and returns the hidden states that
	// each task reads. s is the trunk's scope, and what belongs to a task alone
	// stands in the task's. It works on states of tokens [batch, sequence, n] and
	// of examples [batch, n] alike. It sets c.after where it needs the heads.
	share func(c *network, s *builder.Scope, x *builder.Value, layers []layer) []*builder.Value
}

// structures is the table of all structures, the default first.
func structures() []*Structure {
	return []*Structure{&hard, &soft, &crossStitch, &mmoe, &dselect, &cgc, &ple, &mtan, &aitm, &adapter, &lowRank, &adversarial}
}

// Structures returns all ways to share the trunk, the default first.
func Structures() []Structure {
	var all []Structure
	for _, s := range structures() {
		all = append(all, *s)
	}
	return all
}

// structure returns the structure of a name, the first for none.
func structure(name string) (*Structure, error) {
	var names []string
	for _, s := range structures() {
		if s.Name == name || name == "" {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return nil, oneOf("method", name, names...)
}

// SharingConfig says how tasks share the trunk. Zero fields take the defaults that
// [Structures] declare. Fields of other structures than the chosen one are not read.
type SharingConfig struct {
	// Method is one of Structures.
	Method string `key:"method"`
	// L2 is, of soft, the factor of the squared distance between the tasks'
	// trunks.
	L2 float64 `key:"l2"`
	// Own is, of cross_stitch, the weight of a task's own trunk at the start.
	Own float64 `key:"own"`
	// Experts are those that all tasks share, of mmoe and dselect_k, and of each
	// level of cgc and ple. TaskExperts are those of each level and task.
	Experts     int64 `key:"experts"`
	TaskExperts int64 `key:"task_experts"`
	// ExpertHidden is the width of an expert.
	ExpertHidden int64 `key:"expert_hidden"`
	// Levels are those of ple.
	Levels int `key:"levels"`
	// Temperature divides the scores of softmax gates.
	Temperature float64 `key:"temperature"`
	// K is the most experts that a gate of dselect_k ends with. Gamma is the
	// width of its smooth step. Conditional lets the choice depend on the
	// hidden state. Entropy is the factor of the choice's entropy as a penalty.
	K           int64   `key:"k"`
	Gamma       float64 `key:"gamma"`
	Conditional bool    `key:"conditional"`
	Entropy     float64 `key:"entropy"`
	// Bottleneck is the inner width of mtan's masks and of adapter.
	Bottleneck int64 `key:"bottleneck"`
	// Tower is the width of a task's tower of aitm. Calibrator is the factor of its
	// penalty on a task that is likelier than the one before; 0: none.
	Tower      int64   `key:"tower"`
	Calibrator float64 `key:"calibrator"`
	// Rank is the width of low_rank, Scale its factor.
	Rank  int64   `key:"rank"`
	Scale float64 `key:"scale"`
	// Options are settings by key: those that have no field, and those whose 0 is
	// meant, as {"l2": 0.0} for soft sharing without a penalty.
	Options setting.Values
}

// The options that several structures have.
var (
	experts      = setting.Option{Key: "experts", Kind: setting.Whole, Min: 1, Default: 4, Doc: "number of experts that all tasks share, in each level of cgc and ple"}
	taskExperts  = setting.Option{Key: "task_experts", Kind: setting.Whole, Default: 1, Doc: "number of each task's own experts in a level"}
	expertHidden = setting.Option{Key: "expert_hidden", Kind: setting.Whole, Min: 1, From: trunkWidth, Follows: "trunk.hidden", Doc: "width of an expert"}
	temperature  = setting.Option{Key: "temperature", Open: true, Default: 1.0, Doc: "divides the scores of the gates: below 1 they choose more sharply"}
	bottleneck   = setting.Option{Key: "bottleneck", Kind: setting.Whole, Min: 1, Default: 16, Doc: "inner width of the masks of mtan and of adapter"}
)

// trunkWidth is the default of what is as wide as the trunk.
func trunkWidth(of setting.Values) any { return of.Int("trunk.hidden") }

// binding are the settings of a structure above a trunk.
func (o *SharingConfig) binding(t *TrunkConfig) (setting.Binding, error) {
	of, err := structure(o.Method)
	if err != nil {
		return setting.Binding{}, err
	}
	b := setting.Binding{Options: of.Options, Around: setting.Values{"trunk.hidden": t.Hidden}}
	for _, other := range structures() {
		b.Others = append(b.Others, other.Options...)
	}
	return b, nil
}

// Complete fills in defaults above a trunk that is complete, and reports the first
// setting that cannot be, as a [setting.Error]. given says which settings were given;
// nil: those that are not zero.
func (o *SharingConfig) Complete(t *TrunkConfig, given func(key string) bool) error {
	b, err := o.binding(t)
	if err != nil {
		return err
	}
	of, _ := structure(o.Method)
	o.Method, b.Given = of.Name, given
	if _, err := b.Complete(o); err != nil {
		return err
	}
	if of.Layered && t.Layers == 0 {
		return wrong("method", "is %s, which works on the layers of a trunk, and trunk.layers is 0", o.Method)
	}
	if err := o.checkPretrained(of, t); err != nil || of.check == nil {
		return err
	}
	return of.check(o)
}

// Explicit returns the complete settings in a form that keeps them where zero means
// the default.
func (o SharingConfig) Explicit(t *TrunkConfig) SharingConfig {
	if b, err := o.binding(t); err == nil {
		b.Explicit(&o)
	}
	return o
}

// checkTasks reports the first task that cannot be shared so.
func (o *SharingConfig) checkTasks(s *schema.Schema) error {
	of, err := structure(o.Method)
	if err != nil || of.tasks == nil {
		return err
	}
	return of.tasks(*o, s)
}

// share takes x through the trunk's layers and returns the hidden states that
// each task reads.
func (c *network) share(s *builder.Scope, x *builder.Value, layers []layer) []*builder.Value {
	of, err := structure(c.config.Sharing.Method)
	if err != nil {
		c.Fail("sharing", nil, err)
		return make([]*builder.Value, len(c.tasks))
	}
	return of.share(c, s, x, layers)
}

// above makes a structure of one that stands on what the trunk's last layer gives.
func above(share func(c *network, s *builder.Scope, x *builder.Value) []*builder.Value) func(*network, *builder.Scope, *builder.Value, []layer) []*builder.Value {
	return func(c *network, s *builder.Scope, x *builder.Value, layers []layer) []*builder.Value {
		if steps := through(layers, s, x); len(steps) > 0 {
			x = steps[len(steps)-1]
		}
		return share(c, s, x)
	}
}

// taskScopes are the scopes of what belongs to one task.
func (c *network) taskScopes() []*builder.Scope {
	scopes := make([]*builder.Scope, len(c.tasks))
	for i, name := range c.tasks {
		scopes[i] = c.Scope("head/" + name)
	}
	return scopes
}

// penalize adds a term to what training adds to the losses.
func (c *network) penalize(term *builder.Value, factor float64) {
	term = c.Mul(term, c.Scalar(factor))
	if c.penalty != nil {
		term = c.Add(c.penalty, term)
	}
	c.penalty = term
}

// under returns the parameters under a path, by the rest of their names.
func (c *network) under(path string) (names []string, values map[string]*builder.Value) {
	values = map[string]*builder.Value{}
	for _, v := range c.Parameters() {
		if rest, ok := strings.CutPrefix(v.Name(), path+"/"); ok {
			names = append(names, rest)
			values[rest] = v
		}
	}
	return names, values
}
