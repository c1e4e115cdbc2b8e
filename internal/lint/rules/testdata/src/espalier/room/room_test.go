package room

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestTime(t *testing.T) {
	start := time.Now() // want `a test reads the clock`
	if err := os.WriteFile("x", nil, 0o644); err != nil {
		t.Error(fmt.Errorf("%v", err))
	}
	sum := 0.0
	for _, x := range map[string]float64{"a": 1} {
		sum += x
	}
	fmt.Println(start)
}

func BenchmarkTime(b *testing.B) { _ = time.Now() }
