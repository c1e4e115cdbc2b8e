package espalier

import (
	"fmt"
	"slices"
	"strings"

	"espalier/data"
	"espalier/input"
	"espalier/models"
	"espalier/recipe"
	"espalier/schema"
	"espalier/train"
)

// frozenTasks are the tasks of a recipe whose own parts stay as they start.
func frozenTasks(r *recipe.Recipe) []string {
	var names []string
	for _, t := range r.Tasks {
		if t.Frozen {
			names = append(names, t.Name)
		}
	}
	return names
}

// kept is what a model that starts from an earlier run keeps of what was learned.
func kept(r *recipe.Recipe, e *data.Encoder, earlier *Run) (*data.Kept, error) {
	frozen := frozenTasks(r)
	if earlier == nil {
		if len(frozen) > 0 {
			return nil, fmt.Errorf("%s: it keeps what an earlier run has learned; name that run by train --from", r.Where("tasks."+frozen[0]+".frozen"))
		}
		return nil, nil
	}
	was, now := earlier.Model.Schema(), e.Schema()
	cannot := func(format string, args ...any) (*data.Kept, error) {
		return nil, fmt.Errorf("the model cannot start from %s: %w", earlier.Dir, fmt.Errorf(format, args...))
	}
	if !input.OneText(was) || !input.OneText(now) {
		return cannot("only models of one text can start from another")
	}
	a, b := &was.Inputs[0], &now.Inputs[0]
	if a.Tokenizer != b.Tokenizer || a.Pattern != b.Pattern || a.Lowercase != b.Lowercase || a.SpecialTokens != b.SpecialTokens || (a.Characters == nil) != (b.Characters == nil) {
		return cannot("it reads texts in another way: its tokenizer is %s, or its settings differ; take the inputs of its recipe.yaml", a.Tokenizer)
	}
	if v := e.Vocabulary(); v != nil && v.Hash() != earlier.Vocabulary.Hash() {
		return cannot("its tokenizer.json is another; take the file in that directory")
	}
	for _, name := range frozen {
		t, of := was.Task(name), now.Task(name)
		if t == nil {
			return cannot("it has no task %q, which the recipe freezes; its tasks are %s", name, strings.Join(was.TaskNames(), ", "))
		}
		if t.Type != of.Type || t.Scheme != of.Scheme || t.Entities != of.Entities {
			return cannot("its task %q is %s, with other settings than the recipe's", name, t.Type)
		}
	}
	return &data.Kept{Schema: was, Vocabulary: earlier.Vocabulary, Tasks: frozen}, nil
}

// startFrom gives a trainer the parameters of an earlier run that have its names and
// shapes: of what tasks share, and of each task with the same labels.
func (r *Run) startFrom(t *train.Trainer, earlier *Run, log func(string, ...any)) error {
	values, err := earlier.Parameters()
	if err != nil {
		return err
	}
	own, frozen := t.Parameters(), frozenTasks(r.Recipe)
	for name, was := range values {
		now := own[name]
		task, ofTask := models.TaskOf(name)
		needed := !ofTask || slices.Contains(frozen, task)
		if needed && (now == nil || !now.Shape().Equal(was.Shape())) {
			return fmt.Errorf("the model cannot start from %s: that has a parameter %q of shape %v, and this model does not; take trunk, sharing and frozen heads as they are in its recipe.yaml", earlier.Dir, name, was.Shape())
		}
	}
	taken, fresh := 0, map[string]bool{}
	for name, now := range own {
		was := values[name]
		task, ofTask := models.TaskOf(name)
		same := was != nil && was.Shape().Equal(now.Shape()) && (!ofTask || sameLabels(earlier.Model.Schema().Task(task), r.Model.Schema().Task(task)))
		if same {
			if err := put(name, now, was.Float32s()); err != nil {
				return err
			}
			taken++
			continue
		}
		if ofTask {
			fresh[task] = true
			continue
		}
		fresh["trunk"] = true
	}
	var parts []string
	for _, name := range append([]string{"trunk"}, r.Model.Schema().TaskNames()...) {
		if fresh[name] {
			parts = append(parts, name)
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing"}
	}
	log("started from %s: %d of %d parameters are its; new are those of %s", earlier.Dir, taken, len(own), strings.Join(parts, ", "))
	return nil
}

// sameLabels reports whether a head of one task answers for the other.
func sameLabels(a, b *schema.Task) bool {
	return a != nil && a.Type == b.Type && slices.Equal(a.Labels, b.Labels) && a.Mean == b.Mean && a.Deviation == b.Deviation
}
