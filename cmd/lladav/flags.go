package main

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lladav"
	"lladav/internal/near"
)

// flagEnv names the environment variable behind a flag: the command line wins over it, it wins over the configuration
// file.
var flagEnv = map[string]string{
	"device":    "LLADAV_DEVICE",
	"threads":   "LLADAV_THREADS",
	"log-level": "LLADAV_LOG",
}

// applyDefaults sets the flags of cmd that were not given, from the environment first, then from --config.
func (a *app) applyDefaults(cmd *cobra.Command) error {
	cmd.Flags().Visit(func(f *pflag.Flag) { a.given = append(a.given, f.Name) })
	var err error
	set := func(f *pflag.Flag, value, source string) {
		if err == nil && !f.Changed {
			if e := cmd.Flags().Set(f.Name, value); e != nil {
				err = usagef("%s: %s is %q, it must be %s", source, f.Name, value, wanted(f))
			}
		}
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if name := flagEnv[f.Name]; name != "" && a.env(name) != "" {
			set(f, a.env(name), name)
		}
	})
	if truthy(a.env("HF_HUB_OFFLINE")) {
		a.offline = true
	}
	if err != nil || a.configFile == "" {
		return err
	}
	values, err := readConfig(a.configFile, allFlags(cmd.Root()))
	if err != nil {
		return err
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		for _, v := range values[f.Name] {
			if f.Changed && len(values[f.Name]) == 1 {
				continue
			}
			set(f, v, a.configFile)
		}
	})
	return err
}

// readConfig reads a YAML mapping of flag names to values or lists of values. A key that is no flag of any verb is an
// error.
func readConfig(path string, known []string) (map[string][]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, lladav.Errorf(lladav.NotFound, "read configuration: %w", err)
	}
	var raw map[string]any
	if err := yaml.Unmarshal(data, &raw); err != nil {
		return nil, usagef("read %s: %s", path, yaml.FormatError(err, false, false))
	}
	values := map[string][]string{}
	for key, v := range raw {
		name := strings.ReplaceAll(key, "_", "-")
		if !slices.Contains(known, name) {
			return nil, usagef("%s: unknown key %q%s", path, key, didYouMean(name, known))
		}
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, v := range list {
			text, err := yaml.Marshal(v)
			if err != nil {
				return nil, usagef("%s: key %q: %w", path, key, err)
			}
			if s, ok := v.(string); ok {
				text = []byte(s)
			}
			values[name] = append(values[name], strings.TrimSpace(string(text)))
		}
	}
	return values, nil
}

func allFlags(root *cobra.Command) []string {
	names := flagNames(root.PersistentFlags())
	for _, c := range root.Commands() {
		names = append(append(names, flagNames(c.Flags())...), allFlags(c)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func flagNames(set *pflag.FlagSet) (names []string) {
	set.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// flagError turns pflag's complaint into one line that says what would be right.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return usagef("unknown flag -%s of %s; see %s --help", unknown.GetSpecifiedName(), cmd.Name(), cmd.CommandPath())
	case errors.As(err, &unknown):
		names := append(flagNames(cmd.Flags()), flagNames(cmd.InheritedFlags())...)
		name := unknown.GetSpecifiedName()
		return usagef("unknown flag --%s of %s%s", name, cmd.Name(), didYouMean(name, names))
	case errors.As(err, &invalid):
		return usagef("--%s is %q, it must be %s", invalid.GetFlag().Name, invalid.GetValue(), wanted(invalid.GetFlag()))
	case errors.As(err, &missing):
		return usagef("--%s needs a value: %s", missing.GetFlag().Name, wanted(missing.GetFlag()))
	}
	return &lladav.Error{Kind: lladav.BadUsage, Err: err}
}

// wanted says what a flag takes.
func wanted(f *pflag.Flag) string {
	switch t := f.Value.Type(); t {
	case "bool":
		return "true or false"
	case "int", "int64":
		return "a whole number"
	case "uint64":
		return "a whole number from 0"
	case "float64":
		return "a number"
	case "intSlice":
		return "whole numbers with commas between"
	case "duration":
		return "a time like 500ms or 2s"
	default:
		_, usage := pflag.UnquoteUsage(f)
		return usage
	}
}

func truthy(s string) bool {
	switch strings.ToLower(s) {
	case "1", "true", "yes", "on":
		return true
	}
	return false
}

// didYouMean returns a suffix that names the candidate nearest to name, or nothing when none is near.
func didYouMean(name string, candidates []string) string {
	best := near.Word(name, candidates)
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// args makes a positional check report wrong usage, with what the verb takes.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, list []string) error {
		if check(cmd, list) == nil {
			return nil
		}
		takes := strings.TrimSpace(strings.TrimPrefix(cmd.Use, cmd.Name()))
		switch {
		case takes == "":
			return usagef("%s takes no arguments, not %q", cmd.Name(), list[0])
		case len(list) == 0:
			return usagef("%s needs %s; see %s --help", cmd.Name(), takes, cmd.CommandPath())
		}
		return usagef("%s takes %s, not %d arguments; see %s --help", cmd.Name(), takes, len(list), cmd.CommandPath())
	}
}
