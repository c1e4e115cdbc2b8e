package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"espalier/data/source"
	"espalier/runtime/predict"
	"espalier/schema"
)

// tableFormat is how a table is written: by the file's name, csv for standard
// input.
func tableFormat(name string) string {
	name = strings.TrimSuffix(name, ".gz")
	for _, format := range []string{"tsv", "jsonl"} {
		if strings.HasSuffix(name, "."+format) {
			return format
		}
	}
	return "csv"
}

// table answers for the rows of a file of csv or tsv, whose first line names the
// columns, or of lines of JSON. Columns that the model does not read are left
// alone.
func (a *answerer) table(name string) (err error) {
	s := source.Source{Format: tableFormat(name), File: name}
	if name == "-" {
		s.FS = standardInput{a.cmd.InOrStdin()}
	}
	var columns []string
	for _, in := range a.predictor.Schema().Inputs {
		columns = append(columns, in.Name)
	}
	var batch []map[string]string
	lines := 0
	flush := func() error {
		err := a.rows(lines, batch)
		lines += len(batch)
		batch = batch[:0]
		return err
	}
	_, err = source.Each(s, columns, func(r *source.Record) error {
		row := map[string]string{}
		for _, c := range columns {
			f, ok := r.Fields[c]
			if !ok && s.Format != "jsonl" {
				return r.Errorf("there is no column %q, which the model reads; leave its values empty where they are not known", c)
			}
			if f.List || f.Marked {
				return r.Errorf("column %q is a list, not a value", c)
			}
			if err := a.number(c, f.Text); err != nil {
				return r.Errorf("%w", err)
			}
			row[c] = f.Text
		}
		if batch = append(batch, row); len(batch) < predictBatch {
			return nil
		}
		return flush()
	})
	if err != nil || len(batch) == 0 {
		return err
	}
	return flush()
}

// number refuses a text in a numeric column where the file can be named that has
// it.
func (a *answerer) number(column, text string) error {
	in := a.predictor.Schema().Input(column)
	text = strings.TrimSpace(text)
	if in.Type != schema.Numeric || text == "" || slices.Contains(in.Missing, text) {
		return nil
	}
	if _, err := schema.ParseNumber(text); err != nil {
		return fmt.Errorf("input %q is numeric, %q %w; leave it empty where it is not known", column, text, err)
	}
	return nil
}

// rows prints the answers to rows, the first of which has so many before it.
func (a *answerer) rows(before int, rows []map[string]string) error {
	answers, err := a.predictor.PredictRows(a.cmd.Context(), rows...)
	if err != nil {
		return err
	}
	w := a.cmd.OutOrStdout()
	for i := range answers {
		if a.json {
			err = json.NewEncoder(w).Encode(struct {
				Row   int              `json:"row"`
				Tasks []predict.Answer `json:"tasks"`
			}{before + i, answers[i].Tasks})
		} else {
			_, err = fmt.Fprint(w, a.describe(fmt.Sprintf("row %d", before+i), &answers[i]))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// standardInput is a file system of one file, which is read once.
type standardInput struct{ in io.Reader }

func (s standardInput) Open(string) (fs.File, error) { return streamFile{s.in}, nil }

type streamFile struct{ io.Reader }

func (streamFile) Close() error               { return nil }
func (streamFile) Stat() (fs.FileInfo, error) { return streamInfo{}, nil }

// streamInfo says what is known of a stream: nothing.
type streamInfo struct{}

func (streamInfo) Name() string       { return "-" }
func (streamInfo) Size() int64        { return 0 }
func (streamInfo) Mode() fs.FileMode  { return fs.ModeNamedPipe }
func (streamInfo) ModTime() time.Time { return time.Time{} }
func (streamInfo) IsDir() bool        { return false }
func (streamInfo) Sys() any           { return nil }
