package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"espalier/tensor"
)

// The names under which other tools keep a model's weights in a folder.
const (
	WholeFile = "model.safetensors"
	IndexFile = "model.safetensors.index.json" // says which tensor is in which shard
)

// readBlock is how many bytes Read takes from a file at once.
const readBlock = 1 << 16

// Folder is a model's weights in one or several files. Headers are read when it
// is opened, elements when asked for. Any number of goroutines may use it until
// it is closed.
type Folder struct {
	path    string
	names   []string // sorted
	tensors map[string]stored
	files   []*weightFile
}

// Info says what a file has under a name.
type Info struct {
	DType string // as in the file: F32, F16, BF16, F64, I64 and others
	Shape tensor.Shape
	File  string // name of the file, relative to the folder
}

// Floats reports whether [Folder.Read] can read elements of the type.
func (i Info) Floats() bool { return converters[i.DType] != nil }

type stored struct {
	entry
	file *weightFile
}

// weightFile is one open file with its header.
type weightFile struct {
	*header
	f     *os.File
	name  string // relative to the folder
	start int64  // of the elements
}

// OpenFolder opens the weights of a folder that another tool saved:
// [WholeFile], or the shards that [IndexFile] names. Close it after use.
func OpenFolder(dir string) (*Folder, error) {
	whole, index := filepath.Join(dir, WholeFile), filepath.Join(dir, IndexFile)
	if _, err := os.Stat(whole); err == nil {
		return OpenFile(whole)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if _, err := os.Stat(index); err == nil {
		return openShards(dir, index)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return nil, noWeights(dir)
}

// noWeights says what a folder lacks, and what to do where it has the same
// weights in a format that only Python reads.
func noWeights(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	for _, other := range []string{"pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack"} {
		if _, err := os.Stat(filepath.Join(dir, other)); err == nil {
			return fmt.Errorf("%s has %s, but not %s: save the model as safetensors, in Python with "+
				`transformers.AutoModel.from_pretrained(%q).save_pretrained(%q)`, dir, other, WholeFile, dir, dir)
		}
	}
	return fmt.Errorf("%s has neither %s nor %s", dir, WholeFile, IndexFile)
}

// OpenFile opens the weights of one file, whatever its name. Close it after use.
func OpenFile(path string) (*Folder, error) {
	file, err := openWeights(filepath.Dir(path), filepath.Base(path))
	if err != nil {
		return nil, err
	}
	d := &Folder{path: path, tensors: map[string]stored{}, files: []*weightFile{file}}
	for name, e := range file.tensors {
		d.add(name, e, file)
	}
	sort.Strings(d.names)
	return d, nil
}

func (d *Folder) add(name string, e entry, file *weightFile) {
	d.tensors[name] = stored{e, file}
	d.names = append(d.names, name)
}

// openShards opens the files of an index. The total size that it gives is not
// compared: tools differ in how they count tensors that share memory, and each
// file's own header says how long it must be.
func openShards(dir, index string) (d *Folder, err error) {
	shards, err := readIndex(index)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", index, err)
	}
	all := 0
	for _, shard := range shards {
		all += len(shard.tensors)
	}
	d = &Folder{path: dir, tensors: make(map[string]stored, all)}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
			d = nil
		}
	}()
	for _, shard := range shards {
		file, err := openWeights(dir, shard.name)
		if errors.Is(err, os.ErrNotExist) {
			return d, fmt.Errorf("%s: the shard %s is missing, which has %d of the %d tensors: fetch it, too", index, shard.name, len(shard.tensors), all)
		}
		if err != nil {
			return d, err
		}
		d.files = append(d.files, file)
		for _, name := range shard.tensors {
			e, ok := file.tensors[name]
			if !ok {
				return d, fmt.Errorf("%s: tensor %q should be in %s, which does not have it", index, name, shard.name)
			}
			d.add(name, e, file)
		}
	}
	sort.Strings(d.names)
	return d, nil
}

// shard is a file of an index and the tensors that are taken from it.
type shard struct {
	name    string
	tensors []string
}

// readIndex returns the files of an index and their tensors, both sorted.
func readIndex(path string) ([]shard, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxHeader+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(text) > maxHeader {
		return nil, fmt.Errorf("it is larger than %d bytes", maxHeader)
	}
	return parseIndex(text)
}

func parseIndex(text []byte) ([]shard, error) {
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, err
	}
	if len(index.WeightMap) == 0 {
		return nil, fmt.Errorf("its weight_map names no tensor")
	}
	tensors := map[string][]string{}
	for name, file := range index.WeightMap {
		tensors[file] = append(tensors[file], name)
	}
	shards := make([]shard, 0, len(tensors))
	for file, names := range tensors {
		sort.Strings(names)
		shards = append(shards, shard{file, names})
	}
	sort.Slice(shards, func(i, j int) bool { return shards[i].name < shards[j].name })
	for _, s := range shards {
		if !filepath.IsLocal(filepath.FromSlash(s.name)) {
			return nil, fmt.Errorf("tensor %q: the file %q is outside of the folder", s.tensors[0], s.name)
		}
	}
	return shards, nil
}

