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
	var err error
	set := func(f *pflag.Flag, value, source string) {
		if err == nil && !f.Changed {
			if e := cmd.Flags().Set(f.Name, value); e != nil {
				err = usagef("%s: %s is %q, which is no %s", source, f.Name, value, f.Value.Type())
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
		names = append(names, flagNames(c.Flags())...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func flagNames(set *pflag.FlagSet) (names []string) {
	set.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// flagError turns pflag's complaint into one line with the nearest flag.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		names := append(flagNames(cmd.Flags()), flagNames(cmd.InheritedFlags())...)
		name := unknown.GetSpecifiedName()
		return usagef("unknown flag --%s of %s%s", name, cmd.Name(), didYouMean(name, names))
	}
	return &lladav.Error{Kind: lladav.BadUsage, Err: err}
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
	best, dist := "", len(name)/2+2
	for _, c := range candidates {
		if d := editDistance(name, c); d < dist {
			best, dist = c, d
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}

// editDistance counts the bytes to insert, delete, change or swap with their neighbour to turn a into b.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// args makes a positional check report wrong usage.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, list []string) error {
		if err := check(cmd, list); err != nil {
			return usagef("%w; see lladav %s --help", err, cmd.Name())
		}
		return nil
	}
}
