package models

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"espalier/builder"
)

// Depths says at which depth of a trunk its parameters stand: those of the embeddings
// at -1, those of layers at 0 to Layers-1, from the bottom. Layers are told by name:
//
//	trunk/<word>_<number>/...           a layer, such as block_0, layer_0, conv_0, dense_0
//	trunk/part_<number>/<layer>/...     a layer of a stack, whose parts count on
//	trunk/embeddings/..., embedding, characters, columns, positions, project
//	                                    what comes before the layers
//	trunk/norm/...                      the end of the last layer
//	head/<task>/trunk/...               a task's own trunk, as a shared one
//	trunk/tasks/<task>/...              likewise
//
// All other parameters stand above the trunk's layers: heads, pooling, experts, gates.
type Depths struct {
	// Layers is the number of layers.
	Layers int
	of     map[string]int
}

// Of returns the depth of the parameter of that name, and false for one above the
// layers.
func (d *Depths) Of(parameter string) (depth int, ok bool) {
	depth, ok = d.of[parameter]
	return depth, ok
}

// Depths finds the depths of the model's parameters.
func (m *Model) Depths() (*Depths, error) {
	b, err := m.Build(Training)
	if err != nil {
		return nil, err
	}
	return DepthsOf(b.Graph.Parameters()), nil
}

// place is where in a trunk a name says that a parameter stands.
type place struct{ part, layer int }

// The layers of a part that stand for what comes before its own and after.
const (
	beforeLayers = -1
	afterLayers  = 1 << 30
)

// DepthsOf finds the depths of a graph's parameters.
func DepthsOf(parameters []*builder.Value) *Depths {
	places := map[string]place{}
	var layers []place
	for _, v := range parameters {
		at, ok := placeOf(v.Name())
		if !ok {
			continue
		}
		places[v.Name()] = at
		if at.layer != beforeLayers && at.layer != afterLayers && !slices.Contains(layers, at) {
			layers = append(layers, at)
		}
	}
	compare := func(a, b place) int { return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.layer, b.layer)) }
	slices.SortFunc(layers, compare)
	d := &Depths{Layers: len(layers), of: map[string]int{}}
	for name, at := range places {
		i, _ := slices.BinarySearchFunc(layers, at, compare) // the next layer
		switch {
		case at.layer == afterLayers:
			i--
		case at.layer == beforeLayers && at.part == 0:
			i = -1
		}
		d.of[name] = i
	}
	return d
}

// placeOf reads a parameter's name; false for one above the layers.
func placeOf(name string) (place, bool) {
	path := strings.Split(name, "/")
	if len(path) > 2 && path[0] == "head" {
		path = path[2:]
	}
	if len(path) < 2 || path[0] != "trunk" {
		return place{}, false
	}
	if path = path[1:]; len(path) > 2 && path[0] == "tasks" {
		path = path[2:]
	}
	var at place
	if n, ok := numbered(path[0], "part"); ok && len(path) > 1 {
		at.part, path = n, path[1:]
	}
	if n, ok := numbered(path[0], "block", "layer", "conv", "dense"); ok {
		at.layer = n
		return at, true
	}
	switch path[0] {
	case "embeddings", "embedding", "characters", "columns", "positions", "project":
		at.layer = beforeLayers
	case "norm":
		at.layer = afterLayers
	default:
		return at, false
	}
	return at, true
}

// numbered reads <word>_<number> for one of some words.
func numbered(s string, words ...string) (int, bool) {
	word, number, _ := strings.Cut(s, "_")
	n, err := strconv.Atoi(number)
	return n, err == nil && n >= 0 && slices.Contains(words, word)
}
