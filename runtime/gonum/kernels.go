package gonum

import (
	"errors"
	"fmt"

	"espalier/onnx"
	"espalier/runtime"
)

// kernels maps an operator to its kernel. Operators of other domains than
// ai.onnx have the domain in front, as in com.microsoft.Tokenizer. Families
// stand in kernels_*.go.
func kernels() map[string]kernel {
	all := map[string]kernel{}
	for _, family := range []map[string]kernel{
		unaryKernels(), binaryKernels(), reduceKernels(), shapeKernels(), indexKernels(), linearKernels(), normKernels(), poolKernels(),
		bitKernels(), lossKernels(), rearrangeKernels(), controlKernels(), recurrentKernels(), textKernels(), featureKernels(), einsumKernels(),
	} {
		for op, k := range family {
			all[op] = k
		}
	}
	return all
}

// maker makes a node's kernel from its attributes and the version of its
// operator set, once for all runs. The kernel is for any number of runs at a
// time.
type maker func(a attributes, version int64) (kernel, error)

// makers maps the operators to their makers that are not in [kernels].
func makers() map[string]maker {
	all := map[string]maker{}
	for _, family := range []map[string]maker{textMakers(), labelMakers(), featureMakers(), classifyMakers(), treeMakers(), gramMakers()} {
		for op, m := range family {
			all[op] = m
		}
	}
	return all
}

// library is every operator of the engine.
type library struct {
	kernels map[string]kernel
	makers  map[string]maker
}

func newLibrary() *library { return &library{kernels: kernels(), makers: makers()} }

func (l *library) has(op string) bool { return l.kernels[op] != nil || l.makers[op] != nil }

// kernel returns the kernel of a node.
func (l *library) kernel(n *onnx.Node, a attributes, version int64) (k kernel, err error) {
	op := operator(n)
	made := l.makers[op]
	if made == nil {
		return l.kernels[op], nil
	}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case error: // an attribute of another type
			err = p
		default:
			err = fmt.Errorf("%v", p)
		}
		if err != nil && !errors.Is(err, runtime.ErrUnsupported) && !errors.Is(err, runtime.ErrModel) {
			err = fmt.Errorf("%w: %w", runtime.ErrModel, err)
		}
		if err != nil {
			err = fmt.Errorf("node %q (%s): %w", n.Name, n.OpType, err)
		}
	}()
	return made(a, version)
}
