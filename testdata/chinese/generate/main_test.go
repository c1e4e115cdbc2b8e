package main

import (
	"testing"

	"espalier/testdata/chinese"
)

func TestCommittedCorpusIsWhatTheGeneratorWrites(t *testing.T) {
	for name, want := range corpus() {
		got, err := chinese.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is not what the generator writes; run go generate ./testdata/chinese", name)
		}
	}
}
