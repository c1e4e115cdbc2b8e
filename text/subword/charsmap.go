package subword

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// charsmap is a table of replacements that SentencePiece compiled: a
// double-array trie (Yata et al. 2007, as darts-clone lays it out) from
// characters to places in a list of texts.
type charsmap struct {
	units []uint32
	texts string // each ends in a zero byte
}

// readCharsmap reads the size of the trie, the trie and the texts.
func readCharsmap(b []byte) (*charsmap, error) {
	m := &charsmap{}
	if len(b) == 0 {
		return m, nil // changes nothing
	}
	if len(b) < 4 {
		return m, fmt.Errorf("precompiled_charsmap has %d bytes, which is no table", len(b))
	}
	size := int(binary.LittleEndian.Uint32(b))
	if b = b[4:]; size%4 != 0 || size > len(b) {
		return m, fmt.Errorf("precompiled_charsmap says its trie has %d bytes, of %d", size, len(b))
	}
	for i := 0; i < size; i += 4 {
		m.units = append(m.units, binary.LittleEndian.Uint32(b[i:]))
	}
	m.texts = string(b[size:])
	if !utf8.ValidString(m.texts) {
		return m, fmt.Errorf("precompiled_charsmap holds texts that are not UTF-8")
	}
	return m, nil
}

// lookup returns what the shortest entry that s starts with is replaced by.
func (m *charsmap) lookup(s string) (string, bool) {
	offset := func(u uint32) uint32 { return u >> 10 << (u & (1 << 9) >> 6) }
	if len(m.units) == 0 {
		return "", false
	}
	at := offset(m.units[0])
	for i := 0; i < len(s) && s[i] != 0; i++ {
		at ^= uint32(s[i])
		if at >= uint32(len(m.units)) {
			return "", false
		}
		u := m.units[at]
		if u&(1<<31|0xFF) != uint32(s[i]) {
			return "", false
		}
		at ^= offset(u)
		if u>>8&1 == 0 {
			continue
		}
		if at >= uint32(len(m.units)) {
			return "", false
		}
		from := m.units[at] & (1<<31 - 1)
		if from >= uint32(len(m.texts)) || !utf8.RuneStart(m.texts[from]) {
			return "", false
		}
		text, _, _ := strings.Cut(m.texts[from:], "\x00")
		return text, true
	}
	return "", false
}

// longestCluster is the most bytes of what is looked up as a whole.
const longestCluster = 5

// normalize replaces grapheme clusters, and characters of those that have no
// entry.
func (m *charsmap) normalize(p *passage) {
	edits := p.scratch.edits.take(len(p.text))
	changed := false
	dropped := 0
	put := func(old, to string) {
		changed = true
		had, n := utf8.RuneCountInString(old), utf8.RuneCountInString(to)
		switch {
		case n == 0 && len(edits) == 0:
			dropped += had
		case n == 0:
			edits[len(edits)-1].drop += had
		}
		i := 0
		for _, r := range to {
			change := 0
			if i == 0 {
				change = min(n-had, 0)
			}
			if i >= had {
				change = 1
			}
			edits = p.scratch.edits.push(edits, edit{r: r, change: change})
			i++
		}
	}
	state := -1
	for rest := p.text; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if len(cluster) <= longestCluster {
			if to, ok := m.lookup(cluster); ok {
				put(cluster, to)
				continue
			}
		}
		for i, r := range cluster {
			c := cluster[i : i+utf8.RuneLen(r)]
			if to, ok := m.lookup(c); ok {
				put(c, to)
			} else {
				edits = p.scratch.edits.push(edits, edit{r: r})
			}
		}
	}
	if changed {
		p.transform(edits, dropped)
	}
}
