package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"espalier/train"
)

// printBalance times steps of several ways to balance tasks in turns, so that
// what else the machine does falls on all of them alike, and prints each
// median beside that of the plain step.
func printBalance(layers int, sharing string, steps int) error {
	ways := []struct {
		name string
		b    train.BalanceConfig
	}{
		{"plain", train.BalanceConfig{}},
		{"losses", train.BalanceConfig{Method: "gls"}},
		{"representation", train.BalanceConfig{Method: "upgrad", At: "representation"}},
		{"parameters", train.BalanceConfig{Method: "upgrad"}},
	}
	times := make([][]float64, len(ways))
	next := make([]func() (float64, error), len(ways))
	for i, w := range ways {
		t, fill, err := benchTrainer(layers, sharing, train.Config{Balance: w.b})
		if err != nil {
			return err
		}
		defer t.Close()
		next[i] = func() (float64, error) {
			b := fill()
			start := time.Now()
			_, err := t.Step(context.Background(), b)
			return time.Since(start).Seconds() * 1e3, err
		}
	}
	for n := range steps + 5 {
		for i := range ways {
			ms, err := next[i]()
			if err != nil {
				return err
			}
			if n >= 5 {
				times[i] = append(times[i], ms)
			}
		}
	}
	for i, w := range ways {
		slices.Sort(times[i])
		median, plain := times[i][steps/2], times[0][steps/2]
		err := json.NewEncoder(os.Stdout).Encode(map[string]any{
			"framework": "espalier, " + w.name, "model": modelName(layers), "sharing": sharing,
			"median_ms": median, "min_ms": times[i][0], "times_plain": fmt.Sprintf("%.2f", median/plain),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
