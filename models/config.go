package models

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/schema"
)

// TaskOf returns the task that a parameter belongs to, and false for a shared
// one.
func TaskOf(parameter string) (task string, ok bool) {
	rest, ok := strings.CutPrefix(parameter, "head/")
	if !ok {
		return "", false
	}
	task, _, _ = strings.Cut(rest, "/")
	return task, true
}

// complete fills in defaults and reports the first setting that cannot be.
func (c *Config) complete(s *schema.Schema) error {
	t := &c.Trunk
	if ch := &t.Characters; ch.Type != "" {
		def(&ch.Embedding, 32)
		def(&ch.Hidden, 64)
		def(&ch.Kernel, 3)
		if err := ch.check(); err != nil {
			return fmt.Errorf("trunk: characters: %w", err)
		}
	}
	if err := t.completeStack(); err != nil {
		return fmt.Errorf("trunk: %w", err)
	}
	t.setDefaults()
	if err := t.completeWidths(); err != nil {
		return fmt.Errorf("trunk: %w", err)
	}
	if err := t.check(); err != nil {
		return fmt.Errorf("trunk: %w", err)
	}
	if err := c.Sharing.complete(t); err != nil {
		return fmt.Errorf("sharing: %w", err)
	}
	if err := c.Sharing.checkCalibrator(s); err != nil {
		return fmt.Errorf("sharing: %w", err)
	}
	for name, h := range c.Heads {
		if s.Task(name) == nil {
			return fmt.Errorf("head %q belongs to no task; the tasks are %s", name, strings.Join(s.TaskNames(), ", "))
		}
		if h.Hidden < 0 {
			return fmt.Errorf("head %q: hidden is %d, it cannot be negative", name, h.Hidden)
		}
		if err := h.check(s, name); err != nil {
			return fmt.Errorf("head %q: %w", name, err)
		}
	}
	return nil
}

// def sets what is zero.
func def[T comparable](x *T, v T) {
	var zero T
	if *x == zero {
		*x = v
	}
}

func (t *TrunkConfig) setDefaults() {
	def(&t.Type, "bag")
	def(&t.Pooling, "mean")
	def(&t.Positions, "learned")
	def(&t.Embedding, 64)
	def(&t.Hidden, t.Embedding)
	def(&t.Kernel, 3)
	def(&t.Heads, 4)
	def(&t.FeedForward, 4*t.Hidden)
	def(&t.MaxLength, 512)
	def(&t.Layers, map[string]int{"bag": 0, "cnn": 2, "transformer": 2, "lstm": 1, "gru": 1, "bilstm": 1, "bigru": 1}[t.Type])
}

// completeStack completes the parts of a stack, and gives the trunk the width
// of the last and the number of all layers.
func (t *TrunkConfig) completeStack() error {
	if len(t.Stack) == 0 {
		if t.Type == stack {
			return fmt.Errorf("the stack has no parts")
		}
		return nil
	}
	def(&t.Type, stack)
	if t.Type != stack {
		return fmt.Errorf("type is %q, but there is a stack", t.Type)
	}
	def(&t.Embedding, 64)
	t.Stack = slices.Clone(t.Stack)
	t.Layers = 0
	width, reads := t.Embedding, t.Embedding
	if t.Characters.Type != "" {
		reads += t.Characters.Hidden
	}
	for i := range t.Stack {
		p := &t.Stack[i]
		p.Embedding = width // of what it reads, which its own width follows
		p.setDefaults()
		err := p.check()
		switch {
		case err != nil:
		case p.Type == mlp:
			err = fmt.Errorf("type mlp is for tables, not for a stack")
		case p.Type == stack:
			err = fmt.Errorf("a stack cannot be part of one")
		case p.Type == "bag" && p.Layers == 0:
			err = fmt.Errorf("a bag without layers does nothing; set its layers")
		case p.Skip && p.Hidden != reads:
			err = fmt.Errorf("it is to add what it reads, which is %d wide, to what it gives, which is %d wide", reads, p.Hidden)
		}
		if err != nil {
			return fmt.Errorf("part %d of the stack: %w", i+1, err)
		}
		width, reads = p.Hidden, p.Hidden
		t.Layers += p.Layers
	}
	t.Hidden = width
	return nil
}

