package vision

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNoFFmpeg is in the chain of errors that installing ffmpeg would cure.
var ErrNoFFmpeg = errors.New("ffmpeg and ffprobe are needed and were not found (install ffmpeg, or give its folder with --ffmpeg-dir)")

// VideoOptions say how a video is read.
type VideoOptions struct {
	Name   string // what errors call the video; empty for its path
	Dir    string // folder of ffmpeg and ffprobe; empty for the path
	Limits Limits // of each frame
}

const maxFrames = 1024 // frames asked for at once

// Frames yields n frames of the video file, or of the folder of pictures, at path: evenly spaced from the first to the
// last, as the reference samples them, so that a short video repeats frames. Frames are in mode RGB and come one at a
// time. Errors are one line and name the file; the sequence ends with the first. Cancelling ctx, or breaking off, kills
// ffmpeg and waits for it.
func Frames(ctx context.Context, path string, n int, opts VideoOptions) iter.Seq2[*Image, error] {
	return func(yield func(*Image, error) bool) {
		info, err := os.Stat(path)
		switch {
		case n < 1 || n > maxFrames:
			err = fmt.Errorf("%d frames are not 1…%d", n, maxFrames)
		case err != nil:
			err = errors.Unwrap(err) // without the path, which the message has already
		case info.IsDir():
			err = folderFrames(ctx, path, n, opts, yield)
		default:
			err = fileFrames(ctx, path, n, opts, yield)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, fmt.Errorf("read video %s: %w", cmp.Or(opts.Name, path), err))
		}
	}
}

// errStopped says that whoever takes the frames wants no more.
var errStopped = errors.New("stopped")

// sampleFrames returns n indices spaced evenly over total frames, as numpy.linspace(0, total-1, n, dtype=int).
func sampleFrames(total, n int) []int {
	index := make([]int, n)
	for i := 1; i < n; i++ {
		index[i] = int(float64(i) * (float64(total-1) / float64(n-1)))
	}
	if n > 1 {
		index[n-1] = total - 1
	}
	return index
}

// folderFrames samples the files of a folder in the order of their names; hidden ones do not count.
func folderFrames(ctx context.Context, path string, n int, opts VideoOptions, yield func(*Image, error) bool) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return errors.New("the folder has no files")
	}
	for _, i := range sampleFrames(len(names), n) {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := readImage(filepath.Join(path, names[i]), opts.Limits)
		if err != nil {
			return err
		}
		if !yield(m, nil) {
			return errStopped
		}
	}
	return nil
}

// readImage decodes a file, whose size is checked before it is read.
func readImage(path string, limits Limits) (*Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, cmp.Or(limits.Bytes, defaultBytes)+1))
	if err != nil {
		return nil, err
	}
	return Decode(filepath.Base(path), data, limits)
}

// fileFrames samples a video file. Frames are counted by packets, which needs no decoding. A few packets may hold no
// frame to show, so the last frame of the sample may be missing; the one before then stands for it.
func fileFrames(ctx context.Context, path string, n int, opts VideoOptions, yield func(*Image, error) bool) error {
	mpeg, err1 := opts.tool("ffmpeg")
	probe, err2 := opts.tool("ffprobe")
	if err := cmp.Or(err1, err2); err != nil {
		return err
	}
	total, err := countPackets(ctx, probe, path)
	if err != nil {
		return err
	}
	index := sampleFrames(total, n)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var last *Image
	sent := 0
	send := func(m *Image) error {
		last = m
		for at := index[sent]; sent < n && index[sent] == at; sent++ { // repeated in a short video
			if !yield(m, nil) {
				return errStopped
			}
		}
		return nil
	}
	err = decodeFrames(ctx, mpeg, path, slices.Compact(slices.Clone(index)), opts.Limits, send)
	if err == nil && sent < n && last != nil && index[sent] == index[n-1] {
		err = send(last)
	}
	if err == nil && sent < n {
		err = errors.New("it has fewer frames than it says")
	}
	return err
}

// tool finds one of ffmpeg's programs.
func (o VideoOptions) tool(name string) (string, error) {
	if o.Dir != "" {
		name = filepath.Join(o.Dir, name)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", ErrNoFFmpeg
	}
	return path, nil
}

