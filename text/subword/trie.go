package subword

import (
	"cmp"
	"slices"
)

// trie finds the words that a text starts with. The children of a node lie side
// by side, ordered by their bytes.
type trie struct {
	first []int32 // by node, its first child; one more at the end
	bytes []byte  // by node, the byte that leads to it
	value []int32 // by node, the word that ends there, -1: none
}

// newTrie makes the trie of words to their values; of equal words the last
// counts. Empty words are left out.
func newTrie(words []string, values []int32) *trie {
	order := make([]int, 0, len(words))
	for i, w := range words {
		if w != "" {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(words[a], words[b]) })
	type group struct{ from, to, depth int } // words that share their first bytes
	t := &trie{bytes: []byte{0}, value: []int32{-1}}
	for queue := []group{{0, len(order), 0}}; len(queue) > 0; queue = queue[1:] {
		g := queue[0]
		t.first = append(t.first, int32(len(t.bytes)))
		for i := g.from; i < g.to; {
			w := words[order[i]]
			if len(w) == g.depth {
				i++
				continue
			}
			j, value := i, int32(-1)
			for j < g.to && words[order[j]][g.depth] == w[g.depth] {
				if len(words[order[j]]) == g.depth+1 {
					value = values[order[j]]
				}
				j++
			}
			t.bytes, t.value = append(t.bytes, w[g.depth]), append(t.value, value)
			queue = append(queue, group{i, j, g.depth + 1})
			i = j
		}
	}
	t.first = append(t.first, int32(len(t.bytes)))
	return t
}

// child returns the node behind a byte, or -1.
func (t *trie) child(node int32, b byte) int32 {
	lo, hi := t.first[node], t.first[node+1]
	for lo < hi {
		mid := (lo + hi) / 2
		switch c := t.bytes[mid]; {
		case c == b:
			return mid
		case c < b:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return -1
}

// longest returns the value and length of the longest word that s starts with;
// length 0: there is none.
func (t *trie) longest(s string) (value int32, length int) {
	node := int32(0)
	for i := 0; i < len(s); i++ {
		if node = t.child(node, s[i]); node < 0 {
			break
		}
		if v := t.value[node]; v >= 0 {
			value, length = v, i+1
		}
	}
	return value, length
}
