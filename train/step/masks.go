package step

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// Draws is what one step draws by chance. A draw depends on the seed, the
// step's number and the place only, so a resumed run draws what an unbroken one
// would, and a draw may be made ahead of its step. The zero value is ready to be
// drawn into; it keeps its memory.
type Draws struct {
	// masks are the program's, by name; ids are the batch's with some
	// words read as unknown, nil where none are. Both last until the next draw.
	masks map[string]*tensor.Tensor
	ids   *tensor.Tensor

	bufs [][]float32
	kept []int64
}

// Draw makes the draws of a step, numbered from 1, on its batch, which is number 0,
// or on an extra one. It may run beside another goroutine that makes a step with
// other draws.
func (s *Step) Draw(d *Draws, b *tensor.Batch, step uint64, number int) error {
	d.ids = nil
	seed := s.config.Seed
	if number > 0 {
		seed = ExtraSeed(seed, number)
	}
	if ids := b.Tensor(schema.IDs); ids != nil && (s.config.WordDropout > 0 || s.config.RareWordDropout > 0) {
		if s.words.Unknown < 0 {
			return errNoUnknown
		}
		d.kept = s.dropWords(append(d.kept[:0], ids.Int64s()...), seed, step)
		var err error
		if d.ids, err = tensor.Of(d.kept, ids.Shape()...); err != nil {
			return err
		}
	}
	return d.drawMasks(s.first().program, seed, step, b.Sizes())
}

func (d *Draws) drawMasks(p *program, seed, step uint64, sizes map[string]int64) error {
	if d.bufs == nil {
		d.bufs, d.masks = make([][]float32, len(p.masks)), map[string]*tensor.Tensor{}
	}
	for i, v := range p.masks {
		shape, err := shapeOf(v, sizes)
		if err != nil {
			return err
		}
		n, err := shape.Elements()
		if err != nil {
			return err
		}
		if cap(d.bufs[i]) < n {
			d.bufs[i] = make([]float32, n)
		}
		buf := d.bufs[i][:n]
		// Masks of one step differ by the place of the value in its graph,
		// which its name carries.
		fillMask(buf, v.Mask().Keep, rand.NewPCG(seed^hashName(v.Name()), step))
		if d.masks[v.Name()], err = tensor.Of(buf, shape...); err != nil {
			return err
		}
	}
	return nil
}

// Words are the token ids that word dropout treats apart.
type Words struct {
	// Unknown is what tokens are replaced by, -1 where the vocabulary has no unknown
	// token: then no token can be dropped.
	Unknown int64
	// Kept are never replaced: padding and special tokens. The unknown one need not
	// be among them.
	Kept []int64
}

// errNoUnknown says that words cannot be dropped. Training checks for it before the
// first epoch.
var errNoUnknown = errors.New("step: word dropout reads tokens as the unknown one, which the vocabulary has not; set word_dropout and rare_word_dropout to 0")

// wordsOf returns what word dropout knows of a model without its vocabulary.
func wordsOf(s *schema.Schema) Words {
	if len(s.Inputs) > 0 && s.Inputs[0].OwnIDs {
		return Words{Unknown: -1}
	}
	return Words{Unknown: text.Unknown, Kept: []int64{text.Padding}}
}

// SetWords says which tokens word dropout replaces. A model with the ids of its
// tokenizer.json needs it, all others have it from the start.
func (s *Step) SetWords(w Words) { s.words = w }

// dropWords makes a share of the tokens, and more of rare ones, the unknown
// one.
func (s *Step) dropWords(ids []int64, seed, step uint64) []int64 {
	r := rand.New(rand.NewPCG(seed^hashName("word_dropout"), step))
	for i, id := range ids {
		if id == s.words.Unknown || slices.Contains(s.words.Kept, id) {
			continue
		}
		keep := 1 - s.config.WordDropout
		if a := s.config.RareWordDropout; a > 0 && id < int64(len(s.frequencies)) {
			n := float64(s.frequencies[id])
			keep *= n / (a + n)
		}
		if r.Float64() >= keep {
			ids[i] = s.words.Unknown
		}
	}
	return ids
}

// fillMask compares 16 bits of randomness per element with the share to keep,
// four elements to a draw: the share is exact to 1/65536.
func fillMask(dst []float32, keep float64, r *rand.PCG) {
	limit := uint64(keep*65536 + 0.5)
	scale := float32(1 / keep)
	var bits uint64
	for i := range dst {
		if i%4 == 0 {
			bits = r.Uint64()
		}
		dst[i] = 0
		if bits&0xffff < limit {
			dst[i] = scale
		}
		bits >>= 16
	}
}

// ExtraSeed is the seed of an extra batch of a step, numbered from 1: of its
// examples and of what is drawn for it.
func ExtraSeed(seed uint64, number int) uint64 {
	return seed ^ hashName(fmt.Sprintf("batch_%d", number))
}

func hashName(name string) uint64 {
	// FNV-1a.
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}
