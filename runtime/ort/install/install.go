// Package install fetches ONNX Runtime's shared library with the package
// client that is there, pip or npm, or takes it from a file, and puts it where
// package ort looks. What is installed is checked against a known SHA-256: a
// library is code that will run.
package install

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"espalier/internal/atomicfile"
	"espalier/runtime/ort"
)

// Options are settings of Install.
type Options struct {
	// From is a library, a wheel (.whl) or an npm package (.tgz) to take it
	// from instead of a package client.
	From string
	// Dir is where to put it; the user's cache folder when empty.
	Dir string
	// Log is told what is done; nil is silent.
	Log io.Writer
}

// The releases that are fetched. npm's newest is older than PyPI's.
const (
	pipVersion = "1.32.0"
	npmVersion = "1.30.0"
)

// known has the SHA-256 of every library that may be installed, by platform.
var known = map[string]map[string]string{
	"linux/amd64": {
		"6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f": pipVersion,
		"ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23": npmVersion,
	},
	"linux/arm64": {
		"49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a": pipVersion,
		"1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76": npmVersion,
	},
	"darwin/arm64": {
		"fa585fabbea65b823b9a8f7e27d46aee3989d1be7e36b528203d3a1fd613aae7": pipVersion,
		"685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d": npmVersion,
	},
	"windows/amd64": {
		"e9feebaed867b76f741c14ae64e056a3da64a153a61994f1fb48eadc7f9b3ba8": pipVersion,
		"508c362f5673483dd3a086379c392795b2e42d10d5e6f3f90ebd7ac21c97af67": npmVersion,
	},
	"windows/arm64": {
		"6c3a2abf5c6aca11c48a0d338a91af309f2266f25ce2e4084e6a87bbcb0fbfd0": npmVersion,
	},
}

// Install puts the library in place and returns its path. Nothing is written
// unless its SHA-256 is known.
func Install(ctx context.Context, o Options) (string, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	platform := runtime.GOOS + "/" + runtime.GOARCH
	sums := known[platform]
	if sums == nil {
		return "", fmt.Errorf("ort install: no library is known for %s; build ONNX Runtime and name it with %s", platform, ort.LibraryVariable)
	}
	content, err := obtain(ctx, o)
	if err != nil {
		return "", fmt.Errorf("ort install: %w", err)
	}
	sum := sha256.Sum256(content)
	version := sums[hex.EncodeToString(sum[:])]
	if version == "" {
		return "", fmt.Errorf("ort install: the library's SHA-256 is %x, which is not one of ONNX Runtime %s or %s for %s; nothing was installed (to use it all the same, name it with %s)",
			sum, pipVersion, npmVersion, platform, ort.LibraryVariable)
	}
	dir := o.Dir
	if dir == "" {
		if dir, err = ort.CacheFolder(version); err != nil {
			return "", fmt.Errorf("ort install: %w", err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("ort install: %w", err)
	}
	path := filepath.Join(dir, ort.LibraryName(runtime.GOOS))
	err = atomicfile.WriteFile(path, func(w io.Writer) error { _, err := io.Copy(w, bytes.NewReader(content)); return err })
	if err != nil {
		return "", fmt.Errorf("ort install: %w", err)
	}
	fmt.Fprintf(o.Log, "ONNX Runtime %s: %s (SHA-256 verified)\n", version, path)
	return path, nil
}

// obtain returns the library's content from the file that was named, or from
// the first package client that works.
func obtain(ctx context.Context, o Options) ([]byte, error) {
	if o.From != "" {
		return fromFile(o.From)
	}
	temp, err := os.MkdirTemp("", "espalier-ort-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	var tried []string
	for _, c := range clients() {
		program, err := exec.LookPath(c.args[0])
		if err != nil {
			continue
		}
		fmt.Fprintf(o.Log, "fetching with %s\n", strings.Join(c.args, " "))
		cmd := exec.CommandContext(ctx, program, c.args[1:]...)
		cmd.Dir = temp
		if out, err := cmd.CombinedOutput(); err != nil {
			tried = append(tried, fmt.Sprintf("%s: %v: %s", c.args[0], err, lastLine(out)))
			continue
		}
		archives, err := filepath.Glob(filepath.Join(temp, c.archive))
		if err != nil || len(archives) != 1 {
			tried = append(tried, fmt.Sprintf("%s left no %s", c.args[0], c.archive))
			continue
		}
		return fromFile(archives[0])
	}
	if len(tried) == 0 {
		return nil, fmt.Errorf("neither pip nor npm is installed; install one, or download the onnxruntime wheel elsewhere and use --from FILE")
	}
	return nil, fmt.Errorf("no package client could fetch the library (%s); download the onnxruntime wheel elsewhere and use --from FILE", strings.Join(tried, "; "))
}

// client is a way to fetch a package into the current folder.
type client struct {
	args    []string
	archive string // what it leaves
}

func clients() []client {
	pip := []string{"download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", ".", "onnxruntime==" + pipVersion}
	return []client{
		{append([]string{"python3", "-m", "pip"}, pip...), "*.whl"},
		{append([]string{"pip3"}, pip...), "*.whl"},
		{append([]string{"pip"}, pip...), "*.whl"},
		{[]string{"npm", "pack", "--silent", "onnxruntime-node@" + npmVersion}, "*.tgz"},
	}
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
