package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// head is the first column of a list: its name once.
func head(name string, i int) string {
	if i > 0 {
		return ""
	}
	return name
}

// writeJSON writes a result as data.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// lines logs to w, a line at a time.
func lines(w io.Writer) func(string, ...any) {
	return func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
}

// isTerminal reports whether w is one: progress is for terminals only.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
