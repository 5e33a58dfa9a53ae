package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lladav"
	"lladav/internal/kernel"
)

// app is what every verb needs from outside: streams, environment, global flags. Tests fill it with buffers.
type app struct {
	in                    io.Reader
	out, err              io.Writer
	env                   func(string) string
	inTTY, outTTY, errTTY bool
	log                   *slog.Logger

	logLevel, logFormat, configFile string
	offline, quiet                  bool

	given []string // names of the flags on the command line

	grabbed atomic.Pointer[func() bool]
	last    atomic.Pointer[func()]
}

// onInterrupt offers interrupts to f until the returned function is called. What f does not take ends the program.
func (a *app) onInterrupt(f func() (taken bool)) (restore func()) {
	before := a.grabbed.Swap(&f)
	return func() { a.grabbed.Store(before) }
}

// interrupt hands an interrupt to whoever has asked for it.
func (a *app) interrupt() (taken bool) {
	f := a.grabbed.Load()
	return f != nil && (*f)()
}

// onExit has f called when a second signal ends the program where it stands, until the returned function is called.
func (a *app) onExit(f func()) (restore func()) {
	before := a.last.Swap(&f)
	return func() { a.last.Store(before) }
}

func (a *app) exiting() {
	if f := a.last.Load(); f != nil {
		(*f)()
	}
}

// The exit statuses of the program.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotFound = 3
	exitMemory   = 4
	exitPartly   = 5
	exitPipe     = 128 + int(syscall.SIGPIPE)
)

// main runs the program with arguments args and returns its exit status.
func (a *app) main(ctx context.Context, args []string) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := &stickyWriter{w: a.out, fail: cancel}
	a.out = out
	root := a.newRoot()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	switch {
	case errors.Is(out.err, syscall.EPIPE): // the reader, head for instance, has enough: no reason to complain
		return exitPipe
	case out.err != nil:
		err = fmt.Errorf("write to standard output: %w", bare(out.err))
	case err == nil:
		return exitOK
	}
	if cause := context.Cause(ctx); cause != nil && out.err == nil && (errors.Is(err, context.Canceled) || errors.Is(err, cause)) {
		fmt.Fprintf(a.err, "lladav: %s\n", cause)
		return exitFailed
	}
	a.printError(err)
	return exitStatus(err)
}

// A stickyWriter remembers the first failure, so that not every print needs to be checked, and reports it.
type stickyWriter struct {
	w    io.Writer
	fail func(error)
	err  error
}

func (s *stickyWriter) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	if s.err = err; err != nil {
		s.fail(err)
	}
	return n, err
}

// printError writes err as one line, then what to do, if err knows.
func (a *app) printError(err error) {
	fmt.Fprintf(a.err, "lladav: %s\n", oneLine(err.Error()))
	var e *lladav.Error
	if errors.As(err, &e) && e.Hint != "" {
		fmt.Fprintf(a.err, "hint: %s\n", oneLine(e.Hint))
	}
}

func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// exitStatus translates the kind of an error, once, for the whole program.
func exitStatus(err error) int {
	var coded interface{ ExitStatus() int }
	if errors.As(err, &coded) {
		return coded.ExitStatus()
	}
	switch lladav.KindOf(err) {
	case lladav.BadUsage:
		return exitUsage
	case lladav.NotFound, lladav.Offline:
		return exitNotFound
	case lladav.NoMemory:
		return exitMemory
	}
	if errors.Is(err, fs.ErrNotExist) {
		return exitNotFound
	}
	return exitFailed
}

func (a *app) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "lladav",
		Short: "LLaDA-V, the masked-diffusion multimodal model, in one binary",
		Long: "lladav answers questions about pictures with LLaDA-V, a masked-diffusion model, on this machine.\n" +
			"Results go to standard output, everything else to standard error.",
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.settle(cmd) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if v, _ := cmd.Flags().GetBool("version"); v {
				return a.version(false)
			}
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.Flags().Bool("version", false, "print the version")
	f := root.PersistentFlags()
	f.StringVar(&a.logLevel, "log-level", "warn", "debug, info, warn or error ($LLADAV_LOG)")
	f.StringVar(&a.logFormat, "log-format", "text", "text or json")
	f.StringVar(&a.configFile, "config", "", "YAML `file` of flag values")
	f.BoolVar(&a.offline, "offline", false, "make no network call")
	f.BoolVar(&a.quiet, "quiet", false, "no progress, only results and errors")
	oneOf(root, "log-level", "debug", "info", "warn", "error")
	oneOf(root, "log-format", "text", "json")
	group(f, "Global flags")
	root.SetUsageFunc(a.usage)
	root.SetGlobalNormalizationFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(strings.ReplaceAll(name, "_", "-"))
	})
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(newHelpCmd())
	for _, c := range []func(*app) *cobra.Command{
		newRunCmd, newReplayCmd, newTokenizeCmd, newDataCmd, newTrainCmd, newEvalCmd, newPullCmd, newListCmd, newShowCmd, newRmCmd, newConvertCmd, newSynthCmd,
		newBenchCmd, newDoctorCmd,
		newCompletionCmd, newVersionCmd,
	} {
		v := c(a)
		v.Flags().SortFlags = false
		v.DisableFlagsInUseLine = !v.HasAvailableFlags()
		root.AddCommand(v)
	}
	return root
}

// settle fills the flags that were not given on the command line from the environment and the configuration file, and
// sets up kernels and the log.
func (a *app) settle(cmd *cobra.Command) error {
	if err := a.applyDefaults(cmd); err != nil {
		return err
	}
	if set := a.env("LLADAV_CPU"); set != "" {
		if err := kernel.Select(set); err != nil {
			return usagef("LLADAV_CPU: %w", err)
		}
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return usagef("--log-level is %q, it must be debug, info, warn or error", a.logLevel)
	}
	opts := &slog.HandlerOptions{Level: level}
	switch a.logFormat {
	case "text":
		a.log = slog.New(slog.NewTextHandler(a.err, opts))
	case "json":
		a.log = slog.New(slog.NewJSONHandler(a.err, opts))
	default:
		return usagef("--log-format is %q, it must be text or json", a.logFormat)
	}
	return nil
}

// usagef makes an error that exits with the status for wrong usage.
func usagef(format string, args ...any) error { return lladav.Errorf(lladav.BadUsage, format, args...) }

func unknownVerb(root *cobra.Command, name string) error {
	err := lladav.Errorf(lladav.BadUsage, "unknown verb %q%s", name, didYouMean(name, verbs(root)))
	err.Hint = "lladav --help"
	return err
}

func verbs(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return names
}
