package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"

	"espalier/export"
	"espalier/models"
	"espalier/runtime"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/tensor"
)

// tableSchema has columns of every kind, and a task of every type that answers
// about a table's row.
func tableSchema() *schema.Schema {
	return withAllTypes(false, &schema.Schema{
		Version: schema.Version, Name: "table",
		Inputs: []schema.Input{
			{Name: "age", Type: schema.Numeric, Mean: 40, Deviation: 12.5, Indicator: true},
			{Name: "work", Type: schema.Categorical, Values: []string{"Private", "caf\u00e9", "self employed"}, Missing: []string{"?"}},
			{Name: "wage", Type: schema.Numeric, Mean: 1e4, Deviation: 2500},
			{Name: "sex", Type: schema.Categorical, Values: []string{"f", "m"}},
		},
		Tasks: []schema.Task{
			{Name: "rich", Type: schema.Classification, Labels: []string{"no", "yes"}},
			{Name: "hours", Type: schema.Regression, Mean: 35, Deviation: 8},
			{Name: "likes", Type: schema.MultiLabel, Labels: []string{"a", "b", "c"}},
			{Name: "place", Type: schema.Classification, Labels: []string{"x", "y", "z"}},
		},
	})
}

// people are rows as they stand in a file; "" is a missing value.
var people = []map[string]string{
	{"age": "25", "work": "Private", "wage": "9500.5", "sex": "m"},
	{"age": "", "work": "", "wage": "", "sex": ""},
	{"age": "70", "work": "caf\u00e9", "wage": "", "sex": "f"},
	{"age": "-3.5", "work": "?", "wage": "20000", "sex": "d"},
	{"age": "41", "work": "self employed", "wage": "1e4", "sex": "f"},
}

// writeTable writes a file that reads a table's values, and Go's answers by the
// file that reads their ids.
func writeTable(x *matrix) error {
	m, err := models.NewTabular(tableSchema(), models.Config{
		Trunk: models.TrunkConfig{Widths: []int64{8, 6}, Norm: "layer"}, Sharing: models.SharingConfig{Method: "ple", Experts: 2, TaskExperts: 1},
	})
	if err != nil {
		return err
	}
	values, err := parameters(m)
	if err != nil {
		return err
	}
	for _, input := range []string{"text", "ids"} {
		rows := [][]runtime.Named{columnsOf(m.Schema(), input, nil), columnsOf(m.Schema(), input, people[:1]), columnsOf(m.Schema(), input, people[1:4])}
		if err := x.add("table", input, m, values, nil, export.Options{Input: input, Training: "interop"}, rows); err != nil {
			return err
		}
	}
	p, err := predict.Open(filepath.Join(x.out, "table", "ids.onnx"), predict.Options{Engine: x.engine})
	if err != nil {
		return err
	}
	defer p.Close()
	answers, err := p.PredictRows(context.Background(), people...)
	if err != nil {
		return err
	}
	columns := map[string][]any{}
	for _, in := range m.Schema().Inputs {
		for _, row := range people {
			var cell any = row[in.Name]
			if in.Type == schema.Numeric {
				if cell = nil; row[in.Name] != "" {
					if cell, err = strconv.ParseFloat(row[in.Name], 64); err != nil {
						return fmt.Errorf("generate: table: %w", err)
					}
				}
			}
			columns[in.Name] = append(columns[in.Name], cell)
		}
	}
	return writeJSON(filepath.Join(x.out, "table", "cases.json"),
		map[string]any{"tasks": m.Schema().Tasks, "inputs": m.Schema().Inputs, "columns": columns, "answers": answers})
}

// writeTimes writes a file with a column and an answer of times since 1970 in
// seconds, which are float64. It has no strings, so that runtimes without them
// are asked about it, too.
func writeTimes(x *matrix) error {
	m, err := models.NewTabular(&schema.Schema{
		Version: schema.Version, Name: "times",
		Inputs: []schema.Input{
			{Name: "since", Type: schema.Numeric, Mean: 1.7e9, Deviation: 80, Double: true, Indicator: true},
			{Name: "age", Type: schema.Numeric, Mean: 40, Deviation: 12.5},
		},
		Tasks: []schema.Task{
			{Name: "until", Type: schema.Regression, Mean: 1.7e9, Deviation: 80, Double: true},
			{Name: "late", Type: schema.Classification, Labels: []string{"no", "yes"}},
		},
	}, models.Config{Trunk: models.TrunkConfig{Widths: []int64{8, 6}}})
	if err != nil {
		return err
	}
	values, err := parameters(m)
	if err != nil {
		return err
	}
	rows := []map[string]string{{"since": "1700000060", "age": "25"}, {"since": "", "age": "41"}, {"since": "1699999977.5", "age": ""}, {"since": "1700000061", "age": "25"}}
	calls := [][]runtime.Named{columnsOf(m.Schema(), "ids", nil), columnsOf(m.Schema(), "ids", rows[:1]), columnsOf(m.Schema(), "ids", rows[1:])}
	return x.add("times", "ids", m, values, nil, export.Options{Input: "ids", Training: "interop"}, calls)
}

// columnsOf are rows as a file reads them. Of values it is enough that they
// differ: the tests of tables say which id each has.
func columnsOf(s *schema.Schema, input string, rows []map[string]string) (in []runtime.Named) {
	n := int64(len(rows))
	for i := range s.Inputs {
		column := &s.Inputs[i]
		numbers, doubles, ids, cells := make([]float32, n), make([]float64, n), make([]int64, n), make([]string, n)
		for j, row := range rows {
			x, err := strconv.ParseFloat(row[column.Name], 64)
			if err != nil {
				x = math.NaN()
			}
			numbers[j], doubles[j], ids[j], cells[j] = float32(x), x, int64((i+j)%(len(column.Values)+2)), row[column.Name]
		}
		t := tensor.Must(tensor.Of(numbers, n))
		switch {
		case column.Double:
			t = tensor.Must(tensor.Of(doubles, n))
		case column.Type != schema.Numeric && input == "ids":
			t = tensor.Must(tensor.Of(ids, n))
		case column.Type != schema.Numeric:
			t = tensor.Must(tensor.Of(cells, n))
		}
		in = append(in, runtime.Named{Name: column.Tensor, Tensor: t})
	}
	return in
}
