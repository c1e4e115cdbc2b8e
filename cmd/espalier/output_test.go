package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier"
	"espalier/train"
)

func TestParameterTable(t *testing.T) {
	o := &espalier.Outcome{
		Shared: 18240, Heads: map[string]int{"topic": 325, "sentiment": 65}, Alone: map[string]int{"topic": 18565, "sentiment": 18305},
		Valid: train.Scores{{Task: "topic"}, {Task: "sentiment"}},
	}
	table := func() string {
		var b strings.Builder
		if err := parameterTable(&b, o); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	const several = `parameters   here   alone
  shared     18240  
  topic      325    18565
  sentiment  65     18305
  all        18630  36870  51 % of one model per task
`
	if diff := cmp.Diff(several, table()); diff != "" {
		t.Error(diff)
	}
	o.Valid = o.Valid[:1]
	const one = `parameters  here   alone
  shared    18240  
  topic     325    18565
`
	if diff := cmp.Diff(one, table()); diff != "" {
		t.Error(diff)
	}
}
