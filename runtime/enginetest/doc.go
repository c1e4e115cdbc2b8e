// Package enginetest is the suite that every engine of package runtime passes:
// what it means to run a model, written as tests.
//
// [Test] is the contract. [Types], [Strings] and [Allocations] are further
// promises that an engine's own tests claim by calling them. All models are
// made here, small, and their results are computed a second time in plain Go.
package enginetest
