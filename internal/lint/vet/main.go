// Command vet runs the rules of internal/lint/rules as a tool of go vet:
//
//	go build -o /tmp/rules ./internal/lint/vet && go vet -vettool=/tmp/rules ./...
package main

import (
	"golang.org/x/tools/go/analysis/unitchecker"

	"espalier/internal/lint/rules"
)

func main() { unitchecker.Main(rules.All()...) }
