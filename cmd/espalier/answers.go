package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"espalier/runtime/predict"
	"espalier/schema"
)

// answerer prints what a file answers, for people or as lines of JSON.
type answerer struct {
	cmd       *cobra.Command
	predictor *predict.Predictor
	json      bool
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
