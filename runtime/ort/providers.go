//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	binding "github.com/yalue/onnxruntime_go"

	"espalier/runtime"
	"espalier/runtime/ort/internal/native"
)

const providerSuffix = "ExecutionProvider"

// shortNames are the providers whose short name is not just ORT's name without
// its suffix, or whose capitals people write differently.
func shortNames() map[string]string {
	return map[string]string{
		"TensorrtExecutionProvider": "TensorRT",
		"DmlExecutionProvider":      "DirectML",
		"XnnpackExecutionProvider":  "XNNPACK",
		"AzureExecutionProvider":    "AZURE",
	}
}

func shortName(ortName string) string {
	if short, ok := shortNames()[ortName]; ok {
		return short
	}
	return strings.TrimSuffix(ortName, providerSuffix)
}

// appendProviders adds the providers in their order, which is ORT's order of
// preference for each node, and says what became of them. Optional ones that
// fail are left out; with a reason, all of them are.
func appendProviders(o *binding.SessionOptions, providers []runtime.Provider, reason error) ([]runtime.ProviderState, error) {
	var states []runtime.ProviderState
	cpu := false
	for _, p := range providers {
		if strings.EqualFold(p.Name, "CPU") {
			cpu = true
		}
		err := reason
		if !p.Optional || reason == nil {
			err = appendProvider(o, p)
		}
		if err != nil && !p.Optional {
			return nil, err
		}
		states = append(states, runtime.ProviderState{Name: p.Name, Used: err == nil, Reason: err})
	}
	if !cpu {
		states = append(states, runtime.ProviderState{Name: "CPU", Used: true})
	}
	return states, nil
}

// appendProvider adds a provider to a session's options. Names are compared
// without regard to case.
func appendProvider(o *binding.SessionOptions, p runtime.Provider) error {
	all, err := native.Providers()
	if err != nil {
		return err
	}
	var available []string
	for _, name := range all {
		available = append(available, shortName(name))
	}
	at := slices.IndexFunc(available, func(name string) bool { return strings.EqualFold(name, p.Name) })
	if at < 0 {
		return fmt.Errorf("%w: provider %q is not in this library, which has %s; "+
			"name a library built with it in %s", runtime.ErrLibrary, p.Name, strings.Join(available, ", "), LibraryVariable)
	}
	err = appendAvailable(o, all[at], p.Options)
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "Failed to load shared library"), strings.Contains(err.Error(), "Failed to load library"):
		return fmt.Errorf("%w: provider %s: %w; its own library, such as libonnxruntime_providers_cuda.so, "+
			"must lie beside ONNX Runtime's, and those that it needs where the system looks for libraries", runtime.ErrLibrary, available[at], err)
	}
	return fmt.Errorf("provider %s: %w", available[at], err)
}

func appendAvailable(o *binding.SessionOptions, ortName string, options map[string]string) error {
	switch shortName(ortName) {
	case "CPU":
		return cpuOptions(o, options)
	case "CUDA":
		return appendCUDA(o, options)
	case "TensorRT":
		return appendTensorRT(o, options)
	case "OpenVINO":
		return o.AppendExecutionProviderOpenVINO(options)
	case "CoreML":
		return o.AppendExecutionProviderCoreMLV2(options)
	case "DirectML":
		return appendDirectML(o, options)
	}
	return o.AppendExecutionProvider(ortName, options)
}

// cpuOptions takes the one setting the CPU provider has: its arena.
func cpuOptions(o *binding.SessionOptions, options map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if key != "arena" {
			return fmt.Errorf("no option %q; it has arena (0 or 1)", key)
		}
		on, err := strconv.ParseBool(options[key])
		if err != nil {
			return fmt.Errorf("option arena: %q is not 0 or 1", options[key])
		}
		if err := o.SetCpuMemArena(on); err != nil {
			return err
		}
	}
	return nil
}

func appendCUDA(o *binding.SessionOptions, options map[string]string) (err error) {
	cuda, err := binding.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cuda.Destroy()) }()
	if err := cuda.Update(options); err != nil {
		return err
	}
	return o.AppendExecutionProviderCUDA(cuda)
}

func appendTensorRT(o *binding.SessionOptions, options map[string]string) (err error) {
	trt, err := binding.NewTensorRTProviderOptions()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, trt.Destroy()) }()
	if err := trt.Update(options); err != nil {
		return err
	}
	return o.AppendExecutionProviderTensorRT(trt)
}

func appendDirectML(o *binding.SessionOptions, options map[string]string) error {
	device := 0
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if key != "device_id" {
			return fmt.Errorf("no option %q; it has device_id", key)
		}
		n, err := strconv.Atoi(options[key])
		if err != nil {
			return fmt.Errorf("option device_id: %q is not a number", options[key])
		}
		device = n
	}
	// What DirectML asks of a session, as its own page says.
	if err := errors.Join(o.SetMemPattern(false), o.SetExecutionMode(binding.ExecutionModeSequential)); err != nil {
		return err
	}
	return o.AppendExecutionProviderDirectML(device)
}
