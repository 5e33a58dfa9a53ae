package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/pflag"

	"lladav"
)

// session is a conversation in the terminal.
type session struct {
	a     *app
	gen   *opened
	r     *runFlags
	lines lines

	aborted atomic.Bool // Ctrl-C was the last thing at the prompt

	messages []lladav.Message
	pending  inputs // media for the next turn
}

const replHelp = `/image PATH       attach a picture to the next message (a path in the text is recognised too)
/video PATH       attach a video or a folder of frames
/set NAME VALUE   change a setting, by the name of its flag; /set shows them all
/show             what this conversation holds
/denoise on|off   show the cells as they fill
/retry            answer the last message again
/clear            forget the conversation
/save FILE        write the conversation as JSON; /load FILE reads one
/help             this list (/? too)
/bye              leave (Ctrl-D too); Ctrl-C stops an answer
"""               begins and ends a message of several lines
`

// repl reads messages and commands until the end of input.
func (a *app) repl(ctx context.Context, gen *opened, r *runFlags, in inputs) error {
	s := &session{a: a, gen: gen, r: r, pending: in}
	s.lines = a.newLines(s.complete, r.noHist)
	defer s.lines.close()
	defer a.onExit(s.lines.close)()
	s.reset()
	fmt.Fprintf(a.err, "%s. /? lists the commands, Ctrl-D leaves.\n", gen.name)
	for _, img := range in.images {
		fmt.Fprintf(a.err, "attached %s\n", img.Name)
	}
	defer a.onInterrupt(s.interrupted)()
	for {
		text, err := s.read(ctx)
		switch {
		case errors.Is(err, errAborted) && s.aborted.Swap(true):
			return nil
		case errors.Is(err, errAborted):
			fmt.Fprintln(a.err, leaveHint)
			continue
		case errors.Is(err, io.EOF):
			fmt.Fprintln(a.err)
			return nil
		case ctx.Err() != nil:
			fmt.Fprintln(a.err)
			return err
		case err != nil:
			return fmt.Errorf("read a line: %w", err)
		}
		s.aborted.Store(false)
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		leave, err := s.do(ctx, text)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			a.printError(err)
		}
		if leave {
			return nil
		}
	}
}

const leaveHint = "Ctrl-C again or Ctrl-D leaves"

// interrupted takes an interrupt that comes as a signal, where the prompt does not read Ctrl-C as a key, or not yet.
func (s *session) interrupted() bool {
	if s.aborted.Swap(true) {
		return false
	}
	fmt.Fprintf(s.a.err, "\n%s\n>>> ", leaveHint)
	return true
}

// read returns one message: a line, or what stands between two lines of """.
func (s *session) read(ctx context.Context) (string, error) {
	text, err := s.lines.prompt(ctx, ">>> ")
	if err != nil {
		return "", err
	}
	open, more := strings.CutPrefix(strings.TrimSpace(text), `"""`)
	if !more {
		return text, nil
	}
	var list []string
	for rest := open; ; {
		if body, closed := strings.CutSuffix(strings.TrimRight(rest, " "), `"""`); closed {
			return strings.Trim(strings.Join(append(list, body), "\n"), "\n"), nil
		}
		list = append(list, rest)
		if rest, err = s.lines.prompt(ctx, "... "); err != nil {
			return "", err
		}
	}
}

// do carries out a command or answers a message.
func (s *session) do(ctx context.Context, text string) (leave bool, err error) {
	name, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch name {
	case "/bye", "/exit", "/quit":
		return true, nil
	case "/?", "/help":
		fmt.Fprint(s.a.err, replHelp)
	case "/image":
		return false, s.attach(unquote(rest))
	case "/video":
		path := unquote(rest)
		if _, err := os.Stat(path); err != nil {
			return false, fmt.Errorf("open video %s: %w", path, bare(err))
		}
		s.pending.video = &lladav.Media{Name: path, Path: path}
	case "/set":
		return false, s.set(rest)
	case "/show":
		s.show()
	case "/denoise":
		if rest != "on" && rest != "off" {
			return false, usagef("/denoise takes on or off")
		}
		s.r.show = rest == "on"
	case "/retry":
		return false, s.retry(ctx)
	case "/clear":
		s.reset()
		s.pending = inputs{}
	case "/save":
		return false, saveConversation(unquote(rest), s.messages)
	case "/load":
		msgs, err := loadConversation(unquote(rest))
		if err != nil {
			return false, err
		}
		s.messages = msgs
	default:
		if strings.HasPrefix(name, "/") && !strings.Contains(name[1:], "/") {
			return false, usagef("unknown command %s%s", name, didYouMean(name, replCommands))
		}
		return false, s.say(ctx, text)
	}
	return false, nil
}

