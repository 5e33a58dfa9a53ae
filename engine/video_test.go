package engine

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lladav"
)

// TestMain lets the test program stand in for ffmpeg and ffprobe when it is started under their names.
func TestMain(m *testing.M) {
	switch strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") {
	case "ffprobe":
		if bytes.Contains(clip(), []byte("broken")) {
			fmt.Fprintln(os.Stderr, "moov atom not found")
			os.Exit(1)
		}
		fmt.Println(9)
	case "ffmpeg":
		fakeFFmpeg()
	default:
		os.Exit(m.Run())
	}
}

// clip reads the file that the stand-in is given.
func clip() []byte {
	data, err := os.ReadFile(strings.TrimPrefix(os.Args[slices.Index(os.Args, "-i")+1], "file:"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return data
}

// fakeFFmpeg writes frames that depend on the file.
func fakeFFmpeg() {
	data := clip()
	n, _ := strconv.Atoi(os.Args[slices.Index(os.Args, "-frames:v")+1])
	for i := range n {
		if i > 0 && bytes.Contains(data, []byte("slow")) {
			time.Sleep(time.Minute)
		}
		fmt.Print("P6\n8 6\n255\n")
		for j := range 8 * 6 * 3 {
			os.Stdout.Write([]byte{data[j%len(data)] + byte(20*i+j)})
		}
	}
}

// fakeTools returns a folder with the stand-ins.
func fakeTools(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, suffix := t.TempDir(), ""
	if runtime.GOOS == "windows" {
		suffix = ".exe"
	}
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if err := os.Link(self, filepath.Join(dir, name+suffix)); err != nil {
			data, err := os.ReadFile(self) // on another file system
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name+suffix), data, 0o755)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// A video comes as a path or as bytes; bytes lie in a temporary file as long as they are read, whatever happens.
func TestVideo(t *testing.T) {
	tools, dir := fakeTools(t), synth(t, SynthOptions{})
	temp := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, temp)
	}
	e := openDir(t, dir, Options{Threads: 1, FFmpegDir: tools})
	request := func(m lladav.Media) *lladav.Request {
		m.Name = "clip.mp4"
		p := params(4, warm, func(p *lladav.Params) { p.Frames = 3 })
		return &lladav.Request{Params: p, Steps: true, Messages: []lladav.Message{
			{Role: lladav.User, Parts: []lladav.Part{{Video: &m}, {Text: "What happens?"}}},
		}}
	}
	path := filepath.Join(t.TempDir(), "clip.mp4")
	writeTest(t, path, "a short clip")
	file := answered(t, e, request(lladav.Media{Path: path}))
	again := answered(t, e, request(lladav.Media{Data: []byte("a short clip")}))
	other := answered(t, e, request(lladav.Media{Data: []byte("another clip")}))
	same(t, "as bytes", again, file)
	layout, err := e.config.Images.Video(3)
	if err != nil {
		t.Fatal(err)
	}
	if u := file.done.Usage; u.ImageTokens != layout.Rows() || again.done.Usage.CachedTokens != u.ImageTokens || other.done.Usage.CachedTokens != 0 {
		t.Errorf("3 frames of %d rows: %+v, %+v, %+v", layout.Rows(), u, again.done.Usage, other.done.Usage)
	}
	if o := collect(t, t.Context(), e, request(lladav.Media{Data: []byte("broken")})); o.err == nil ||
		o.err.Error() != "read video clip.mp4: ffprobe: moov atom not found" || lladav.KindOf(o.err) != lladav.BadInput {
		t.Errorf("a broken video: %v", o.err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	if o := collect(t, ctx, e, request(lladav.Media{Data: []byte("slow")})); lladav.KindOf(o.err) != lladav.Interrupted || time.Since(start) > 20*time.Second {
		t.Errorf("a video that takes long: after %v %v", time.Since(start), o.err)
	}
	none := openDir(t, dir, Options{Threads: 1, FFmpegDir: temp})
	if o := collect(t, t.Context(), none, request(lladav.Media{Data: []byte("x")})); o.err == nil || !strings.Contains(o.err.Error(), "clip.mp4: ffmpeg and ffprobe are needed") {
		t.Errorf("without ffmpeg: %v", o.err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
