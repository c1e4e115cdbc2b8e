package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"espalier/compare"
	"espalier/recipe"
)

// comparison holds the flags of compare.
type comparison struct {
	engine         engineFlags
	out            string
	set            []string
	json, markdown bool
	options        compare.Options
	balance        string
	variants       []string
	sweep          string
	trials         int
	affinity       bool
	looking        compare.AffinityOptions
}

func newCompare() *cobra.Command {
	var c comparison
	cmd := &cobra.Command{
		Use:   "compare RECIPE",
		Short: "Compare the joint model with one model per task",
		Long: `Compare trains a recipe's joint model and one model for each of its tasks alone,
over several seeds, and says for every task whether training together helped, hurt,
or made no difference that the test data can show. Each model chooses its best epoch
on validation and is measured on test once.

Models are trained side by side, one thread each, in folders of their own. A
comparison that was stopped goes on when it is started again. Recipes of different
names, with one --out, share their single-task models.

With --baselines the table has two models more of each task, which are fitted in
seconds: one that always gives the most frequent answer of training, or the mean,
and a linear one on words and pairs of words, or on a table's columns.

With --balance or --variant it trains several joint models beside one set of single
models, and compares them with the first of them, too. --balance names methods,
METHOD@representation for gradients at the representation. --variant gives a name to
settings of the recipe, or to the recipe as it is.

With --sweep it searches fixed weights of the tasks' losses instead, and chooses them
on validation. With --affinity it measures how a training step on one task changes
the loss of the others, and suggests groups of tasks to train together.`,
		Example: `  espalier compare examples/snips.yaml
  espalier compare examples/snips.yaml --seeds 5 --jobs 4 --markdown
  espalier compare examples/snips.yaml --baselines
  espalier compare examples/snips.yaml --set train.epochs=5 --out runs/short --json
  espalier compare examples/snips.yaml --balance equal,uncertainty,pcgrad@representation
  espalier compare examples/snips.yaml --variant hard --variant 'mmoe=sharing={method: mmoe, experts: 3}'
  espalier compare examples/snips.yaml --sweep random --trials 20
  espalier compare examples/snips.yaml --affinity --steps 300`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd, args) },
	}
	c.engine.add(cmd)
	f := cmd.Flags()
	f.StringVar(&c.out, "out", "", "folder of the models; runs/NAME-compare when empty")
	f.StringArrayVar(&c.set, "set", nil, "change a setting of the recipe, as train.epochs=3; may be repeated")
	f.IntVar(&c.options.Seeds, "seeds", 3, "seeds to train with, counted up from the recipe's; 1 for --sweep")
	f.IntVar(&c.options.Jobs, "jobs", runtime.NumCPU(), "models trained at a time")
	f.StringVar(&c.options.Budget, "budget", compare.Updates, "what a single-task model has at least as many of as the joint model: updates of its task (updates), steps (steps), or epochs of its own data (epochs)")
	f.Float64Var(&c.options.Confidence, "confidence", 0.95, "confidence of intervals")
	f.IntVar(&c.options.Resamples, "resamples", 2000, "draws of the bootstrap, at least 50")
	f.StringVar(&c.balance, "balance", "", "compare methods of balancing, separated by commas, as equal,dwa,pcgrad@representation")
	f.StringArrayVar(&c.variants, "variant", nil, "compare joint models: NAME, or NAME=KEY=VALUE,KEY=VALUE; may be repeated")
	f.StringVar(&c.sweep, "sweep", "", "search fixed weights: grid or random")
	f.IntVar(&c.trials, "trials", 16, "with --sweep: most weights to try")
	f.BoolVar(&c.options.Baselines, "baselines", false, "add what a constant and a linear model of each task reach")
	f.BoolVar(&c.affinity, "affinity", false, "measure how tasks act on one another in training")
	f.IntVar(&c.looking.Steps, "steps", 500, "with --affinity: most steps to train")
	f.IntVar(&c.looking.Every, "every", 10, "with --affinity: steps from one look to the next")
	f.IntVar(&c.looking.Groups, "groups", 0, "with --affinity: most groups to suggest; 0, no limit")
	f.BoolVar(&c.json, "json", false, "print the result as JSON")
	f.BoolVar(&c.markdown, "markdown", false, "print the tables as Markdown")
	return cmd
}

