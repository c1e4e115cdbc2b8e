//go:build cgo

package ort

import (
	"context"
	"errors"
	"fmt"
	goruntime "runtime"
	"slices"
	"sync"
	"unsafe"

	binding "github.com/yalue/onnxruntime_go"

	"espalier/runtime"
	"espalier/runtime/ort/internal/native"
	"espalier/tensor"
)

// session is a model opened by ORT. Runs hold the lock for reading, Close for
// writing, so Close waits for them.
type session struct {
	mu     sync.RWMutex
	closed bool

	created  *binding.DynamicAdvancedSession
	handle   unsafe.Pointer // of created
	inputs   ports
	outputs  ports
	names    native.Names
	metadata map[string]string
	idle     idleCalls

	providers []runtime.ProviderState
	runConfig map[string]string
}

// Providers says what the session runs on; see [runtime.Reporter].
func (s *session) Providers() []runtime.ProviderState { return slices.Clone(s.providers) }

// ports are the inputs or the outputs, in the file's order and by name.
type ports struct {
	list  []runtime.ValueInfo
	index map[string]int
}

func newSession(created *binding.DynamicAdvancedSession) (*session, error) {
	s := &session{created: created, names: native.Names{}}
	var err error
	if s.handle, err = handle(created, "s", "ortSession"); err != nil {
		return nil, err
	}
	if s.inputs, err = readPorts(s.handle, false); err != nil {
		return nil, fmt.Errorf("inputs: %w", err)
	}
	if s.outputs, err = readPorts(s.handle, true); err != nil {
		return nil, fmt.Errorf("outputs: %w", err)
	}
	if s.metadata, err = readMetadata(created); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	for _, p := range slices.Concat(s.inputs.list, s.outputs.list) {
		s.names.Add(p.Name)
	}
	// A session that is dropped without Close gives its memory back late
	// rather than never.
	goruntime.SetFinalizer(s, func(s *session) { _ = s.Close() })
	return s, nil
}

func readPorts(handle unsafe.Pointer, outputs bool) (ports, error) {
	native, err := native.Ports(handle, outputs)
	if err != nil {
		return ports{}, err
	}
	p := ports{index: make(map[string]int, len(native))}
	for i, n := range native {
		info := runtime.ValueInfo{Name: n.Name, DType: tensor.DType(n.DType)}
		if n.Sizes != nil {
			info.Shape = make([]runtime.Dim, len(n.Sizes))
		}
		for d, size := range n.Sizes {
			info.Shape[d] = runtime.Dim{Size: size, Name: n.Names[d]}
		}
		p.list = append(p.list, info)
		p.index[n.Name] = i
	}
	return p, nil
}

func readMetadata(created *binding.DynamicAdvancedSession) (_ map[string]string, err error) {
	m, err := created.GetModelMetadata()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Destroy()) }()
	keys, err := m.GetCustomMetadataMapKeys()
	if err != nil {
		return nil, err
	}
	metadata := make(map[string]string, len(keys))
	for _, key := range keys {
		value, _, err := m.LookupCustomMetadataMap(key)
		if err != nil {
			return nil, err
		}
		metadata[key] = value
	}
	return metadata, nil
}

// Inputs, Outputs and Metadata return copies of what the file declares. They
// work on a closed session too.
func (s *session) Inputs() []runtime.ValueInfo { return slices.Clone(s.inputs.list) }

func (s *session) Outputs() []runtime.ValueInfo { return slices.Clone(s.outputs.list) }

func (s *session) Metadata() map[string]string {
	m := make(map[string]string, len(s.metadata))
	for k, v := range s.metadata {
		m[k] = v
	}
	return m
}

// Run computes the outputs listed. See [runtime.Session]. A context that can
// be cancelled stops the run at the next operator: an operator that has begun
// is finished first.
func (s *session) Run(ctx context.Context, inputs, outputs []runtime.Named) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return runtime.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("run not begun: %w", err)
	}
	c, err := s.newCall(inputs, outputs)
	if err != nil {
		return err
	}
	err = c.run(ctx)
	for i := 0; err == nil && i < len(outputs); i++ {
		outputs[i].Tensor = c.outputs[i].result
	}
	c.empty()
	if !s.idle.put(c) {
		c.release()
	}
	return err
}

// Bind prepares a call. See [runtime.Session]. With inputs and outputs that
// are not strings and outputs that are given, its runs allocate nothing in Go.
func (s *session) Bind(inputs, outputs []runtime.Named) (runtime.Binding, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, runtime.ErrClosed
	}
	c, err := s.newCall(inputs, outputs)
	if err != nil {
		return nil, err
	}
	b := &bound{call: c}
	goruntime.SetFinalizer(b, func(b *bound) { _ = b.Close() })
	return b, nil
}

// Close releases the session after the runs that are going on.
func (s *session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	goruntime.SetFinalizer(s, nil)
	s.idle.release()
	s.names.Release()
	return s.created.Destroy()
}
