package models

import (
	"fmt"
	"slices"
	"strings"

	"espalier/builder"
)

// SharingConfig says how tasks share the trunk. Zero fields take the defaults
// in the comments.
type SharingConfig struct {
	// Method is hard, soft, cross_stitch, mmoe, dselect_k, cgc, ple, mtan, aitm,
	// adapter or low_rank; hard.
	Method string
	// L2 is, of soft, the factor of the squared distance between the tasks'
	// trunks.
	L2 float64
	// Own is, of cross_stitch, the weight of a task's own trunk at the start;
	// 0.9.
	Own float64
	// Experts are those that all tasks share, of mmoe and dselect_k, and of each
	// level of cgc and ple; 4. TaskExperts are those of each level and task.
	Experts, TaskExperts int64
	// ExpertHidden is the width of an expert; that of the trunk.
	ExpertHidden int64
	// Levels are those of ple; 2.
	Levels int
	// Temperature divides the scores of softmax gates; 1.
	Temperature float64
	// K is the most experts that a gate of dselect_k ends with; 2. Gamma is the
	// width of its smooth step; 1. Conditional lets the choice depend on the
	// hidden state. Entropy is the factor of the choice's entropy as a penalty.
	K           int64
	Gamma       float64
	Conditional bool
	Entropy     float64
	// Bottleneck is the inner width of mtan's masks and of adapter; 16.
	Bottleneck int64
	// Tower is the width of a task's tower of aitm; that of the trunk.
	// Calibrator is the factor of its penalty on a task that is likelier than
	// the one before; 0: none.
	Tower      int64
	Calibrator float64
	// Rank is the width of low_rank; 4. Scale is its factor; 1.
	Rank  int64
	Scale float64
}

func (c *SharingConfig) complete(t *TrunkConfig) error {
	for _, f := range []struct {
		name  string
		value *int64
		def   int64
	}{
		{"experts", &c.Experts, 4},
		{"expert_hidden", &c.ExpertHidden, t.Hidden},
		{"k", &c.K, 2},
		{"bottleneck", &c.Bottleneck, 16},
		{"tower", &c.Tower, t.Hidden},
		{"rank", &c.Rank, 4},
	} {
		if *f.value == 0 {
			*f.value = f.def
		}
		if *f.value < 1 {
			return fmt.Errorf("%s is %d, it must be at least 1", f.name, *f.value)
		}
	}
	for _, f := range []struct {
		name  string
		value *float64
		def   float64
	}{{"own", &c.Own, 0.9}, {"temperature", &c.Temperature, 1}, {"gamma", &c.Gamma, 1}, {"scale", &c.Scale, 1}} {
		if *f.value == 0 {
			*f.value = f.def
		}
		if !(*f.value > 0) {
			return fmt.Errorf("%s is %v, it must be above 0", f.name, *f.value)
		}
	}
	if c.Method == "" {
		c.Method = "hard"
	}
	if c.Levels == 0 {
		c.Levels = 2
	}
	return c.check(t)
}

func (c *SharingConfig) check(t *TrunkConfig) error {
	if err := oneOf("method", c.Method, "hard", "soft", "cross_stitch", "mmoe", "dselect_k", "cgc", "ple", "mtan", "aitm", "adapter", "low_rank"); err != nil {
		return err
	}
	layered := c.Method == "soft" || c.Method == "cross_stitch" || c.Method == "mtan"
	switch {
	case layered && t.Layers == 0:
		return fmt.Errorf("%s works on the layers of a trunk, and this one has none; set its layers", c.Method)
	case c.Method == "dselect_k" && c.Experts < 2:
		return fmt.Errorf("dselect_k chooses among experts, and there is %d", c.Experts)
	case c.Method == "dselect_k" && c.K > c.Experts:
		return fmt.Errorf("k is %d, there are %d experts to choose from", c.K, c.Experts)
	case c.TaskExperts < 0 || c.Levels < 1:
		return fmt.Errorf("task_experts must be at least 0 and levels at least 1")
	case !(c.L2 >= 0) || !(c.Entropy >= 0) || !(c.Calibrator >= 0):
		return fmt.Errorf("l2, entropy and calibrator cannot be negative")
	case c.Own > 1:
		return fmt.Errorf("own is %v, it must be at most 1", c.Own)
	}
	return nil
}

// share takes x through the trunk's layers and returns the hidden states that
// each task reads. s is the trunk's scope, and what belongs to a task alone
// stands in the task's. It works on states of tokens [batch, sequence, n] and
// of examples [batch, n] alike.
func (c *context) share(s *builder.Scope, x *builder.Value, layers []layer) []*builder.Value {
	switch c.config.Sharing.Method {
	case "soft":
		return c.soft(x, layers)
	case "cross_stitch":
		return c.crossStitch(s, x, layers)
	case "mtan":
		return c.mtan(s, x, layers)
	}
	if steps := through(layers, s, x); len(steps) > 0 {
		x = steps[len(steps)-1]
	}
	switch c.config.Sharing.Method {
	case "mmoe":
		return c.mmoe(s, x)
	case "dselect_k":
		return c.dselect(s, x)
	case "cgc", "ple":
		return c.ple(s, x)
	case "aitm":
		return c.aitm(s, x)
	}
	c.shared = x
	switch c.config.Sharing.Method {
	case "adapter", "low_rank":
		return c.adapters(x)
	}
	return slices.Repeat([]*builder.Value{x}, len(c.tasks))
}

// taskScopes are the scopes of what belongs to one task.
func (c *context) taskScopes() []*builder.Scope {
	scopes := make([]*builder.Scope, len(c.tasks))
	for i, name := range c.tasks {
		scopes[i] = c.Scope("head/" + name)
	}
	return scopes
}

// penalize adds a term to what training adds to the losses.
func (c *context) penalize(term *builder.Value, factor float64) {
	term = c.Mul(term, c.Scalar(factor))
	if c.penalty != nil {
		term = c.Add(c.penalty, term)
	}
	c.penalty = term
}

// under returns the parameters under a path, by the rest of their names.
func (c *context) under(path string) (names []string, values map[string]*builder.Value) {
	values = map[string]*builder.Value{}
	for _, v := range c.Parameters() {
		if rest, ok := strings.CutPrefix(v.Name(), path+"/"); ok {
			names = append(names, rest)
			values[rest] = v
		}
	}
	return names, values
}
