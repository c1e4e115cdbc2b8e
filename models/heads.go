package models

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"espalier/builder"
	"espalier/schema"
	"espalier/setting"
)

// Head declares the head of one type of tasks. Each stands in a file of its own
// (head_*.go).
type Head struct {
	// Type is that of its tasks.
	Type schema.TaskType
	// Doc says in one line what it is, Source where it is from.
	Doc, Source string
	// Options are its settings.
	Options []setting.Option

	// unread says why other heads cannot read its answers, "": they can.
	unread string
	build  buildHead
}

// buildHead adds a task that reads hidden states to a graph.
type buildHead func(c *network, s *builder.Scope, t *schema.Task, h HeadConfig, states *builder.Value) TaskGraph

// heads is the table of all heads.
func heads() []*Head {
	return []*Head{&classification, &multiLabel, &tagging, &regression, &count, &relation, &ordinal}
}

// Heads returns all heads.
func Heads() []Head {
	var all []Head
	for _, h := range heads() {
		all = append(all, *h)
	}
	return all
}

// headOf returns the head of a type of tasks, nil for a type that has none.
func headOf(t schema.TaskType) *Head {
	for _, h := range heads() {
		if h.Type == t {
			return h
		}
	}
	return nil
}

// The options that heads share.
var (
	reads       = setting.Option{Key: "reads", Kind: setting.Text, List: true, Doc: "tasks whose answers the head reads beside the trunk (Goo et al. 2018)"}
	headHidden  = setting.Option{Key: "hidden", Kind: setting.Whole, Default: 0, Doc: "width of a layer of the task's own; 0: none"}
	headLayer   = setting.Option{Key: "layer", Kind: setting.Whole, Default: 0, Doc: "the layer of the trunk behind which the head reads, from 1 (Søgaard and Goldberg 2016); 0: the last"}
	headDropout = setting.Option{Key: "dropout", Kind: setting.Share, Default: 0.0, Doc: "share of the values that the head reads that a training step sets to 0"}
)

// ofLabels are the options of losses of labels that are chosen one by one.
func ofLabels() []setting.Option {
	options := []setting.Option{
		{Key: "balanced", Kind: setting.Flag, Default: false, Doc: "weighs labels inversely to their counts in the training data"},
		{Key: "class_weights", Named: true, Doc: "factors of single labels"},
		{Key: "label_smoothing", Kind: setting.Share, Default: 0.0, Doc: "share of the truth that is spread over all labels"},
		{Key: "focal", Default: 0.0, Doc: "exponent of focal loss (Lin et al. 2017); 0: none"},
	}
	for i := range options {
		options[i].Moot, options[i].Elsewhere = oneByOne, ofSingleLabels
	}
	return options
}

const ofSingleLabels = "is for heads that choose labels one by one, not for this one"

// oneByOne says that a head chooses the labels of a text together.
func oneByOne(of setting.Values) string {
	if of.Flag("crf") {
		return ofSingleLabels
	}
	return ""
}

// option returns the declaration of a setting of a type's head, nil for what it
// does not have.
func (h *Head) option(key string) *setting.Option {
	for i := range h.Options {
		if h.Options[i].Key == key {
			return &h.Options[i]
		}
	}
	return nil
}

// complete fills in defaults and reports the first setting that cannot be.
func (h *HeadConfig) complete(s *schema.Schema, name string) error {
	t := s.Task(name)
	of := headOf(t.Type)
	if of == nil {
		return fmt.Errorf("there is none for tasks of type %q", t.Type)
	}
	if err := h.checkReads(s, name); err != nil {
		return err
	}
	changed := h.Balanced || len(h.ClassWeights) > 0 || h.LabelSmoothing != 0 || h.Focal != 0
	switch {
	case changed && h.CRF:
		return fmt.Errorf("class weights, label smoothing and focal loss are for heads without a CRF")
	case changed && of.option("balanced") == nil:
		return fmt.Errorf("class weights, label smoothing and focal loss are for labels, not for a %s", t.Type)
	case !(h.Threshold >= 0 && h.Threshold < 1):
		return fmt.Errorf("threshold is %v, it must be at least 0 and below 1", h.Threshold)
	}
	for label, w := range h.ClassWeights {
		if t.LabelIndex(label) < 0 {
			return fmt.Errorf("a weight is given for %q, which is none of its labels", label)
		}
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("the weight of %q is %v, it must be a number of at least 0", label, w)
		}
	}
	values, err := setting.Binding{Options: of.Options}.Complete(h)
	if err != nil {
		return err
	}
	return h.checkLoss(of, values)
}

// checkLoss reports the first setting of a loss of labels that the head does not have,
// or that its other settings leave without a meaning.
func (h *HeadConfig) checkLoss(of *Head, values setting.Values) error {
	for _, loss := range []struct {
		key   string
		given bool
	}{
		{"balanced", h.Balanced},
		{"class_weights", len(h.ClassWeights) > 0},
		{"label_smoothing", h.LabelSmoothing != 0},
		{"focal", h.Focal != 0},
	} {
		o := of.option(loss.key)
		switch {
		case !loss.given:
		case o == nil:
			return fmt.Errorf("%s is not for tasks of type %s", loss.key, of.Type)
		case o.Moot != nil && o.Moot(values) != "":
			return fmt.Errorf("%s %s", loss.key, o.Moot(values))
		}
	}
	return nil
}

// Explicit returns complete settings of a head in a form that keeps them where zero means
// the default. Options that the head does not declare are left out.
func (h HeadConfig) Explicit(t schema.TaskType) HeadConfig {
	of := headOf(t)
	if of == nil {
		return h
	}
	own := setting.Values{}
	for key, value := range h.Options {
		if of.option(key) != nil {
			own[key] = value
		}
	}
	if h.Options = nil; len(own) > 0 {
		h.Options = own
	}
	setting.Binding{Options: of.Options}.Explicit(&h)
	return h
}

// checkReads reports the first task whose answers the head cannot read.
func (h *HeadConfig) checkReads(s *schema.Schema, name string) error {
	for _, read := range h.Reads {
		t := s.Task(read)
		switch {
		case t == nil:
			return fmt.Errorf("it reads %q, which is no task; the tasks are %s", read, strings.Join(s.TaskNames(), ", "))
		case read == name:
			return fmt.Errorf("it reads itself")
		}
		if of := headOf(t.Type); of != nil && of.unread != "" {
			return fmt.Errorf("it reads %q, %s", read, of.unread)
		}
	}
	return nil
}

// Readable reports whether other heads can read the answers of a task of a type.
func Readable(t schema.TaskType) bool {
	of := headOf(t)
	return of != nil && of.unread == ""
}

// all are the options of a head, those that every head has first and last.
func all(own ...setting.Option) []setting.Option {
	return slices.Concat([]setting.Option{reads}, own, []setting.Option{headLayer, headHidden, headDropout})
}
