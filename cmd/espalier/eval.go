package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"espalier"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/predict"
	"espalier/train/score"
)

func newEval() *cobra.Command {
	var engine engineFlags
	var split, model, recipePath string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "eval RUN",
		Short: "Measure a run, or an exported file, on labelled data",
		Long: `Eval scores a run's best parameters on a split of its recipe's data. With --model
it scores an exported file instead, on the data of the run's recipe or of --recipe:
metrics and figures are the same, because the file computes what the trainer did; it
has no losses.`,
		Example: `  espalier eval runs/snips
  espalier eval runs/snips --split valid --json
  espalier eval runs/snips --model snips.onnx --engine gonum
  espalier eval --model snips.onnx --recipe examples/snips.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && (model == "" || recipePath == "") {
				return usageError{fmt.Errorf("eval needs a run directory, or --model and --recipe")}
			}
			e, err := engine.open(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			var m *score.Meter
			if model == "" {
				m, err = evalRun(cmd, args[0], split, e)
			} else {
				dir := ""
				if len(args) == 1 {
					dir = args[0]
				}
				m, err = evalFile(cmd, model, dir, recipePath, split, predict.Options{Engine: e})
			}
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), evaluation{m.Scores(), m.Whole()})
			}
			return scoreTable(cmd.OutOrStdout(), split, m.Scores(), m.Whole())
		},
	}
	engine.add(cmd)
	cmd.Flags().StringVar(&split, "split", "test", "train, valid or test")
	cmd.Flags().StringVar(&model, "model", "", "an exported .onnx file to measure instead of the run's parameters")
	cmd.Flags().StringVar(&recipePath, "recipe", "", "with --model: the recipe that names the data, instead of a run")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the scores as JSON")
	return cmd
}

// evaluation is what --json prints.
type evaluation struct {
	Tasks score.Scores `json:"tasks"`
	// The share of examples that are right in every task, of those that have
	// labels of all.
	score.Whole
}

func evalRun(cmd *cobra.Command, dir, split string, e runtime.Engine) (*score.Meter, error) {
	run, err := espalier.OpenRun(dir)
	if err != nil {
		return nil, err
	}
	d, err := run.Data(split, lines(cmd.ErrOrStderr()))
	if err != nil {
		return nil, err
	}
	t, err := run.Trainer(e)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	return t.Measure(cmd.Context(), d)
}

func evalFile(cmd *cobra.Command, model, dir, recipePath, split string, o predict.Options) (*score.Meter, error) {
	var r *recipe.Recipe
	var err error
	if recipePath != "" {
		r, err = recipe.Read(recipePath)
	} else {
		var run *espalier.Run
		if run, err = espalier.OpenRun(dir); err == nil {
			r = run.Recipe
		}
	}
	if err != nil {
		return nil, err
	}
	p, err := predict.Open(model, o)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	d, err := espalier.DataFor(p, r, split, lines(cmd.ErrOrStderr()))
	if err != nil {
		return nil, err
	}
	return espalier.EvaluateFile(cmd.Context(), p, d, r)
}
