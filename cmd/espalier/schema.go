package main

import (
	"github.com/spf13/cobra"

	"espalier/recipe"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of recipes, for editors that complete and check keys",
		Example: `  espalier schema > recipe.schema.json
  # then, as a recipe's first line, for editors with the YAML language server:
  # yaml-language-server: $schema=recipe.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return writeJSON(cmd.OutOrStdout(), recipe.JSONSchema())
		},
	}
}
