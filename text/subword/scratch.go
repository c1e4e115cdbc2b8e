package subword

import "unsafe"

// Scratch is memory that one call after the other uses, so that calls allocate
// nothing once it is large enough. It is for one goroutine at a time; the zero
// value is ready.
type Scratch struct {
	text     slab[byte]
	align    slab[stretch]
	edits    slab[edit]
	matches  slab[match]
	passages slab[passage]
	segments slab[segment]
}

// slab is handed out in stretches, all of which are taken back at once.
type slab[T any] struct {
	all  []T
	used int
}

// take returns an empty slice with room for n elements. Those who hold parts of
// a slab that was too short keep them.
func (s *slab[T]) take(n int) []T {
	if s.used+n > len(s.all) {
		s.all, s.used = make([]T, max(n, 2*len(s.all), 64)), 0
	}
	out := s.all[s.used : s.used : s.used+n]
	s.used += n
	return out
}

// push is append in memory of the slab.
func (s *slab[T]) push(out []T, x T) []T {
	if len(out) == cap(out) {
		out = append(s.take(max(2*len(out), 8)), out...)
	}
	return append(out, x)
}

// kept is the most elements of a slab that outlive a call.
const kept = 1 << 16

// reset takes everything back, and lets go of what it points to.
func (s *slab[T]) reset() {
	if len(s.all) > kept {
		s.all = nil
	}
	clear(s.all[:min(s.used, len(s.all))])
	s.used = 0
}

func (s *Scratch) reset() {
	s.text.reset()
	s.align.reset()
	s.edits.reset()
	s.matches.reset()
	s.passages.reset()
	s.segments.reset()
}

// written returns bytes of a slab, which nobody writes any more, as text.
func written(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