// openWeights opens a file and reads its header.
func openWeights(dir, name string) (w *weightFile, err error) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	h, start, err := readHeader(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(err, f.Close()))
	}
	return &weightFile{header: h, f: f, name: name, start: start}, nil
}

// readHeader returns the header of a file of so many bytes, and where the
// elements start.
func readHeader(r io.ReaderAt, size int64) (*header, int64, error) {
	var length [8]byte
	if size < int64(len(length)) {
		return nil, 0, fmt.Errorf("%d bytes are too few for a header", size)
	}
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, 0, err
	}
	if string(length[:]) == "version " {
		return nil, 0, fmt.Errorf("this is Git LFS's pointer to the file, not the file: fetch it with git lfs pull")
	}
	n := binary.LittleEndian.Uint64(length[:])
	if err := checkLength(n, size); err != nil {
		return nil, 0, err
	}
	text := make([]byte, n)
	if _, err := r.ReadAt(text, 8); err != nil && !(errors.Is(err, io.EOF) && n == 0) {
		return nil, 0, err
	}
	start := 8 + int64(n)
	h, err := parseHeader(text, size-start)
	return h, start, err
}

// Names lists the tensors, sorted. The caller must not change the slice.
func (d *Folder) Names() []string { return d.names }

// Info says what is stored under a name, and whether anything is.
func (d *Folder) Info(name string) (Info, bool) {
	s, ok := d.tensors[name]
	if !ok {
		return Info{}, false
	}
	return Info{DType: s.DType, Shape: append(tensor.Shape{}, s.Shape...), File: s.file.name}, true
}

// Read fills dst with a tensor's elements in row-major order, rounded to float32
// where they are float64: one too large for float32 becomes infinite. The length
// of dst must be the tensor's number of elements. Besides dst it needs one block
// of 64 KiB.
func (d *Folder) Read(name string, dst []float32) error {
	s, ok := d.tensors[name]
	if !ok {
		return fmt.Errorf("%s has no tensor %q", d.path, name)
	}
	if err := s.read(dst); err != nil {
		return fmt.Errorf("tensor %q in %s: %w", name, s.file.f.Name(), err)
	}
	return nil
}

// Tensor returns a tensor as float32, by the rules of [Folder.Read].
func (d *Folder) Tensor(name string) (*tensor.Tensor, error) {
	s, ok := d.tensors[name]
	if !ok || converters[s.DType] == nil {
		return nil, d.Read(name, nil) // says so before there is memory for it
	}
	t, err := tensor.New(tensor.Float32, s.Shape...)
	if err != nil {
		return nil, fmt.Errorf("tensor %q in %s: %w", name, s.file.f.Name(), err)
	}
	return t, d.Read(name, t.Float32s())
}

func (s stored) read(dst []float32) error {
	convert := converters[s.DType]
	if convert == nil {
		return fmt.Errorf("elements of type %s cannot be read as float32; %s can", s.DType, strings.Join(readable, ", "))
	}
	size := sizes[s.DType]
	if n := (s.Offsets[1] - s.Offsets[0]) / size; int64(len(dst)) != n {
		return fmt.Errorf("shape %v has %d elements, there is room for %d", tensor.Shape(s.Shape), n, len(dst))
	}
	at := s.file.start + s.Offsets[0]
	buf := make([]byte, min(readBlock, int64(len(dst))*size))
	for len(dst) > 0 {
		block := buf[:min(int64(len(buf)), int64(len(dst))*size)]
		if _, err := s.file.f.ReadAt(block, at); errors.Is(err, io.EOF) {
			return fmt.Errorf("the file was cut short after it was opened")
		} else if err != nil {
			return err
		}
		n := int64(len(block)) / size
		convert(dst[:n], block)
		dst, at = dst[n:], at+int64(len(block))
	}
	return nil
}

// readable lists the types of converters.
var readable = []string{"F32", "F16", "BF16", "F64"}

// converters make float32 of little-endian elements.
var converters = map[string]func(dst []float32, src []byte){
	"F32": func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	},
	"F16": func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = tensor.FromFloat16(binary.LittleEndian.Uint16(src[2*i:]))
		}
	},
	"BF16": func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = tensor.FromBFloat16(binary.LittleEndian.Uint16(src[2*i:]))
		}
	},
	"F64": func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
		}
	},
}

// Close closes the files. Reading fails afterwards.
func (d *Folder) Close() error {
	var errs []error
	for _, file := range d.files {
		errs = append(errs, file.f.Close())
	}
	d.files = nil
	return errors.Join(errs...)
}
