package install

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"strings"
)

// maxLibrary bounds what is unpacked.
const maxLibrary = 512 << 20

// fromFile reads the library out of a wheel or an npm package, or as it is.
func fromFile(name string) ([]byte, error) {
	switch {
	case strings.HasSuffix(name, ".whl"):
		return fromWheel(name)
	case strings.HasSuffix(name, ".tgz"):
		return fromPackage(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f)
}

func read(r io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxLibrary+1))
	if err == nil && len(content) > maxLibrary {
		err = fmt.Errorf("the library is larger than %d bytes", maxLibrary)
	}
	return content, err
}

func fromWheel(name string) ([]byte, error) {
	z, err := zip.OpenReader(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer z.Close()
	for _, f := range z.File {
		if path.Dir(f.Name) != "onnxruntime/capi" || !isLibrary(path.Base(f.Name)) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		defer r.Close()
		content, err := read(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return content, nil
	}
	return nil, fmt.Errorf("%s holds no onnxruntime/capi library for %s", name, runtime.GOOS)
}

// fromPackage reads npm's package, which has the libraries of all platforms.
func fromPackage(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	folder := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	system := map[string]string{"windows": "win32"}[runtime.GOOS]
	if system == "" {
		system = runtime.GOOS
	}
	for t := tar.NewReader(unzipped); ; {
		h, err := t.Next()
		if err == io.EOF {
			return nil, fmt.Errorf("%s holds no library for %s/%s", name, runtime.GOOS, runtime.GOARCH)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if strings.HasSuffix(path.Dir(h.Name), "/"+system+"/"+folder) && isLibrary(path.Base(h.Name)) {
			content, err := read(t)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			return content, nil
		}
	}
}

// isLibrary accepts the runtime itself, under any version, and none of its
// providers.
func isLibrary(name string) bool {
	switch runtime.GOOS {
	case "windows":
		return name == "onnxruntime.dll"
	case "darwin":
		return strings.HasPrefix(name, "libonnxruntime.") && strings.HasSuffix(name, ".dylib")
	}
	return strings.HasPrefix(name, "libonnxruntime.so")
}
