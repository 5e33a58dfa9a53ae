package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/peterh/liner"

	"lladav"
)

// session is a conversation in the terminal.
type session struct {
	a       *app
	gen     *opened
	r       *runFlags
	line    *liner.State
	history string // file, "" for none

	messages []lladav.Message
	pending  inputs // media for the next turn
}

const replHelp = `/image PATH       attach a picture to the next message (a path in the text is recognised too)
/video PATH       attach a video or a folder of frames
/set NAME VALUE   change a setting, by the name of its flag; /set shows them
/show             what this conversation holds
/denoise on|off   show the cells as they fill
/retry            answer the last message again
/clear            forget the conversation
/save FILE        write the conversation as JSON; /load FILE reads one
/bye              leave (Ctrl-D too); Ctrl-C stops an answer
"""               begins and ends a message of several lines
`

// repl reads messages and commands until the end of input.
func (a *app) repl(ctx context.Context, gen *opened, r *runFlags, _ lladav.Params, in inputs) error {
	s := &session{a: a, gen: gen, r: r, line: liner.NewLiner(), pending: in}
	defer s.line.Close()
	s.line.SetCtrlCAborts(true)
	s.line.SetMultiLineMode(true)
	s.line.SetCompleter(s.complete)
	if !r.noHist {
		s.history = a.historyFile()
		s.loadHistory()
		defer s.saveHistory()
	}
	s.reset()
	fmt.Fprintf(a.err, "%s. /? lists the commands, Ctrl-D leaves.\n", gen.name)
	for ctx.Err() == nil {
		text, err := s.read()
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprintln(a.err)
			return nil
		case errors.Is(err, liner.ErrPromptAborted):
			continue
		case err != nil:
			return fmt.Errorf("read a line: %w", err)
		}
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		leave, err := s.do(ctx, text)
		if err != nil {
			a.printError(err)
		}
		if leave {
			return nil
		}
	}
	return context.Cause(ctx)
}

// read returns one message: a line, or what stands between two lines of """.
func (s *session) read() (string, error) {
	text, err := s.line.Prompt(">>> ")
	if err != nil {
		return "", err
	}
	s.line.AppendHistory(text)
	open, more := strings.CutPrefix(strings.TrimSpace(text), `"""`)
	if !more {
		return text, nil
	}
	var lines []string
	for rest := open; ; {
		if body, closed := strings.CutSuffix(strings.TrimRight(rest, " "), `"""`); closed {
			return strings.Trim(strings.Join(append(lines, body), "\n"), "\n"), nil
		}
		lines = append(lines, rest)
		if rest, err = s.line.Prompt("... "); err != nil {
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
			return false, fmt.Errorf("open video: %w", err)
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

var replCommands = []string{"/image", "/video", "/set", "/show", "/denoise", "/retry", "/clear", "/save", "/load", "/?", "/bye"}

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
	asked := s.pending
	s.pending = inputs{}
	return s.reply(ctx, asked)
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
	return s.reply(ctx, inputs{prompt: plainText(s.messages[n-1])})
}

// reply answers the conversation so far. Ctrl-C stops the answer and keeps the conversation.
func (s *session) reply(ctx context.Context, asked inputs) error {
	params, err := s.r.gen.params()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer s.a.onInterrupt(func() { cancel(errInterrupted) })()
	ans, err := s.a.answer(ctx, s.gen, &lladav.Request{Messages: slices.Clone(s.messages), Params: params}, s.r, asked)
	if err != nil && ctx.Err() != nil {
		fmt.Fprintln(s.a.err, "\nstopped")
		return nil
	}
	if err == nil {
		s.messages = append(s.messages, lladav.Text(lladav.Assistant, ans.Text))
	}
	return err
}

func (s *session) set(rest string) error {
	name, value, ok := strings.Cut(rest, " ")
	if !ok {
		fmt.Fprint(s.a.err, s.r.genSet.FlagUsages())
		return nil
	}
	name = strings.ReplaceAll(name, "_", "-")
	f := s.r.genSet.Lookup(name)
	if f == nil {
		return usagef("unknown setting %q%s", name, didYouMean(name, flagNames(s.r.genSet)))
	}
	before := f.Value.String()
	if err := f.Value.Set(strings.TrimSpace(value)); err != nil {
		return usagef("%s is %q, which is no %s", name, value, f.Value.Type())
	}
	if _, err := s.r.gen.params(); err != nil {
		return errors.Join(err, f.Value.Set(before))
	}
	return nil
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

func (s *session) loadHistory() {
	if f, err := os.Open(s.history); err == nil {
		s.line.ReadHistory(f)
		f.Close()
	}
}

// saveHistory keeps the history readable by its owner only. That it cannot be kept is no reason to complain.
func (s *session) saveHistory() {
	if s.history == "" || os.MkdirAll(filepath.Dir(s.history), 0o700) != nil {
		return
	}
	f, err := createFile(s.history)
	if err != nil {
		return
	}
	_, err = s.line.WriteHistory(f)
	if f.commit(err) == nil {
		os.Chmod(s.history, 0o600)
	}
}
