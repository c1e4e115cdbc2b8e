//go:build cgo

package ort

import (
	"os"
	"strings"
	"testing"

	"espalier/runtime"
	"espalier/runtime/enginetest"
)

// providerVariable names the execution provider that the conformance suite runs on once
// more; without it that is the CPU, asked for by name.
const providerVariable = "ESPALIER_ORT_PROVIDER"

// onProvider is an engine whose sessions ask for a provider unless they ask for others.
type onProvider struct {
	*Engine
	t        testing.TB
	provider runtime.Provider
}

func (e *onProvider) options(o runtime.Options) runtime.Options {
	if len(o.Providers) == 0 {
		o.Providers = []runtime.Provider{e.provider}
	}
	return o
}

// used fails the test where the provider was left out.
func (e *onProvider) used(s runtime.Session, err error) (runtime.Session, error) {
	if err == nil {
		for _, p := range s.(runtime.Reporter).Providers() {
			if !p.Used {
				e.t.Errorf("provider %s is not used: %v", p.Name, p.Reason)
			}
		}
	}
	return s, err
}

func (e *onProvider) Open(model []byte, o runtime.Options) (runtime.Session, error) {
	return e.used(e.Engine.Open(model, e.options(o)))
}

func (e *onProvider) OpenFile(path string, o runtime.Options) (runtime.Session, error) {
	return e.used(e.Engine.OpenFile(path, e.options(o)))
}

func TestConformanceOnAProvider(t *testing.T) {
	p := runtime.Provider{Name: "CPU"}
	if name := os.Getenv(providerVariable); name != "" {
		p.Name = name
	}
	if strings.EqualFold(p.Name, "CUDA") {
		p.Options = map[string]string{"use_tf32": "0"} // the suite compares float32
	}
	t.Logf("provider %s", p.Name)
	e := &onProvider{openEngine(t), t, p}
	enginetest.Test(t, func() runtime.Engine { return e })
}
