// Command lint finds what no other tool of ours does: references that lead nowhere,
// in pages and comments.
//
//	go run ./internal/lint
package main

import (
	"fmt"
	"os"

	"espalier/internal/lint/links"
)

func main() {
	found, err := links.Check(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for _, f := range found {
		fmt.Println(f)
	}
	if len(found) > 0 {
		os.Exit(1)
	}
}
