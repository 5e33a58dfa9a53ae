package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newHelpCmd makes "lladav help VERB" print what "lladav VERB --help" prints.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use: "help [VERB]", Short: "Describe a verb", Hidden: true,
		ValidArgsFunction: func(cmd *cobra.Command, list []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(list) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return verbs(cmd.Root()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, list []string) error {
			c, _, err := cmd.Root().Find(list)
			if err != nil || len(list) > 0 && c == cmd.Root() {
				return unknownVerb(cmd.Root(), list[0])
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}

// flagGroup is the annotation of a flag with the heading that help puts it under.
const flagGroup = "lladav_group"

// group puts the flags of a set under a heading, in the order in which they were made.
func group(set *pflag.FlagSet, heading string) *pflag.FlagSet {
	set.SortFlags = false
	set.VisitAll(func(f *pflag.Flag) { set.SetAnnotation(f.Name, flagGroup, []string{heading}) })
	return set
}

// oneOf makes the shell complete the values of a flag that has only these.
func oneOf(c *cobra.Command, name string, values ...string) {
	if err := c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
}

// usage prints what follows the description of a verb in its help.
func (a *app) usage(cmd *cobra.Command) error {
	w := cmd.OutOrStderr()
	width := 100
	if a.outTTY {
		width, _ = a.screen()
	}
	line := cmd.UseLine()
	if cmd.HasAvailableSubCommands() && cmd.Use == cmd.Name() { // else its line says what it does without a verb
		line = cmd.CommandPath() + " VERB [flags]"
	}
	fmt.Fprintf(w, "Usage:\n  %s\n", line)
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintln(w, "\nVerbs:")
		for _, c := range cmd.Commands() {
			if !c.Hidden {
				printAligned(w, "  "+c.Name(), 14, width, c.Short)
			}
		}
	}
	for _, heading := range []string{"", "Generation flags", "Model flags"} {
		printFlags(w, cmd.Flags(), heading, width)
	}
	printFlags(w, cmd.Root().PersistentFlags(), "Global flags", width)
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n\"%s VERB --help\" describes a verb.\n", cmd.CommandPath())
	}
	return nil
}

// printFlags prints, in the order in which they were made, the flags of a set that belong under a heading; "" stands for those without one.
func printFlags(w io.Writer, set *pflag.FlagSet, heading string, width int) {
	var lines [][2]string
	indent := 0
	set.VisitAll(func(f *pflag.Flag) {
		g := ""
		if a := f.Annotations[flagGroup]; len(a) > 0 {
			g = a[0]
		}
		if f.Hidden || g != heading {
			return
		}
		name, text := flagLine(f)
		lines = append(lines, [2]string{name, text})
		indent = max(indent, len(name)+3)
	})
	if len(lines) == 0 {
		return
	}
	if heading == "" {
		heading = "Flags"
	}
	fmt.Fprintf(w, "\n%s:\n", heading)
	for _, l := range lines {
		printAligned(w, l[0], indent, width, l[1])
	}
}

// flagLine returns a flag with its placeholder, and what it means with its default.
func flagLine(f *pflag.Flag) (name, text string) {
	name = "      --" + f.Name
	if f.Shorthand != "" {
		name = "  -" + f.Shorthand + ", --" + f.Name
	}
	value, text := pflag.UnquoteUsage(f)
	switch value {
	case "int", "uint":
		value = "n"
	case "ints":
		value = "n,…"
	case "float":
		value = "x"
	case "string":
		value = "name"
	case "strings":
		value = "name,…"
	case "stringArray":
		value = "text"
	}
	if value != "" {
		name += " " + value
	}
	switch f.DefValue {
	case "", "0", "false", "[]":
	default:
		text += " (default " + strings.Trim(f.DefValue, "[]") + ")"
	}
	return name, text
}

// printAligned prints text, wrapped at width, in a column of its own beside name.
func printAligned(w io.Writer, name string, indent, width int, text string) {
	fmt.Fprintf(w, "%-*s", indent, name)
	col := indent
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		if i > 0 && col+1+n > max(width, indent+20) {
			fmt.Fprintf(w, "\n%*s", indent, "")
			col = indent
		} else if i > 0 {
			fmt.Fprint(w, " ")
			col++
		}
		fmt.Fprint(w, word)
		col += n
	}
	fmt.Fprintln(w)
}
