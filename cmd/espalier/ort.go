package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"espalier/runtime/ort"
	"espalier/runtime/ort/install"
)

func newORT() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ort",
		Short: "Manage ONNX Runtime's shared library",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var from, dir string
	get := &cobra.Command{
		Use:   "install",
		Short: "Fetch ONNX Runtime's library into the user's cache folder",
		Long: `Install fetches the library with pip or npm, whichever is there, or takes it from
a file: the library itself, an onnxruntime wheel, or an onnxruntime-node package.
It is installed only when its SHA-256 is one that this program knows.`,
		Example: `  espalier ort install
  espalier ort install --from onnxruntime-1.32.0-cp311-cp311-manylinux_2_28_x86_64.whl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := install.Install(cmd.Context(), install.Options{From: from, Dir: dir, Log: cmd.ErrOrStderr()})
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), path)
			if set := os.Getenv(ort.LibraryVariable); set != "" && set != path {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s is set to %s and goes first\n", ort.LibraryVariable, set)
			}
			return nil
		},
	}
	get.Flags().StringVar(&from, "from", "", "library, wheel (.whl) or npm package (.tgz) to take it from")
	get.Flags().StringVar(&dir, "dir", "", "folder to install into; the user's cache folder when empty")
	cmd.AddCommand(get)
	return cmd
}