var replCommands = []string{"/image", "/video", "/set", "/show", "/denoise", "/retry", "/clear", "/save", "/load", "/help", "/bye"}

func (s *session) reset() {
	s.messages = nil
	if s.r.system != "" {
		s.messages = []lladav.Message{lladav.Text(lladav.System, s.r.system)}
	}
}

func (s *session) attach(path string) error {
	m, err := readPicture(path)
	if err == nil {
		s.pending.images = append(s.pending.images, m)
		fmt.Fprintf(s.a.err, "attached %s\n", path)
	}
	return err
}

// say sends a message; pictures named in the text are attached.
func (s *session) say(ctx context.Context, text string) error {
	for _, p := range picturePaths(text) {
		if err := s.attach(p.path); err != nil {
			return err
		}
		text = strings.Replace(text, p.quoted, "", 1)
	}
	s.pending.prompt = strings.TrimSpace(text)
	if s.pending.prompt == "" {
		return nil // only pictures: the question follows
	}
	s.messages = append(s.messages, s.pending.user())
	prompt := s.pending.prompt
	s.pending = inputs{}
	return s.reply(ctx, prompt)
}

func (s *session) retry(ctx context.Context) error {
	n := len(s.messages)
	if n > 0 && s.messages[n-1].Role == lladav.Assistant {
		n--
	}
	if n == 0 || s.messages[n-1].Role != lladav.User {
		return usagef("/retry: there is no message to answer")
	}
	s.messages = s.messages[:n]
	return s.reply(ctx, plainText(s.messages[n-1]))
}

// reply answers the conversation so far. Ctrl-C stops the answer and keeps what there is of it; a second Ctrl-C, before
// the answer has stopped, ends the program.
func (s *session) reply(ctx context.Context, prompt string) error {
	params, err := s.r.gen.params()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer s.a.onInterrupt(func() bool {
		if ctx.Err() != nil {
			return false
		}
		cancel(errInterrupted)
		return true
	})()
	ans, err := s.a.answer(ctx, s.gen, &lladav.Request{Messages: slices.Clone(s.messages), Params: params}, s.r, prompt)
	if err != nil && ctx.Err() == nil {
		s.messages = s.messages[:len(s.messages)-1] // what cannot be answered would stand in the way of all that follows
		return err
	}
	s.messages = append(s.messages, lladav.Text(lladav.Assistant, ans.Text))
	if err != nil {
		fmt.Fprintln(s.a.err, "stopped")
	}
	return nil
}

// set changes the setting that rest begins with; without a value it shows it, without a name all of them.
func (s *session) set(rest string) error {
	name, value, change := strings.Cut(rest, " ")
	name = strings.ReplaceAll(strings.TrimLeft(name, "-"), "_", "-")
	f := s.r.genSet.Lookup(name)
	switch {
	case name == "":
		s.r.genSet.VisitAll(s.showSetting)
		return nil
	case f == nil:
		return usagef("unknown setting %q%s", name, didYouMean(name, flagNames(s.r.genSet)))
	case !change:
		s.showSetting(f)
		return nil
	}
	before := s.r.gen
	if err := f.Value.Set(strings.TrimSpace(value)); err != nil {
		s.r.gen = before // some values are changed even so
		return usagef("%s is %q, it must be %s", name, value, wanted(f))
	}
	if _, err := s.r.gen.params(); err != nil {
		s.r.gen = before
		return err
	}
	s.showSetting(f)
	return nil
}

func (s *session) showSetting(f *pflag.Flag) {
	_, usage := pflag.UnquoteUsage(f)
	fmt.Fprintf(s.a.err, "%-16s %-14s %s\n", f.Name, f.Value, usage)
}

func (s *session) show() {
	for _, m := range s.messages {
		pictures := 0
		for _, p := range m.Parts {
			if p.Image != nil || p.Video != nil {
				pictures++
			}
		}
		fmt.Fprintf(s.a.err, "%s: %s", m.Role, plainText(m))
		if pictures > 0 {
			fmt.Fprintf(s.a.err, " [%d attached]", pictures)
		}
		fmt.Fprintln(s.a.err)
	}
	if n := len(s.pending.images); n > 0 || s.pending.video != nil {
		fmt.Fprintf(s.a.err, "waiting for the next message: %d pictures, video: %t\n", n, s.pending.video != nil)
	}
}

func plainText(m lladav.Message) string {
	var b strings.Builder
	for _, p := range m.Parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

func (s *session) complete(line string) (out []string) {
	for _, c := range replCommands {
		if strings.HasPrefix(c, line) {
			out = append(out, c)
		}
	}
	if name, ok := strings.CutPrefix(line, "/set "); ok {
		for _, f := range flagNames(s.r.genSet) {
			if strings.HasPrefix(f, name) {
				out = append(out, "/set "+f+" ")
			}
		}
	}
	return out
}
