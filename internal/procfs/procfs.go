// Package procfs reads what Linux tells of a process.
package procfs

import (
	"fmt"
	"os"
	"strings"
)

// PeakMemory returns the largest resident set of this process in MB (2^20
// bytes), 0 where the system does not tell.
func PeakMemory() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var kb float64
	for line := range strings.Lines(string(status)) {
		if n, err := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 && err == nil {
			return kb / 1024
		}
	}
	return 0
}
