//go:build cgo

package ort

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"

	"espalier/onnx"
	"espalier/runtime"
)

// openCached opens a model's optimised form out of the cache, and puts it there
// first where it is not. A form that cannot be used is made anew.
func (e *Engine) openCached(model []byte, opts runtime.Options) (runtime.Session, error) {
	path := filepath.Join(opts.Cache, e.cacheKey(model, opts)+".onnx")
	if kept, err := onnx.ReadFile(path); err == nil && len(kept) > 0 {
		if s, err := e.open(kept, opts); err == nil {
			return s, nil
		}
	}
	if err := e.optimize(model, opts, path); err != nil {
		return nil, err
	}
	kept, err := onnx.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return e.open(kept, opts)
}

// cacheKey names what the optimised form depends on.
func (e *Engine) cacheKey(model []byte, opts runtime.Options) string {
	h := sha256.New()
	h.Write(model)
	fmt.Fprintf(h, "\n%s %s %s %v\n", e.version, goruntime.GOARCH, cachedLevel(opts.Optimization), opts.Deterministic)
	for _, settings := range append([]map[string]string{opts.Config}, providerSettings(opts.Providers)...) {
		for _, key := range slices.Sorted(maps.Keys(settings)) {
			fmt.Fprintf(h, "%q=%q\n", key, settings[key])
		}
		fmt.Fprintln(h)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func providerSettings(providers []runtime.Provider) []map[string]string {
	var all []map[string]string
	for _, p := range providers {
		all = append(all, map[string]string{"": p.Name}, p.Options)
	}
	return all
}

// cachedLevel is how far a kept graph is optimised. What level all adds depends
// on the processor, and is left to each opening.
func cachedLevel(level string) string {
	if level == "" || level == "all" {
		return "extended"
	}
	return level
}

// optimize has ORT write the optimised graph, whole or not at all.
func (e *Engine) optimize(model []byte, opts runtime.Options, path string) error {
	if err := os.MkdirAll(opts.Cache, 0o700); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	f, err := os.CreateTemp(opts.Cache, "optimizing-*.onnx")
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	temporary := f.Name()
	defer os.Remove(temporary)
	if err := f.Close(); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	opts.Optimization, opts.Profile = cachedLevel(opts.Optimization), ""
	s, _, err := e.bare(model, opts, nil, temporary)
	if err != nil {
		return err
	}
	if err := s.Destroy(); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}
