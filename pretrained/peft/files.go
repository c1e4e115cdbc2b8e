package peft

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"espalier/internal/atomicfile"
	"espalier/safetensors"
	"espalier/tensor"
)

// The two files of an adapter.
const (
	ConfigFile  = "adapter_config.json"
	WeightsFile = "adapter_model.safetensors"
)

// maxConfig bounds the bytes of a configuration.
const maxConfig = 1 << 20

// prefix stands before every path in a file of weights.
const prefix = "base_model.model."

// Read reads the adapter of a folder. Matrices of 16-bit floats become float32. What
// cannot be honoured, an adapter that is not plain LoRA, is an error that names it.
func Read(dir string) (*Adapter, error) {
	path := filepath.Join(dir, ConfigFile)
	text, err := readConfig(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s has no %s; name the folder that PEFT's save_pretrained wrote", dir, ConfigFile)
	}
	if err != nil {
		return nil, err
	}
	a, err := parseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	path = filepath.Join(dir, WeightsFile)
	weights, err := safetensors.OpenFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, noWeights(dir)
	}
	if err != nil {
		return nil, err
	}
	err = errors.Join(a.readWeights(weights), weights.Close())
	if err == nil {
		err = errors.Join(a.check(), a.checkTargets())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

func readConfig(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxConfig {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, maxConfig)
	}
	return os.ReadFile(path)
}

func noWeights(dir string) error {
	const old = "adapter_model.bin"
	if _, err := os.Stat(filepath.Join(dir, old)); err == nil {
		return fmt.Errorf("%s has %s, but not %s: load the adapter with PEFT and save it again with save_pretrained(safe_serialization=True)", dir, old, WeightsFile)
	}
	return fmt.Errorf("%s has no %s", dir, WeightsFile)
}

func (a *Adapter) readWeights(weights *safetensors.Folder) error {
	for _, name := range weights.Names() {
		path, ok := strings.CutPrefix(name, prefix)
		if !ok {
			return fmt.Errorf("tensor %q: its name does not start with %s, as PEFT's do", name, prefix)
		}
		t, err := weights.Tensor(name)
		if err != nil {
			return err
		}
		if module, ok := strings.CutSuffix(path, ".lora_A.weight"); ok {
			a.Modules[module] = Pair{A: t, B: a.Modules[module].B}
		} else if module, ok := strings.CutSuffix(path, ".lora_B.weight"); ok {
			a.Modules[module] = Pair{A: a.Modules[module].A, B: t}
		} else if a.saves(path) {
			if a.Saved == nil {
				a.Saved = map[string]*tensor.Tensor{}
			}
			a.Saved[path] = t
		} else {
			return fmt.Errorf("tensor %q is neither lora_A nor lora_B of a module nor of one in modules_to_save: this adapter is not plain LoRA of linear layers", name)
		}
	}
	return nil
}

// Write writes the adapter to a folder, which is made if it is not there. PEFT loads
// it with PeftModel.from_pretrained(base, dir). Each file is whole or not there; the
// configuration comes last.
func Write(dir string, a *Adapter) error {
	if err := errors.Join(a.check(), a.checkTargets(), a.checkLayers()); err != nil {
		return fmt.Errorf("write adapter %s: %w", dir, err)
	}
	text, err := configOf(a)
	if err != nil {
		return fmt.Errorf("write adapter %s: %w", dir, err)
	}
	f := &safetensors.File{Tensors: map[string]*tensor.Tensor{}, Metadata: map[string]string{"format": "pt"}}
	for path, p := range a.Modules {
		f.Tensors[prefix+path+".lora_A.weight"] = p.A
		f.Tensors[prefix+path+".lora_B.weight"] = p.B
	}
	for name, t := range a.Saved {
		f.Tensors[prefix+name] = t
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, WeightsFile), func(w io.Writer) error { return safetensors.Write(w, f) }); err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(dir, ConfigFile), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}
