package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"espalier/runtime"
	"espalier/runtime/predict"
	"espalier/schema"
)

// predictBatch is how many lines of a file are answered together.
const predictBatch = 32

func newPredict() *cobra.Command {
	engine := engineFlags{maxMemory: othersMemory}
	var texts, tasks, providers []string
	var threads int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "predict FILE.onnx [INPUT]",
		Short: "Answer with all heads of an exported file",
		Long: `Predict answers for each --text, or for each line of INPUT ("-" is standard
input), with every task of the file, or those named by --tasks. With --json every
answer is one line of JSON. For a model of a table INPUT is csv or tsv, whose first
line names the columns, or .jsonl; standard input is csv.`,
		Example: `  espalier predict snips.onnx --text "play some jazz by miles davis"
  espalier predict snips.onnx sentences.txt --json > answers.jsonl
  cat sentences.txt | espalier predict snips.onnx - --tasks intent
  espalier predict houses.onnx houses.csv --json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 2) == (len(texts) > 0) {
				return usageError{fmt.Errorf("predict needs --text or an INPUT file, and not both")}
			}
			e, err := engine.open(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			p, err := predict.Open(args[0], predict.Options{Engine: e, Tasks: tasks, Session: sessionOptions(threads, providers)})
			if err != nil {
				return err
			}
			defer p.Close()
			tellProviders(cmd.ErrOrStderr(), p.Session())
			a := &answerer{cmd: cmd, predictor: p, json: asJSON}
			if p.Schema().Tabular() && len(texts) == 0 {
				return a.table(args[1])
			}
			if len(texts) > 0 {
				return a.answer(texts)
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
	cmd.Flags().StringSliceVar(&tasks, "tasks", nil, "tasks to answer, separated by commas; all when empty")
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

type answerer struct {
	cmd       *cobra.Command
	predictor *predict.Predictor
	json      bool
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
		if err := a.answer(batch); err != nil {
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
	return a.answer(batch)
}

func (a *answerer) answer(texts []string) error {
	answers, err := a.predictor.Predict(a.cmd.Context(), texts...)
	if err != nil {
		return err
	}
	w := a.cmd.OutOrStdout()
	for i := range answers {
		if answers[i].Truncated {
			fmt.Fprintf(a.cmd.ErrOrStderr(), "text %q is longer than the model reads and was cut\n", texts[i])
		}
		if a.json {
			err = json.NewEncoder(w).Encode(struct {
				Text string `json:"text"`
				predict.Prediction
			}{texts[i], answers[i]})
		} else {
			_, err = fmt.Fprint(w, a.describe(texts[i], &answers[i]))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// describe writes an answer for people.
func (a *answerer) describe(text string, p *predict.Prediction) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", text)
	for _, t := range p.Tasks {
		fmt.Fprintf(&b, "  %-12s ", t.Task)
		switch {
		case t.Type == schema.Regression:
			b.WriteString(number(*t.Value, a.predictor.Schema().Task(t.Task).Deviation))
		case t.Type == schema.MultiLabel:
			b.WriteString(strings.Join(t.Labels, ", "))
			if len(t.Labels) == 0 {
				b.WriteString("-")
			}
		case t.Type == schema.Relation:
			for i, r := range t.Relations {
				if i > 0 {
					b.WriteString(", ")
				}
				fmt.Fprintf(&b, "%s -%s-> %s (%.3f)", r.Head.Text, r.Label, r.Tail.Text, r.Probability)
			}
			if len(t.Relations) == 0 {
				b.WriteString("-")
			}
		case t.Type != schema.Tagging:
			fmt.Fprintf(&b, "%s (%.3f)", t.Label, t.Probability)
		case t.Spans != nil || !hasTags(t):
			for i, s := range t.Spans {
				if i > 0 {
					b.WriteString(", ")
				}
				fmt.Fprintf(&b, "%s [%s]", s.Text, s.Type)
			}
			if len(t.Spans) == 0 {
				b.WriteString("-")
			}
		default:
			for i, tag := range t.Tags {
				fmt.Fprintf(&b, "%s/%s ", text[p.Tokens[i].Start:p.Tokens[i].End], tag.Label)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// hasTags reports whether any token has a label other than O.
func hasTags(a predict.Answer) bool {
	for _, t := range a.Tags {
		if t.Label != "O" {
			return true
		}
	}
	return false
}

// number writes a value down to a thousandth of the deviation, and in four
// digits where there is no deviation or where it would be long.
func number(x, deviation float64) string {
	if deviation < 1e-9 || deviation > 1e15 {
		return fmt.Sprintf("%.4g", x)
	}
	return strconv.FormatFloat(x, 'f', max(3-int(math.Floor(math.Log10(deviation))), 0), 64)
}
