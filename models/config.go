package models

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"espalier/schema"
	"espalier/setting"
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
	if ch := &c.Trunk.Characters; ch.Type != "" {
		if err := ch.Complete(nil); err != nil {
			return fmt.Errorf("trunk: characters: %w", err)
		}
	}
	if err := c.Trunk.Complete(nil, ""); err != nil {
		return fmt.Errorf("trunk: %w", inPart(err))
	}
	if err := c.Sharing.Complete(&c.Trunk, nil); err != nil {
		return fmt.Errorf("sharing: %w", err)
	}
	if err := c.Sharing.checkTasks(s); err != nil {
		return fmt.Errorf("sharing: %w", err)
	}
	if err := c.completeHeads(s); err != nil {
		return err
	}
	return c.checkLayers(s)
}

// checkLayers reports the first head that reads a layer which it cannot.
func (c *Config) checkLayers(s *schema.Schema) error {
	for _, t := range s.Tasks {
		if err := c.Trunk.CheckLayer(&c.Sharing, c.Heads[t.Name].Layer); err != nil {
			return fmt.Errorf("head %q: layer %w", t.Name, err)
		}
	}
	return nil
}

// CheckLayer reports why no head can read behind layer n of a complete trunk that tasks
// share so. The error continues a sentence that begins with the setting.
func (t *TrunkConfig) CheckLayer(o *SharingConfig, n int) error {
	switch depth := t.depth(); {
	case n == 0:
	case o.Method != hard.Name:
		return fmt.Errorf("is %d, but with sharing method %s tasks read what stands above or beside the trunk's layers; layers are for method %s", n, o.Method, hard.Name)
	case n > depth:
		return fmt.Errorf("is %d, and the trunk has %d layers", n, depth)
	}
	return nil
}

// completeHeads completes the heads of all tasks.
func (c *Config) completeHeads(s *schema.Schema) error {
	given := c.Heads
	for name := range given {
		if s.Task(name) == nil {
			return fmt.Errorf("head %q belongs to no task; the tasks are %s", name, strings.Join(s.TaskNames(), ", "))
		}
	}
	c.Heads = make(map[string]HeadConfig, len(s.Tasks))
	for _, t := range s.Tasks {
		h := given[t.Name]
		if err := h.complete(s, t.Name); err != nil {
			return fmt.Errorf("head %q: %w", t.Name, err)
		}
		c.Heads[t.Name] = h
	}
	return nil
}

// inPart says of an error in a stack in which of its parts it is.
func inPart(err error) error {
	of := (*setting.Error)(nil)
	if !errors.As(err, &of) {
		return err
	}
	part, key := 0, ""
	if n, _ := fmt.Sscanf(of.Key, "stack.%d.%s", &part, &key); n < 2 {
		return err
	}
	return fmt.Errorf("part %d of the stack: %s %w", part+1, key, of.Err)
}

func oneOf(name, value string, known ...string) error {
	if slices.Contains(known, value) {
		return nil
	}
	return fmt.Errorf("%s %q is not one of %s", name, value, strings.Join(known, ", "))
}