func (c *comparison) run(cmd *cobra.Command, args []string) error {
	if err := c.check(cmd); err != nil {
		return usageError{err}
	}
	r, err := recipeWith(args[0], c.set)
	if err != nil {
		return err
	}
	if c.out == "" {
		c.out = filepath.Join("runs", r.Name+"-compare")
	}
	talk := cmd.ErrOrStderr()
	if c.options.Engine, err = c.engine.open(talk); err != nil {
		return err
	}
	count := &counter{reporter: reporter{w: talk}}
	c.options.Done = count.done
	if isTerminal(talk) {
		c.looking.Step = func(step, steps int) { count.draw(step, steps, "steps") }
	}
	report, err := c.report(cmd, r)
	count.clear()
	if err != nil && count.total > 0 {
		fmt.Fprintf(talk, "%d of %d models are trained and kept in %s; go on with the others by: %s\n",
			count.trained, count.total, c.out, commandLine(cmd, args))
	}
	if report == nil {
		return err
	}
	return errors.Join(c.print(cmd.OutOrStdout(), report), err)
}

// check reports flags that do not go together.
func (c *comparison) check(cmd *cobra.Command) error {
	switch {
	case c.json && c.markdown:
		return fmt.Errorf("--json and --markdown are two forms of one result; choose one")
	case c.affinity && c.sweep != "":
		return fmt.Errorf("--sweep and --affinity are two searches; choose one")
	case (c.affinity || c.sweep != "") && (c.balance != "" || len(c.variants) > 0):
		return fmt.Errorf("--balance and --variant compare joint models, --sweep and --affinity search; choose one")
	case c.options.Baselines && (c.affinity || c.sweep != "" || c.balance != "" || len(c.variants) > 0):
		return fmt.Errorf("--baselines is for a comparison with one joint model; leave out --affinity, --sweep, --balance and --variant")
	case !slices.Contains(compare.Budgets(), c.options.Budget):
		return fmt.Errorf("--budget %q is not one of %s", c.options.Budget, strings.Join(compare.Budgets(), ", "))
	case c.sweep != "" && c.sweep != compare.Grid && c.sweep != compare.Random:
		return fmt.Errorf("--sweep %q is not one of %s, %s", c.sweep, compare.Grid, compare.Random)
	}
	for name, n := range map[string]int{"seeds": c.options.Seeds, "jobs": c.options.Jobs, "steps": c.looking.Steps, "every": c.looking.Every} {
		if n < 1 {
			return fmt.Errorf("--%s is %d, it must be at least 1", name, n)
		}
	}
	if c.sweep != "" && !cmd.Flags().Changed("seeds") {
		c.options.Seeds = 1
	}
	return nil
}

// report computes what was asked for; nil where there is nothing to show.
func (c *comparison) report(cmd *cobra.Command, r *recipe.Recipe) (compare.Report, error) {
	o := c.options
	switch {
	case c.affinity:
		c.looking.Engine = o.Engine
		a, err := compare.MeasureAffinity(cmd.Context(), r, c.looking)
		if err != nil {
			return nil, err
		}
		return a, nil
	case c.sweep != "":
		s, err := compare.SweepWeights(cmd.Context(), r, c.out, compare.SweepOptions{
			Engine: o.Engine, Kind: c.sweep, Trials: c.trials, Seeds: o.Seeds, Jobs: o.Jobs, Done: o.Done,
		})
		if s == nil {
			return nil, err
		}
		return s, err
	}
	if c.balance != "" || len(c.variants) > 0 {
		return c.varied(cmd, r)
	}
	result, err := compare.Run(cmd.Context(), r, c.out, o)
	if result == nil {
		return nil, err
	}
	return result, err
}

// varied compares several joint models.
func (c *comparison) varied(cmd *cobra.Command, r *recipe.Recipe) (compare.Report, error) {
	var variants []compare.Variant
	if c.balance != "" {
		variants = compare.BalanceVariants(c.balance)
	}
	for _, text := range c.variants {
		v, err := compare.ParseVariant(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("--variant: %w", err)}
		}
		variants = append(variants, v)
	}
	result, err := compare.RunVariants(cmd.Context(), r, variants, c.out, c.options)
	if result == nil {
		return nil, err
	}
	return result, err
}

func (c *comparison) print(w io.Writer, report compare.Report) error {
	switch {
	case c.json:
		return writeJSON(w, report)
	case c.markdown:
		return compare.Markdown(w, report)
	}
	return compare.Text(w, report)
}

// counter tells which models are trained: a line each, below it a bar on a
// terminal.
type counter struct {
	reporter
	trained, total int
}

func (c *counter) done(p compare.Finished) {
	if c.total = p.Total; p.Err == nil {
		c.trained++
	}
	c.clear()
	fmt.Fprintln(c.w, p)
	if isTerminal(c.w) {
		c.draw(p.Done, p.Total, "models")
	}
}

func (c *counter) draw(n, total int, what string) {
	if c.bar == nil {
		c.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(c.w), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetDescription(what), progressbar.OptionShowCount())
	}
	_ = c.bar.Set(n) // a bar that cannot be drawn must not stop training
}

func (c *counter) clear() {
	if c.bar != nil {
		_ = c.bar.Clear()
	}
}
