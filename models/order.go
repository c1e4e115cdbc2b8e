package models

import (
	"fmt"
	"slices"
	"strings"

	"espalier/schema"
)

// headOrder returns the tasks' numbers so that every head comes after those it
// reads, otherwise in the schema's order.
func headOrder(s *schema.Schema, heads map[string]HeadConfig) ([]int, error) {
	var order []int
	done := map[string]bool{}
	for len(order) < len(s.Tasks) {
		before := len(order)
		for i := range s.Tasks {
			name := s.Tasks[i].Name
			waits := func(other string) bool { return !done[other] }
			if !done[name] && !slices.ContainsFunc(heads[name].Reads, waits) {
				order = append(order, i)
				done[name] = true
			}
		}
		if len(order) > before {
			continue
		}
		for _, t := range s.Tasks {
			if !done[t.Name] {
				return nil, fmt.Errorf("head %q reads %s, which read each other in a circle", t.Name, strings.Join(heads[t.Name].Reads, ", "))
			}
		}
	}
	return order, nil
}