func (h *HeadConfig) check(s *schema.Schema, name string) error {
	for _, read := range h.Reads {
		switch t := s.Task(read); {
		case t == nil:
			return fmt.Errorf("it reads %q, which is no task; the tasks are %s", read, strings.Join(s.TaskNames(), ", "))
		case read == name:
			return fmt.Errorf("it reads itself")
		case t.Type == schema.Regression:
			return fmt.Errorf("it reads %q, a regression, which has no probabilities", read)
		case t.Type == schema.Relation:
			return fmt.Errorf("it reads %q, a relation, whose probabilities are of pairs of tokens", read)
		}
	}
	t := s.Task(name)
	for label, w := range h.ClassWeights {
		if t.LabelIndex(label) < 0 {
			return fmt.Errorf("a weight is given for %q, which is none of its labels", label)
		}
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("the weight of %q is %v, it must be a number of at least 0", label, w)
		}
	}
	changed := h.Balanced || len(h.ClassWeights) > 0 || h.LabelSmoothing != 0 || h.Focal != 0
	switch {
	case changed && h.CRF:
		return fmt.Errorf("class weights, label smoothing and focal loss are for heads without a CRF")
	case changed && t.Type == schema.Regression:
		return fmt.Errorf("class weights, label smoothing and focal loss are for labels, not for a regression")
	case !(h.Threshold >= 0 && h.Threshold < 1):
		return fmt.Errorf("threshold is %v, it must be at least 0 and below 1", h.Threshold)
	case !(h.Focal >= 0) || math.IsInf(h.Focal, 0):
		return fmt.Errorf("focal is %v, it must be a number of at least 0", h.Focal)
	}
	if err := checkRate("label_smoothing", h.LabelSmoothing); err != nil {
		return err
	}
	return checkRate("dropout", h.Dropout)
}

func (t *TrunkConfig) check() error {
	if err := oneOf("type", t.Type, "bag", "cnn", "bilstm", "bigru", "lstm", "gru", "transformer"); err != nil && t.Type != stack && t.Type != mlp {
		return err
	}
	if err := oneOf("pooling", t.Pooling, "mean", "max", "attention"); err != nil {
		return err
	}
	if err := oneOf("positions", t.Positions, "learned", "rotary"); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"embedding", t.Embedding},
		{"hidden", t.Hidden},
		{"kernel", t.Kernel},
		{"heads", t.Heads},
		{"feedforward", t.FeedForward},
		{"max_length", t.MaxLength},
		{"layers", int64(t.Layers) + 1},
	} {
		if f.value < 1 {
			return fmt.Errorf("%s cannot be negative", f.name)
		}
	}
	switch {
	case t.Type == "cnn" && t.Kernel%2 == 0:
		return fmt.Errorf("kernel is %d, it must be odd so that a sequence keeps its length", t.Kernel)
	case t.Type == "cnn" && len(t.Dilations) > 0 && len(t.Dilations) != t.Layers:
		return fmt.Errorf("dilations has %d entries for %d layers", len(t.Dilations), t.Layers)
	case t.Type == "transformer" && t.Hidden%t.Heads != 0:
		return fmt.Errorf("%d heads do not divide hidden %d", t.Heads, t.Hidden)
	case t.Type == "transformer" && t.Positions == "rotary" && t.Hidden/t.Heads%2 != 0:
		return fmt.Errorf("each of %d heads has %d of hidden %d; rotary positions turn pairs, so it must be even", t.Heads, t.Hidden/t.Heads, t.Hidden)
	}
	if (t.Type == "bilstm" || t.Type == "bigru") && t.Hidden%2 != 0 {
		return fmt.Errorf("hidden is %d, it must be even: each direction of %s has half of it", t.Hidden, t.Type)
	}
	for _, d := range t.Dilations {
		if d < 1 {
			return fmt.Errorf("a dilation is %d, it must be at least 1", d)
		}
	}
	if err := checkRate("dropout", t.Dropout); err != nil {
		return err
	}
	return checkRate("embedding_dropout", t.EmbeddingDropout)
}

// longest is the most tokens that the trunk can read; 0: any number.
func (t *TrunkConfig) longest() int64 {
	least := int64(0)
	for _, p := range t.Stack {
		if n := p.longest(); n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	if least > 0 {
		return least
	}
	if t.Type == "transformer" && t.Positions == "learned" {
		return t.MaxLength
	}
	return 0
}

func (c *CharacterConfig) check() error {
	if err := oneOf("type", c.Type, "cnn", "bilstm"); err != nil {
		return err
	}
	switch {
	case c.Embedding < 1 || c.Hidden < 1:
		return fmt.Errorf("embedding and hidden must be at least 1")
	case c.Type == "cnn" && c.Kernel%2 == 0:
		return fmt.Errorf("kernel is %d, it must be odd", c.Kernel)
	case c.Type == "bilstm" && c.Hidden%2 != 0:
		return fmt.Errorf("hidden is %d, it must be even: each direction has half of it", c.Hidden)
	}
	return checkRate("dropout", c.Dropout)
}

func checkRate(name string, p float64) error {
	if !(p >= 0 && p < 1) {
		return fmt.Errorf("%s is %v, it must be at least 0 and below 1", name, p)
	}
	return nil
}

func oneOf(name, value string, known ...string) error {
	if slices.Contains(known, value) {
		return nil
	}
	return fmt.Errorf("%s %q is not one of %s", name, value, strings.Join(known, ", "))
}
