// Package hugepage allocates large slices whose memory the system is asked to
// back with huge pages. Rows of an embedding table are read at random, and with
// ordinary pages finding a row's page takes longer than reading it.
package hugepage

// size is that of a huge page on the systems that are asked.
const size = 2 << 20

// Float32s returns n zeros. The request for huge pages is only a wish: the
// slice is an ordinary one in every other way.
func Float32s(n int) []float32 {
	s := make([]float32, n)
	if n*4 >= 2*size {
		advise(s)
	}
	return s
}
