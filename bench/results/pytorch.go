package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// peerFigures are what PyTorch's models reach, by "SET STRUCTURE".
type peerFigures map[string]*peerFigure

type peerFigure struct {
	Tests      map[string]spread `json:"test"` // by task, in percent
	Seconds    float64           `json:"seconds_an_epoch"`
	Parameters int               `json:"parameters"`
}

// measurePeers reads what bench/peers/tabular.py wrote of every set.
func measurePeers(_ context.Context, b *bench) (any, error) {
	all := peerFigures{}
	for _, set := range tables {
		if err := all.read(set, filepath.Join(b.peers, set+".jsonl")); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (all peerFigures) read(set, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	scores := map[string]map[string][]float64{}
	for in := json.NewDecoder(f); in.More(); {
		var line struct {
			Structure  string
			Tasks      []string
			Test       []float64
			Seconds    float64
			Parameters int
		}
		if err := in.Decode(&line); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		name := set + " " + line.Structure
		if all[name] == nil {
			all[name] = &peerFigure{Tests: map[string]spread{}, Seconds: math.Inf(1)}
			scores[name] = map[string][]float64{}
		}
		of := all[name]
		of.Seconds, of.Parameters = min(of.Seconds, line.Seconds), line.Parameters
		for i, task := range line.Tasks {
			scores[name][task] = append(scores[name][task], 100*line.Test[i])
		}
	}
	for name, tasks := range scores {
		for task, x := range tasks {
			all[name].Tests[task] = spreadOf(x)
		}
	}
	return nil
}

// besidePyTorch writes the sets of tables beside the same models in PyTorch.
func (p *printer) besidePyTorch(results []result, folder string) {
	peers, err := load[peerFigures](folder, "pytorch")
	if err != nil && p.err == nil {
		p.err = err
	}
	if p.err != nil || peers == nil {
		return
	}
	p.printf("\n## Tables beside PyTorch\n\nThe same architectures, optimizer, batch and epochs in plain PyTorch\n" +
		"([bench/peers/tabular.py](../bench/peers/tabular.py)) on the same rows, which bench/split wrote as the model reads them; both on\n" +
		"one thread, epochs chosen on validation alike. The time of an epoch is that of the fastest; they did not run at\n" +
		"the same time, so that ratios of times are rough.\n\n")
	p.printf("| set | figure | test | PyTorch's | s per epoch | PyTorch's | parameters | PyTorch's |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		file := r.file()
		at := slices.IndexFunc(tables, func(set string) bool { return strings.HasPrefix(file, set) })
		if at < 0 || r.peer == "" || r.Cost == nil || (*peers)[tables[at]+" "+r.peer] == nil {
			continue
		}
		p.beside(r, (*peers)[tables[at]+" "+r.peer])
	}
}

func (p *printer) beside(r result, of *peerFigure) {
	set, cost := r.set, fmt.Sprintf("%.3f | %.3f | %d | %d", r.Cost.Seconds, of.Seconds, r.Cost.Shared+r.Cost.Heads, of.Parameters)
	for _, f := range r.row.figures {
		p.printf("| %s | %s | %s | %s | %s |\n", set, f.title, r.Figures[f.title].Test.fine(), of.Tests[f.task].fine(), cost)
		set, cost = "", "| | |"
	}
}

// fine has a digit more, in which models of one architecture differ.
func (s spread) fine() string { return fmt.Sprintf("%.2f ± %.2f", s.Mean, s.SD) }
