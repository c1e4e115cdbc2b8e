package train

import (
	"fmt"
	"math/rand/v2"

	"espalier/data"
	"espalier/schema"
	"espalier/tensor"
	"espalier/text"
)

// draws is what one step draws by chance. A draw depends on the seed, the
// step's number and the place only, so a resumed run draws what an unbroken one
// would, and a draw may be made ahead of its step.
type draws struct {
	// masks are the program's, by name; ids are the batch's with some
	// words read as unknown, nil where none are. Both last until the next draw.
	masks map[string]*tensor.Tensor
	ids   *tensor.Tensor

	bufs [][]float32
	kept []int64
}

// draw makes the draws of a step on its batch, which is number 0, or on an
// extra one.
func (t *Trainer) draw(d *draws, b *data.Batch, step uint64, number int) error {
	d.ids = nil
	seed := t.config.Seed
	if number > 0 {
		seed ^= hashName(fmt.Sprintf("batch_%d", number))
	}
	if ids := b.Tensor(schema.IDs); ids != nil && (t.config.WordDropout > 0 || t.config.RareWordDropout > 0) {
		d.kept = t.dropWords(append(d.kept[:0], ids.Int64s()...), seed, step)
		var err error
		if d.ids, err = tensor.Of(d.kept, ids.Shape()...); err != nil {
			return err
		}
	}
	return d.drawMasks(t.front().program, seed, step, b.Sizes())
}

func (d *draws) drawMasks(p *program, seed, step uint64, sizes map[string]int64) error {
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

// dropWords makes a share of the tokens, and more of rare ones, the unknown
// one.
func (t *Trainer) dropWords(ids []int64, seed, step uint64) []int64 {
	r := rand.New(rand.NewPCG(seed^hashName("word_dropout"), step))
	for i, id := range ids {
		if id <= text.Unknown {
			continue
		}
		keep := 1 - t.config.WordDropout
		if a := t.config.RareWordDropout; a > 0 && id < int64(len(t.frequency)) {
			n := float64(t.frequency[id])
			keep *= n / (a + n)
		}
		if r.Float64() >= keep {
			ids[i] = text.Unknown
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

func hashName(name string) uint64 {
	// FNV-1a.
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}
