package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	for range 2 { // the second replaces the first
		code, stdout, stderr := command(t, "demo", "--out", dir, "--engine", "gonum")
		if code != 0 {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		for _, want := range []string{"Keiko Novak [PER], Juniper Bistro [ORG], Porto [LOC]", "negative"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("the output lacks %q:\n%s", want, stdout)
			}
		}
	}
	run := trained(t)
	code, _, stderr := command(t, "demo", "--out", run, "--engine", "gonum")
	if code != 1 || !strings.Contains(stderr, `holds the run "small", which is not a demo`) {
		t.Errorf("exit %d and %q", code, stderr)
	}
}
