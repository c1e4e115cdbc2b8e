package main

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"espalier/data/source"
	"espalier/input"
	"espalier/runtime"
	"espalier/runtime/predict"
	"espalier/schema"
)

// predictBatch is how many lines of a file are answered together.
const predictBatch = 32

func newPredict() *cobra.Command {
	engine := engineFlags{maxMemory: othersMemory}
	var texts, seconds, tasks, providers, adapters []string
	var threads int
	var asJSON, embeddings bool
	cmd := &cobra.Command{
		Use:   "predict FILE.onnx [INPUT]",
		Short: "Answer with all heads of an exported file",
		Long: `Predict answers for each --text, or for each line of INPUT ("-" is standard
input), with every task of the file, or those named by --tasks. With --json every
answer is one line of JSON. For a model of a table INPUT is csv or tsv, whose first
line names the columns, or .jsonl; standard input is csv. So it is for a model that
reads pairs of texts, whose second text --pair gives.`,
		Example: `  espalier predict snips.onnx --text "play some jazz by miles davis"
  espalier predict snips.onnx sentences.txt --json > answers.jsonl
  cat sentences.txt | espalier predict snips.onnx - --tasks intent
  espalier predict houses.onnx houses.csv --json
  espalier predict entails.onnx --text "A man sleeps." --pair "Nobody is awake."`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 2) == (len(texts) > 0) {
				return usageError{fmt.Errorf("predict needs --text or an INPUT file, and not both")}
			}
			if len(seconds) > 0 && len(seconds) != len(texts) {
				return usageError{fmt.Errorf("predict has --text %d times and --pair %d times; give a --pair for each --text", len(texts), len(seconds))}
			}
			e, err := engine.open(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			p, err := predict.Open(args[0], predict.Options{Engine: e, Tasks: tasks, Session: sessionOptions(threads, providers), Adapters: adapters, Embeddings: embeddings})
			if err != nil {
				return err
			}
			defer p.Close()
			tellProviders(cmd.ErrOrStderr(), p.Session())
			a := &answerer{cmd: cmd, predictor: p, json: asJSON}
			if input.Table(p.Schema()) && len(texts) == 0 {
				return a.table(args[1])
			}
			if len(texts) > 0 {
				return a.answer(texts, seconds)
			}
			if p.Schema().Inputs[0].Pair != "" {
				return a.pairs(args[1])
			}
			in := cmd.InOrStdin()
			if args[1] != "-" {
				f, err := os.Open(args[1])
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			return a.lines(in)
		},
	}
	engine.add(cmd)
	cmd.Flags().StringArrayVar(&texts, "text", nil, "a text to answer for; may be repeated")
	cmd.Flags().StringArrayVar(&seconds, "pair", nil, "the second text that belongs to a --text, for a model that reads pairs; as often as --text")
	cmd.Flags().StringSliceVar(&tasks, "tasks", nil, "tasks to answer, separated by commas; all when empty")
	cmd.Flags().BoolVar(&embeddings, "embeddings", false, "answer with the text's embedding, too, in JSON; the file must have been exported with --embeddings")
	cmd.Flags().StringSliceVar(&adapters, "adapter", nil, "ONNX Runtime's adapter files that the file is run with, separated by commas")
	cmd.Flags().StringSliceVar(&providers, "provider", nil, "execution providers in order of preference, such as TensorRT,CUDA; one that cannot be used gives way to the next, and to the CPU")
	cmd.Flags().IntVar(&threads, "threads", 0, "threads of one operator; all cores when 0")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON per text")
	return cmd
}

func sessionOptions(threads int, providers []string) runtime.Options {
	o := runtime.Options{Threads: threads}
	for _, name := range providers {
		o.Providers = append(o.Providers, runtime.Provider{Name: name, Optional: true})
	}
	return o
}

// tellProviders says which providers that were asked for are not used.
func tellProviders(talk io.Writer, s runtime.Session) {
	r, ok := s.(runtime.Reporter)
	if !ok {
		return
	}
	for _, p := range r.Providers() {
		if !p.Used {
			fmt.Fprintf(talk, "provider %s is not used: %v\n", p.Name, p.Reason)
		}
	}
}

// lines answers for a stream in batches, so that memory stays small.
func (a *answerer) lines(in io.Reader) error {
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, 1<<24)
	var batch []string
	for scan.Scan() {
		if batch = append(batch, scan.Text()); len(batch) < predictBatch {
			continue
		}
		if err := a.answer(batch, nil); err != nil {
			return err
		}
		batch = batch[:0]
	}
	if err := scan.Err(); err != nil {
		return err
	}
	if len(batch) == 0 {
		return nil
	}
	return a.answer(batch, nil)
}

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
	s := a.source(name)
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

// source is a file of a table, or standard input.
func (a *answerer) source(name string) source.Source {
	s := source.Source{Format: tableFormat(name), File: name}
	if name == "-" {
		s.FS = standardInput{a.cmd.InOrStdin()}
	}
	return s
}

// pairs answers for the pairs of texts of a file of csv, tsv or lines of JSON, which has
// a field for each.
func (a *answerer) pairs(name string) error {
	in := &a.predictor.Schema().Inputs[0]
	fields := []string{in.Name, in.Pair}
	var texts, seconds []string
	flush := func() error {
		err := a.answer(texts, seconds)
		texts, seconds = texts[:0], seconds[:0]
		return err
	}
	_, err := source.Each(a.source(name), fields, func(r *source.Record) error {
		var pair [2]string
		for i, field := range fields {
			f, ok := r.Fields[field]
			if !ok || f.List || f.Marked {
				return r.Errorf("there is no text %q; the model reads the texts %s and %s", field, in.Name, in.Pair)
			}
			pair[i] = f.Text
		}
		if texts, seconds = append(texts, pair[0]), append(seconds, pair[1]); len(texts) < predictBatch {
			return nil
		}
		return flush()
	})
	if err != nil || len(texts) == 0 {
		return err
	}
	return flush()
}

// number refuses a text in a numeric column where the file can be named that has
// it.
func (a *answerer) number(column, text string) error {
	in := a.predictor.Schema().Input(column)
	text = strings.TrimSpace(text)
	if input.TraitsOf(in).Given != input.Number || text == "" || slices.Contains(in.Missing, text) {
		return nil
	}
	if _, err := schema.ParseNumber(text); err != nil {
		return fmt.Errorf("input %q is numeric, %q %w; leave it empty where it is not known", column, text, err)
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
