// Package native makes the calls of ONNX Runtime's C interface that the Go
// binding does not offer or does not offer in a form that suits: reading a
// library's version before it is used, tensors of any element type and rank
// over pinned Go memory, runs that allocate nothing in Go, names of symbolic
// dimensions, and the providers a library was built with.
//
// Handles are plain pointers; who owns one releases it, once. Load must have
// succeeded before anything but Version is called.
//
// A build without cgo has none of this.
package native
