package nearest

import (
	"strings"
	"testing"
)

func TestWord(t *testing.T) {
	keys := []string{"epochs", "batch", "seed", "optimizer", "lr"}
	for word, want := range map[string]string{
		"epoch": "epochs", "ecpohs": "epochs", "EPOCHS": "", "batches": "batch", "optimiser": "optimizer",
		"optimisers": "optimizer", "sed": "seed", "l": "lr", "x": "", "": "", "learning_rate": "", "epochs": "epochs",
	} {
		if got := Word(word, keys); got != want {
			t.Errorf("Word(%q) = %q, want %q", word, got, want)
		}
	}
}

// Distances counted by hand.
func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"ca", "abc", 3}, {"same", "same", 0}} {
		if got := distance(c.a, c.b); got != c.want || distance(c.b, c.a) != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestSome(t *testing.T) {
	for n, want := range map[int]string{0: "", 1: "a", 2: "a, b", 3: "a, b and 1 more", 4: "a, b and 2 more"} {
		if got := Some([]string{"a", "b", "c", "d"}[:n], 2); got != want {
			t.Errorf("of %d: got %q, want %q", n, got, want)
		}
	}
}

func TestList(t *testing.T) {
	long := strings.Repeat("é", 30)
	for want, known := range map[string][]string{
		"": nil, "a": {"a"}, "a, b": {"a", "b"},
		"a, b, c, d, e, f, g, h and 2 more":   strings.Split("abcdefghij", ""),
		strings.Repeat("é", 20) + "..., x":    {long, "x"},
		"a" + strings.Repeat("é", 19) + "...": {"a" + long},
	} {
		if got := List(known); got != want {
			t.Errorf("List(%q) = %q, want %q", known, got, want)
		}
	}
}
