package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"espalier"
	"espalier/export/verify"
)

func printReport(cmd *cobra.Command, r *verify.Report, asJSON bool) error {
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), r)
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), r.Table())
	return err
}

func newVerify() *cobra.Command {
	engine := engineFlags{maxMemory: othersMemory}
	var asJSON bool
	var bound float64
	var longest int
	var dir string
	var adapters []string
	cmd := &cobra.Command{
		Use:   "verify FILE.onnx",
		Short: "Check an exported file and compare its answers across engines",
		Long: `Verify reads an exported file, checks it, runs it on every engine for batches and
lengths of every kind, and holds the answers against the first engine's or, with
--run, against the trainer's with the run's best parameters. It exits with 1 when a
difference is above the bound.`,
		Example: `  espalier verify snips.onnx
  espalier verify snips.onnx --run runs/snips --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := engine.open(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			o := verify.Options{Engines: verifying(e), Bound: bound, Longest: longest, Adapters: adapters}
			var report *verify.Report
			if dir == "" {
				report, err = verify.File(cmd.Context(), args[0], o)
			} else {
				report, err = verifyRun(cmd, dir, args[0], o)
			}
			if err != nil {
				return err
			}
			if err := printReport(cmd, report, asJSON); err != nil {
				return err
			}
			if !report.OK() {
				if dir != "" {
					return fmt.Errorf("%s gives answers that differ by more than %g from those of %s", args[0], report.Bound, dir)
				}
				return fmt.Errorf("%s gives answers that differ by more than %g on different engines", args[0], report.Bound)
			}
			return nil
		},
	}
	engine.add(cmd)
	cmd.Flags().StringSliceVar(&adapters, "adapter", nil, "ONNX Runtime's adapter files that the file is run with, separated by commas")
	cmd.Flags().Float64Var(&bound, "bound", 0, "largest difference that passes; 1e-5 when 0")
	cmd.Flags().StringVar(&dir, "run", "", "the run that the file was exported from, to compare with its trainer")
	cmd.Flags().IntVar(&longest, "longest", 0, "longest sequence that is tried; 40, or the most the model reads, when 0")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}

func verifyRun(cmd *cobra.Command, dir, file string, o verify.Options) (*verify.Report, error) {
	run, err := espalier.OpenRun(dir)
	if err != nil {
		return nil, err
	}
	return run.Verify(cmd.Context(), file, o)
}
