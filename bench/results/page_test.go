package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
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

func TestPartsAreChosenByHowTheirNamesStart(t *testing.T) {
	all := []part{{name: "trec"}, {name: "fdu_mtl"}, {name: "fdu_balancers"}}
	for _, test := range []struct {
		names []string
		want  []string
	}{
		{nil, []string{"trec", "fdu_mtl", "fdu_balancers"}},
		{[]string{"none"}, nil},
		{[]string{"fdu", "fdu_mtl"}, []string{"fdu_mtl", "fdu_balancers"}},
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
	_, err := choose(all, []string{"trek"})
	if err == nil || err.Error() != `no set's name starts with "trek": there are trec, fdu_mtl, fdu_balancers` {
		t.Errorf("got %v", err)
	}
}
