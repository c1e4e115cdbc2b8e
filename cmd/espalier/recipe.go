package main

import (
	"fmt"
	"strings"

	"espalier/recipe"
)

// recipeWith reads a recipe and changes settings.
func recipeWith(path string, set []string) (*recipe.Recipe, error) {
	r, err := recipe.Read(path)
	if err != nil {
		return nil, err
	}
	for _, s := range set {
		path, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, usageError{fmt.Errorf("--set %q is not of the form path=value", s)}
		}
		if err := r.Set(path, value); err != nil {
			return nil, err
		}
	}
	return r, nil
}
