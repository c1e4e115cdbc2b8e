// Package procfs reads what Linux tells of a process and its machine.
package procfs

import (
	"fmt"
	"os"
	"strings"
)

// PeakMemory returns the largest resident set of this process in MB (2^20
// bytes), 0 where the system does not tell.
func PeakMemory() float64 {
	return kilobytes("/proc/self/status", "VmHWM") / 1024
}

// Available returns how many bytes of memory processes can still take, 0 where the
// system does not tell.
func Available() uint64 { return uint64(kilobytes("/proc/meminfo", "MemAvailable") * 1024) }

// kilobytes reads a line of a file, 0 where there is none.
func kilobytes(file, key string) float64 {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	var kb float64
	for line := range strings.Lines(string(content)) {
		if n, err := fmt.Sscanf(line, key+": %f kB", &kb); n == 1 && err == nil {
			return kb
		}
	}
	return 0
}
