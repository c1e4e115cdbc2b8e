package nearest

import (
	"fmt"
	"strings"
)

// Some lists words for a message: the first ones, at most so many, and how many more
// there are.
func Some(words []string, most int) string {
	if more := len(words) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), more)
	}
	return strings.Join(words, ", ")
}

// List lists known words for a message, shortened: the first eight, and of each
// the first forty bytes.
func List(known []string) string {
	const most, longest = 8, 40
	short := append([]string(nil), known...)
	for i, k := range short[:min(len(short), most)] {
		if len(k) > longest {
			short[i] = strings.ToValidUTF8(k[:longest], "") + "..."
		}
	}
	return Some(short, most)
}
