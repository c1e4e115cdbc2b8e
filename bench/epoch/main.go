// Command epoch trains a recipe for a few epochs through ONNX Runtime and
// prints one line of JSON: the median time of a step and the shortest time of
// an epoch, reading of the data left out, as the scripts in bench/peers do.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"espalier"
	"espalier/internal/procfs"
	"espalier/recipe"
	"espalier/runtime/ort"
	"espalier/train"
)

func main() {
	path := flag.String("recipe", "examples/snips.yaml", "recipe to train")
	model := flag.String("model", "", "the model's name in the table")
	epochs := flag.Int("epochs", 3, "epochs to train")
	var set []string
	flag.Func("set", "change a setting, as train.batch=32; may be repeated", func(s string) error {
		set = append(set, s)
		return nil
	})
	flag.Parse()
	if err := run(*path, *model, *epochs, set); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path, model string, epochs int, set []string) error {
	r, err := recipe.Read(path)
	if err != nil {
		return err
	}
	for _, s := range append(set, fmt.Sprintf("train.epochs=%d", epochs)) {
		key, value, _ := strings.Cut(s, "=")
		if err := r.Set(key, value); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "epoch")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	e, err := ort.Open(ort.Config{})
	if err != nil {
		return err
	}
	var steps, whole []float64
	var last time.Time
	_, _, err = espalier.Train(context.Background(), r, dir+"/run", espalier.Options{Engine: e, Hooks: train.Hooks{
		Step: func(_, step, _ int, _ []float32) {
			now := time.Now()
			if step > 1 {
				steps = append(steps, now.Sub(last).Seconds()*1e3)
			}
			last = now
		},
		Epoch: func(e train.Epoch) error {
			whole = append(whole, e.Seconds)
			return nil
		},
	}})
	if err != nil {
		return err
	}
	slices.Sort(steps)
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"framework": "espalier", "model": model, "median_ms": steps[len(steps)/2], "min_ms": steps[0],
		"epoch_s": slices.Min(whole), "peak_rss_mb": procfs.PeakMemory(),
	})
}
