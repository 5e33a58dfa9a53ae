package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A typist sits at a terminal of 60 columns on which the program runs.
type typist struct {
	t      *testing.T
	p      *process
	keys   *os.File // the terminal's other end
	tty    *os.File
	screen *transcript
	before unix.Termios
}

// atTerminal starts the program on a new pseudo-terminal.
func atTerminal(t *testing.T, args ...string) *typist {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	fd := int(keys.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 60})
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	y := &typist{t: t, p: program(t, append([]string{"run", "--seed", "1"}, args...)...), keys: keys, tty: tty, screen: newTranscript()}
	y.before = y.mode()
	y.p.Stdin, y.p.Stdout, y.p.Stderr = tty, tty, tty
	y.p.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := y.p.Start(); err != nil {
		t.Fatal(err)
	}
	go io.Copy(y.screen, keys) // ends with the terminal
	return y
}

func (y *typist) mode() unix.Termios {
	y.t.Helper()
	mode, err := unix.IoctlGetTermios(int(y.tty.Fd()), unix.TCGETS)
	if err != nil {
		y.t.Fatal(err)
	}
	return *mode
}

// press types keys, then waits for words on the screen.
func (y *typist) press(keys, words string) string {
	y.t.Helper()
	if _, err := io.WriteString(y.keys, keys); err != nil {
		y.t.Fatal(err)
	}
	return y.screen.wait(y.t, words)
}

// prompt waits until the program asks for a line and reads Ctrl-C as a key.
func (y *typist) prompt() {
	y.t.Helper()
	y.screen.wait(y.t, ">>> ")
	for start := time.Now(); y.mode().Lflag&unix.ISIG != 0; time.Sleep(time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			y.t.Fatal("the terminal is not in the mode for editing")
		}
	}
}

// end checks how the program has ended, and that the terminal is as it was.
func (y *typist) end(want int) {
	y.t.Helper()
	if got := y.p.status(y.t); got != want {
		y.t.Errorf("status %d, want %d", got, want)
	}
	if mode := y.mode(); mode != y.before {
		y.t.Errorf("the terminal's mode is %+v, was %+v", mode, y.before)
	}
	holds(y.t, y.p.temp)
}

const ctrlC, ctrlD, up = "\x03", "\x04", "\x1b[A"

// TestTerminalConversation edits lines, recalls one, and leaves with Ctrl-D.
func TestTerminalConversation(t *testing.T) {
	y := atTerminal(t, "--gen-length", "2")
	y.press("", ">>> ")
	y.press("/sho\t\r", ">>> ") // completed to /show
	y.press("/nonsense\r", "unknown command /nonsense")
	y.press("", ">>> ")
	y.press("one\r", ">>> ")
	y.press("/show\r", "user: one")
	y.press("", ">>> ")
	y.press(up+up+"\r", ">>> ")
	y.press("/show\r", "user: one")
	y.press("", "user: one")
	y.press("", ">>> ")
	y.press(ctrlD, "")
	y.end(exitOK)
	data, err := os.ReadFile(y.p.home + "/.local/state/lladav/history")
	if err != nil || string(data) != "/show\n/nonsense\none\n/show\none\n/show\n" {
		t.Errorf("history %q, %v", data, err)
	}
}

// TestTerminalCtrlC leaves with Ctrl-C twice at the prompt; once, it stops an answer.
func TestTerminalCtrlC(t *testing.T) {
	y := atTerminal(t, "--gen-length", "100", "--block-length", "1", "--delay", "50", "--show-denoise")
	y.prompt()
	y.press("hello\r", " of 100 cells")
	y.press(ctrlC, "stopped\r\n")
	y.prompt()
	y.press(ctrlC, leaveHint)
	y.prompt()
	y.press(ctrlC, "")
	y.end(exitOK)
}

// TestTerminalTerminated ends the program at its prompt, and while it answers.
func TestTerminalTerminated(t *testing.T) {
	for _, during := range []bool{false, true} {
		y := atTerminal(t, "--gen-length", "100", "--block-length", "1", "--delay", "50", "--show-denoise")
		y.prompt()
		if during {
			y.press("hello\r", " of 100 cells")
		}
		if err := y.p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		y.screen.wait(t, "lladav: terminated\r\n")
		y.end(143)
	}
}

// TestTerminalView compares what is left of --show-denoise on the screen: the answer, once.
func TestTerminalView(t *testing.T) {
	y := atTerminal(t, "hi", "--gen-length", "40", "--show-denoise", "--quiet=false")
	_, want, _ := runHere(t, "", "run", "--seed", "1", "hi", "--gen-length", "40")
	text := y.screen.wait(t, strings.ReplaceAll(want, "\n", "\r\n"))
	y.end(exitOK)
	if !strings.Contains(text, "░") || !strings.Contains(text, "step 40 of 40") {
		t.Errorf("the cells were not shown: %q", text)
	}
	screen := newTerminal(60)
	screen.Write([]byte(text))
	lines := screen.lines()
	if got := lines[len(lines)-1]; strings.TrimSpace(got) != strings.TrimSpace(want) || strings.Contains(strings.Join(lines, "\n"), "░") {
		t.Errorf("left on the screen is %q, the answer is %q", lines, want)
	}
}

// TestOutputFull writes to a device without space.
func TestOutputFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, args := range [][]string{
		{"version"}, {"--help"}, {"run", "hi", "--gen-length", "2", "--quiet"}, {"run", "hi", "--gen-length", "2", "--quiet", "--format", "json"},
	} {
		p := program(t, args...)
		p.Stdout = full
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		if got := p.status(t); got != exitFailed || p.errs.String() != "lladav: write to standard output: no space left on device\n" {
			t.Errorf("%v: status %d and %q", args, got, p.errs.String())
		}
	}
}
