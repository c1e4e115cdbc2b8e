// Package ort runs ONNX models on ONNX Runtime, through the binding
// github.com/yalue/onnxruntime_go.
//
// [Open] finds the shared library and loads it; [Find] and [Describe] say what
// is there without promising to use it; package install puts one in place.
// The order of the search is: the path given, the environment variable
// ESPALIER_ORT_LIBRARY, the user's cache folder, the system's library folders.
//
// ONNX Runtime is one per process: the first library opened is the one that
// stays, and opening another is an error. It is never unloaded.
//
// # Memory
//
// Tensors are views: a session reads and writes the caller's Go slices in
// place. They are pinned and held for as long as native code may touch them,
// so nothing is asked of the caller but not to write to an input, or read an
// output, while a run is going on. Strings are copied, both ways.
//
// An output whose tensor is nil is allocated by the runtime and copied into a
// tensor of its own. A given one costs no copy.
//
// # Threads
//
// Sessions may be used from many goroutines. Between runs the worker threads
// of a session sleep by default rather than spin, since a training loop
// computes in Go there; see [Config].
//
// # Builds without cgo
//
// The binding needs cgo and so a C compiler when the program is built. Without
// one, [Open] fails with a [runtime.ErrLibrary] that says so, and all else
// works.
package ort
