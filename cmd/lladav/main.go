// Command lladav runs LLaDA-V, the masked-diffusion multimodal model, on the machine it is started on.
//
// Each verb is one file; this package parses arguments, renders to the terminal, handles signals and sets the exit
// status. What is computed is decided in package engine.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"golang.org/x/term"
)

func main() { os.Exit(realMain()) }

func realMain() int {
	a := &app{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Getenv,
		inTTY:  term.IsTerminal(int(os.Stdin.Fd())),
		outTTY: term.IsTerminal(int(os.Stdout.Fd())),
		errTTY: term.IsTerminal(int(os.Stderr.Fd())),
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a closed standard output is an error of Write, see stickyWriter
	ctx, stop, signalled := notify(a.interrupt, a.exiting)
	defer stop()
	code := a.main(ctx, os.Args[1:])
	if s := signalled(); s != 0 && (code != exitOK || ctx.Err() != nil) {
		return 128 + s // as a shell reports a process that the signal ended
	}
	return code
}

// notify returns a context that the first SIGINT or SIGTERM cancels; the second one ends the process at once, after
// exiting. signalled tells which signal arrived, 0 for none. A SIGINT that taken accepts does neither.
func notify(taken func() bool, exiting func()) (ctx context.Context, stop func(), signalled func() int) {
	ctx, cancel := context.WithCancelCause(context.Background())
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	var got atomic.Int32
	go func() {
		for s := range ch {
			if s == os.Interrupt && taken() {
				continue
			}
			n, cause := int32(syscall.SIGINT), errInterrupted
			if s == syscall.SIGTERM {
				n, cause = int32(syscall.SIGTERM), errTerminated
			}
			if !got.CompareAndSwap(0, n) {
				exiting()
				os.Exit(128 + int(n))
			}
			cancel(cause)
		}
	}()
	return ctx, func() { signal.Stop(ch); cancel(nil) }, func() int { return int(got.Load()) }
}

var (
	errInterrupted = errors.New("interrupted")
	errTerminated  = errors.New("terminated")
)
