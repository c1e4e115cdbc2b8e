package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"espalier"
	"espalier/export/verify"
	"espalier/runtime"
	"espalier/runtime/gonum"
)

func newExport() *cobra.Command {
	var engine engineFlags
	var out, input string
	var heads []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export RUN",
		Short: "Write a run's model as one ONNX file and verify it",
		Long: `Export writes the best parameters of a run as one ONNX file: token ids in, one
output per task and role out, labels and vocabulary in the metadata. With --input
text the file reads raw strings and answers with the labels' names: tokenizer,
lower-casing, vocabulary and characters are part of the graph, by operators that
only ONNX Runtime has. The file is read back, checked, and compared with the
trainer's own outputs on every engine that can run it; a difference above 1e-5 is
an error.`,
		Example: `  espalier export runs/snips -o snips.onnx
  espalier export runs/snips -o intent.onnx --heads intent
  espalier export runs/snips -o snips.text.onnx --input text`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := espalier.OpenRun(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(args[0], run.Recipe.Name+map[string]string{"text": ".text"}[input]+".onnx")
			}
			e, err := engine.open(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			report, err := run.Export(cmd.Context(), out, espalier.ExportOptions{Heads: heads, Input: input, Engines: verifying(e)})
			if report != nil {
				if err := printReport(cmd, report, asJSON); err != nil {
					return err
				}
			}
			return err
		},
	}
	engine.add(cmd)
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write; NAME.onnx or NAME.text.onnx in the run directory when empty")
	cmd.Flags().StringVar(&input, "input", "ids", "what the file reads: ids of tokens, or text")
	cmd.Flags().StringSliceVar(&heads, "heads", nil, "tasks to write, separated by commas; all when empty")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the verification report as JSON")
	return cmd
}

// verifying lists the engines that a file is run by: the one in use first.
func verifying(e runtime.Engine) []runtime.Engine {
	engines := []runtime.Engine{e}
	if e.Name() != "gonum" {
		engines = append(engines, gonum.New())
	}
	return engines
}

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
	cmd := &cobra.Command{
		Use:     "verify FILE.onnx",
		Short:   "Check an exported file and compare its answers across engines",
		Example: `  espalier verify snips.onnx`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := engine.open(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			report, err := verify.File(cmd.Context(), args[0], verify.Options{Engines: verifying(e)})
			if err != nil {
				return err
			}
			if err := printReport(cmd, report, asJSON); err != nil {
				return err
			}
			if !report.OK() {
				return fmt.Errorf("%s gives different answers on different engines", args[0])
			}
			return nil
		},
	}
	engine.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	return cmd
}
