package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestThePageIsWhatItsFiguresSay(t *testing.T) {
	want, err := os.ReadFile("../../docs/results.md")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := page(&got, "figures"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("write it by make results SETS=none (-docs/results.md +figures):\n%s", diff)
	}
}

func TestEveryPartOfThePageWasMeasured(t *testing.T) {
	for _, p := range parts() {
		if _, err := os.Stat("figures/" + p.name + ".json"); err != nil {
			t.Errorf("make results SETS=%s was never run: %v", p.name, err)
		}
	}
}

func TestPartsAreChosenByNameOrByHowItStarts(t *testing.T) {
	all := []part{{name: "trec"}, {name: "fdu_mtl"}, {name: "fdu_balancers"}, {name: "census"}, {name: "census_ple"}}
	for _, test := range []struct {
		names []string
		want  []string
	}{
		{nil, []string{"trec", "fdu_mtl", "fdu_balancers", "census", "census_ple"}},
		{[]string{"none"}, nil},
		{[]string{"fdu*", "fdu_mtl"}, []string{"fdu_mtl", "fdu_balancers"}},
		{[]string{"census"}, []string{"census"}},
		{[]string{"census*"}, []string{"census", "census_ple"}},
	} {
		chosen, err := choose(all, test.names)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range chosen {
			got = append(got, p.name)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.names, diff)
		}
	}
	for _, name := range []string{"trek", "tre", "x*"} {
		_, err := choose(all, []string{name})
		want := `no set is called "` + name + `": there are trec, fdu_mtl, fdu_balancers, census, census_ple; trec* takes all whose names start with trec`
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestPeersAreReadBySetAndStructure(t *testing.T) {
	path := filepath.Join(t.TempDir(), "census_income.jsonl")
	lines := `{"structure": "ple", "tasks": ["income", "married"], "test": [0.9, 0.98], "seconds": 2.5, "parameters": 7}
{"structure": "ple", "tasks": ["income", "married"], "test": [0.92, 0.98], "seconds": 2, "parameters": 7}
{"structure": "single", "tasks": ["married"], "test": [0.5], "seconds": 1, "parameters": 3}
`
	if err := os.WriteFile(path, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	got := peerFigures{}
	if err := got.read("census_income", path); err != nil {
		t.Fatal(err)
	}
	want := peerFigures{
		"census_income ple":    {map[string]spread{"income": {2, 91, math.Sqrt2}, "married": {2, 98, 0}}, 2, 7},
		"census_income single": {map[string]spread{"married": {1, 50, 0}}, 1, 3},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
