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

// answer prints the answers to texts or, where there are second ones, to pairs.
func (a *answerer) answer(texts, seconds []string) error {
	answers, err := a.ask(texts, seconds)
	if err != nil {
		return err
	}
	w := a.cmd.OutOrStdout()
	for i := range answers {
		if answers[i].Truncated {
			fmt.Fprintf(a.cmd.ErrOrStderr(), "text %q is longer than the model reads and was cut\n", texts[i])
		}
		title, second := texts[i], ""
		if len(seconds) > 0 {
			second = seconds[i]
			title += "\n+ " + second
		}
		if a.json {
			err = json.NewEncoder(w).Encode(struct {
				Text string `json:"text"`
				Pair string `json:"pair,omitempty"`
				predict.Prediction
			}{texts[i], second, answers[i]})
		} else {
			_, err = fmt.Fprint(w, a.describe(title, texts[i], &answers[i]))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ask answers for texts or pairs.
func (a *answerer) ask(texts, seconds []string) ([]predict.Prediction, error) {
	if len(seconds) == 0 {
		return a.predictor.Predict(a.cmd.Context(), texts...)
	}
	pairs := make([][2]string, len(texts))
	for i := range texts {
		pairs[i] = [2]string{texts[i], seconds[i]}
	}
	return a.predictor.PredictPairs(a.cmd.Context(), pairs...)
}

// describe writes an answer for people, under a title.
func (a *answerer) describe(title, text string, p *predict.Prediction) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", title)
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
			title := fmt.Sprintf("row %d", before+i)
			_, err = fmt.Fprint(w, a.describe(title, title, &answers[i]))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
