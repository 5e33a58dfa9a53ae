package vision

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test program stand in for ffmpeg and ffprobe when it is started under their names.
func TestMain(m *testing.M) {
	switch strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") {
	case "ffprobe":
		fakeProbe()
	case "ffmpeg":
		fakeMPEG(strings.Join(os.Args, " "))
	default:
		os.Exit(m.Run())
	}
}

// The environment tells the stand-ins how to behave.
const fakeEnv = "LLADAV_TEST_FFMPEG"

func fakeProbe() {
	switch os.Getenv(fakeEnv) {
	case "no video":
	case "garbage":
		fmt.Println("N/A")
	case "broken":
		fmt.Fprintf(os.Stderr, "first\nfile:%s: Invalid data found\n", lastInput())
		os.Exit(1)
	default:
		fmt.Println("10\n10")
	}
}

func lastInput() string {
	for i, a := range os.Args {
		if a == "-i" {
			return strings.TrimPrefix(os.Args[i+1], "file:")
		}
	}
	return ""
}

// fakeMPEG writes the frames asked for; frame n is two pixels of red level n.
func fakeMPEG(args string) {
	mode, frames := os.Getenv(fakeEnv), 10
	switch mode {
	case "one short":
		frames = 9
	case "short":
		frames = 4
	case "hang":
		time.Sleep(time.Hour)
	case "huge":
		fmt.Print("P6\n60000 60000\n255\n")
		return
	case "not pixmap":
		fmt.Print("<html>")
		return
	}
	for _, m := range regexp.MustCompile(`eq\(n,(\d+)\)`).FindAllStringSubmatch(args, -1) {
		if n, _ := strconv.Atoi(m[1]); n < frames {
			fmt.Printf("P6\n2 1\n255\n%c\x00\x00%c\x00\x00", n, n)
		}
	}
	if mode == "fails late" {
		fmt.Fprintln(os.Stderr, "out of tea")
		os.Exit(1)
	}
}

// fakeTools makes a folder with copies of the test program and a file to read.
func fakeTools(t *testing.T, mode string) (dir, video string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		if os.Symlink(self, filepath.Join(dir, name)) != nil {
			err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), program, 0o755))
		}
	}
	video = filepath.Join(dir, "clip:1.mp4")
	err = errors.Join(err, os.WriteFile(video, nil, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(fakeEnv, mode)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // or each stand-in takes a second to end
	return dir, video
}

// reds collects the red level of each frame's first pixel.
func reds(ctx context.Context, path string, n int, opts VideoOptions) (levels []int, err error) {
	for m, err := range Frames(ctx, path, n, opts) {
		if err != nil {
			return levels, err
		}
		levels = append(levels, int(m.Pix[0]))
	}
	return levels, nil
}

func TestFrames(t *testing.T) {
	for _, tt := range []struct {
		mode string
		n    int
		want string // levels or error
	}{
		{"", 1, "[0]"},
		{"", 4, "[0 3 6 9]"},
		{"", 12, "[0 0 1 2 3 4 4 5 6 7 8 9]"},
		{"one short", 4, "[0 3 6 6]"},
		{"short", 4, "[0 3] it has fewer frames than it says"},
		{"fails late", 2, "[0 9] ffmpeg: out of tea"},
		{"no video", 2, "[] there is no video in it"},
		{"garbage", 2, "[] its frames cannot be counted"},
		{"broken", 2, "[] ffprobe: Invalid data found"},
		{"huge", 2, "[] a frame from ffmpeg: 60000x60000 pixels are more than the limit of 64000000"},
		{"not pixmap", 2, "[] a frame from ffmpeg: not a pixmap"},
		{"", 0, "[] 0 frames are not 1…1024"},
		{"", 5000, "[] 5000 frames are not 1…1024"},
	} {
		t.Run(tt.mode+" "+strconv.Itoa(tt.n), func(t *testing.T) {
			dir, video := fakeTools(t, tt.mode)
			levels, err := reds(t.Context(), video, tt.n, VideoOptions{Dir: dir})
			got := fmt.Sprint(levels)
			if err != nil {
				got += " " + strings.TrimPrefix(err.Error(), "read video "+video+": ")
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Pixels that look like white space belong to the picture, not to its header.
func TestReadPPM(t *testing.T) {
	r := bufio.NewReader(strings.NewReader("P6\n1 2\n255\n \n \n\t P6\n1 1\n255\n\xff\xfe\n"))
	for _, want := range []string{" \n \n\t ", "\xff\xfe\n"} {
		m, err := readPPM(r, Limits{})
		if err != nil || string(m.Pix) != want {
			t.Fatalf("got %v, %v, want %q", m, err, want)
		}
	}
	if _, err := readPPM(r, Limits{}); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestFramesCancel(t *testing.T) {
	dir, video := fakeTools(t, "hang")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := reds(ctx, video, 2, VideoOptions{Dir: dir}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestFramesBreak(t *testing.T) {
	dir, video := fakeTools(t, "")
	for _, err := range Frames(t.Context(), video, 4, VideoOptions{Dir: dir}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
}

func TestFramesMissing(t *testing.T) {
	_, video := fakeTools(t, "")
	_, err := reds(t.Context(), video, 2, VideoOptions{Dir: t.TempDir()})
	if !errors.Is(err, ErrNoFFmpeg) || strings.Contains(err.Error(), "\n") {
		t.Errorf("without ffmpeg: %v", err)
	}
	if _, err := reds(t.Context(), video+"x", 2, VideoOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
}

func TestFramesFolder(t *testing.T) {
	dir := t.TempDir()
	if _, err := reds(t.Context(), dir, 2, VideoOptions{}); err == nil {
		t.Error("an empty folder has frames")
	}
	for i := range 5 {
		m := image.NewNRGBA(image.Rect(0, 0, 3, 2))
		for j := 0; j < len(m.Pix); j += 4 {
			m.Set(j/4%3, j/12, color.NRGBA{uint8(i), 0, 0, 255})
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, fmt.Sprintf("%03d.png", i)), b.Bytes())
	}
	writeFile(t, filepath.Join(dir, ".hidden"), nil)
	if levels, err := reds(t.Context(), dir, 3, VideoOptions{}); err != nil || !slices.Equal(levels, []int{0, 2, 4}) {
		t.Errorf("got %v, %v", levels, err)
	}
	c := Config{Tile: 4, Side: 2}
	tiles, err := c.PrepareVideo(Frames(t.Context(), dir, 3, VideoOptions{}))
	if err != nil || tiles.N != 3 || tiles.Size != (Size{3, 2}) || !tiles.Video || tiles.Pixels[2*3*16] != levels[4] {
		t.Errorf("got %+v, %v", tiles, err)
	}
	writeFile(t, filepath.Join(dir, "001.png"), []byte("not a picture"))
	if _, err := reds(t.Context(), dir, 5, VideoOptions{}); err == nil || !strings.Contains(err.Error(), "001.png") {
		t.Errorf("a broken frame: %v", err)
	}
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
