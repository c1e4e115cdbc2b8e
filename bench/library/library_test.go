package library

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"espalier"
	"espalier/data"
)

// BenchmarkRead reads and encodes the training data.
func BenchmarkRead(b *testing.B) {
	for _, model := range []string{"bag", "table"} {
		b.Run(model, func(b *testing.B) {
			run, _ := learned(b, model, "train")
			measure(b, func(int) error {
				_, err := run.Data("train", nil)
				return err
			})
		})
	}
}

// BenchmarkFill makes a batch of 32 examples.
func BenchmarkFill(b *testing.B) {
	for _, model := range []string{"bag", "table"} {
		b.Run(model, func(b *testing.B) {
			_, d := learned(b, model, "train")
			plan := d.Plan(data.BatchOptions{Size: 32, Shuffle: true, Seed: 1}, 1)
			var batch data.Batch
			measure(b, func(i int) error {
				d.Fill(&batch, plan[i%len(plan)])
				return nil
			})
		})
	}
}

// BenchmarkStep makes a training step on a batch of 32 examples, which is filled
// beforehand.
func BenchmarkStep(b *testing.B) {
	for _, engine := range engines {
		for _, t := range trunks {
			b.Run(engine+"/"+t.name, func(b *testing.B) {
				run, d := learned(b, t.name, "train")
				trainer, err := run.Start(open(b, engine))
				if err != nil {
					b.Fatal(err)
				}
				defer trainer.Close()
				batches := make([]data.Batch, 16)
				plan := d.Plan(data.BatchOptions{Size: 32, Shuffle: true, Seed: 1}, 1)
				for i := range batches {
					d.Fill(&batches[i], plan[i])
				}
				step := func(i int) error {
					_, err := trainer.Step(context.Background(), &batches[i%len(batches)])
					return err
				}
				for i := range batches { // every shape once: memory is found
					if err := step(i); err != nil {
						b.Fatal(err)
					}
				}
				measure(b, step)
			})
		}
	}
}

// BenchmarkEpoch is the demonstration from its files to a run directory, with one
// epoch.
func BenchmarkEpoch(b *testing.B) {
	for _, engine := range engines {
		b.Run(engine, func(b *testing.B) {
			e := open(b, engine)
			measure(b, func(i int) error {
				r := recipeOf(b, "bag")
				if err := r.Set("train.epochs", "1"); err != nil {
					return err
				}
				dir := filepath.Join(b.TempDir(), fmt.Sprint(i))
				_, _, err := espalier.Train(context.Background(), r, dir, espalier.Options{Engine: e})
				return err
			})
		})
	}
}

// BenchmarkEvaluate measures the current parameters on the validation data.
func BenchmarkEvaluate(b *testing.B) {
	for _, engine := range engines {
		for _, model := range []string{"bag", "table"} {
			b.Run(engine+"/"+model, func(b *testing.B) {
				run, d := learned(b, model, "valid")
				trainer, err := run.Start(open(b, engine))
				if err != nil {
					b.Fatal(err)
				}
				defer trainer.Close()
				measure(b, func(int) error {
					_, err := trainer.Measure(context.Background(), d)
					return err
				})
			})
		}
	}
}

// BenchmarkPredict answers for one text and for 32.
func BenchmarkPredict(b *testing.B) {
	path := exported(b)
	texts := make([]string, 32)
	for i := range texts {
		texts[i] = fmt.Sprintf("Keiko Novak loved the tasting menu number %d at Juniper Bistro in Porto", i)
	}
	for _, engine := range engines {
		for _, n := range []int{1, 32} {
			b.Run(fmt.Sprintf("%s/%d", engine, n), func(b *testing.B) {
				p := predictor(b, engine, path)
				measure(b, func(int) error {
					_, err := p.Predict(context.Background(), texts[:n]...)
					return err
				})
			})
		}
	}
}
