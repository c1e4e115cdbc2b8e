package atomicfile

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestFullDiskLeavesWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("espalier", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatalf("this test mounts a small file system, which needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	path := filepath.Join(dir, "f")
	if err := WriteFile(path, text("old")); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, text(strings.Repeat("x", 1<<20))); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
	if content(t, path) != "old" {
		t.Error("what was there is gone")
	}
	alone(t, dir, "f")
}
