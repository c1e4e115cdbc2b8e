package source

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wrapped is an input of another package: a source's records, but for those whose
// text is "no".
type wrapped struct{ Source }

func (w wrapped) Open(fields []string) (Reader, error) {
	r, err := w.Source.Open(fields)
	return &wrappedReader{r}, err
}

type wrappedReader struct{ Reader }

func (r *wrappedReader) Next() (*Record, error) {
	for {
		rec, err := r.Reader.Next()
		if err != nil || rec.Fields["text"].Text != "no" {
			return rec, err
		}
	}
}

// Every input is read to its end, records of it that are broken are skipped where
// its sources say so, and an error of whoever takes the records is one of them
// only if it says of a record that it is broken.
func TestEachSkipsBrokenExamplesOfAnyInput(t *testing.T) {
	a := Source{Format: "tsv", File: "a", FS: files("a", "text\tlabel\nx\t1\nno\t2\nbroken\ny\t3\n"), SkipBroken: true}
	b := Source{Format: "tsv", File: "b", FS: files("b", "text\tlabel\nz\t4\n")}
	for name, c := range map[string]struct {
		in      Input
		names   string
		want    string
		skipped int
	}{
		"a source":               {a, "a", "x no", 2},
		"sources":                {List{a, b}, "a, b", "x no z", 2},
		"a reader of a source's": {wrapped{a}, "a", "x", 2},
		"no source":              {List{}, "", "", 0},
	} {
		var got []string
		counts, err := Each(c.in, []string{"text", "label"}, func(r *Record) error {
			if r.Fields["text"].Text == "y" {
				return r.ErrorAt("text", "not this one")
			}
			got = append(got, r.Fields["text"].Text)
			return nil
		})
		if err != nil || strings.Join(got, " ") != c.want || counts.Skipped != c.skipped || c.in.String() != c.names {
			t.Errorf("%s, named %s: %v with %d left out, %v", name, c.in, got, counts.Skipped, err)
		}
		if c.skipped > 0 && counts.FirstSkipped != "a:4: the line has 1 columns, the first line has 2" {
			t.Errorf("%s: the first was left out because of %s", name, counts.FirstSkipped)
		}
	}
	other := errors.New("another error")
	if _, err := Each(List{a, b}, []string{"text"}, func(*Record) error { return other }); !errors.Is(err, other) {
		t.Errorf("got %v, want %v", err, other)
	}
	a.SkipBroken = false
	if _, err := Each(List{b, a}, []string{"text"}, func(*Record) error { return nil }); err == nil || err.Error() != "a:4: the line has 1 columns, the first line has 2" {
		t.Error(err)
	}
}

// counted counts how many of its files are open.
type counted struct {
	fs.FS
	open int
}

func (c *counted) Open(name string) (fs.File, error) {
	c.open++
	f, err := c.FS.Open(name)
	return &countedFile{f, c}, err
}

type countedFile struct {
	fs.File
	of *counted
}

func (f *countedFile) Close() error {
	f.of.open--
	return f.File.Close()
}

// A list has one source open at a time, and tells what each lacks.
func TestAListOpensOneSourceAtATime(t *testing.T) {
	fsys := &counted{FS: files("a", "text,Label\nx,1\n", "b", "text,label\ny,2\n", "c", "text,labels\nz,3\n")}
	l := List{{Format: "csv", File: "a", FS: fsys}, {Format: "csv", File: "b", FS: fsys}, {Format: "csv", File: "c", FS: fsys}}
	r, err := l.Open([]string{"text", "label"})
	for err == nil {
		if _, err = r.Next(); fsys.open > 1 {
			t.Errorf("%d files are open", fsys.open)
		}
	}
	if err != io.EOF || r.Close() != nil || fsys.open != 0 {
		t.Errorf("it ends with %v and %d open files", err, fsys.open)
	}
	want := []Lack{{"a", "label", "label", "Label"}, {"c", "label", "label", "labels"}}
	if counts, err := Each(l, []string{"text", "label"}, func(*Record) error { return nil }); err != nil || cmp.Diff(want, counts.Lacks) != "" {
		t.Error(err, cmp.Diff(want, counts.Lacks))
	}
}
