//go:build cgo

package native

/*
#cgo linux LDFLAGS: -ldl
#include <stdlib.h>
#include "native.h"

#cgo noescape eo_tensor
#cgo nocallback eo_tensor
#cgo noescape eo_string_set
#cgo nocallback eo_string_set
#cgo noescape eo_string_bytes
#cgo nocallback eo_string_bytes
#cgo noescape eo_string_read
#cgo nocallback eo_string_read
*/
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"
)

// APIVersion is the version of ORT's interface that the Go binding is written
// for, and the minor version of the oldest release that offers it.
const APIVersion = 29

// Error codes of ORT that callers tell apart.
const (
	CodeFail            = 1
	CodeInvalidArgument = 2
)

// Error is a failure that ORT reports, with ORT's own text.
type Error struct {
	Code    int
	Message string
}

// Error returns ORT's text.
func (e *Error) Error() string { return e.Message }

func check(status unsafe.Pointer) error {
	if status == nil {
		return nil
	}
	err := &Error{Code: int(C.eo_status_code(status)), Message: strings.TrimSpace(C.GoString(C.eo_status_message(status)))}
	C.eo_status_release(status)
	return err
}

const textSize = 1024

// Version opens the library and returns the version it gives itself. It fails
// on a file that is not an ONNX Runtime library of this platform.
func Version(path string) (string, error) {
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	var version, problem [textSize]C.char
	if C.eo_version(cPath, &version[0], textSize, &problem[0], textSize) != 0 {
		return "", errors.New(C.GoString(&problem[0]))
	}
	return C.GoString(&version[0]), nil
}

// Load makes the library the one that all other functions use. It is called
// once per process, before them.
func Load(path string) error {
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	var problem [textSize]C.char
	if C.eo_load(cPath, APIVersion, &problem[0], textSize) != 0 {
		return errors.New(C.GoString(&problem[0]))
	}
	return nil
}

// Providers lists the execution providers that the library was built with, in
// ORT's order of preference.
func Providers() ([]string, error) {
	var names **C.char
	var count C.int
	if err := check(C.eo_providers(&names, &count)); err != nil {
		return nil, err
	}
	defer C.eo_providers_release(names, count)
	list := make([]string, 0, int(count))
	for _, name := range unsafe.Slice(names, int(count)) {
		list = append(list, C.GoString(name))
	}
	return list, nil
}

// LimitMemory makes an arena of at most so many bytes, which sessions with the
// configuration session.use_env_allocators share. It is called once.
func LimitMemory(bytes int64) error {
	return check(C.eo_limit_memory(C.size_t(bytes)))
}

// SetDeterministic asks a session's options for deterministic kernels.
func SetDeterministic(sessionOptions unsafe.Pointer) error {
	return check(C.eo_set_deterministic(sessionOptions))
}

// Port describes an input or output of a session. Sizes has -1 for a dimension
// without a fixed size; Names is as long. Both are nil where the rank is open
// or the value is no tensor.
type Port struct {
	Name   string
	Tensor bool
	DType  int32
	Sizes  []int64
	Names  []string
}

// Ports lists a session's inputs, or its outputs.
func Ports(session unsafe.Pointer, outputs bool) ([]Port, error) {
	side := C.int(0)
	if outputs {
		side = 1
	}
	var count C.size_t
	if err := check(C.eo_io_count(session, side, &count)); err != nil {
		return nil, err
	}
	ports := make([]Port, int(count))
	for i := range ports {
		if err := readPort(session, side, C.size_t(i), &ports[i]); err != nil {
			return nil, err
		}
	}
	return ports, nil
}

func readPort(session unsafe.Pointer, side C.int, i C.size_t, port *Port) error {
	var name *C.char
	if err := check(C.eo_io_name(session, side, i, &name)); err != nil {
		return err
	}
	port.Name = C.GoString(name)
	C.eo_free(unsafe.Pointer(name))

	var typ unsafe.Pointer
	if err := check(C.eo_io_type(session, side, i, &typ)); err != nil {
		return fmt.Errorf("type of %q: %w", port.Name, err)
	}
	defer C.eo_type_release(typ)
	var isTensor, dtype, hasShape C.int
	var rank C.size_t
	if err := check(C.eo_type_tensor(typ, &isTensor, &dtype, &hasShape, &rank)); err != nil {
		return fmt.Errorf("type of %q: %w", port.Name, err)
	}
	port.Tensor, port.DType = isTensor != 0, int32(dtype)
	if !port.Tensor || hasShape == 0 {
		return nil
	}
	port.Sizes, port.Names = make([]int64, int(rank)), make([]string, int(rank))
	if rank == 0 {
		return nil
	}
	// ORT writes pointers to its own strings into names, which live as long
	// as typ does.
	names := (*[1 << 16]*C.char)(C.calloc(rank, C.size_t(unsafe.Sizeof(uintptr(0)))))
	defer C.free(unsafe.Pointer(names))
	if err := check(C.eo_type_dims(typ, (*C.int64_t)(&port.Sizes[0]), &names[0], rank)); err != nil {
		return fmt.Errorf("shape of %q: %w", port.Name, err)
	}
	for d := range port.Names {
		port.Names[d] = C.GoString(names[d])
	}
	return nil
}

