package task

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/schema"
)

// What is repaired is legal and stands for the same spans, by the rules of
// conlleval; what is legal is left alone.
func TestRepairKeepsSpans(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, scheme := range []string{"bio", "bioes"} {
		prefixes := map[string]string{"bio": "BI", "bioes": "BIES"}[scheme]
		for range 5000 {
			tags := make([]string, 1+r.IntN(7))
			for i := range tags {
				tags[i] = "O"
				if n := r.IntN(3); n > 0 {
					tags[i] = string(prefixes[r.IntN(len(prefixes))]) + "-" + string(rune('x'+n-1))
				}
			}
			at, _ := illegal(scheme, tags)
			legal := repaired(scheme, tags)
			if at < 0 {
				if diff := cmp.Diff(tags, legal); diff != "" {
					t.Fatal(diff)
				}
			}
			if at, why := illegal(scheme, legal); at >= 0 {
				t.Fatalf("%v was repaired to %v, where %d cannot %s", tags, legal, at, why)
			}
			if diff := cmp.Diff(schema.Spans(tags), schema.Spans(legal)); diff != "" {
				t.Fatalf("%v became %v: %s", tags, legal, diff)
			}
		}
	}
}

// Spelling spans and finding them are each other's inverse.
func FuzzSpellSpans(f *testing.F) {
	f.Add(uint64(1), uint64(2), 8)
	f.Fuzz(func(t *testing.T, a, b uint64, n int) {
		if n < 0 || n > 50 {
			return
		}
		r := rand.New(rand.NewPCG(a, b))
		var spans []schema.Span
		for at := r.IntN(3); at < n; at += r.IntN(3) {
			end := min(n, at+1+r.IntN(4))
			spans = append(spans, schema.Span{Type: string(rune('x' + r.IntN(2))), Start: at, End: end})
			at = end
		}
		for _, scheme := range []string{"bio", "bioes"} {
			tags := schema.SpellSpans(scheme, spans, n)
			if at, why := illegal(scheme, tags); at >= 0 {
				t.Fatalf("%v: %d cannot %s", tags, at, why)
			}
			if diff := cmp.Diff(spans, schema.Spans(tags)); diff != "" {
				t.Fatalf("%v: %s", tags, diff)
			}
		}
	})
}