// command prepares a run of one of ffmpeg's programs on a local file: "file:" keeps names that look like options or
// addresses from being taken for them, and the list of protocols keeps playlists from reaching out to the network.
func command(ctx context.Context, program, path string, args ...string) (*exec.Cmd, *tail) {
	args = append([]string{"-v", "error", "-protocol_whitelist", "file", "-i", "file:" + path}, args...)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = 2 * time.Second // for pipes held open after a kill
	messages := new(tail)
	cmd.Stderr = messages
	return cmd, messages
}

func countPackets(ctx context.Context, probe, path string) (int, error) {
	cmd, messages := command(ctx, probe, path, "-select_streams", "v:0", "-count_packets",
		"-show_entries", "stream=nb_read_packets", "-of", "default=nw=1:nk=1")
	out, err := cmd.Output()
	if err != nil {
		return 0, messages.explain(ctx, "ffprobe", path, err)
	}
	fields := strings.Fields(string(out))
	if len(fields) == 0 {
		return 0, errors.New("there is no video in it")
	}
	total, err := strconv.Atoi(fields[0])
	if err != nil || total < 1 {
		return 0, errors.New("its frames cannot be counted")
	}
	return total, nil
}

// decodeFrames calls send with the frames of the given ascending indices, as far as there are such. They are dealt out
// as one a second, since the option to pass frames on as they come has other names in other versions of ffmpeg.
func decodeFrames(ctx context.Context, mpeg, path string, index []int, limits Limits, send func(*Image) error) error {
	terms := make([]string, len(index))
	for i, at := range index {
		terms[i] = "eq(n," + strconv.Itoa(at) + ")"
	}
	cmd, messages := command(ctx, mpeg, path, "-nostdin", "-map", "0:v:0", "-vf", "select='"+strings.Join(terms, "+")+"',setpts=N/TB",
		"-r", "1", "-frames:v", strconv.Itoa(len(index)), "-c:v", "ppm", "-f", "image2pipe", "-")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = readFrames(bufio.NewReaderSize(pipe, 1<<20), limits, send)
	if err != nil {
		cmd.Cancel() // it would wait for a reader
	}
	if failed := cmd.Wait(); err == nil && failed != nil {
		err = messages.explain(ctx, "ffmpeg", path, failed)
	}
	return cmp.Or(ctx.Err(), err)
}

// readFrames reads the pictures that ffmpeg writes.
func readFrames(r *bufio.Reader, limits Limits, send func(*Image) error) error {
	for {
		m, err := readPPM(r, limits)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("a frame from ffmpeg: %w", err)
		}
		if err := send(m); err != nil {
			return err
		}
	}
}

// readPPM reads one picture in the binary form of the portable pixmap, as ffmpeg writes it: three header lines, then
// RGB. At the end of r the error is io.EOF.
func readPPM(r *bufio.Reader, limits Limits) (*Image, error) {
	if _, err := r.Peek(1); err != nil {
		return nil, io.EOF
	}
	var header []byte
	for range 3 {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return nil, errors.New("not a pixmap")
		}
		header = append(header, line...)
	}
	var size Size
	if _, err := fmt.Sscanf(string(header), "P6\n%d %d\n255\n", &size.W, &size.H); err != nil {
		return nil, errors.New("not a pixmap")
	}
	if err := checkSize(size, limits); err != nil {
		return nil, err
	}
	m := newImage(ModeRGB, size)
	if _, err := io.ReadFull(r, m.Pix); err != nil {
		return nil, errors.New("the file ends early")
	}
	return m, nil
}

// tail keeps the end of what a program says.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	const most = 4096
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-most):]
	return len(p), nil
}

// explain turns a program's failure into one line, the last it said.
func (t *tail) explain(ctx context.Context, program, path string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text := string(bytes.TrimSpace(t.text))
	text = text[strings.LastIndexByte(text, '\n')+1:]
	text = strings.TrimPrefix(text, "file:"+path+": ")
	if text == "" {
		return fmt.Errorf("%s: %w", program, err)
	}
	return fmt.Errorf("%s: %s", program, text)
}
