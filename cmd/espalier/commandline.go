package main

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commandLine is the command as a shell takes it again.
func commandLine(cmd *cobra.Command, args []string) string {
	words := append([]string{cmd.CommandPath()}, quoted(args)...)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range quoted(values) {
			if words = append(words, "--"+f.Name); f.Value.Type() != "bool" {
				words = append(words, v)
			} else if v != "true" {
				words[len(words)-1] += "=" + v
			}
		}
	})
	return strings.Join(words, " ")
}

// plainWord is text that a shell takes as it stands.
var plainWord = regexp.MustCompile(`^[\w./:=,@%+-]+$`)

// quoted puts quotes around words that a shell would take apart.
func quoted(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		if out[i] = w; !plainWord.MatchString(w) {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return out
}
