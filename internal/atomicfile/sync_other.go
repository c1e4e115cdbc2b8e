//go:build !unix

package atomicfile

// syncFolder does nothing: only unix systems can sync a folder.
func syncFolder(string) error { return nil }
