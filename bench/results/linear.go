package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// readLinear reads the figures of linear models, by recipe and title.
func readLinear(path string) (map[string]float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	figures := map[string]float64{}
	for in := json.NewDecoder(f); in.More(); {
		var line struct {
			Recipe, Figure string
			Test           float64
		}
		if err := in.Decode(&line); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		figures[line.Recipe+" "+line.Figure] = line.Test
	}
	return figures, nil
}
