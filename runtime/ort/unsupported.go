//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// Unsupported lists the operators of the model that ORT lacks, as
// "domain.Op"; the default domain is "ai.onnx".
//
// ORT names one at a time, when it is asked to load a model, so this loads the
// model, cuts out the nodes of the operator named, and loads again until ORT
// is content. What a cut-out node computed becomes an input of the type that
// the file declares for it, float32 where it declares none. Where ORT then
// refuses the model for another reason, the list ends with what is known.
func (e *Engine) Unsupported(model []byte) ([]string, error) {
	err := e.tryOpen(model)
	if err == nil {
		return nil, nil
	}
	if !errors.Is(err, runtime.ErrUnsupported) {
		return nil, err
	}
	m, decodeErr := onnx.Decode(model, onnx.Limits{})
	if decodeErr != nil {
		return nil, fmt.Errorf("%w: %w", runtime.ErrModel, decodeErr)
	}
	var lacks []string
	for errors.Is(err, runtime.ErrUnsupported) {
		name, ok := cutUnsupported(m, err.Error())
		if !ok {
			break
		}
		lacks = append(lacks, name)
		rest, encodeErr := onnx.Encode(m)
		if encodeErr != nil {
			break
		}
		err = e.tryOpen(rest)
	}
	if len(lacks) == 0 { // in a sub-graph or a function, or in words not known here
		return nil, err
	}
	slices.Sort(lacks)
	return slices.Compact(lacks), nil
}

func (e *Engine) tryOpen(model []byte) error {
	s, err := e.Open(model, runtime.Options{Optimization: "none", Threads: 1})
	if err != nil {
		return err
	}
	return s.Close()
}

// cutUnsupported removes the nodes of the operator that ORT's text names, and
// returns its name.
func cutUnsupported(m *onnx.Model, text string) (string, bool) {
	domain, op, ok := namedOperator(text)
	if !ok {
		return "", false
	}
	types := map[string]onnx.ValueInfo{}
	for _, v := range slices.Concat(m.Graph.ValueInfos, m.Graph.Outputs) {
		types[v.Name] = v
	}
	found := ""
	m.Graph.Nodes = slices.DeleteFunc(m.Graph.Nodes, func(n *onnx.Node) bool {
		own := n.Domain
		if own == "" {
			own = "ai.onnx"
		}
		if n.OpType != op || domain != "" && own != domain {
			return false
		}
		found = own + "." + op
		for _, name := range n.Outputs {
			if name == "" {
				continue
			}
			v, known := types[name]
			if !known {
				v = onnx.ValueInfo{Name: name, DType: tensor.Float32}
			}
			m.Graph.Inputs = append(m.Graph.Inputs, v)
		}
		return true
	})
	return found, found != ""
}

// namedOperator finds the operator in ORT's three ways of saying that it lacks
// one. The domain is empty where the text does not give it.
func namedOperator(text string) (domain, op string, ok bool) {
	for _, pattern := range []string{
		`(?:error: |Fatal error: )(?P<domain>[\w.\-]+):(?P<op>\w+)\(-?\d+\) is not a registered function/op`,
		`No Op registered for (?P<op>\w+) with domain_version`,
		`Could not find an implementation for (?:(?P<domain>[\w.\-]+)[.:])?(?P<op>\w+)\(\d+\)`,
	} {
		re := regexp.MustCompile(pattern)
		match := re.FindStringSubmatch(text)
		if match == nil {
			continue
		}
		if i := re.SubexpIndex("domain"); i >= 0 {
			domain = match[i]
		}
		return domain, match[re.SubexpIndex("op")], true
	}
	return "", "", false
}
