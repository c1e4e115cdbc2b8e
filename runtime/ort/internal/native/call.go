//go:build cgo

package native

/*
#include <stdlib.h>
#include "native.h"

#cgo noescape eo_run
#cgo nocallback eo_run
*/
import "C"

import "unsafe"

// Names holds strings as C sees them, for as long as a session lives.
type Names map[string]unsafe.Pointer

// Add puts a name in; adding it again changes nothing.
func (n Names) Add(name string) {
	if _, ok := n[name]; !ok {
		n[name] = unsafe.Pointer(C.CString(name))
	}
}

// Release frees all names.
func (n Names) Release() {
	for name, p := range n {
		C.free(p)
		delete(n, name)
	}
}

// Call is the argument block of a run, kept outside Go's heap so that a run
// needs no preparation. It does not own the values and names put in.
type Call struct {
	inputNames, inputs   []unsafe.Pointer
	outputNames, outputs []unsafe.Pointer
	block                unsafe.Pointer
}

// NewCall makes a block for so many inputs and outputs.
func NewCall(inputs, outputs int) *Call {
	total := 2 * (inputs + outputs)
	c := &Call{block: C.calloc(C.size_t(total+1), C.size_t(unsafe.Sizeof(uintptr(0))))}
	all := unsafe.Slice((*unsafe.Pointer)(c.block), total+1)
	c.inputNames, all = all[:inputs], all[inputs:]
	c.inputs, all = all[:inputs], all[inputs:]
	c.outputNames, all = all[:outputs], all[outputs:]
	c.outputs = all[:outputs]
	return c
}

// SetInput fills one place of the inputs.
func (c *Call) SetInput(i int, name unsafe.Pointer, v Value) {
	c.inputNames[i], c.inputs[i] = name, unsafe.Pointer(v)
}

// SetOutput fills one place of the outputs. A nil value is one that ORT
// allocates at the next run.
func (c *Call) SetOutput(i int, name unsafe.Pointer, v Value) {
	c.outputNames[i], c.outputs[i] = name, unsafe.Pointer(v)
}

// TakeOutput returns the value at a place and leaves nil there, so that the
// next run allocates a new one.
func (c *Call) TakeOutput(i int) Value {
	v := Value(c.outputs[i])
	c.outputs[i] = nil
	return v
}

// Run makes the call. Options may be nil.
func (c *Call) Run(session unsafe.Pointer, options *RunOptions) error {
	var o unsafe.Pointer
	if options != nil {
		o = options.p
	}
	return check(C.eo_run(session, o,
		(**C.char)(unsafe.Pointer(unsafe.SliceData(c.inputNames))), unsafe.SliceData(c.inputs),
		C.size_t(len(c.inputs)),
		(**C.char)(unsafe.Pointer(unsafe.SliceData(c.outputNames))), unsafe.SliceData(c.outputs),
		C.size_t(len(c.outputs))))
}

// Release frees the block.
func (c *Call) Release() {
	C.free(c.block)
	*c = Call{}
}

// RunOptions let another goroutine stop a run.
type RunOptions struct{ p unsafe.Pointer }

// NewRunOptions makes options with the flag down.
func NewRunOptions() (*RunOptions, error) {
	var p unsafe.Pointer
	if err := check(C.eo_run_options(&p)); err != nil {
		return nil, err
	}
	return &RunOptions{p: p}, nil
}

// Set puts a setting of ORT's in, by its key.
func (o *RunOptions) Set(key, value string) error {
	k, v := C.CString(key), C.CString(value)
	defer C.free(unsafe.Pointer(k))
	defer C.free(unsafe.Pointer(v))
	return check(C.eo_run_options_set(o.p, k, v))
}

// Terminate raises the flag that makes a run with these options stop at its
// next operator, or lowers it.
func (o *RunOptions) Terminate(on bool) error {
	flag := C.int(0)
	if on {
		flag = 1
	}
	return check(C.eo_run_options_terminate(o.p, flag))
}

// Release frees the options.
func (o *RunOptions) Release() {
	C.eo_run_options_release(o.p)
	o.p = nil
}
