package espalier_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier"
	"espalier/recipe"
	"espalier/tensor"
	"espalier/train"
)

// encoderRun trains and returns the losses of all epochs and the parameters.
func encoderRun(t *testing.T, r *recipe.Recipe, dir string, o espalier.Options) ([]train.Epoch, map[string]*tensor.Tensor, string) {
	t.Helper()
	var epochs []train.Epoch
	var log strings.Builder
	o.Hooks.Epoch = func(e train.Epoch) error { epochs = append(epochs, e); return nil }
	o.Log = func(format string, args ...any) { fmt.Fprintf(&log, format+"\n", args...) }
	run, _, err := espalier.Train(context.Background(), r, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	values, err := run.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	return epochs, values, log.String()
}

// TestKeptFeaturesChangeNothing: training that keeps what the frozen part of the encoder
// makes of each example has the losses and the parameters of one that computes it in
// every step, without dropout in that part.
func TestKeptFeaturesChangeNothing(t *testing.T) {
	e := engines(t)[0]
	for _, c := range []struct {
		trunk string
		more  []string
	}{
		{", tune: none", nil},
		{", tune: none", []string{"train.sampling.method=uniform", "tasks.topic.dropout=0.2"}},
		{", tune: none, pooling: attention, mix: true", nil},
		{", tune: none, pooling: attention", []string{"train.balance.method=mgda", "train.accumulate=2"}},
		{", tune: none, pooling: pooler", []string{"sharing.method=mmoe", "train.max_tokens=300"}},
		{", tune: top, top: 1", []string{"train.balance.method=graddrop", "train.balance.at=representation"}},
		{", tune: top, top: 1", []string{"train.balance.method=modo", "train.balance.at=parameters"}},
		{", tune: top, top: 1, pooling: first", []string{"train.recompute=true", "sharing.method=adapter"}},
		{", tune: top, top: 1", []string{"train.balance.method=nash-mtl", "train.balance.at=parameters", "train.sampling.method=sqrt"}},
		{", tune: top, top: 1", []string{"train.balance.method=famo", "train.balance.diagnostics=3"}},
	} {
		t.Run(strings.Join(append([]string{c.trunk[2:]}, c.more...), ", "), func(t *testing.T) {
			dir, read := encoderData(t)
			// Some examples have a label of one task alone.
			write := func(name string, lines int, label string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat(label+"\n", lines)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write("half_text", 23, "play the book")
			write("half_topic", 23, "music")
			more := append([]string{"data.train=[{format: lines, files: {text: text, tags: tags, topic: topic}}, {format: lines, files: {text: half_text, topic: half_topic}}]"}, c.more...)
			trunk := c.trunk + ", dropout: 0, attention_dropout: 0"
			want, values, _ := encoderRun(t, read(trunk+", features: none", more...), filepath.Join(dir, "none"), espalier.Options{Engine: e})
			for _, where := range []string{"memory", "file"} {
				run := filepath.Join(dir, where)
				got, kept, log := encoderRun(t, read(trunk+", features: "+where, more...), run, espalier.Options{Engine: e})
				if !strings.Contains(log, "the frozen part of the trunk is computed once for ") {
					t.Errorf("%s: the log is %q", where, log)
				}
				for i := range want {
					for task, loss := range want[i].Losses {
						if x := got[i].Losses[task]; !(math.Abs(x-loss) <= 1e-5*(1+loss)) {
							t.Errorf("%s: the loss of %s in epoch %d is %v, want %v", where, task, i+1, x, loss)
						}
					}
				}
				for name, v := range values {
					if diff, length := apart(kept[name].Float32s(), v.Float32s()); !(diff <= 1e-4*(1+length)) {
						t.Errorf("%s: %s is off by %v of %v", where, name, diff, length)
					}
				}
				if left, _ := filepath.Glob(filepath.Join(run, "features*")); len(left) > 0 {
					t.Errorf("%s is left", left)
				}
			}
		})
	}
}

// apart is the distance between two vectors, and the length of the second.
func apart(a, b []float32) (diff, length float64) {
	for i := range b {
		diff = math.Hypot(diff, float64(a[i]-b[i]))
		length = math.Hypot(length, float64(b[i]))
	}
	return diff, length
}

// TestRunsWithKeptFeaturesResumeToTheSameBytes, dropout in heads included.
func TestRunsWithKeptFeaturesResumeToTheSameBytes(t *testing.T) {
	e := engines(t)[0]
	dir, read := encoderData(t)
	for _, trunk := range []string{", tune: none", ", tune: top, top: 1, features: file"} {
		r := read(trunk, "tasks.topic.dropout=0.3")
		whole, stopped := filepath.Join(dir, "whole"+trunk), filepath.Join(dir, "stopped"+trunk)
		encoderRun(t, r, whole, espalier.Options{Engine: e})
		stop := errors.New("stop")
		_, _, err := espalier.Train(context.Background(), r, stopped, espalier.Options{Engine: e, Hooks: train.Hooks{Epoch: func(train.Epoch) error { return stop }}})
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
		encoderRun(t, r, stopped, espalier.Options{Engine: e, Resume: true})
		var content [2][]byte
		for i, run := range []string{whole, stopped} {
			if content[i], err = os.ReadFile(filepath.Join(run, "parameters.safetensors")); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(content[0], content[1]) {
			t.Errorf("%s: the parameters differ", trunk)
		}
	}
}
