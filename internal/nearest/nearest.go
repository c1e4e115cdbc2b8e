// Package nearest finds the word that a mistyped one was probably meant to be, and
// lists those that are known.
package nearest

// Word returns the known word closest to a mistyped one, "" when none is
// close: at most a third of its bytes may differ, and two always may. Among
// equally close ones it is the first.
func Word(word string, known []string) string {
	best, least := "", max(2, len(word)/3)+1
	for _, k := range known {
		if len(k) > len(word)+least || len(word) > len(k)+least {
			continue
		}
		if n := distance(word, k); n < least && n < len(k) {
			best, least = k, n
		}
	}
	return best
}

// distance is the number of bytes to insert, delete, replace or swap with
// their neighbour to turn a into b: the optimal string alignment distance.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			n := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				n = min(n, rows[i-2][j-2]+1)
			}
			rows[i][j] = n
		}
	}
	return rows[len(a)][len(b)]
}
