// Package gonum is the pure-Go engine: it runs ONNX models without cgo and
// without a native library. A file is read and made uniform by package onnx,
// its graph is then decoded by github.com/owulveryck/onnx-go into a backend
// that collects an execution plan, and the plan is computed with gonum.
//
// Every operator that package builder emits is here, forward and backward, in
// float32 and float64, sub-graphs and operators on strings included, so that
// training runs on it, too. It is the oracle that ONNX Runtime is held against,
// and the engine of programs that must not link C. It is slower than ONNX
// Runtime by a factor of about ten on matrix products, and of about five on
// training steps.
//
// gonum's matrix product skips multipliers that are exactly 0: where the other
// factor is NaN or infinite, the product is 0 instead of NaN.
package gonum
