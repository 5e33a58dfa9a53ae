package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCompletionCmd(a *app) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a script that completes verbs, flags and local model names",
		Long: "completion prints a script for a shell that completes verbs, flags, their values and the names of models on this\n" +
			"machine. For bash it needs the package bash-completion.",
		Example: "  source <(lladav completion bash)\n" +
			"  lladav completion zsh > \"${fpath[1]}/_lladav\"\n" +
			"  lladav completion fish > ~/.config/fish/completions/lladav.fish\n" +
			"  lladav completion powershell | Out-String | Invoke-Expression",
		ValidArgs: shells,
		Args:      args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			root := cmd.Root()
			switch list[0] {
			case "bash":
				return root.GenBashCompletionV2(a.out, true)
			case "zsh":
				return root.GenZshCompletion(a.out)
			case "fish":
				return root.GenFishCompletion(a.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.out)
			}
			return usagef("no completion for %q%s", list[0], didYouMean(list[0], shells))
		},
	}
}

// completeModel offers the models on this machine for a first argument, files after it.
func (a *app) completeModel(_ *cobra.Command, list []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(list) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	names := []string{fmt.Sprintf("%s\tthe published checkpoint", modelAlias)}
	return append(names, a.localModels()...), cobra.ShellCompDirectiveDefault
}
