//go:build unix

package enginetest

import "syscall"

// pipe makes a file that blocks whoever reads it.
func pipe(path string) error { return syscall.Mkfifo(path, 0o600) }
