package main

import "testing"

func TestStepsAreLinesOfBenchmarks(t *testing.T) {
	got, err := benchmark([]byte(`{"framework":"espalier, lazy rows","median_ms":1.1625,"min_ms":1.0,"model":"bag","peak_rss_mb":79.4}`))
	if want := "BenchmarkStep/bag 1 1162500 ns/op 79 peak-MB"; err != nil || got != want {
		t.Errorf("%q and %v, want %q", got, err, want)
	}
}

func TestBenchmarksOfOneSideAreLeftOut(t *testing.T) {
	a := &side{binaries: map[string]string{"both": "x", "old": "x"}}
	b := &side{binaries: map[string]string{"both": "x", "new": "x"}}
	keepCommon([]*side{a, b})
	for _, s := range []*side{a, b} {
		if len(s.binaries) != 1 || s.binaries["both"] == "" {
			t.Errorf("binaries are %v, want those of both", s.binaries)
		}
	}
}
