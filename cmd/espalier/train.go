package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"espalier"
)

func newTrain() *cobra.Command {
	var engine engineFlags
	var out, from string
	var set []string
	var resume, asJSON bool
	cmd := &cobra.Command{
		Use:   "train RECIPE",
		Short: "Train what a recipe says",
		Long: `Train reads a recipe (YAML) and its data, trains the model, keeps the epoch that
was best on validation, and measures it on the test data once. Everything is left
in a run directory, which export and eval read; nothing is written before all
data, test data included, has been read. A run that was stopped goes on with
--resume, with other train.epochs and train.patience than before if you like, which
are recorded, and with nothing else changed. With --from the model starts from
another run: tasks can be added to it, those that it has be frozen. Lines that begin with "warning:" say
what may not be as it was meant: tasks that have not learned, classes that are never
predicted, a best epoch at the end of the run, a tokenizer that does not fit.`,
		Example: `  espalier train examples/snips.yaml
  espalier train examples/snips.yaml --out runs/long --set train.epochs=50
  espalier train examples/snips.yaml --out runs/long --resume
  espalier train more.yaml --from runs/snips`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := recipeWith(args[0], set)
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join("runs", r.Name)
			}
			e, err := engine.open(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			talk := cmd.ErrOrStderr()
			report := &reporter{w: talk, gradients: r.Train.Balance.Diagnostics > 0}
			start := time.Now()
			run, outcome, err := espalier.Train(cmd.Context(), r, out, espalier.Options{
				Engine: e, Resume: resume, From: from, Hooks: report.hooks(),
				Log: lines(talk),
			})
			if errors.Is(err, context.Canceled) {
				again := commandLine(cmd, args)
				if !resume {
					again += " --resume"
				}
				fmt.Fprintf(talk, "go on with: %s\n", again)
			}
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), outcome)
			}
			fmt.Fprintf(talk, "trained in %.1f s on engine %s; the best of %d epochs is %d\n", time.Since(start).Seconds(), outcome.Engine, outcome.Epochs, outcome.Best)
			if err := printOutcome(cmd.OutOrStdout(), outcome); err != nil {
				return err
			}
			fmt.Fprintf(talk, "run directory: %s\nexport it with: espalier export %s\n", run.Dir, run.Dir)
			return nil
		},
	}
	engine.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "run directory; runs/NAME when empty")
	cmd.Flags().StringArrayVar(&set, "set", nil, "change a setting of the recipe, as train.epochs=3; may be repeated")
	cmd.Flags().StringVar(&from, "from", "", "a run directory whose parameters the model starts from")
	cmd.Flags().BoolVar(&resume, "resume", false, "go on with the run in the run directory")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the outcome as JSON")
	return cmd
}
