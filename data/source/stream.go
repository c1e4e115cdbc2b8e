package source

import (
	"bufio"
	"fmt"
	"io"
	"unicode/utf8"
)

// textStream hands out the checked text of a file that is not read by lines,
// and knows on which line an offset of that text stands.
type textStream struct {
	name   string
	in     *bufio.Reader
	latin1 bool
	max    int // most bytes of one value
	left   int // what may be read before the value being read is too long

	rest   []byte
	total  int64   // bytes decoded so far
	breaks []int64 // offsets of line breaks that lineAt has not passed
	line   int     // of the last lineAt
	err    error
	file   io.Closer
}

func newTextStream(f *textFile, max int) *textStream {
	if max <= 0 {
		max = defaultMaxLine
	}
	return &textStream{
		name: f.Name, in: bufio.NewReaderSize(f, 1<<16), latin1: f.latin1,
		max: max, left: max, line: 1, file: f,
	}
}

func (t *textStream) Read(p []byte) (int, error) {
	if len(t.rest) == 0 && t.err == nil {
		t.decode()
	}
	if len(t.rest) == 0 {
		return 0, t.err
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

// decode reads the next piece of text.
func (t *textStream) decode() {
	const piece = 4096
	if t.left <= 0 {
		t.err = t.errorf("a JSON value is longer than %d bytes; is this the right file and path?", t.max)
		return
	}
	buf := make([]byte, 0, piece+utf8.UTFMax)
	for len(buf) < piece {
		var c rune
		var err error
		size := 1
		if t.latin1 {
			var b byte
			b, err = t.in.ReadByte()
			c = rune(b)
		} else {
			c, size, err = t.in.ReadRune()
		}
		switch {
		case err == io.EOF:
			t.err = io.EOF
		case err != nil:
			t.err = t.errorf("%w", err)
		case c == utf8.RuneError && size == 1:
			t.err = t.errorf("a byte is not valid UTF-8; save the file as UTF-8 or set encoding: latin1")
		}
		if t.err != nil {
			break
		}
		if t.total == 0 && c == '\ufeff' {
			continue
		}
		if c == '\n' {
			t.breaks = append(t.breaks, t.total)
		}
		n := len(buf)
		buf = utf8.AppendRune(buf, c)
		t.total += int64(len(buf) - n)
	}
	t.left -= len(buf)
	t.rest = buf
}

// errorf makes an error about what was decoded last.
func (t *textStream) errorf(format string, args ...any) error {
	return &Error{File: t.name, Line: t.line + len(t.breaks), Err: fmt.Errorf(format, args...)}
}

// lineAt returns the line of an offset that is not before the last one asked
// for.
func (t *textStream) lineAt(offset int64) int {
	passed := 0
	for passed < len(t.breaks) && t.breaks[passed] < offset {
		passed++
	}
	t.breaks = t.breaks[passed:]
	t.line += passed
	return t.line
}

func (t *textStream) Close() error { return t.file.Close() }
