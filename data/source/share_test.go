package source

import (
	"fmt"
	"strings"
	"testing"
)

// numberedRows is a source of n records, every third of which is of class b.
func numberedRows(n int) Source {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("%d,%s", i, []string{"b", "a", "a"}[i%3]))
	}
	return Source{Format: "csv", File: "d.csv", FS: files("d.csv", "n,class\n"+strings.Join(lines, "\n"))}
}

// collect returns the values of n of the records that a share has.
func collect(t *testing.T, s Source, share Share) (values []string, b int) {
	t.Helper()
	s.Share = &share
	_, err := Each(s, []string{"n", "class"}, func(r *Record) error {
		values = append(values, r.Fields["n"].Text)
		if r.Fields["class"].Text == "b" {
			b++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return values, b
}

func TestSharesDivideTheRecords(t *testing.T) {
	for _, by := range []string{"", "class"} {
		seen := map[string]int{}
		for _, c := range []struct {
			from, to float64
			n        int
		}{{0, 0.6, 60}, {0.6, 0.8, 20}, {0.8, 1, 20}} {
			values, b := collect(t, numberedRows(100), Share{From: c.from, To: c.to, Seed: 7, By: by})
			again, _ := collect(t, numberedRows(100), Share{From: c.from, To: c.to, Seed: 7, By: by})
			other, _ := collect(t, numberedRows(100), Share{From: c.from, To: c.to, Seed: 8, By: by})
			if strings.Join(values, " ") != strings.Join(again, " ") || strings.Join(values, " ") == strings.Join(other, " ") {
				t.Errorf("share %v: the seed does not decide", c)
			}
			for i, v := range values {
				seen[v]++
				if i > 0 && len(values[i-1]) >= len(v) && values[i-1] >= v {
					t.Errorf("share %v is not in order: %v", c, values)
				}
			}
			// 34 records of 100 are of class b.
			if want := int(34*c.to+0.5) - int(34*c.from+0.5); by != "" && b != want {
				t.Errorf("share %v by class has %d of b, want %d", c, b, want)
			}
			if by == "" && len(values) != c.n {
				t.Errorf("share %v has %d records, want %d", c, len(values), c.n)
			}
		}
		if len(seen) != 100 {
			t.Errorf("by %q: the shares have %d of 100 records", by, len(seen))
		}
		for v, n := range seen {
			if n != 1 {
				t.Errorf("by %q: record %s is in %d shares", by, v, n)
			}
		}
	}
}

func TestSharesAndBrokenRecords(t *testing.T) {
	s := numberedRows(4)
	s.FS = files("d.csv", "n,class\n0,a\n1\n2,a\n3,b\n")
	total, broken := 0, 0
	for _, share := range []Share{{To: 0.5, Seed: 1}, {From: 0.5, To: 1, Seed: 1}} {
		own := s
		own.Share, own.SkipBroken = &share, true
		counts, err := Each(own, []string{"n"}, func(*Record) error { total++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		broken += counts.Skipped
	}
	if total != 3 || broken != 1 {
		t.Errorf("%d records and %d broken ones in both shares, want 3 and 1", total, broken)
	}
	s.Share = &Share{To: 1, By: "colour"}
	if _, err := Each(s, []string{"n"}, func(*Record) error { return nil }); err == nil || !strings.Contains(err.Error(), `no column is named colour`) {
		t.Error(err)
	}
}
