//go:build !linux

package hugepage

// advise does nothing: only Linux is asked.
func advise([]float32) {}
