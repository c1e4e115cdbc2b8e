package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk exports to a file system that is too small: nothing may be left
// and what was there must stay.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("espalier", dir, "tmpfs", 0, "size=8k"); err != nil {
		t.Fatalf("this test mounts a small file system, which needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "m.onnx")
	if err := os.WriteFile(path, []byte("what was there"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := trained(t)
	code, _, stderr := command(t, "export", run, "-o", path, "--engine", "gonum")
	if code != 1 || !strings.Contains(stderr, "no space left on device") {
		t.Errorf("exit %d and %q", code, stderr)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "what was there" {
		t.Errorf("what was there is now %q, %v", content, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}
