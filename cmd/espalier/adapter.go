package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"espalier"
)

func newAdapter() *cobra.Command {
	var out, task string
	cmd := &cobra.Command{
		Use:   "adapter RUN",
		Short: "Write what a run with tune lora has learned as an adapter for PEFT",
		Long: `Adapter writes the low-rank changes of a pretrained trunk that a run with tune lora
has learned in the two files of Hugging Face's PEFT: adapter_config.json and
adapter_model.safetensors. Heads are no part of it; export writes them. Where tasks
have changes of their own in the upper layers, --task says whose are written.`,
		Example: `  espalier adapter runs/tickets -o tickets-adapter
  espalier adapter runs/tickets -o team-adapter --task team`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usageError{fmt.Errorf("-o is missing; name the folder to write")}
			}
			run, err := espalier.OpenRun(args[0])
			if err == nil {
				err = run.WriteAdapter(out, task)
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), out)
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "folder to write")
	cmd.Flags().StringVar(&task, "task", "", "task whose changes in the upper layers are written")
	return cmd
}
