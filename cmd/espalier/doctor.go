package main

import (
	"fmt"
	"io"
	goruntime "runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"espalier/runtime/ort"
)

// diagnosis is what doctor finds.
type diagnosis struct {
	Go        string   `json:"go"`
	Platform  string   `json:"platform"`
	CPUs      int      `json:"cpus"`
	Library   string   `json:"library,omitempty"`
	Origin    string   `json:"origin,omitempty"`
	Version   string   `json:"version,omitempty"`
	Providers []string `json:"providers,omitempty"`
	Looked    []string `json:"looked"`
	Problem   string   `json:"problem,omitempty"`
	Advice    string   `json:"advice"`
}

func newDoctor() *cobra.Command {
	var library string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Show what was found on this machine and what to do about what is missing",
		Example: `  espalier doctor`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := diagnose(library)
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), d)
			}
			return d.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&library, "library", "", "path of ONNX Runtime's shared library")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func diagnose(library string) diagnosis {
	d := diagnosis{Go: goruntime.Version(), Platform: goruntime.GOOS + "/" + goruntime.GOARCH, CPUs: goruntime.NumCPU()}
	search := ort.Find(library)
	for _, p := range search.Looked {
		d.Looked = append(d.Looked, fmt.Sprintf("%s (%s)", p.Path, p.Origin))
	}
	d.Library, d.Origin = search.Path, search.Origin
	info, err := ort.Describe(library)
	switch {
	case err == nil:
		d.Version, d.Providers = info.Version, info.Providers
		d.Advice = "everything is here; --engine auto uses ONNX Runtime"
	case search.Path == "":
		d.Problem = "ONNX Runtime's library was not found"
		d.Advice = "run 'espalier ort install' to fetch it, or set " + ort.LibraryVariable + "; until then models run in pure Go"
	default:
		d.Problem = err.Error()
		d.Advice = "run 'espalier ort install' for a library that fits, or set " + ort.LibraryVariable + " to one"
	}
	return d
}

func (d diagnosis) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "go\t%s, %s, %d CPUs\n", d.Go, d.Platform, d.CPUs)
	fmt.Fprintf(w, "pure Go\talways there\n")
	if d.Version != "" {
		fmt.Fprintf(w, "ONNX Runtime\t%s (%s, from %s)\n", d.Version, d.Library, d.Origin)
		fmt.Fprintf(w, "providers\t%s\n", strings.Join(d.Providers, ", "))
	} else {
		fmt.Fprintf(w, "ONNX Runtime\t%s\n", d.Problem)
		for i, p := range d.Looked {
			fmt.Fprintf(w, "%s\t%s\n", head("looked in", i), p)
		}
	}
	fmt.Fprintf(w, "advice\t%s\n", d.Advice)
	return w.Flush()
}
