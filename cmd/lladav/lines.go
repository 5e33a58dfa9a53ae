package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/peterh/liner"
)

// lines is where a conversation's lines come from.
type lines interface {
	// prompt asks for a line. It returns io.EOF at the end of input, errAborted after Ctrl-C, ctx's cause once ctx ends.
	prompt(ctx context.Context, prompt string) (string, error)
	// close saves what is to be kept, and leaves the terminal as it was.
	close()
}

var errAborted = errors.New("the line was abandoned")

// newLines edits lines on a terminal and keeps them as history; where a terminal is missing or cannot do that, it reads them
// as they come.
func (a *app) newLines(complete func(string) []string, noHistory bool) lines {
	if a.in != os.Stdin || !a.outTTY || !liner.TerminalSupported() {
		return &plainLines{in: bufio.NewReader(a.in), out: a.err}
	}
	l := &editedLines{state: liner.NewLiner()}
	l.state.SetCtrlCAborts(true)
	l.state.SetMultiLineMode(true)
	l.state.SetCompleter(complete)
	if !noHistory {
		l.history = a.historyFile()
		l.load()
	}
	return l
}

// waitFor returns what read returns, unless ctx ends first; then read is left to itself.
func waitFor(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	ch := make(chan result, 1)
	go func() {
		text, err := read()
		ch <- result{text, err}
	}()
	select {
	case r := <-ch:
		return r.text, r.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// plainLines reads lines without editing.
type plainLines struct {
	in  *bufio.Reader
	out io.Writer
}

func (p *plainLines) prompt(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(p.out, prompt)
	return waitFor(ctx, func() (string, error) {
		text, err := p.in.ReadString('\n')
		if text != "" && err == io.EOF {
			err = nil
		}
		return strings.TrimRight(text, "\r\n"), err
	})
}

func (*plainLines) close() {}

// editedLines reads lines with editing and history.
type editedLines struct {
	state   *liner.State
	history string // file, "" for none
}

func (l *editedLines) prompt(ctx context.Context, prompt string) (string, error) {
	text, err := waitFor(ctx, func() (string, error) { return l.state.Prompt(prompt) })
	switch {
	case errors.Is(err, liner.ErrPromptAborted):
		return "", errAborted
	case err == nil:
		l.state.AppendHistory(text)
	}
	return text, err
}

func (l *editedLines) close() {
	l.state.Close()
	l.save()
}

// historyFile is where the lines of conversations are kept, in the user's state directory.
func (a *app) historyFile() string {
	dir := a.env("XDG_STATE_HOME")
	if runtime.GOOS == "windows" {
		dir = a.env("LocalAppData")
	} else if dir == "" && a.env("HOME") != "" {
		dir = filepath.Join(a.env("HOME"), ".local", "state")
	}
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "lladav", "history")
}

func (l *editedLines) load() {
	if f, err := os.Open(l.history); err == nil {
		l.state.ReadHistory(f)
		f.Close()
	}
}

// save keeps the history readable by its owner only. That it cannot be kept is no reason to complain.
func (l *editedLines) save() {
	if l.history == "" || os.MkdirAll(filepath.Dir(l.history), 0o700) != nil {
		return
	}
	f, err := createFile(l.history)
	if err != nil {
		return
	}
	_, err = l.state.WriteHistory(f)
	if f.commit(err) == nil {
		os.Chmod(l.history, 0o600)
	}
}
