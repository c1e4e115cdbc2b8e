package peft

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"espalier/internal/nearest"
)

// config is what of adapter_config.json is read and written, in the order of PEFT's
// own files.
type config struct {
	Base        *string  `json:"base_model_name_or_path"`
	Bias        string   `json:"bias"`
	FanInFanOut bool     `json:"fan_in_fan_out"`
	Inference   bool     `json:"inference_mode"`
	Init        any      `json:"init_lora_weights"`
	Layers      layers   `json:"layers_to_transform"`
	Alpha       *float64 `json:"lora_alpha"`
	Dropout     float64  `json:"lora_dropout"`
	Saved       []string `json:"modules_to_save"`
	Type        string   `json:"peft_type"`
	Rank        *int     `json:"r"`
	Targets     targets  `json:"target_modules"`
	TaskType    *string  `json:"task_type"`
	Stabilized  bool     `json:"use_rslora"`
}

// targets are names, or a text: a regular expression or all-linear. The names in the
// file of weights say what such a text meant.
type targets []string

func (t *targets) UnmarshalJSON(text []byte) error {
	var expression string
	if json.Unmarshal(text, &expression) == nil {
		*t = nil
		return nil
	}
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return fmt.Errorf("it must be a text or a list of them")
	}
	slices.Sort(names)
	*t = names
	return nil
}

// layers are numbers, or one.
type layers []int

func (l *layers) UnmarshalJSON(text []byte) error {
	if bytes.Equal(text, []byte("null")) {
		*l = nil
		return nil
	}
	var one int
	if json.Unmarshal(text, &one) == nil {
		*l = []int{one}
		return nil
	}
	var numbers []int
	if err := json.Unmarshal(text, &numbers); err != nil {
		return fmt.Errorf("it must be a whole number or a list of them")
	}
	*l = numbers
	return nil
}

// ignored lists settings that do not change what the two matrices of a module mean:
// notes, settings of initialisation, and which modules were chosen, which the names in
// the file of weights say.
var ignored = []string{
	"auto_mapping", "peft_version", "revision", "inference_mode", "base_model_name_or_path", "runtime_config",
	"exclude_modules", "layers_pattern", "megatron_core", "qalora_group_size",
	"eva_config", "corda_config", "lora_ga_config", "loftq_config",
}

// read lists settings that config.adapter reads or checks.
var read = []string{
	"bias", "fan_in_fan_out", "init_lora_weights", "layers_to_transform", "lora_alpha", "lora_dropout", "modules_to_save",
	"peft_type", "r", "target_modules", "task_type", "use_rslora",
}

// parseConfig reads the text of adapter_config.json into an adapter without tensors.
// A setting that changes what an adapter computes, and that is not read here, is an
// error that names it.
func parseConfig(text []byte) (*Adapter, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !slices.Contains(read, key) && !slices.Contains(ignored, key) && !unset(all[key]) {
			return nil, refused(key, string(all[key]))
		}
	}
	c := config{Bias: "none"}
	for _, f := range []struct {
		key string
		to  any
	}{
		{"peft_type", &c.Type},
		{"base_model_name_or_path", &c.Base},
		{"bias", &c.Bias},
		{"fan_in_fan_out", &c.FanInFanOut},
		{"init_lora_weights", &c.Init},
		{"layers_to_transform", &c.Layers},
		{"lora_alpha", &c.Alpha},
		{"lora_dropout", &c.Dropout},
		{"modules_to_save", &c.Saved},
		{"r", &c.Rank},
		{"target_modules", &c.Targets},
		{"task_type", &c.TaskType},
		{"use_rslora", &c.Stabilized},
	} {
		if value, ok := all[f.key]; ok {
			if err := json.Unmarshal(value, f.to); err != nil {
				return nil, fmt.Errorf("%s is %s: %w", f.key, short(string(value)), err)
			}
		}
	}
	return c.adapter()
}

// unset reports whether a setting has a value that switches it off.
func unset(value json.RawMessage) bool {
	var compact bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		return false
	}
	return slices.Contains([]string{"null", "false", "{}", "[]", `""`, "0"}, compact.String())
}

