package balance

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"espalier/internal/nearest"
	"espalier/setting"
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
	Options []setting.Option
	// RightAngles says what is left of a method on inner products where gradients
	// stand at right angles, as at the representation where no example has
	// labels of two tasks; "": they do not matter to it.
	RightAngles string
	// Claims are the properties that the method has by its definition.
	Claims Claims

	build func(o setting.Values, tasks int) rule
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
func (m *Method) common() []setting.Option {
	if m.Heads == "" {
		return nil
	}
	common := []setting.Option{{
		Key: "heads", Default: m.Heads, Kind: setting.Word, Words: []string{Weighted, Unweighted},
		Doc: "whether the tasks' own parameters follow the weights",
	}}
	if !m.Needs.Direction {
		common = append(common, setting.Option{
			Key: "smooth", Default: 0.0, Min: 0, Max: 0.9999,
			Doc: "decay of a moving average of the weights (CR-MOGM, Zhou et al. 2022, use 0.9); 0: none",
		})
	}
	return common
}

// Settings are the method's options, heads and smooth included.
func (m *Method) Settings() []setting.Option { return append(slices.Clone(m.Options), m.common()...) }

// options reads those of a configuration.
func (m *Method) options(c Config) (setting.Values, error) {
	o, err := setting.Read(m.Settings(), c.Options, nil, c.Tasks)
	if unknown := (*setting.UnknownError)(nil); errors.As(err, &unknown) {
		return nil, fmt.Errorf("balance: %s %w", m.Name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("balance: %s: %w", m.Name, err)
	}
	return o, nil
}
