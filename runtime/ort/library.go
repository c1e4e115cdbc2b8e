package ort

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	engine "espalier/runtime"
)

// Version is the release of ONNX Runtime that Espalier is made and tested
// with. Older releases down to [MinVersion] and newer ones work too.
const Version = "1.32.0"

// MinVersion is the oldest release whose interface the binding can use.
const MinVersion = "1.29.0"

// LibraryVariable is the environment variable that names the library to use.
const LibraryVariable = "ESPALIER_ORT_LIBRARY"

// Place is one file or folder that a search looked at.
type Place struct {
	// Origin says why it was looked at: "configuration", the name of the
	// environment variable, "user cache" or "system".
	Origin string
	// Path is a library file, or a folder searched for one.
	Path string
	// Found is the library file, empty when there is none.
	Found string
}

// Search is the result of looking for the library.
type Search struct {
	// Path is the first library found, empty when there is none.
	Path string
	// Origin is the origin of the place it was found in.
	Origin string
	// Looked lists the places in the order they were looked at. The search
	// ends at the first hit, and at a path that was named outright, found or
	// not.
	Looked []Place
}

// Find looks for the library in the stated order. The path may be empty. It
// loads nothing.
func Find(path string) Search {
	return find(path, os.Getenv(LibraryVariable), append(cacheFolders(), systemFolders()...))
}

func find(path, variable string, folders []Place) Search {
	if path != "" {
		return named("configuration", path)
	}
	if variable != "" {
		return named(LibraryVariable, variable)
	}
	var s Search
	for _, p := range folders {
		p.Found = libraryIn(p.Path)
		s.Looked = append(s.Looked, p)
		if p.Found != "" {
			s.Path, s.Origin = p.Found, p.Origin
			return s
		}
	}
	return s
}

// named is a search that a person has decided: their file, or the library in
// their folder, or nothing.
func named(origin, path string) Search {
	p := Place{Origin: origin, Path: path}
	if info, err := os.Stat(path); err == nil {
		p.Found = path
		if info.IsDir() {
			p.Found = libraryIn(path)
		}
	}
	return Search{Path: p.Found, Origin: origin, Looked: []Place{p}}
}

// CacheFolder is where package install puts the library of that version:
// espalier/ort/<version> in the user's cache folder.
func CacheFolder(version string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder for this user: %w; name the library in %s", err, LibraryVariable)
	}
	return filepath.Join(base, "espalier", "ort", version), nil
}

// cacheFolders are the folders of the installed versions that can be used: the
// version that Espalier is made with, then from new to old.
func cacheFolders() []Place {
	own, err := CacheFolder(Version)
	if err != nil {
		return nil // a user without a home has no cache to look in
	}
	places := []Place{{Origin: "user cache", Path: own}}
	entries, err := os.ReadDir(filepath.Dir(own))
	if err != nil {
		return places // nothing is installed
	}
	var others []string
	for _, e := range entries {
		if v := e.Name(); e.IsDir() && v != Version && compareVersions(v, MinVersion) >= 0 {
			others = append(others, v)
		}
	}
	slices.SortFunc(others, func(a, b string) int { return compareVersions(b, a) })
	for _, v := range others {
		places = append(places, Place{Origin: "user cache", Path: filepath.Join(filepath.Dir(own), v)})
	}
	return places
}

func systemFolders() []Place {
	var paths []string
	switch runtime.GOOS {
	case "windows":
		paths = filepath.SplitList(os.Getenv("PATH"))
	case "darwin":
		paths = filepath.SplitList(os.Getenv("DYLD_LIBRARY_PATH"))
		paths = append(paths, "/opt/homebrew/lib", "/usr/local/lib")
	default:
		paths = filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
		paths = append(paths, "/usr/local/lib", "/usr/lib", "/usr/lib64")
		if triple := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]; triple != "" {
			paths = append(paths, "/usr/lib/"+triple+"-linux-gnu")
		}
	}
	var places []Place
	for _, p := range paths {
		if p != "" {
			places = append(places, Place{Origin: "system", Path: p})
		}
	}
	return places
}

// LibraryName is the library's plain file name on a platform: what a folder
// is searched for, with or without a version in it.
func LibraryName(goos string) string {
	switch goos {
	case "windows":
		return "onnxruntime.dll"
	case "darwin":
		return "libonnxruntime.dylib"
	}
	return "libonnxruntime.so"
}

// libraryIn returns the library file of a folder, or "".
func libraryIn(folder string) string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	best := bestLibrary(names, LibraryName(runtime.GOOS))
	if best == "" {
		return ""
	}
	return filepath.Join(folder, best)
}

// bestLibrary picks the library among file names. Where there are several, the
// plain name wins, then the highest version.
func bestLibrary(names []string, plain string) string {
	best := ""
	for _, name := range names {
		switch {
		case name == plain:
			return name
		case !isLibraryName(name, plain):
		case best == "" || compareVersions(versionInName(name), versionInName(best)) > 0:
			best = name
		}
	}
	return best
}

// isLibraryName accepts libonnxruntime.so, libonnxruntime.so.1.32.0 and
// libonnxruntime.1.32.0.dylib, and no libonnxruntime_providers_cuda.so.
func isLibraryName(name, plain string) bool {
	if name == plain || strings.HasPrefix(name, plain+".") && versionInName(name) != "" {
		return true
	}
	return strings.HasPrefix(name, "libonnxruntime.") && strings.HasSuffix(name, ".dylib") &&
		versionInName(name) != "" && strings.HasSuffix(plain, ".dylib")
}

// versionInName returns the digits and dots in a library's file name.
func versionInName(name string) string {
	start := strings.IndexAny(name, "0123456789")
	if start < 0 {
		return ""
	}
	end := start
	for end < len(name) && (name[end] == '.' || '0' <= name[end] && name[end] <= '9') {
		end++
	}
	return strings.Trim(name[start:end], ".")
}

// compareVersions orders dotted versions by their numbers.
func compareVersions(a, b string) int {
	return slices.Compare(versionNumbers(a), versionNumbers(b))
}

func versionNumbers(v string) []int {
	var numbers []int
	for _, part := range strings.Split(v, ".") {
		n := 0
		for _, c := range part {
			if c < '0' || c > '9' {
				break // 1.32.0-dev counts as 1.32.0
			}
			n = n*10 + int(c-'0')
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// missing is the error for a search that found nothing.
func (s Search) missing() error {
	var looked []string
	for _, p := range s.Looked {
		looked = append(looked, fmt.Sprintf("%s (%s)", p.Path, p.Origin))
	}
	where := "nowhere to look"
	if len(looked) > 0 {
		where = "looked at " + strings.Join(looked, ", ")
	}
	return fmt.Errorf("%w: ONNX Runtime was not found: %s; run `espalier ort install`, or set %s to a %s",
		engine.ErrLibrary, where, LibraryVariable, LibraryName(runtime.GOOS))
}

// Info describes a library for people: what was found and what it can do.
type Info struct {
	Search
	// Version is what the library says of itself.
	Version string
	// Providers are the execution providers it was built with, by the short
	// names that runtime.Provider takes, such as "CPU" and "CUDA".
	Providers []string
}
