package install

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"espalier/runtime/ort"
)

func TestInstallTakesTheKnownLibrary(t *testing.T) {
	library := os.Getenv(ort.LibraryVariable)
	if library == "" {
		t.Fatalf("%s is not set: run `make env`, and test with `make test`", ort.LibraryVariable)
	}
	dir := t.TempDir()
	var log bytes.Buffer
	path, err := Install(context.Background(), Options{From: library, Dir: dir, Log: &log})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, ort.LibraryName(runtime.GOOS)); path != want {
		t.Errorf("installed %s, want %s", path, want)
	}
	if !strings.Contains(log.String(), "SHA-256 verified") {
		t.Errorf("log is %q", log.String())
	}
	if s := ort.Find(dir); s.Path != path {
		t.Errorf("the engine finds %q in the folder, want %q", s.Path, path)
	}
}

func TestInstallRefusesWhatItDoesNotKnow(t *testing.T) {
	write := func(name string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	wheel := func(member string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.Create(member)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("not a library")); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	pack := func(member string) []byte {
		var b bytes.Buffer
		g := gzip.NewWriter(&b)
		w := tar.NewWriter(g)
		if err := w.WriteHeader(&tar.Header{Name: member, Size: 3, Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("abc")); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for _, c := range []struct{ name, from, want string }{
		{"another library", write("libonnxruntime.so", []byte("x")), "which is not one of ONNX Runtime 1.32.0 or 1.30.0"},
		{"missing file", filepath.Join(t.TempDir(), "no.so"), "no such file"},
		{"damaged wheel", write("a.whl", []byte("PK")), "not a valid zip file"},
		{"wheel of something else", write("b.whl", wheel("other/libonnxruntime.so")), "holds no onnxruntime/capi library"},
		{"wheel that climbs out", write("c.whl", wheel("../onnxruntime/capi/libonnxruntime.so")), "holds no onnxruntime/capi library"},
		{"wheel with another library", write("d.whl", wheel("onnxruntime/capi/libonnxruntime.so.1")), "nothing was installed"},
		{"damaged package", write("a.tgz", []byte("x")), "unexpected EOF"},
		{"truncated package", write("b.tgz", pack("package/readme")[:30]), "unexpected EOF"},
		{"package of something else", write("c.tgz", pack("package/readme")), "holds no library for"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			_, err := Install(context.Background(), Options{From: c.from, Dir: dir})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("something was written")
			}
		})
	}
}
