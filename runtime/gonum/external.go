package gonum

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"espalier/onnx"
	"espalier/runtime"
)

// loadExternal reads the elements that a model keeps in files of its folder.
func loadExternal(g *onnx.Graph, folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("open the model's folder: %w", err)
	}
	defer root.Close()
	return loadGraph(g, root)
}

func loadGraph(g *onnx.Graph, root *os.Root) error {
	for _, t := range g.Initializers {
		if err := loadTensor(t, root); err != nil {
			return err
		}
	}
	for _, n := range g.Nodes {
		for i := range n.Attributes {
			a := &n.Attributes[i]
			if a.Tensor != nil {
				if err := loadTensor(a.Tensor, root); err != nil {
					return err
				}
			}
			if a.Graph != nil {
				if err := loadGraph(a.Graph, root); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// loadTensor reads one tensor's elements; the root keeps the location inside
// the folder, links included.
func loadTensor(t *onnx.Tensor, root *os.Root) error {
	if len(t.External) == 0 {
		return nil
	}
	location, offset, length, err := whereabouts(t)
	if err != nil {
		return fmt.Errorf("%w: tensor %q: %w", runtime.ErrModel, t.Name, err)
	}
	f, err := root.Open(location)
	if err != nil {
		return fmt.Errorf("%w: elements of tensor %q: %w", runtime.ErrModel, t.Name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("elements of tensor %q: %w", t.Name, err)
	}
	if length < 0 {
		length = info.Size() - offset
	}
	if offset > info.Size() || length < 0 || length > info.Size()-offset {
		return fmt.Errorf("%w: elements of tensor %q: %s has %d bytes, the model asks for %d from %d",
			runtime.ErrModel, t.Name, location, info.Size(), length, offset)
	}
	t.Raw = make([]byte, length)
	if _, err := io.ReadFull(io.NewSectionReader(f, offset, length), t.Raw); err != nil {
		return fmt.Errorf("elements of tensor %q: %w", t.Name, err)
	}
	t.External = nil
	return nil
}

// whereabouts reads the entries that say where elements are; length is -1 for the
// rest of the file.
func whereabouts(t *onnx.Tensor) (location string, offset, length int64, err error) {
	length = -1
	for _, kv := range t.External {
		switch kv.Key {
		case "location":
			location = kv.Value
		case "offset":
			offset, err = strconv.ParseInt(kv.Value, 10, 64)
		case "length":
			length, err = strconv.ParseInt(kv.Value, 10, 64)
		}
		if err != nil {
			return "", 0, 0, fmt.Errorf("%s of its elements: %w", kv.Key, err)
		}
	}
	if location == "" || offset < 0 || length < -1 {
		return "", 0, 0, fmt.Errorf("its elements are said to be in file %q from %d, %d bytes", location, offset, length)
	}
	return location, offset, length, nil
}
