package ort

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	engine "espalier/runtime"
)

func touch(t *testing.T, parts ...string) string {
	t.Helper()
	path := filepath.Join(parts...)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindLooksInTheStatedOrder(t *testing.T) {
	dir := t.TempDir()
	plain := LibraryName(runtime.GOOS)
	given, variable := touch(t, dir, "given", "any name"), touch(t, dir, "variable", plain)
	cached, system := touch(t, dir, "cache", plain), touch(t, dir, "system", plain)
	folders := []Place{
		{Origin: "user cache", Path: filepath.Dir(cached)},
		{Origin: "system", Path: filepath.Dir(system)},
	}
	for _, c := range []struct {
		name, given, variable string
		folders               []Place
		path, origin          string
		looked                int
	}{
		{"a path given wins", given, variable, folders, given, "configuration", 1},
		{"then the variable", "", variable, folders, variable, LibraryVariable, 1},
		{"the variable may be a folder", "", filepath.Dir(variable), folders, variable, LibraryVariable, 1},
		{"then the cache", "", "", folders, cached, "user cache", 1},
		{"then the system", "", "", append([]Place{{Origin: "user cache", Path: dir}}, folders[1]), system, "system", 2},
		{"a path that is not there is not replaced by another", filepath.Join(dir, "none"), variable, folders, "", "configuration", 1},
		{"nor is a variable", "", filepath.Join(dir, "none"), folders, "", LibraryVariable, 1},
		{"nowhere", "", "", nil, "", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := find(c.given, c.variable, c.folders)
			if s.Path != c.path || s.Origin != c.origin || len(s.Looked) != c.looked {
				t.Errorf("got %+v, want %q from %q after %d places", s, c.path, c.origin, c.looked)
			}
		})
	}
}

func TestFindLooksInEveryVersionOfTheCache(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("the cache folder is set by XDG_CACHE_HOME on Linux only; the order is tested there")
		return
	}
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	for _, v := range []string{"1.30.0", "1.9.0", "1.31.2", "1.100.0"} {
		touch(t, home, "espalier", "ort", v, "libonnxruntime.so")
	}
	var got []string
	for _, p := range cacheFolders() {
		got = append(got, filepath.Base(p.Path))
	}
	if diff := cmp.Diff([]string{Version, "1.100.0", "1.31.2", "1.30.0"}, got); diff != "" {
		t.Errorf("folders (-want +got):\n%s", diff)
	}
	t.Setenv(LibraryVariable, "")
	if s := Find(""); s.Path != filepath.Join(home, "espalier", "ort", "1.100.0", "libonnxruntime.so") {
		t.Errorf("found %+v", s)
	}
}

func TestLibraryInPrefersThePlainNameThenTheNewest(t *testing.T) {
	for _, c := range []struct {
		files []string
		want  string
	}{
		{[]string{"libonnxruntime.so.1.32.0", "libonnxruntime.so.1.9.0"}, "libonnxruntime.so.1.32.0"},
		{[]string{"libonnxruntime.so.1.32.0", "libonnxruntime.so"}, "libonnxruntime.so"},
		{[]string{"libonnxruntime_providers_cuda.so", "libonnxruntime_providers_shared.so"}, ""},
		{[]string{"libonnxruntime.so.debug", "readme"}, ""},
		{nil, ""},
	} {
		got := bestLibrary(c.files, "libonnxruntime.so")
		if got != c.want {
			t.Errorf("of %q: got %q, want %q", c.files, got, c.want)
		}
	}
	mac := []string{"libonnxruntime.1.30.0.dylib", "libonnxruntime.1.32.0.dylib", "libonnxruntime_x.dylib"}
	if got := bestLibrary(mac, "libonnxruntime.dylib"); got != "libonnxruntime.1.32.0.dylib" {
		t.Errorf("of %q: got %q", mac, got)
	}
}

func TestMissingSaysWhereItLookedAndWhatToDo(t *testing.T) {
	err := find("", "", []Place{{Origin: "user cache", Path: "/cache"}, {Origin: "system", Path: "/usr/lib"}}).missing()
	if !errors.Is(err, engine.ErrLibrary) {
		t.Errorf("%v is not ErrLibrary", err)
	}
	want := "native library cannot be used: ONNX Runtime was not found: looked at /cache (user cache), /usr/lib (system); " +
		"run `espalier ort install`, or set ESPALIER_ORT_LIBRARY to a " + LibraryName(runtime.GOOS)
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if err := find("/none.so", "", nil).missing(); !strings.Contains(err.Error(), "/none.so (configuration)") {
		t.Errorf("%v does not name the path given", err)
	}
}

func TestVersionsCompareByNumber(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1.32.0", "1.29.0", 1},
		{"1.9.1", "1.29.0", -1},
		{"1.29.0", "1.29.0", 0},
		{"1.29.0-dev", "1.29.0", 0},
		{"2.0", "1.29.0", 1},
	} {
		if got := compareVersions(c.a, c.b); got != c.want {
			t.Errorf("%s against %s: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
