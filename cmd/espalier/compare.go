package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"espalier/compare"
)

func newCompare() *cobra.Command {
	var engine engineFlags
	var out string
	var set []string
	var asJSON, markdown bool
	var o compare.Options
	cmd := &cobra.Command{
		Use:   "compare RECIPE",
		Short: "Compare the joint model with one model per task",
		Long: `Compare trains a recipe's joint model and one model for each of its tasks alone,
over several seeds, and says for every task whether training together helped, hurt,
or made no difference that the test data can show. Each model chooses its best epoch
on validation and is measured on test once.

Models are trained side by side, one thread each, in folders of their own. A
comparison that was stopped goes on when it is started again. Recipes of different
names, with one --out, share their single-task models.`,
		Example: `  espalier compare examples/snips.yaml
  espalier compare examples/snips.yaml --seeds 5 --jobs 4 --markdown
  espalier compare examples/snips.yaml --set train.epochs=5 --out runs/short --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asJSON && markdown {
				return usageError{fmt.Errorf("--json and --markdown are two forms of one result; choose one")}
			}
			if o.Budget != compare.Epochs && o.Budget != compare.Steps {
				return usageError{fmt.Errorf("--budget %q is not one of %s, %s", o.Budget, compare.Epochs, compare.Steps)}
			}
			r, err := recipeWith(args[0], set)
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join("runs", r.Name+"-compare")
			}
			if o.Engine, err = engine.open(cmd.ErrOrStderr()); err != nil {
				return err
			}
			talk := cmd.ErrOrStderr()
			o.Done = (&counter{reporter: reporter{w: talk}}).done
			result, err := compare.Run(cmd.Context(), r, out, o)
			if errors.Is(err, context.Canceled) {
				fmt.Fprintf(talk, "go on with: espalier compare %s --out %s and the same settings\n", args[0], out)
			}
			if result == nil {
				return err
			}
			write := result.Text
			if markdown {
				write = result.Markdown
			}
			if asJSON {
				return errors.Join(writeJSON(cmd.OutOrStdout(), result), err)
			}
			return errors.Join(write(cmd.OutOrStdout()), err)
		},
	}
	engine.add(cmd)
	cmd.Flags().StringVar(&out, "out", "", "folder of the models; runs/NAME-compare when empty")
	cmd.Flags().StringArrayVar(&set, "set", nil, "change a setting of the recipe, as train.epochs=3; may be repeated")
	cmd.Flags().IntVar(&o.Seeds, "seeds", 3, "seeds to train with, counted up from the recipe's")
	cmd.Flags().IntVar(&o.Jobs, "jobs", runtime.NumCPU(), "models trained at a time")
	cmd.Flags().StringVar(&o.Budget, "budget", compare.Epochs, "what a single-task model has as many of as the joint one: epochs of its own data, or steps")
	cmd.Flags().Float64Var(&o.Confidence, "confidence", 0.95, "confidence of intervals")
	cmd.Flags().IntVar(&o.Resamples, "resamples", 2000, "draws of the bootstrap")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print the tables as Markdown")
	return cmd
}

// counter tells which models are trained: a line each, below it a bar on a
// terminal.
type counter struct{ reporter }

func (c *counter) done(p compare.Progress) {
	if c.bar != nil {
		_ = c.bar.Clear() // a bar that cannot be drawn must not stop training
	}
	fmt.Fprintln(c.w, p)
	if !isTerminal(c.w) {
		return
	}
	if c.bar == nil {
		c.bar = progressbar.NewOptions(p.Total, progressbar.OptionSetWriter(c.w), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetDescription("models"), progressbar.OptionShowCount())
	}
	_ = c.bar.Set(p.Done)
}