// Value is an OrtValue, or nil.
type Value unsafe.Pointer

// NewTensor makes a value over memory that the caller keeps where it is,
// pinned, until the value is released. Data is the address of the first
// element; it may be 0 when there are no elements.
func NewTensor(data uintptr, bytes int, shape []int64, dtype int32) (Value, error) {
	var value unsafe.Pointer
	status := C.eo_tensor(C.uintptr_t(data), C.size_t(bytes), (*C.int64_t)(unsafe.SliceData(shape)),
		C.size_t(len(shape)), C.int(dtype), &value)
	return Value(value), check(status)
}

// NewStrings makes a tensor of empty strings that ORT owns.
func NewStrings(shape []int64) (Value, error) {
	var value unsafe.Pointer
	status := C.eo_string_tensor((*C.int64_t)(unsafe.SliceData(shape)), C.size_t(len(shape)), &value)
	return Value(value), check(status)
}

// SetStrings replaces the elements of a tensor of strings.
func SetStrings(v Value, elements []string) error {
	for i, s := range elements {
		data := (*C.char)(unsafe.Pointer(unsafe.StringData(s)))
		if err := check(C.eo_string_set(unsafe.Pointer(v), C.size_t(i), data, C.size_t(len(s)))); err != nil {
			return err
		}
	}
	return nil
}

// Texts reads tensors of strings, and remembers short ones, so that answers that
// come again and again are allocated once. It is for one goroutine at a time;
// the zero value is ready.
type Texts struct {
	text    []byte
	offsets []C.size_t
	known   map[string]string
}

// What is kept: strings, the bytes of one.
const (
	maxKnown      = 1 << 12
	maxKnownBytes = 64
	maxText       = 1 << 20 // of the memory that is kept for the next read
)

// Read copies the elements of a tensor of as many strings.
func (t *Texts) Read(v Value, dst []string) error {
	n := len(dst)
	if n == 0 {
		return nil
	}
	var size C.size_t
	if err := check(C.eo_string_bytes(unsafe.Pointer(v), &size)); err != nil {
		return err
	}
	// Never empty, so that it has an address.
	t.text = slices.Grow(t.text[:0], int(size)+1)[:size+1]
	t.offsets = slices.Grow(t.offsets[:0], n)[:n]
	err := check(C.eo_string_read(unsafe.Pointer(v), (*C.char)(unsafe.Pointer(&t.text[0])), size,
		&t.offsets[0], C.size_t(n)))
	if err != nil {
		return err
	}
	for i := range dst {
		end := size
		if i+1 < n {
			end = t.offsets[i+1]
		}
		dst[i] = t.string(t.text[t.offsets[i]:end])
	}
	if cap(t.text) > maxText {
		t.text = nil
	}
	return nil
}

func (t *Texts) string(b []byte) string {
	if s, ok := t.known[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(s) <= maxKnownBytes && len(t.known) < maxKnown {
		if t.known == nil {
			t.known = map[string]string{}
		}
		t.known[s] = s
	}
	return s
}

// Describe returns the element type and the shape of a value. Tensor is false
// for sequences, maps and other kinds, which have neither.
func Describe(v Value) (dtype int32, shape []int64, isTensor bool, err error) {
	var tensor, element C.int
	var rank C.size_t
	if err := check(C.eo_value_type(unsafe.Pointer(v), &tensor, &element, &rank)); err != nil {
		return 0, nil, false, err
	}
	if tensor == 0 {
		return 0, nil, false, nil
	}
	shape = make([]int64, int(rank))
	if rank > 0 {
		if err := check(C.eo_value_shape(unsafe.Pointer(v), (*C.int64_t)(&shape[0]), rank)); err != nil {
			return 0, nil, false, err
		}
	}
	return int32(element), shape, true, nil
}

// Bytes returns the elements of a value as memory that is the value's own.
func Bytes(v Value, size int) ([]byte, error) {
	if size == 0 {
		return nil, nil
	}
	var data unsafe.Pointer
	if err := check(C.eo_value_data(unsafe.Pointer(v), &data)); err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(data), size), nil
}

// Release gives a value back. It accepts nil.
func Release(v Value) {
	if v != nil {
		C.eo_value_release(unsafe.Pointer(v))
	}
}
