package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"espalier"
)

func newExport() *cobra.Command {
	var engine engineFlags
	var out, labels string
	var o espalier.ExportOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "export RUN",
		Short: "Write a run's model as one ONNX file and verify it",
		Long: `Export writes the best parameters of a run as one ONNX file: token ids in, one
output per task and role out, labels and vocabulary in the metadata. With --input
text the file reads raw strings and answers with the labels' names: tokenizer,
lower-casing, vocabulary and characters are part of the graph, by operators of
ONNX Runtime's, which the pure-Go engine has, too. The file is read back, checked, and compared with the
trainer's own outputs on every engine that can run it; a difference above 1e-5 is
an error.

With --external tensors of at least so many bytes go into a second file beside the
model, whose name carries a part of its hash; with --half parameters are stored as
float16 and computed with as float32, and the bound is 2e-2. With --triton NAME the
output is the folder of a model repository, and config.pbtxt is written into it.`,
		Example: `  espalier export runs/snips -o snips.onnx
  espalier export runs/snips -o intent.onnx --heads intent
  espalier export runs/snips -o snips.text.onnx --input text
  espalier export runs/snips -o snips.fixed.onnx --batch 1 --length 32 --opset 21
  espalier export runs/snips -o repository --triton snips`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := espalier.OpenRun(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				if o.Triton != "" {
					return usageError{fmt.Errorf("--triton needs the repository's folder by -o")}
				}
				out = filepath.Join(args[0], run.Recipe.Name+map[string]string{"text": ".text"}[o.Input]+".onnx")
			}
			e, err := engine.open(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			o.Log = func(format string, args ...any) { fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...) }
			o.Engines, o.Format.Labels = verifying(e), labels
			report, err := run.Export(cmd.Context(), out, o)
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
	cmd.Flags().StringVar(&o.Input, "input", "", "what the file reads: ids, of tokens or of a column's values, or text; ids for a model of text, text for one of a table, when empty")
	cmd.Flags().StringVar(&o.Format.Names, "names", "", "names of the inputs: espalier (ids), or transformers (input_ids, attention_mask and, where the model has them, token_type_ids); espalier when empty")
	cmd.Flags().StringSliceVar(&o.Heads, "heads", nil, "tasks to write, separated by commas; all when empty")
	cmd.Flags().StringVar(&labels, "labels", "", "how the file answers: strings or ids; ids when it reads ids, strings when it reads text")
	cmd.Flags().IntVar(&o.Format.Opset, "opset", 0, "ONNX's operator set, 14 to 22; 17 when 0")
	cmd.Flags().IntVar(&o.Format.Batch, "batch", 0, "fixed number of rows; open when 0")
	cmd.Flags().IntVar(&o.Format.Length, "length", 0, "fixed number of tokens; open when 0")
	cmd.Flags().BoolVar(&o.Format.Half, "half", false, "store parameters as float16")
	cmd.Flags().StringVar(&o.Format.Adapters, "adapters", "", "low-rank changes of a pretrained trunk: merge adds them to its weights, keep leaves them in the graph, files writes them as ONNX Runtime's adapter files beside the model; merge when empty")
	cmd.Flags().BoolVar(&o.Format.Embeddings, "embeddings", false, "add an output embeddings, a vector of each text")
	cmd.Flags().IntVar(&o.External, "external", 0, "tensors of at least so many bytes go into a second file; none when 0, unless one file cannot hold all")
	cmd.Flags().StringVar(&o.Triton, "triton", "", "name of the model in a Triton model repository, which -o names")
	cmd.Flags().StringVar(&o.Format.Author, "author", "", "who made the model")
	cmd.Flags().StringVar(&o.Format.License, "license", "", "the model's license")
	cmd.Flags().StringVar(&o.Format.Description, "description", "", "what the model is for")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the verification report as JSON")
	return cmd
}
