package balance

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"espalier/internal/nearest"
)

// Words that the option "heads" takes.
const (
	// Weighted heads follow the weights of their tasks.
	Weighted = "weighted"
	// Unweighted heads follow the plain gradients of their tasks.
	Unweighted = "unweighted"
)

// Method describes one method.
type Method struct {
	// Name is what Config.Method asks for.
	Name string
	// Title is its name in full, Paper where it was published.
	Title, Paper string
	// Use says when it is worth a try.
	Use string
	// Needs is what it must be given with its default options.
	Needs Needs
	// Heads is the default of the option "heads"; "" where the method's
	// definition settles what heads follow.
	Heads string
	// Options are its own, without heads and smooth.
	Options []Option
	// RightAngles says what is left of a method on inner products where gradients
	// stand at right angles, as at the representation where no example has
	// labels of two tasks; "": they do not matter to it.
	RightAngles string
	// Claims are the properties that the method has by its definition.
	Claims Claims

	build func(o options, tasks int) rule
}

// Claims are properties of the combined gradient d = sum w_i g_i in the sense of
// Quinton and Rey (arXiv 2406.16232). Tests hold every method to its own.
type Claims struct {
	// NonConflicting: d*g_i >= 0 for every task.
	NonConflicting bool
	// Symmetric: tasks in another order give the same d.
	Symmetric bool
	// Linear: with gradients that are c_i > 0 times as long, d is linear in c.
	Linear bool
	// Stationary: d is 0 only where some weights, all above 0, combine the
	// gradients to 0 (strong Pareto stationarity).
	Stationary bool
}

// Option is one setting of a method.
type Option struct {
	Name string
	// Default is a float64 or, where Words is not nil, a string. With PerTask
	// it is every task's.
	Default any
	// Min and Max are the bounds of a number; with Open it must be above Min.
	Min, Max float64
	Open     bool
	// Whole: the number is an integer.
	Whole bool
	// Words are the values of an option that is a word.
	Words []string
	// PerTask: the value is a map from tasks to numbers.
	PerTask bool
	// Doc says what it does.
	Doc string
}

// What is left of methods where gradients stand at right angles.
const (
	plainSum  = "the plain sum of the gradients"
	plainMean = "the plain mean of the gradients"
	byLengths = "a weighing by the gradients' lengths"
)

// Methods returns all methods, those that weigh losses first.
func Methods() []Method {
	table := methods()
	all := make([]Method, len(table))
	for i, m := range table {
		all[i] = *m
	}
	return all
}