func refused(key, value string) error {
	return fmt.Errorf("%s is %s, which is not supported: only plain LoRA is, with one rank for all modules", key, short(value))
}

func short(value string) string {
	if len(value) > 60 {
		return value[:40] + "..."
	}
	return value
}

func (c *config) adapter() (*Adapter, error) {
	switch {
	case c.Type != "LORA":
		return nil, fmt.Errorf("peft_type is %q, only LORA is supported", c.Type)
	case c.Bias != "none":
		return nil, refused("bias", c.Bias)
	case c.FanInFanOut:
		return nil, refused("fan_in_fan_out", "true")
	case c.Rank == nil || c.Alpha == nil:
		return nil, fmt.Errorf("r and lora_alpha must be there")
	}
	if name, ok := c.Init.(string); ok && !slices.Contains([]string{"gaussian", "orthogonal", "eva"}, name) {
		// These change the weights of the base model, so that the matrices in the
		// file belong to other weights than the base model's.
		return nil, fmt.Errorf("init_lora_weights is %s, which may change the base model's weights: save the adapter with PEFT's "+
			"path_initial_model_for_weight_conversion, which turns it into plain LoRA", short(name))
	}
	a := &Adapter{
		Rank: *c.Rank, Alpha: *c.Alpha, Stabilized: c.Stabilized, Dropout: c.Dropout,
		Targets: c.Targets, Layers: c.Layers, Modules: map[string]Pair{},
	}
	if c.Base != nil {
		a.Base = *c.Base
	}
	if c.TaskType != nil {
		a.TaskType = *c.TaskType
	}
	slices.Sort(c.Saved)
	a.SavedModules = slices.Compact(c.Saved) // PEFT's files may have names twice
	return a, nil
}

// configOf is the text of adapter_config.json.
func configOf(a *Adapter) ([]byte, error) {
	c := config{
		Bias: "none", Inference: true, Init: true, Layers: a.Layers, Alpha: &a.Alpha, Dropout: a.Dropout, Saved: a.SavedModules,
		Type: "LORA", Rank: &a.Rank, Targets: a.Targets, Stabilized: a.Stabilized,
	}
	if len(c.Layers) == 0 {
		c.Layers = nil
	}
	if len(c.Saved) == 0 {
		c.Saved = nil
	}
	if len(c.Targets) == 0 {
		c.Targets = a.Paths()
	}
	if a.Base != "" {
		c.Base = &a.Base
	}
	if a.TaskType != "" {
		c.TaskType = &a.TaskType
	}
	text, err := json.MarshalIndent(c, "", "  ")
	return append(text, '\n'), err
}

// checkTargets says whether PEFT makes adapters of all modules that there are: it
// leaves out those that no target matches, without a word. A target is a module's
// path, or the end of it.
func (a *Adapter) checkTargets() error {
	if len(a.Targets) == 0 {
		return nil
	}
	for _, path := range a.Paths() {
		if !slices.ContainsFunc(a.Targets, func(t string) bool { return path == t || strings.HasSuffix(path, "."+t) }) {
			return fmt.Errorf("%s is adapted, but target_modules does not match it (%s)", path, nearest.List(a.Targets))
		}
	}
	return nil
}

// layerOf finds the number of a module's layer as PEFT does.
var layerOf = regexp.MustCompile(`^.*?\.[^.]*\.(\d+)\.`)

// checkLayers says the same of the layers.
func (a *Adapter) checkLayers() error {
	if len(a.Layers) == 0 {
		return nil
	}
	for _, path := range a.Paths() {
		if slices.Contains(a.Targets, path) {
			continue // given as a whole, it is adapted whatever its layer
		}
		m := layerOf.FindStringSubmatch(path)
		if m == nil || !slices.ContainsFunc(a.Layers, func(l int) bool { return strconv.Itoa(l) == m[1] }) {
			return fmt.Errorf("%s is adapted, but it is in none of the layers %v", path, a.Layers)
		}
	}
	return nil
}
