//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"unsafe"

	binding "github.com/yalue/onnxruntime_go"

	"espalier/runtime"
	"espalier/runtime/ort/internal/native"
)

// process is the one ONNX Runtime of this process. It mirrors state that the
// binding keeps in its own package variables: a library path and an
// environment, which can be set once and are never torn down, since sessions
// of other engines may be using them.
var process struct {
	sync.Mutex
	path    string // resolved path of the loaded library, "" before
	version string
	limit   int64 // of memory, 0 while there is none
}

// load makes the library at path the process's own, or says why not.
func load(path string) (version string, err error) {
	resolved, err := resolve(path)
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", runtime.ErrLibrary, path, err)
	}
	process.Lock()
	defer process.Unlock()
	if process.path == resolved {
		return process.version, nil
	}
	if process.path != "" {
		return "", fmt.Errorf("%w: %s: this process already uses %s, and can use only one; "+
			"open every engine with the same library", runtime.ErrLibrary, path, process.path)
	}
	version, err = checkVersion(resolved)
	if err != nil {
		return "", err
	}
	binding.SetSharedLibraryPath(resolved)
	if err := binding.InitializeEnvironment(); err != nil {
		return "", fmt.Errorf("%w: %s, ONNX Runtime %s: %w", runtime.ErrLibrary, path, version, err)
	}
	if err := native.Load(resolved); err != nil {
		return "", errors.Join(fmt.Errorf("%w: %s, ONNX Runtime %s: %w", runtime.ErrLibrary, path, version, err),
			binding.DestroyEnvironment())
	}
	process.path, process.version = resolved, version
	return version, nil
}

// limitMemory sets the process's limit, or says why not. 0 sets none.
func limitMemory(bytes int64) error {
	process.Lock()
	defer process.Unlock()
	switch {
	case bytes < 0:
		return fmt.Errorf("a limit of %d bytes of memory: it cannot be negative", bytes)
	case bytes == 0 || bytes == process.limit:
		return nil
	case process.limit != 0:
		return fmt.Errorf("this process already limits ONNX Runtime to %d bytes of memory, and can have only one limit; "+
			"open every engine with the same one, or with none", process.limit)
	}
	if err := native.LimitMemory(bytes); err != nil {
		return fmt.Errorf("limit of memory: %w", err)
	}
	process.limit = bytes
	return nil
}

// checkVersion reads the version out of the library before the binding sees
// it: the binding's own report of a library too old names no version.
func checkVersion(path string) (string, error) {
	version, err := native.Version(path)
	if err != nil {
		return "", fmt.Errorf("%w: %s is not a usable ONNX Runtime library: %w; "+
			"run `espalier ort install`, or name another in %s", runtime.ErrLibrary, path, err, LibraryVariable)
	}
	if compareVersions(version, MinVersion) < 0 {
		return version, fmt.Errorf("%w: %s is ONNX Runtime %s, and %s or newer is needed; "+
			"run `espalier ort install` for %s, or name a newer one in %s",
			runtime.ErrLibrary, path, version, MinVersion, Version, LibraryVariable)
	}
	return version, nil
}

func resolve(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(absolute)
}

// Describe finds the library and says what it is. It loads the library, and
// where no engine is open yet, makes it the process's own. The path may be
// empty; it then searches as [Open] does. What was found is returned even when
// it cannot be used.
func Describe(path string) (Info, error) {
	info := Info{Search: Find(path)}
	if info.Path == "" {
		return info, info.missing()
	}
	if version, err := native.Version(info.Path); err == nil {
		info.Version = version
	}
	if _, err := load(info.Path); err != nil {
		return info, err
	}
	providers, err := native.Providers()
	if err != nil {
		return info, fmt.Errorf("%w: %s: providers: %w", runtime.ErrLibrary, info.Path, err)
	}
	for _, p := range providers {
		info.Providers = append(info.Providers, shortName(p))
	}
	return info, nil
}

// handle reads a native pointer that the binding keeps in an unexported field:
// it has what its own methods do not offer, and no way to hand it out. The
// field is looked up by name, so another version of the binding with another
// layout is an error and not a crash.
func handle(holder any, fields ...string) (unsafe.Pointer, error) {
	v := reflect.ValueOf(holder)
	for _, name := range fields {
		if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
			break
		}
		v = v.Elem().FieldByName(name)
	}
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return nil, fmt.Errorf("this version of the binding has no handle at %T.%s", holder, strings.Join(fields, "."))
	}
	return v.UnsafePointer(), nil
}
