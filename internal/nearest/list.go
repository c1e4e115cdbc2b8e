package nearest

import (
	"fmt"
	"strings"
)

// List lists known words for a message, shortened: the first eight, and of each
// the first forty bytes.
func List(known []string) string {
	const most, longest = 8, 40
	var b strings.Builder
	for i, k := range known {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(known)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		if len(k) > longest {
			k = strings.ToValidUTF8(k[:longest], "") + "..."
		}
		b.WriteString(k)
	}
	return b.String()
}
