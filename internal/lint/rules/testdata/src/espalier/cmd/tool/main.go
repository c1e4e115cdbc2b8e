package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

func main() {
	fmt.Println(time.Now())
	_ = os.WriteFile("x", nil, 0o644) // want `os.WriteFile leaves half a file`
	_ = rand.IntN(3)                  // want `rand.IntN has no seed`
	for k := range map[string]int{"a": 1} {
		fmt.Fprintln(os.Stderr, k)
	}
}
