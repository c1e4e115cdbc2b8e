package export

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"espalier/internal/atomicfile"
	"espalier/onnx"
	"espalier/tensor"
)

// alignment is where each tensor of a data file starts: at a page, so that it
// can be mapped.
const alignment = 4096

// MaxBytes is the most bytes of one file: a protobuf message ends at 2^31-1, and what
// stands beside the tensors' elements needs room.
const MaxBytes = math.MaxInt32 - 1<<24

// minExternal is the least size of a tensor that is moved where the file would be too
// large otherwise.
const minExternal = 1 << 10

// Save writes a model: [WriteExternal] where a threshold above 0 asks for it, or where the
// tensors' elements are more than limit bytes, 0 for [MaxBytes], and else [Write]. It
// returns the name of the second file, "" where there is none.
func Save(path string, m *onnx.Model, threshold int, limit int64) (data string, err error) {
	if limit <= 0 {
		limit = MaxBytes
	}
	if threshold <= 0 {
		var total int64
		for _, t := range m.Graph.Initializers {
			total += int64(len(t.Raw))
		}
		if total <= limit {
			return "", Write(path, m)
		}
		threshold = minExternal
	}
	return WriteExternal(path, m, threshold)
}

// WriteExternal is [Write] with the elements of float tensors of at least threshold
// bytes in a second file beside it, each at a multiple of 4 KiB. It returns the
// name of that file, "" where no tensor is so large. The name has a part of the
// content's hash, so that a model and the data of another export are never taken
// together; files of earlier exports are left.
func WriteExternal(path string, m *onnx.Model, threshold int) (string, error) {
	part, graph := *m, *m.Graph
	part.Graph = &graph
	graph.Initializers = nil
	var moved []*onnx.Tensor
	var content [][]byte
	var at int64
	hash := sha256.New()
	for _, t := range m.Graph.Initializers {
		// Shape inference reads integers: sizes, axes, indices.
		if len(t.Raw) < threshold || len(t.Raw) == 0 || !t.DType.IsFloat() && t.DType != tensor.Float16 {
			graph.Initializers = append(graph.Initializers, t)
			continue
		}
		out := *t
		out.Raw = nil
		out.External = []onnx.StringPair{
			{Key: "location"}, {Key: "offset", Value: strconv.FormatInt(at, 10)}, {Key: "length", Value: strconv.Itoa(len(t.Raw))},
		}
		moved = append(moved, &out)
		graph.Initializers = append(graph.Initializers, &out)
		padded := (len(t.Raw) + alignment - 1) / alignment * alignment
		content = append(content, t.Raw, make([]byte, padded-len(t.Raw)))
		at += int64(padded)
	}
	if len(moved) == 0 {
		return "", Write(path, m)
	}
	for _, c := range content {
		hash.Write(c)
	}
	base := filepath.Base(path)
	name := fmt.Sprintf("%s.%x.data", strings.TrimSuffix(base, filepath.Ext(base)), hash.Sum(nil)[:4])
	for _, t := range moved {
		t.External[0].Value = name
	}
	err := atomicfile.WriteFile(filepath.Join(filepath.Dir(path), name), func(w io.Writer) error {
		for _, c := range content {
			if _, err := w.Write(c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	return name, Write(path, &part)
}
