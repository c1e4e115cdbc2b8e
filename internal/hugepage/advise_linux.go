package hugepage

import (
	"syscall"
	"unsafe"
)

// madvHugepage is MADV_HUGEPAGE of madvise(2).
const madvHugepage = 14

// advise asks for huge pages for the whole pages inside s. Memory that was
// never touched gets them when it is; a failure changes nothing.
func advise(s []float32) {
	start := uintptr(unsafe.Pointer(&s[0]))
	skip := int(-start & (size - 1))
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), 4*len(s))
	if whole := (len(bytes) - skip) &^ (size - 1); whole > 0 {
		_ = syscall.Madvise(bytes[skip:skip+whole], madvHugepage)
	}
}
