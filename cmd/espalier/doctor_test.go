package main

import (
	"strings"
	"testing"
)

func TestDoctorSaysWhatToDo(t *testing.T) {
	code, stdout, _ := command(t, "doctor", "--library", "/no/lib.so")
	if code != 0 || !strings.Contains(stdout, "espalier ort install") {
		t.Errorf("exit %d and %q", code, stdout)
	}
	code, stdout, _ = command(t, "doctor", "--json")
	if code != 0 || !strings.Contains(stdout, `"everything is here; --engine auto uses ONNX Runtime"`) {
		t.Errorf("exit %d and %q", code, stdout)
	}
}
