package recipe

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Derive returns another recipe: this one with a change, checked as strictly as
// if it had been read. This one stays as it is.
func (r *Recipe) Derive(change func(*Recipe)) (*Recipe, error) {
	changed, err := r.reread("")
	if err != nil {
		return nil, err
	}
	change(changed)
	return changed.reread("a recipe made from ")
}

// reread reads what Marshal writes.
func (r *Recipe) reread(kind string) (*Recipe, error) {
	content, err := r.Marshal()
	if err != nil {
		return nil, err
	}
	out, err := ParseFor(kind+r.file, content, r.Trunk.Pretrained)
	if err != nil {
		return nil, err
	}
	out.FS, out.file, out.derived = r.FS, r.file, true
	return out, nil
}

// Single returns the recipe of a model that answers one of the tasks alone: the
// same input, trunk, optimizer, batch and epochs, the task's own head, and of
// the data the examples that have a label of it. It leaves out all settings that
// concern several tasks:
//
//   - how they are weighed against each other, and how they share the trunk;
//   - what the head reads of other tasks;
//   - in which order tasks begin, when one ends before the others, and how much
//     each takes;
//   - by which of them the best epoch is chosen.
//
// A relation has nothing to join without its entities: their task comes with it,
// and its head may still read that one.
func (r *Recipe) Single(task string) (*Recipe, error) {
	i := slices.IndexFunc(r.Tasks, func(t Task) bool { return t.Name == task })
	if i < 0 {
		var names []string
		for _, t := range r.Tasks {
			names = append(names, t.Name)
		}
		return nil, fmt.Errorf("recipe: there is no task %q; there are %s", task, strings.Join(names, ", "))
	}
	return r.Derive(func(s *Recipe) {
		var plain Recipe
		setDefaults(reflect.ValueOf(&plain).Elem())
		own := s.Tasks[i]
		kept := []Task{own}
		if own.Entities != "" {
			of := slices.IndexFunc(s.Tasks, func(t Task) bool { return t.Name == own.Entities })
			kept = append(kept, s.Tasks[of])
		}
		for j := range kept {
			kept[j].Weight, kept[j].Stop = 1, Stop{}
			kept[j].Reads = slices.DeleteFunc(slices.Clone(kept[j].Reads), func(read string) bool { return read != own.Entities || j > 0 })
		}
		s.Name, s.Tasks = task, kept
		// Every key that names several tasks or sets them against each other
		// goes back to its default here.
		s.Sharing, s.Train.Balance, s.Train.Sampling = plain.Sharing, plain.Train.Balance, plain.Train.Sampling
		s.Train.Priorities, s.Train.Shares = plain.Train.Priorities, plain.Train.Shares
		if s.Train.Selects = nil; s.Train.Select != "loss" {
			s.Train.Select = plain.Train.Select
		}
		s.Data.Unlabelled = "skip"
		s.narrow(r.Tasks)
	})
}

// narrow makes the sources say to a recipe with fewer tasks what they said to
// one with all of them. Two things in them depend on which tasks there are: the
// task whose values are divided evenly, and formats that give labels without
// saying whose to a recipe's only task.
func (r *Recipe) narrow(all []Task) {
	for _, t := range all {
		if t.Name == r.Data.Split.By {
			r.Data.Split.By = t.Field
		}
	}
	for _, split := range [][]Source{r.Data.Train, r.Data.Valid, r.Data.Test, r.Data.All} {
		for i := range split {
			split[i].narrow(r.Inputs[0].Field, all, r.Tasks)
		}
	}
}

// narrow maps the field that is left of several to itself where the source says
// of no field but the input's where it is: then no format takes it for the only
// one that there is.
func (s *Source) narrow(input string, all, left []Task) {
	before, now := s.reads(all), s.reads(left)
	if len(before) < 2 || len(now) != 1 || strings.Contains(now[0], "{") {
		return
	}
	parts := []*Source{s}
	for i := range s.Join {
		parts = append(parts, &s.Join[i])
	}
	for _, part := range parts {
		fields := maps.Clone(part.Fields)
		delete(fields, input)
		if len(fields) > 0 || part.Format != "conll" && (part.Format != "spans" || now[0] == "entities") {
			continue
		}
		fields = map[string]string{now[0]: now[0]}
		maps.Copy(fields, part.Fields)
		part.Fields = fields
	}
}

// reads returns the fields that tasks need of a source's files, each once.
func (s *Source) reads(tasks []Task) []string {
	var fields []string
	for _, t := range tasks {
		field := t.Field
		if _, set := s.Set[field]; set {
			continue
		}
		for _, v := range s.Values {
			if v.Name == field && v.From != "" {
				field = v.From
			}
		}
		if !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
	}
	return fields
}

// Weighted returns the recipe with fixed weights of the tasks' losses, in the
// order of its tasks.
func (r *Recipe) Weighted(weights []float64) (*Recipe, error) {
	if len(weights) != len(r.Tasks) {
		return nil, fmt.Errorf("recipe: %d weights for %d tasks", len(weights), len(r.Tasks))
	}
	return r.Derive(func(s *Recipe) {
		var plain Recipe
		setDefaults(reflect.ValueOf(&plain).Elem())
		s.Train.Balance = plain.Train.Balance
		s.Train.Balance.Method = "fixed"
		for i := range s.Tasks {
			s.Tasks[i].Weight = weights[i]
		}
	})
}
