package nearest

import "testing"

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
