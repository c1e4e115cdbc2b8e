package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"espalier"
	"espalier/examples/demo"
	"espalier/recipe"
	"espalier/runtime"
	"espalier/runtime/predict"
)

// demoSentences are answered at the end. None stands in the corpus.
var demoSentences = []string{
	"Keiko Novak loved the tasting menu at Juniper Bistro in Porto",
	"the firmware update from Nimbus Systems was a complete mess",
	"Rosa and Jonas regretted the sleeper train to Ljubljana",
}

func newDemo() *cobra.Command {
	var engine engineFlags
	var out string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Train three tasks on the built-in corpus, export, verify and predict",
		Long: `Demo trains topic, sentiment and entities together on a small corpus that is built
into the program, with some labels missing, exports one ONNX file with all three
heads, compares the file with the trainer, and answers for a few sentences.`,
		Example: `  espalier demo
  espalier demo --engine gonum --out runs/demo-go`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := engine.open(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return runDemo(cmd, e, out)
		},
	}
	engine.add(cmd)
	cmd.Flags().StringVar(&out, "out", filepath.Join("runs", "demo"), "run directory; one that holds an earlier demo is replaced")
	return cmd
}

func runDemo(cmd *cobra.Command, e runtime.Engine, dir string) error {
	start := time.Now()
	talk := cmd.ErrOrStderr()
	r, err := demoRecipe()
	if err != nil {
		return err
	}
	if err := clearDemo(dir); err != nil {
		return err
	}
	report := &reporter{w: talk}
	run, outcome, err := espalier.Train(cmd.Context(), r, dir, espalier.Options{
		Engine: e, Hooks: report.hooks(), Log: lines(talk),
	})
	if err != nil {
		return err
	}
	if err := printOutcome(cmd.OutOrStdout(), outcome); err != nil {
		return err
	}
	model := filepath.Join(dir, "demo.onnx")
	verified, err := run.Export(cmd.Context(), model, espalier.ExportOptions{Engines: verifying(e)})
	if err != nil {
		return err
	}
	fmt.Fprint(cmd.OutOrStdout(), "\n", verified.Table(), "\n")
	p, err := predict.Open(model, predict.Options{Engine: e})
	if err != nil {
		return err
	}
	defer p.Close()
	if err := (&answerer{cmd: cmd, predictor: p}).answer(demoSentences, nil); err != nil {
		return err
	}
	fmt.Fprintf(talk, "\ndone in %.1f s on engine %s\n  model  %s\n  run    %s\ntry: espalier predict %s --text \"...\"\n",
		time.Since(start).Seconds(), e.Name(), model, dir, model)
	return nil
}

func demoRecipe() (*recipe.Recipe, error) {
	content, err := fs.ReadFile(demo.Files, "recipe.yaml")
	if err != nil {
		return nil, err
	}
	r, err := recipe.Parse("recipe.yaml", content)
	if err != nil {
		return nil, err
	}
	r.FS = demo.Files
	return r, nil
}

// clearDemo removes an earlier demo, and nothing that is not one.
func clearDemo(dir string) error {
	r, err := recipe.Read(filepath.Join(dir, "recipe.yaml"))
	if os.IsNotExist(err) || err != nil {
		if _, statErr := os.Stat(filepath.Join(dir, "recipe.yaml")); os.IsNotExist(statErr) {
			return nil
		}
		return fmt.Errorf("%s holds something that is not a demo: %w", dir, err)
	}
	if r.Name != "demo" {
		return fmt.Errorf("%s holds the run %q, which is not a demo; name another directory with --out", dir, r.Name)
	}
	return os.RemoveAll(dir)
}
