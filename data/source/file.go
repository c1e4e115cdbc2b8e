package source

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// File is an open file. What is read of it is unpacked where its name ends in
// .gz.
type File struct {
	Name string // with its root
	io.Reader
	file io.Closer
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// OpenFile opens a file of fsys, nil being the operating system. root is put in
// front of a relative name.
func OpenFile(fsys fs.FS, root, name string) (*File, error) {
	if root != "" && !filepath.IsAbs(name) {
		name = filepath.Join(root, name)
	}
	var f io.ReadCloser
	var err error
	if fsys != nil {
		f, err = fsys.Open(filepath.ToSlash(name))
	} else {
		f, err = os.Open(name)
	}
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	var in io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, errors.Join(&Error{File: name, Err: fmt.Errorf("not a gzip file: %w", err)}, f.Close())
		}
		in = z // closing it would only repeat the last read's error
	}
	return &File{name, in, f}, nil
}

// textFile is a file of text in a source's encoding.
type textFile struct {
	*File
	latin1 bool
}

func (s Source) openFile(name string) (*textFile, error) {
	latin1 := false
	switch s.Encoding {
	case "", "utf-8", "utf8":
	case "latin1", "latin-1", "iso-8859-1":
		latin1 = true
	default:
		return nil, fmt.Errorf("data: encoding %q is not one of utf-8, latin1", s.Encoding)
	}
	f, err := OpenFile(s.FS, s.Root, name)
	if err != nil {
		return nil, err
	}
	return &textFile{f, latin1}, nil
}

// openLineReader opens a file that is read by lines. The encoding is checked as
// it is read.
func (s Source) openLineReader(name string) (*lineReader, error) {
	f, err := s.openFile(name)
	if err != nil {
		return nil, err
	}
	return newLineReader(f, s.MaxLine), nil
}
