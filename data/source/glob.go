package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// many reads the files that a pattern names, one after the other.
type many struct {
	Reader        // of the file being read; nil before the first
	source Source // of one file
	fields []string
	files  []string // that are left
}

// isPattern reports whether a file's name is a pattern.
func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

func openMany(s Source, fields []string) (Reader, error) {
	name := s.File
	if s.Root != "" && !filepath.IsAbs(name) {
		name = filepath.Join(s.Root, name)
	}
	var found []string
	var err error
	if s.FS != nil {
		found, err = fs.Glob(s.FS, filepath.ToSlash(name))
	} else {
		found, err = filepath.Glob(name)
	}
	if err == nil && len(found) == 0 {
		err = errors.New("no file matches it")
	}
	if err != nil {
		return nil, fmt.Errorf("data: files %s: %w", name, err)
	}
	slices.Sort(found)
	s.Root = ""
	r := &many{source: s, fields: fields, files: found}
	return r, r.open()
}

// open goes on to the next file.
func (r *many) open() error {
	r.source.File, r.files = r.files[0], r.files[1:]
	in, err := openFormat(r.source, r.fields)
	r.Reader = in
	return err
}

func (r *many) Next() (*Record, error) {
	for {
		rec, err := r.Reader.Next()
		if err != io.EOF || len(r.files) == 0 {
			return rec, err
		}
		if err := r.Reader.Close(); err != nil {
			return nil, err
		}
		if err := r.open(); err != nil {
			return nil, err
		}
	}
}

func (r *many) Close() error {
	if r.Reader == nil {
		return nil
	}
	return r.Reader.Close()
}
