package train

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"espalier/data"
	"espalier/internal/procfs"
	"espalier/models"
	"espalier/task"
	"espalier/tensor"
	"espalier/train/step"
)

// features keeps what the frozen part of the trunk makes of each example
// ([step.Feature]) by data set, so that it is computed once and not in every epoch.
type features struct {
	model *models.Model
	step  *step.Step
	dir   string // of files
	sets  map[*data.Dataset]*keptFeatures
}

// keptFeatures are the features of a data set.
type keptFeatures struct {
	of    []step.Feature
	sizes []exampleSize // by example
	from  store
}

// exampleSize says where an example's features begin, in numbers, and how many tokens it
// has. Features stand one behind the other, of each the vectors of all tokens.
type exampleSize struct{ at, tokens int }

// store holds the numbers.
type store interface {
	read(dst []float32, at int) error
	write(src []float32, at int) error
	close() error
}

// compute keeps the features of data sets. log is told how much they take before
// anything is computed.
func (f *features) compute(ctx context.Context, c *Config, log func(string, ...any), sets ...*data.Dataset) error {
	of := f.step.Features()
	if of == nil {
		return nil
	}
	if err := f.close(); err != nil { // of other parameters
		return err
	}
	f.sets = map[*data.Dataset]*keptFeatures{}
	examples, bytes := 0, 0
	laidOut := make([]*keptFeatures, len(sets))
	for i, set := range sets {
		laidOut[i] = layOut(of, set)
		bytes += laidOut[i].bytes()
		examples += set.Len()
	}
	trunk := f.model.Config().Trunk
	where := trunk.FeaturesIn()
	log("the frozen part of the trunk is computed once for %d examples: %.1f MB in %s", examples, float64(bytes)/1e6, map[string]string{"memory": "memory", "file": "a file"}[where])
	if free := procfs.Available(); where == "memory" && free > 0 && uint64(bytes) > free {
		return fmt.Errorf("train: trunk.features: what the frozen part of the trunk makes of the examples takes %.1f GB, and %.1f GB of memory are free; set it to file or to none", float64(bytes)/1e9, float64(free)/1e9)
	}
	for i, set := range sets {
		if f.sets[set] != nil {
			continue
		}
		if err := laidOut[i].begin(where, f.dir); err != nil {
			return err
		}
		f.sets[set] = laidOut[i]
		if err := f.fill(ctx, c, set, laidOut[i]); err != nil {
			return err
		}
	}
	return nil
}

// layOut gives the features of each example their places.
func layOut(of []step.Feature, set *data.Dataset) *keptFeatures {
	k := &keptFeatures{of: of, sizes: make([]exampleSize, set.Len()+1)}
	at := 0
	for i := range set.Len() {
		k.sizes[i] = exampleSize{at, set.Length(i)}
		for _, v := range of {
			at += v.Size() * k.vectors(v, i)
		}
	}
	k.sizes[set.Len()].at = at
	return k
}

// vectors is how many vectors of a feature an example has.
func (k *keptFeatures) vectors(v step.Feature, example int) int {
	if v.Tokens {
		return k.sizes[example].tokens
	}
	return 1
}

func (k *keptFeatures) bytes() int { return 4 * k.sizes[len(k.sizes)-1].at }

// begin makes room.
func (k *keptFeatures) begin(where, dir string) error {
	if where == "memory" {
		k.from = inMemory(make([]float32, k.bytes()/4))
		return nil
	}
	file, err := os.CreateTemp(dir, "features-*.tmp")
	if err != nil {
		return fmt.Errorf("train: trunk.features: %w", err)
	}
	k.from = &inFile{File: file}
	return nil
}

// fill computes the features of a data set, of examples of like length together.
func (f *features) fill(ctx context.Context, c *Config, set *data.Dataset, k *keptFeatures) error {
	plan := set.Plan(data.BatchOptions{Size: c.Batch, MaxTokens: c.MaxTokens, Shuffle: true}, 0)
	return ahead(ctx, len(plan), func(i int, to *feed) error {
		set.Fill(&to.batch, plan[i])
		return nil
	}, func(_ int, from *feed) error {
		values, err := f.step.ComputeFeatures(ctx, &from.batch.Batch)
		if err != nil {
			return err
		}
		for row, example := range from.batch.Examples {
			at := k.sizes[example].at
			for i, v := range k.of {
				n := v.Size() * k.vectors(v, example)
				each := values[i].Len() / len(from.batch.Examples)
				if err := k.from.write(values[i].Float32s()[row*each:row*each+n], at); err != nil {
					return fmt.Errorf("train: trunk.features: %w", err)
				}
				at += n
			}
		}
		return nil
	})
}

// give gives a feed the features of its batch's examples, none where those of the data
// set are not kept. What is behind an example's tokens is 0.
func (f *features) give(to *feed, set *data.Dataset) error {
	to.features = nil
	k := f.sets[set]
	if k == nil {
		return nil
	}
	n, length := len(to.batch.Examples), to.batch.Size(task.Sequence)
	to.memory = append(to.memory, make([][]float32, max(len(k.of)-len(to.memory), 0))...)
	for i, v := range k.of {
		shape, each := []int64{int64(n)}, v.Size()
		if v.Tokens {
			shape, each = append(shape, int64(length)), each*length
		}
		if cap(to.memory[i]) < n*each {
			to.memory[i] = make([]float32, n*each)
		}
		to.memory[i] = to.memory[i][:n*each]
		for row, example := range to.batch.Examples {
			own := to.memory[i][row*each : (row+1)*each]
			size := v.Size() * k.vectors(v, example)
			if err := k.from.read(own[:size], k.sizes[example].at+k.before(i, example)); err != nil {
				return fmt.Errorf("train: trunk.features: %w", err)
			}
			clear(own[size:])
		}
		t, err := tensor.Of(to.memory[i], append(shape, v.Vector...)...)
		if err != nil {
			return err
		}
		to.features = append(to.features, t)
	}
	return nil
}

// before is how many numbers of an example stand before those of a feature.
func (k *keptFeatures) before(feature, example int) int {
	n := 0
	for _, v := range k.of[:feature] {
		n += v.Size() * k.vectors(v, example)
	}
	return n
}

// close frees what is kept.
func (f *features) close() error {
	var first error
	for _, k := range f.sets {
		if err := k.from.close(); first == nil {
			first = err
		}
	}
	f.sets = nil
	return first
}

// inMemory is a store in memory.
type inMemory []float32

func (m inMemory) read(dst []float32, at int) error  { copy(dst, m[at:]); return nil }
func (m inMemory) write(src []float32, at int) error { copy(m[at:], src); return nil }
func (m inMemory) close() error                      { return nil }

// inFile is a store in a file, little-endian, which is removed when it is closed.
type inFile struct {
	*os.File
	buffer []byte
}

func (f *inFile) read(dst []float32, at int) error {
	f.buffer = slices.Grow(f.buffer[:0], 4*len(dst))[:4*len(dst)]
	if n, err := f.ReadAt(f.buffer, 4*int64(at)); n < len(f.buffer) {
		return err
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(f.buffer[4*i:]))
	}
	return nil
}

func (f *inFile) write(src []float32, at int) error {
	f.buffer = f.buffer[:0]
	for _, x := range src {
		f.buffer = binary.LittleEndian.AppendUint32(f.buffer, math.Float32bits(x))
	}
	_, err := f.WriteAt(f.buffer, 4*int64(at))
	return err
}

func (f *inFile) close() error { return errors.Join(f.Close(), os.Remove(f.Name())) }
