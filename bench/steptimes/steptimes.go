// Package steptimes is what the commands share that time training steps on batches drawn
// at random.
package steptimes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"espalier/data"
	"espalier/internal/procfs"
	"espalier/tensor"
	"espalier/train"
)

// Labels are n names.
func Labels(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(i)
	}
	return names
}

// Draw fills a tensor of a batch with numbers of at least least and below n.
func Draw(b *data.Batch, r *rand.Rand, name string, least, n int64, shape ...int) {
	list := tensor.Fill(&b.Batch, name, int64(0), shape...)
	for i := range list {
		list[i] = least + r.Int64N(n-least)
	}
}

// Measure makes steps on what fill returns and returns how long each took, in
// milliseconds, the first warm ones left out.
func Measure(t *train.Trainer, fill func() *data.Batch, warm, steps int) ([]float64, error) {
	var times []float64
	for i := range warm + steps {
		b := fill()
		start := time.Now()
		if _, err := t.Step(context.Background(), b); err != nil {
			return nil, err
		}
		if i >= warm {
			times = append(times, time.Since(start).Seconds()*1e3)
		}
	}
	return times, nil
}

// Print writes a line of JSON, as the scripts in bench/peers do. It sorts the times.
func Print(w io.Writer, framework, model string, times []float64) error {
	slices.Sort(times)
	return json.NewEncoder(w).Encode(map[string]any{
		"framework": framework, "model": model,
		"median_ms": times[len(times)/2], "min_ms": times[0], "peak_rss_mb": procfs.PeakMemory(),
	})
}
