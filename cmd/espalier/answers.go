package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"espalier/runtime/predict"
	"espalier/task"
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
	in := task.Input{Text: text, HasText: true, Tokens: p.Tokens}
	for i := range p.Tasks {
		t := &p.Tasks[i]
		of := a.predictor.Schema().Task(t.Task)
		fmt.Fprintf(&b, "  %-12s %s\n", t.Task, task.Of(of.Type).Print(of, t, &in))
	}
	return b.String()
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
