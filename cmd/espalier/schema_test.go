package main

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/recipe"
)

// TestSchemaIsThatOfRecipes: what the command prints is JSON, and all of it.
func TestSchemaIsThatOfRecipes(t *testing.T) {
	code, stdout, stderr := command(t, "schema")
	if code != 0 || stderr != "" {
		t.Fatalf("%d: %s", code, stderr)
	}
	var got, want any
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(recipe.JSONSchema())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
