package sample

import (
	"slices"

	"espalier/setting"
)

// Method declares one way to draw tasks.
type Method struct {
	// Name is what Config.Method asks for.
	Name string
	// Doc says in one line what it is, Source where it is from.
	Doc, Source string
	// Options are its settings.
	Options []setting.Option

	rule func(s *Sampler) rule
}

// All returns all methods by name.
func All() []Method {
	return []Method{
		{Name: "annealed", Doc: "from proportional to n^0.2 over the epochs", Source: "Stickland and Murray 2019", rule: func(s *Sampler) rule { return annealed{s.config.Epochs} }},
		{
			Name: "cap", Doc: "by min(n, cap)", Source: "Raffel et al. 2020",
			Options: []setting.Option{{Key: "cap", Kind: setting.Whole, Min: 1, Doc: "most examples that a task counts with"}},
			rule:    func(s *Sampler) rule { return limit{float64(s.config.Cap)} },
		},
		{Name: "progress", Doc: "by what each task's score on validation, which has no unit, lacks to 1", Source: "after Jean et al. 2018", rule: func(s *Sampler) rule { return progress{s} }},
		{Name: "proportional", Doc: "by the n examples that a task has", rule: byPower(1)},
		{Name: "round_robin", Doc: "one task after the other", rule: byPower(0)},
		{Name: "sqrt", Doc: "by the root of n", rule: byPower(0.5)},
		{
			Name: "temperature", Doc: "by n^(1/temperature)", Source: "Arivazhagan et al. 2019",
			Options: []setting.Option{{Key: "temperature", Open: true, Doc: "1 is proportional, large ones are uniform"}},
			rule:    func(s *Sampler) rule { return power{1 / s.config.Temperature} },
		},
		{Name: "uniform", Doc: "all tasks alike", rule: byPower(0)},
		{
			Name: "weights", Doc: "by numbers that are given",
			Options: []setting.Option{{Key: "weights", Named: true, Doc: "each task's number; 1 for one that is not named"}},
			rule:    func(s *Sampler) rule { return weights{s.config} },
		},
	}
}

func byPower(alpha float64) func(*Sampler) rule {
	return func(*Sampler) rule { return power{alpha} }
}

// BatchOption is the setting of what a batch holds.
func BatchOption() setting.Option {
	return setting.Option{
		Key: "batches", Kind: setting.Word, Words: []string{"single", "mixed"}, Follows: "single",
		Doc: "single: one task a batch; mixed: the task is drawn for each example and all its labels count",
	}
}

// Methods returns the methods' names.
func Methods() []string {
	var names []string
	for _, m := range All() {
		names = append(names, m.Name)
	}
	return names
}

// method returns the method of a name, and false for none.
func method(name string) (Method, bool) {
	all := All()
	i := slices.IndexFunc(all, func(m Method) bool { return m.Name == name })
	if i < 0 {
		return Method{}, false
	}
	return all[i], true
}
