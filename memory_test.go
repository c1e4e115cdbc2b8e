package espalier_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"espalier"
	"espalier/examples/demo"
	"espalier/recipe"
	"espalier/runtime/gonum"
)

// TestTrainingTellsWhatMemoryItTakes, from 64 MB on, before the first epoch.
func TestTrainingTellsWhatMemoryItTakes(t *testing.T) {
	content, err := demo.Files.ReadFile("recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for width, want := range map[string]bool{"16384": true, "8": false} {
		r, err := recipe.Parse("recipe.yaml", content)
		if err != nil {
			t.Fatal(err)
		}
		r.FS = demo.Files
		for path, value := range map[string]string{"train.epochs": "1", "train.epoch_steps": "1", "trunk.embedding": width, "trunk.hidden": "8"} {
			if err := r.Set(path, value); err != nil {
				t.Fatal(err)
			}
		}
		var lines []string
		log := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
		if _, _, err := espalier.Train(t.Context(), r, filepath.Join(t.TempDir(), "run"), espalier.Options{Engine: gonum.New(), Log: log}); err != nil {
			t.Fatal(err)
		}
		line := regexp.MustCompile(`^memory: about \d+ MB: weights \d+, .* \(largest batch: batch \d+, .*sequence \d+`)
		if got := slices.ContainsFunc(lines, line.MatchString); got != want {
			t.Errorf("width %s: the log is %q", width, lines)
		}
	}
}
