package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// products are the operators that are matrix products.
var products = map[string]bool{"Gemm": true, "MatMul": true, "FusedMatMul": true, "FusedGemm": true}

// printShare prints how much of the operators' time in ONNX Runtime is spent in
// matrix products, from its own profile.
func printShare(layers, steps int) error {
	dir, err := os.MkdirTemp("", "espalier-profile-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if _, err := stepTimes(layers, false, steps, filepath.Join(dir, "step")); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "step*.json"))
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return fmt.Errorf("the profile was not written: %v", files)
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		return err
	}
	var events []struct {
		Cat  string
		Dur  float64 // microseconds
		Args struct {
			Op string `json:"op_name"`
		}
	}
	if err := json.Unmarshal(content, &events); err != nil {
		return err
	}
	var all, gemm float64
	for _, e := range events {
		if e.Cat != "Node" {
			continue
		}
		if all += e.Dur; products[e.Args.Op] {
			gemm += e.Dur
		}
	}
	fmt.Printf("%s: matrix products take %.0f %% of the operators' time in a step\n", modelName(layers), 100*gemm/all)
	return nil
}
