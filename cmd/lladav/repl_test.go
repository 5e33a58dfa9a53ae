package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A transcript is what a program has written so far; other goroutines wait for words in it.
type transcript struct {
	mu   sync.Mutex
	cond *sync.Cond
	text strings.Builder
	seen int // where the next search begins
	over bool
}

func newTranscript() *transcript {
	t := &transcript{}
	t.cond = sync.NewCond(&t.mu)
	return t
}

func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.Write(b)
	t.cond.Broadcast()
	return len(b), nil
}

// wait returns what is written up to and with words, once it is.
func (t *transcript) wait(tb testing.TB, words string) string {
	tb.Helper()
	defer time.AfterFunc(20*time.Second, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.over = true
		t.cond.Broadcast()
	}).Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		rest := t.text.String()[t.seen:]
		if i := strings.Index(rest, words); i >= 0 {
			t.seen += i + len(words)
			return rest[:i+len(words)]
		}
		if t.over {
			tb.Fatalf("%q was not written, the last is %q", words, rest[max(0, len(rest)-500):])
		}
		t.cond.Wait()
	}
}

// A talk is a conversation with the program in this process, through pipes.
type talk struct {
	t    *testing.T
	a    *app
	in   io.Writer
	err  *transcript
	out  bytes.Buffer
	done chan int
}

func startTalk(t *testing.T, ctx context.Context, args ...string) *talk {
	r, w := io.Pipe()
	k := &talk{t: t, in: w, err: newTranscript(), done: make(chan int, 1)}
	k.a = &app{in: r, inTTY: true, out: &k.out, err: k.err, env: func(string) string { return "" }}
	go func() {
		k.done <- k.a.main(ctx, append([]string{"run", "--seed", "1", "--gen-length", "4", "-m", randomModel(t)}, args...))
	}()
	t.Cleanup(func() { w.Close() })
	k.err.wait(t, ">>> ")
	return k
}

// say types a line and returns what the program writes to standard error before it asks for the next one.
func (k *talk) say(line string) string {
	k.t.Helper()
	io.WriteString(k.in, line+"\n")
	return strings.TrimSuffix(k.err.wait(k.t, ">>> "), ">>> ")
}

func (k *talk) end(want int) {
	k.t.Helper()
	if got := <-k.done; got != want {
		k.t.Errorf("status %d, want %d", got, want)
	}
}

// TestConversation goes through the commands.
func TestConversation(t *testing.T) {
	t.Chdir(t.TempDir())
	picture := testQuestion(t)[0].Parts[0].Image.Data
	if err := os.WriteFile("a b.png", picture, 0o600); err != nil {
		t.Fatal(err)
	}
	k := startTalk(t, context.Background())
	for _, c := range []struct{ line, want string }{
		{"", ""},
		{"/help", replHelp},
		{"/?", replHelp},
		{"/imag x", "lladav: unknown command /imag, did you mean /image?\n"},
		{"/image none.png", "lladav: open picture none.png: no such file\n"},
		{"/video none.mp4", "lladav: open video none.mp4: no such file or directory\n"},
		{"/set gen-lenght 3", "lladav: unknown setting \"gen-lenght\", did you mean gen-length?\n"},
		{"/set gen_length x", "lladav: gen-length is \"x\", it must be a whole number\n"},
		{"/set gen_length -1", "lladav: gen_length is -1, it must be between 1 and 1048576\n"},
		{"/set gen_length", "gen-length       4              answer cells\n"},
		{"/set gen_length 2", "gen-length       2              answer cells\n"},
		{"/retry", "lladav: /retry: there is no message to answer\n"},
		{"/denoise maybe", "lladav: /denoise takes on or off\n"},
		{"/save", "lladav: /save needs a file\n"},
		{"/load none.json", "lladav: load conversation none.json: no such file or directory\n"},
		{"/image 'a b.png'", "attached a b.png\n"},
		{"/show", "waiting for the next message: 1 pictures, video: false\n"},
	} {
		if got := k.say(c.line); got != c.want {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
	k.say("What is it?")
	k.say("\"\"\"two\nlines\"\"\"")
	shown := k.say("/show")
	for _, want := range []string{"user: What is it? [1 attached]\nassistant: ", "user: two\nlines\nassistant: "} {
		if !strings.Contains(shown, want) {
			t.Errorf("the conversation is %q, without %q", shown, want)
		}
	}
	if n := strings.Count(k.out.String(), "\n"); n != 2 {
		t.Errorf("%d answers were printed: %q", n, k.out.String())
	}
	k.say("/save c.json")
	k.say("/clear")
	if got := k.say("/show"); got != "" {
		t.Errorf("after /clear there is %q", got)
	}
	k.say("/load c.json")
	if got := k.say("/show"); got != shown {
		t.Errorf("loaded %q, saved %q", got, shown)
	}
	k.out.Reset()
	k.say("/retry")
	if got := k.say("/show"); got != shown || strings.Count(k.out.String(), "\n") != 1 {
		t.Errorf("the same seed gives another answer: %q, was %q", got, shown)
	}
	io.WriteString(k.in, "/bye\n")
	k.end(exitOK)
}

// TestConversationInterrupted stops an answer: what there is of it stays, and the conversation goes on.
func TestConversationInterrupted(t *testing.T) {
	k := startTalk(t, context.Background(), "--gen-length", "100", "--block-length", "1", "--delay", "50", "--show-denoise")
	io.WriteString(k.in, "hello\n")
	k.err.wait(t, "step 3/100")
	if !k.a.interrupt() {
		t.Error("an answer does not take the interrupt")
	}
	if got := k.err.wait(t, ">>> "); !strings.HasSuffix(got, "stopped\n>>> ") {
		t.Errorf("after the interrupt: %q", got)
	}
	if !k.a.interrupt() || k.err.wait(t, ">>> ") != "\n"+leaveHint+"\n>>> " {
		t.Error("the first interrupt at the prompt ends the program")
	}
	if k.a.interrupt() {
		t.Error("the second interrupt at the prompt is taken")
	}
	if got := k.say("/show"); !strings.Contains(got, "user: hello\nassistant: "+strings.TrimSuffix(k.out.String(), "\n")) {
		t.Errorf("the conversation is %q, printed was %q", got, k.out.String())
	}
	k.in.(io.Closer).Close()
	k.end(exitOK)
}

// TestConversationTerminated ends the program while it waits for a line.
func TestConversationTerminated(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	k := startTalk(t, ctx)
	cancel(errTerminated)
	k.end(exitFailed) // realMain makes 143 of it
	k.err.wait(t, "\nlladav: terminated\n")
}

// TestPicturesAtStart attaches the pictures of the command line to the first message.
func TestPicturesAtStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	if err := os.WriteFile(path, testQuestion(t)[0].Parts[0].Image.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	k := startTalk(t, context.Background(), path)
	k.say("What is it?")
	if got := k.say("/show"); !strings.Contains(got, "What is it? [1 attached]") {
		t.Errorf("the conversation is %q", got)
	}
	io.WriteString(k.in, "/bye\n")
	k.end(exitOK)
}