func methodNamed(name string) (*Method, error) {
	var names []string
	for _, m := range methods() {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	hint := ""
	if near := nearest.Word(strings.ToLower(strings.ReplaceAll(name, "_", "-")), names); near != "" {
		hint = fmt.Sprintf(": did you mean %q?", near)
	}
	if slices.Contains(names, strings.ToLower(strings.ReplaceAll(name, "_", "-"))) {
		hint = fmt.Sprintf(": did you mean %q?", strings.ToLower(strings.ReplaceAll(name, "_", "-")))
	}
	if hint == "" {
		hint = ", it is one of " + strings.Join(names, ", ")
	}
	return nil, fmt.Errorf("balance: there is no method %q%s", name, hint)
}

// common are the options of every method that has weights.
func (m *Method) common() []Option {
	if m.Heads == "" {
		return nil
	}
	common := []Option{{
		Name: "heads", Default: m.Heads, Words: []string{Weighted, Unweighted},
		Doc: "whether the tasks' own parameters follow the weights",
	}}
	if !m.Needs.Direction {
		common = append(common, Option{
			Name: "smooth", Default: 0.0, Min: 0, Max: 0.9999,
			Doc: "decay of a moving average of the weights (CR-MOGM, Zhou et al. 2022, use 0.9); 0: none",
		})
	}
	return common
}

// options are checked values, defaults included.
type options struct {
	numbers map[string]float64
	words   map[string]string
	tasks   map[string][]float64
}

func (o options) number(name string) float64    { return o.numbers[name] }
func (o options) word(name string) string       { return o.words[name] }
func (o options) perTask(name string) []float64 { return o.tasks[name] }

// options reads those of a configuration.
func (m *Method) options(c Config) (options, error) {
	o := options{map[string]float64{}, map[string]string{}, map[string][]float64{}}
	var names []string
	for _, option := range append(slices.Clone(m.Options), m.common()...) {
		names = append(names, option.Name)
		if err := option.read(c, o); err != nil {
			return o, fmt.Errorf("balance: %s: %w", m.Name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Options)) {
		if slices.Contains(names, name) {
			continue
		}
		if near := nearest.Word(name, names); near != "" {
			return o, fmt.Errorf("balance: %s has no option %q: did you mean %q?", m.Name, name, near)
		}
		if len(names) == 0 {
			return o, fmt.Errorf("balance: %s has no option %q, it has none", m.Name, name)
		}
		return o, fmt.Errorf("balance: %s has no option %q, it has %s", m.Name, name, strings.Join(names, ", "))
	}
	return o, nil
}

// read puts the option's value into o.
func (op Option) read(c Config, o options) error {
	value, given := c.Options[op.Name]
	switch {
	case op.PerTask:
		return op.readPerTask(c, value, given, o)
	case op.Words != nil:
		if !given {
			value = op.Default
		}
		word, ok := value.(string)
		if !ok || !slices.Contains(op.Words, word) {
			return fmt.Errorf("option %s is %v, it must be one of %s", op.Name, value, strings.Join(op.Words, ", "))
		}
		o.words[op.Name] = word
		return nil
	}
	if !given {
		value = op.Default
	}
	x, ok := number(value)
	if !ok {
		return fmt.Errorf("option %s is %v, it must be a number", op.Name, value)
	}
	o.numbers[op.Name] = x
	return op.check("option "+op.Name, x)
}

// readPerTask reads one number per task. Tasks that are not named have the
// default.
func (op Option) readPerTask(c Config, value any, given bool, o options) error {
	of := make([]float64, len(c.Tasks))
	for i := range of {
		of[i] = op.Default.(float64)
	}
	o.tasks[op.Name] = of
	if !given {
		return nil
	}
	named, ok := perTask(value)
	if !ok {
		return fmt.Errorf("option %s is %v, it must give tasks their numbers", op.Name, value)
	}
	for _, task := range slices.Sorted(maps.Keys(named)) {
		i := slices.Index(c.Tasks, task)
		if i < 0 {
			return fmt.Errorf("option %s names task %q, there are %s", op.Name, task, strings.Join(c.Tasks, ", "))
		}
		x, ok := number(named[task])
		if !ok {
			return fmt.Errorf("option %s of task %q is %v, it must be a number", op.Name, task, named[task])
		}
		if err := op.check(fmt.Sprintf("option %s of task %q", op.Name, task), x); err != nil {
			return err
		}
		of[i] = x
	}
	return nil
}

// check says what is wrong with a number.
func (op Option) check(what string, x float64) error {
	switch {
	case x >= op.Min && x <= op.Max && !(op.Open && x == op.Min) && !(op.Whole && x != math.Trunc(x)):
		return nil
	case op.Whole:
		return fmt.Errorf("%s is %v, it must be a whole number from %v to %v", what, x, op.Min, op.Max)
	case op.Open:
		return fmt.Errorf("%s is %v, it must be above %v and at most %v", what, x, op.Min, op.Max)
	}
	return fmt.Errorf("%s is %v, it must be between %v and %v", what, x, op.Min, op.Max)
}

// number reads what a decoder may have made of a number.
func number(value any) (float64, bool) {
	switch x := value.(type) {
	case float64:
		return x, true
	case float32:
		return float64(x), true
	case int:
		return float64(x), true
	case int64:
		return float64(x), true
	case uint64:
		return float64(x), true
	}
	return 0, false
}

// perTask reads what a decoder may have made of a map.
func perTask(value any) (map[string]any, bool) {
	switch m := value.(type) {
	case map[string]any:
		return m, true
	case map[string]float64:
		named := make(map[string]any, len(m))
		for k, v := range m {
			named[k] = v
		}
		return named, true
	}
	return nil, false
}
