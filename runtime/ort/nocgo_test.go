//go:build !cgo

package ort

import (
	"errors"
	"strings"
	"testing"

	"espalier/runtime"
)

func TestWithoutCgoOpenSaysWhatToDo(t *testing.T) {
	_, err := Open(Config{})
	if !errors.Is(err, runtime.ErrLibrary) || !strings.Contains(err.Error(), "install a C compiler") {
		t.Errorf("got %v", err)
	}
	if _, err := Describe("somewhere.so"); !errors.Is(err, runtime.ErrLibrary) {
		t.Errorf("describe: got %v", err)
	}
}
