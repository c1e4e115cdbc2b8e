package main

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"espalier/input"
	"espalier/onnx"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
)

// inspection is what inspect finds in a file.
type inspection struct {
	File       string            `json:"file"`
	Bytes      int               `json:"bytes"`
	IRVersion  int64             `json:"ir_version"`
	Opsets     map[string]int64  `json:"opsets"`
	Producer   string            `json:"producer"`
	Inputs     []string          `json:"inputs"`
	Outputs    []string          `json:"outputs"`
	Operators  map[string]int    `json:"operators"`
	Parameters int               `json:"parameters"`
	Schema     *schema.Schema    `json:"schema,omitempty"`
	Metadata   map[string]string `json:"metadata"`
	Problem    string            `json:"problem,omitempty"`
}

func newInspect() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect FILE.onnx|FOLDER",
		Short: "Show what an ONNX file holds, without running it, or the folder of a pretrained model",
		Long: `Show what an ONNX file holds, without running it.

Of the folder of a pretrained model, in Hugging Face's format, show what it is, whether it can be
trained here, and what memory that takes.`,
		Example: `  espalier inspect snips.onnx
  espalier inspect snips.onnx --json
  espalier inspect models/all-MiniLM-L6-v2`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := inspectAny(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), found)
			}
			return found.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// finding is what inspect finds, whatever it looks at.
type finding interface {
	print(out io.Writer) error
}

func inspectAny(path string) (finding, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return inspectFolder(path)
	}
	return inspect(path)
}

func inspect(path string) (*inspection, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := onnx.Decode(data, onnx.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	found := &inspection{
		File: path, Bytes: len(data), IRVersion: m.IRVersion, Opsets: map[string]int64{},
		Producer: strings.TrimSpace(m.ProducerName + " " + m.ProducerVersion), Operators: map[string]int{}, Metadata: map[string]string{},
	}
	for _, id := range m.OpsetImports {
		name := id.Domain
		if name == "" {
			name = "ai.onnx"
		}
		found.Opsets[name] = id.Version
	}
	initial := map[string]bool{}
	for _, t := range m.Graph.Initializers {
		initial[t.Name] = true
		if n, err := tensor.Shape(t.Dims).Elements(); err == nil && t.DType != tensor.Int64 {
			found.Parameters += n
		}
	}
	for _, v := range m.Graph.Inputs {
		if !initial[v.Name] {
			found.Inputs = append(found.Inputs, declaration(v))
		}
	}
	for _, v := range m.Graph.Outputs {
		found.Outputs = append(found.Outputs, declaration(v))
	}
	for _, n := range m.Graph.Nodes {
		found.Operators[strings.TrimPrefix(n.Domain+"."+n.OpType, ".")]++
	}
	for _, p := range m.Metadata {
		found.Metadata[p.Key] = p.Value
	}
	if text, ok := m.MetadataValue(schema.Key); ok {
		if found.Schema, err = task.Decode([]byte(text)); err != nil {
			found.Problem = err.Error()
		}
	}
	if err := onnx.Check(m); err != nil {
		found.Problem = err.Error()
	}
	return found, nil
}

// declaration writes a value as name dtype[dims].
func declaration(v onnx.ValueInfo) string {
	if !v.HasShape {
		return fmt.Sprintf("%s %v", v.Name, v.DType)
	}
	dims := make([]string, len(v.Shape))
	for i, d := range v.Shape {
		switch {
		case d.Known:
			dims[i] = fmt.Sprint(d.Size)
		case d.Name != "":
			dims[i] = d.Name
		default:
			dims[i] = "?"
		}
	}
	return fmt.Sprintf("%s %v[%s]", v.Name, v.DType, strings.Join(dims, ","))
}

func (f *inspection) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "file\t%s (%d bytes)\n", f.File, f.Bytes)
	fmt.Fprintf(w, "format\tIR %d", f.IRVersion)
	for _, name := range sorted(f.Opsets) {
		fmt.Fprintf(w, ", %s %d", name, f.Opsets[name])
	}
	fmt.Fprintf(w, "\nproducer\t%s\n", f.Producer)
	fmt.Fprintf(w, "parameters\t%d\n", f.Parameters)
	for i, s := range f.Inputs {
		fmt.Fprintf(w, "%s\t%s\n", head("inputs", i), s)
	}
	for i, s := range f.Outputs {
		fmt.Fprintf(w, "%s\t%s\n", head("outputs", i), s)
	}
	if f.Schema != nil {
		for i, t := range f.Schema.Tasks {
			fmt.Fprintf(w, "%s\t%s: %s\n", head("tasks", i), t.Name, task.Of(t.Type).Describe(&t))
		}
		for i, in := range f.Schema.Inputs {
			fmt.Fprintf(w, "%s\t%s: %s\n", head("reads", i), in.Name, input.Describe(&in))
		}
	}
	names := sorted(f.Operators)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, f.Operators[name])
	}
	fmt.Fprintf(w, "operators\t%s\n", strings.Join(names, ", "))
	for i, key := range sorted(f.Metadata) {
		value := f.Metadata[key]
		if len(value) > 60 {
			value = fmt.Sprintf("%s... (%d bytes)", value[:40], len(value))
		}
		fmt.Fprintf(w, "%s\t%s = %s\n", head("metadata", i), key, value)
	}
	if f.Problem != "" {
		fmt.Fprintf(w, "problem\t%s\n", f.Problem)
	}
	return w.Flush()
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
