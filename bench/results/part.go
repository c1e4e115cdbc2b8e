package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"espalier/internal/atomicfile"
)

// part is a piece of the page that is measured by itself. What it found is kept
// as the file NAME.json of the folder of figures, from which the page is
// written, so that other parts need not be measured again.
//
// A data set that is one recipe is a line of rows. What is more than that, such
// as a table of several recipes, is a part of its own in parts, and a function
// in page.go that gets its figures by load.
type part struct {
	name    string
	measure func(context.Context, *bench) (any, error)
}

func parts() []part {
	var all []part
	for _, r := range slices.Concat(rows, encoderRows()) {
		all = append(all, part{r.recipe, r.measure})
	}
	all = append(all, part{"pytorch", measurePeers}, part{"minilm_pytorch", measureEncoderPeers}, part{balancersPart, measureBalancers})
	return append(all, part{"linear", func(_ context.Context, b *bench) (any, error) { return readLinear(b.linear) }})
}

// choose returns the parts of those names, all of them for no names and none for
// "none". A * at the end of a name stands for any rest.
func choose(all []part, names []string) ([]part, error) {
	if len(names) == 0 {
		return all, nil
	}
	if slices.Equal(names, []string{"none"}) {
		return nil, nil
	}
	chosen := map[string]bool{}
	var known []string
	for _, n := range names {
		found := false
		for _, p := range all {
			start, any := strings.CutSuffix(n, "*")
			if p.name == n || any && strings.HasPrefix(p.name, start) {
				chosen[p.name], found = true, true
			}
		}
		if !found {
			for _, p := range all {
				known = append(known, p.name)
			}
			return nil, fmt.Errorf("no set is called %q: there are %s; trec* takes all whose names start with trec", n, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(p part) bool { return !chosen[p.name] }), nil
}

// save keeps a part's figures.
func save(folder, name string, figures any) error {
	return atomicfile.WriteFile(filepath.Join(folder, name+".json"), func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(figures)
	})
}

// load reads a part's figures; nil where it was never measured.
func load[T any](folder, name string) (*T, error) {
	path := filepath.Join(folder, name+".json")
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var figures T
	if err := json.Unmarshal(content, &figures); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &figures, nil
}
