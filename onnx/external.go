package onnx

import (
	"fmt"
	"io"
	"os"
	"strconv"
)

// maxShared is how often, on average, the bytes of a file may be claimed by
// tensors: a model of many tensors over the same bytes is an attack on memory.
const maxShared = 4

// ReadFile reads the bytes of a model, which must be a regular file of at most
// 2 GiB, so that no pipe or device is waited for.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if most := int64((Limits{}).withDefaults().Bytes); !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("%s is no regular file of at most %d bytes", path, most)
	}
	return os.ReadFile(path)
}

// LoadExternal reads the elements that a model keeps in files of a folder. A
// location outside of the folder, links included, is an error, and so are more
// than most bytes in all: a file of holes may be larger than memory.
func LoadExternal(m *Model, folder string, most int64) error {
	return eachExternal(m, folder, most, func(t *Tensor, f *os.File, offset, length int64) error {
		t.Raw = make([]byte, length)
		if _, err := io.ReadFull(io.NewSectionReader(f, offset, length), t.Raw); err != nil {
			return err
		}
		t.External = nil
		return nil
	})
}

// CheckExternal reports the first tensor whose elements [LoadExternal] could not
// read, and how many tensors have theirs in other files. It reads none.
func CheckExternal(m *Model, folder string, most int64) (tensors int, err error) {
	err = eachExternal(m, folder, most, func(*Tensor, *os.File, int64, int64) error {
		tensors++
		return nil
	})
	return tensors, err
}

// eachExternal opens where each external tensor's elements are.
func eachExternal(m *Model, folder string, most int64, do func(t *Tensor, f *os.File, offset, length int64) error) error {
	var root *os.Root
	defer func() {
		if root != nil {
			root.Close()
		}
	}()
	claimed := map[string]int64{}
	left := most
	return eachTensor(m, func(t *Tensor) error {
		if len(t.External) == 0 {
			return nil
		}
		location, offset, length, err := whereabouts(t)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if folder == "" {
			return fmt.Errorf("tensor %q has its elements in file %q, and no folder is given to look for it", t.Name, location)
		}
		if root == nil {
			if root, err = os.OpenRoot(folder); err != nil {
				return fmt.Errorf("open the model's folder: %w", err)
			}
		}
		info, err := root.Stat(location)
		if err != nil {
			return fmt.Errorf("elements of tensor %q: %w", t.Name, err)
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("elements of tensor %q: %s is no regular file", t.Name, location)
		}
		if length < 0 {
			length = info.Size() - offset
		}
		if offset > info.Size() || length < 0 || length > info.Size()-offset {
			return fmt.Errorf("elements of tensor %q: %s has %d bytes, the model asks for %d from %d",
				t.Name, location, info.Size(), length, offset)
		}
		if claimed[location] += length; claimed[location]/maxShared > info.Size() {
			return fmt.Errorf("elements of tensor %q: the tensors ask for %d bytes of %s, which has %d",
				t.Name, claimed[location], location, info.Size())
		}
		if left -= length; left < 0 {
			return fmt.Errorf("elements of tensor %q: the model keeps more than %d bytes in other files, the most that may be read; "+
				"raise the engine's limit of memory if the model is to be trusted", t.Name, most)
		}
		f, err := root.Open(location)
		if err != nil {
			return fmt.Errorf("elements of tensor %q: %w", t.Name, err)
		}
		defer f.Close()
		if err := do(t, f, offset, length); err != nil {
			return fmt.Errorf("elements of tensor %q: %w", t.Name, err)
		}
		return nil
	})
}

// eachTensor visits every tensor of a model, those of sub-graphs and functions
// among them.
func eachTensor(m *Model, do func(*Tensor) error) error {
	if m.Graph != nil {
		if err := graphTensors(m.Graph, do); err != nil {
			return err
		}
	}
	for i := range m.Functions {
		if err := nodeTensors(m.Functions[i].Nodes, do); err != nil {
			return err
		}
	}
	return nil
}

func graphTensors(g *Graph, do func(*Tensor) error) error {
	for _, t := range g.Initializers {
		if err := do(t); err != nil {
			return err
		}
	}
	return nodeTensors(g.Nodes, do)
}

func nodeTensors(nodes []*Node, do func(*Tensor) error) error {
	for _, n := range nodes {
		for i := range n.Attributes {
			a := &n.Attributes[i]
			for _, t := range append([]*Tensor{a.Tensor}, a.Tensors...) {
				if t == nil {
					continue
				}
				if err := do(t); err != nil {
					return err
				}
			}
			for _, g := range subgraphs(a) {
				if err := graphTensors(g, do); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// whereabouts reads the entries that say where elements are; length is -1 for the
// rest of the file.
func whereabouts(t *Tensor) (location string, offset, length int64, err error) {
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
