// Command split writes the examples of a recipe's table as the model reads them:
// one file of comma-separated numbers for each part, standardised as training
// does it, with values and labels by number, and a description of the columns.
// So a peer can train on the same rows with the same preprocessing.
//
//	go run ./bench/split examples/enb2012.yaml bench/out/enb2012
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"espalier"
	"espalier/data"
	"espalier/internal/atomicfile"
	"espalier/models"
	"espalier/recipe"
	"espalier/schema"
)

// column says what a column holds: a number, the id of a value, or a label.
type column struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // numeric, categorical, classification or regression
	// Rows and Width are those of a categorical column's table of vectors.
	Rows  int   `json:"rows,omitempty"`
	Width int64 `json:"width,omitempty"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: split RECIPE FOLDER")
		os.Exit(2)
	}
	if err := split(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func split(path, folder string) error {
	r, err := recipe.Read(path)
	if err != nil {
		return err
	}
	run, err := espalier.Learn(r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	s := run.Model.Schema()
	for _, part := range []string{"train", "valid", "test"} {
		set, err := run.Data(part, nil)
		if err != nil {
			return err
		}
		err = atomicfile.WriteFile(filepath.Join(folder, part+".csv"), func(w io.Writer) error { return write(w, s, set) })
		if err != nil {
			return err
		}
	}
	return atomicfile.WriteFile(filepath.Join(folder, "columns.json"), func(w io.Writer) error {
		return json.NewEncoder(w).Encode(describe(s, run.Model.Config()))
	})
}

func describe(s *schema.Schema, c models.Config) []column {
	var all []column
	for _, in := range s.Inputs {
		of := column{Name: in.Name, Kind: string(in.Type)}
		if in.Type == schema.Categorical {
			of.Rows, of.Width = len(in.Values)+schema.UnknownValue+1, c.Inputs[in.Name].Embedding
			if of.Width == 0 {
				of.Width = models.EmbeddingWidth(len(in.Values))
			}
		}
		all = append(all, of)
	}
	for _, t := range s.Tasks {
		all = append(all, column{Name: t.Name, Kind: string(t.Type)})
	}
	return all
}

// number is a row's number of an input, NaN where it is missing.
func number(b *data.Batch, input string, row int) float64 {
	if doubles := b.Float64s(input); doubles != nil {
		return doubles[row]
	}
	return float64(b.Float32s(input)[row])
}

// write writes a line for each example. A number that is missing is the mean,
// which is 0.
func write(w io.Writer, s *schema.Schema, set *data.Dataset) error {
	out := bufio.NewWriter(w)
	var b data.Batch
	for _, examples := range set.Plan(data.BatchOptions{Size: 1024}, 0) {
		set.Fill(&b, examples)
		for row := range b.Examples {
			var line []byte
			for _, in := range s.Inputs {
				if ids := b.Int64s(in.Name); ids != nil {
					line = strconv.AppendInt(line, ids[row], 10)
				} else if x := number(&b, in.Name, row); x == x {
					line = strconv.AppendFloat(line, (x-in.Mean)/in.Deviation, 'g', 9, 64)
				} else {
					line = append(line, '0')
				}
				line = append(line, ',')
			}
			for i := range s.Tasks {
				truth, _ := set.Task(i).Truth(b.Examples[row], nil) // -1 or NaN for none
				line = strconv.AppendFloat(line, truth.Value, 'g', -1, 64)
				line = append(line, ',')
			}
			line[len(line)-1] = '\n'
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}
