package gonum

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"espalier/onnx"
	"espalier/runtime"
)

// kernels maps an operator to what the engine has of it. Operators of other
// domains than ai.onnx have the domain in front, as in com.microsoft.Tokenizer.
// Families stand in kernels_*.go.
func kernels() map[string]forms {
	all := map[string]forms{}
	for _, family := range []map[string]forms{
		unaryKernels(), binaryKernels(), reduceKernels(), shapeKernels(), indexKernels(), linearKernels(), normKernels(), poolKernels(),
		bitKernels(), lossKernels(), rearrangeKernels(), controlKernels(), recurrentKernels(), textKernels(), featureKernels(), einsumKernels(),
		textMakers(), labelMakers(), featureMakers(), classifyMakers(), treeMakers(), gramMakers(),
	} {
		for op, k := range family {
			all[op] = k
		}
	}
	return all
}

// maker makes a node's kernel from its attributes and the version of its
// operator, once for all runs. The kernel is for any number of runs at a time.
type maker func(a attributes, version int64) (kernel, error)

// form is one meaning of an operator: a kernel for a range of its versions, and
// the attributes that they have. A version of an operator has the number of the
// operator set that brought it; see [sinceVersions].
type form struct {
	first, last int64
	make        maker
	reads       []string
	ignores     []string // attributes that change nothing of what the engine computes
}

// forms are an operator's, in ascending order of their versions.
type forms []form

// versions says that a kernel implements the versions first to last, which have
// the attributes that it reads and no other.
func versions(first, last int64, k kernel, reads ...string) forms {
	return forms{}.and(first, last, k, reads...)
}

// made is versions for a kernel that is made for each node.
func made(first, last int64, m maker, reads ...string) forms {
	return forms{}.andMade(first, last, m, reads...)
}

// and adds a kernel for later versions.
func (f forms) and(first, last int64, k kernel, reads ...string) forms {
	return f.andMade(first, last, func(attributes, int64) (kernel, error) { return k, nil }, reads...)
}

func (f forms) andMade(first, last int64, m maker, reads ...string) forms {
	return append(f, form{first: first, last: last, make: m, reads: reads})
}

// ignoring names attributes of the last form that may be there and need not be
// read: hints, and what matters to element types alone that the engine refuses.
func (f forms) ignoring(names ...string) forms {
	f[len(f)-1].ignores = names
	return f
}

// library is the engine's operators for a model of some operator sets.
type library struct {
	operators map[string]forms
	sets      map[string]int64 // versions by domain, ONNX's own being ""
}

// newLibrary refuses operator sets that are newer than those the engine knows:
// their operators may mean something else.
func newLibrary(m *onnx.Model, operators map[string]forms) (*library, error) {
	l := &library{operators: operators, sets: map[string]int64{}}
	for _, id := range m.OpsetImports {
		domain := id.Domain
		if domain == "ai.onnx" {
			domain = ""
		}
		if newest := newestSet(domain); newest > 0 && id.Version > newest {
			return nil, fmt.Errorf("%w: the model imports version %d of operator set %s, the pure-Go engine knows versions up to %d; "+
				"export the model for one of these, or use ONNX Runtime", runtime.ErrUnsupported, id.Version, displayed(domain), newest)
		}
		l.sets[domain] = id.Version
	}
	return l, nil
}

// displayed is a domain as messages name it.
func displayed(domain string) string {
	if domain == "" {
		return "ai.onnx"
	}
	return domain
}

// version is a version of an operator, and the most operands that its nodes have.
type version struct {
	since    int64
	operands int
}

// version returns the version of a node's operator that is in force in the
// model's operator set, that of number 0 where there is none.
func (l *library) version(n *onnx.Node) version {
	in := version{}
	for _, v := range sinceVersions(operator(n)) {
		if v.since <= l.sets[domainOf(n)] {
			in = v
		}
	}
	return in
}

// form returns what implements a node's operator in the version in force, nil
// for nothing.
func (l *library) form(n *onnx.Node) (*form, version) {
	v := l.version(n)
	all := l.operators[operator(n)]
	for i := range all {
		if f := &all[i]; v.since >= f.first && v.since <= f.last {
			return f, v
		}
	}
	return nil, v
}

// lacks explains why no form fits a node.
func (l *library) lacks(n *onnx.Node, version int64) error {
	domain := displayed(domainOf(n))
	is := fmt.Sprintf("operator set %d of %s has version %d of it", l.sets[domainOf(n)], domain, version)
	if version == 0 {
		is = fmt.Sprintf("operator set %d of %s does not have it", l.sets[domainOf(n)], domain)
	}
	return fmt.Errorf("%w: node %q (%s): %s, the pure-Go engine implements versions %s; export the model for an operator set with one of these, or use ONNX Runtime",
		runtime.ErrUnsupported, n.Name, n.OpType, is, l.operators[operator(n)].ranges(operator(n)))
}

// ranges lists the versions of an operator that are implemented, as in "6 to 13".
func (f forms) ranges(op string) string {
	var runs [][2]int64
	joins := false
	for _, v := range sinceVersions(op) {
		in := slices.ContainsFunc(f, func(f form) bool { return v.since >= f.first && v.since <= f.last })
		switch {
		case in && joins:
			runs[len(runs)-1][1] = v.since
		case in:
			runs = append(runs, [2]int64{v.since, v.since})
		}
		joins = in
	}
	var words []string
	for _, r := range runs {
		if r[0] == r[1] {
			words = append(words, fmt.Sprint(r[0]))
		} else {
			words = append(words, fmt.Sprintf("%d to %d", r[0], r[1]))
		}
	}
	return strings.Join(words, ", ")
}

// kernel returns the kernel of a node. A version of the operator that is not
// implemented and an attribute that is not read are refused.
func (l *library) kernel(n *onnx.Node, a attributes) (k kernel, err error) {
	f, v := l.form(n)
	if f == nil {
		return nil, l.lacks(n, v.since)
	}
	if err := f.check(n, v); err != nil {
		return nil, err
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
	return f.make(a, v.since)
}

// check refuses attributes and operands that the kernel does not read.
func (f *form) check(n *onnx.Node, v version) error {
	if len(n.Inputs) > v.operands {
		return fmt.Errorf("%w: node %q (%s): it has %d operands, version %d of the operator has %d at most",
			runtime.ErrModel, n.Name, n.OpType, len(n.Inputs), v.since, v.operands)
	}
	for i := range n.Attributes {
		name := n.Attributes[i].Name
		if slices.Contains(f.reads, name) || slices.Contains(f.ignores, name) {
			continue
		}
		known := "none"
		if all := slices.Sorted(slices.Values(slices.Concat(f.reads, f.ignores))); len(all) > 0 {
			known = strings.Join(all, ", ")
		}
		return fmt.Errorf("%w: node %q (%s): the pure-Go engine has no attribute %q in version %d of the operator; it has %s",
			runtime.ErrUnsupported, n.Name, n.OpType, name, v.since, known)
	}
	return nil
}
