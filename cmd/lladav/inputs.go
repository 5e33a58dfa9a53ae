package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lladav"
)

// inputs is what a run was given: a model, media in the order of the command line, and a question.
type inputs struct {
	model  string
	images []*lladav.Media
	video  *lladav.Media
	prompt string
}

// modelAlias names the published checkpoint.
const modelAlias = "llada-v"

var (
	hubName    = regexp.MustCompile(`^[\w.-]+/[\w.-]+(@[\w./-]+)?$`)
	pictureExt = []string{".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"}
	otherExt   = []string{".txt", ".md", ".pdf", ".json", ".svg", ".heic", ".avif", ".docx"}
	videoExt   = []string{".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg"}
)

// readInputs sorts the arguments of run: a model first, if the first one is one, then files and the words of the prompt.
func (a *app) readInputs(r *runFlags, list []string) (inputs, error) {
	in := inputs{model: cmp.Or(r.name, a.env("LLADAV_MODEL"))}
	if len(list) > 0 && isModel(list[0]) {
		if slices.Contains(a.given, "model") {
			return in, usagef("--model %s and %s: one model at a time", r.name, list[0])
		}
		in.model, list = list[0], list[1:]
	}
	pictures := slices.Clone(r.images)
	video := r.video
	var words []string
	for _, s := range list {
		switch {
		case isFile(s, pictureExt):
			pictures = append(pictures, s)
		case isFile(s, videoExt):
			if video != "" {
				return in, usagef("%s and %s: one video at a time", video, s)
			}
			video = s
		case isFile(s, otherExt):
			return in, &lladav.Error{Kind: lladav.BadInput, Err: fmt.Errorf("%s is no picture or video this program reads", s),
				Hint: "text can be piped in: lladav run … < FILE"}
		default:
			words = append(words, s)
		}
	}
	for _, p := range pictures {
		m, err := readPicture(p)
		if err != nil {
			return in, err
		}
		in.images = append(in.images, m)
	}
	if video != "" {
		if _, err := os.Stat(video); err != nil {
			return in, lladav.Errorf(lladav.NotFound, "open video %s: %w", video, bare(err))
		}
		in.video = &lladav.Media{Name: video, Path: video}
	}
	in.prompt = strings.Join(words, " ")
	piped, err := a.stdin()
	if err != nil {
		return in, err
	}
	if piped != "" {
		in.prompt = strings.TrimLeft(in.prompt+"\n"+piped, "\n")
	}
	return in, nil
}

// maxPictureFile bounds an encoded picture; a JPEG of 64 million pixels is smaller.
const maxPictureFile = 256 << 20

func readPicture(path string) (*lladav.Media, error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, lladav.Errorf(lladav.NotFound, "open picture %s: no such file", path)
	case err != nil:
		return nil, fmt.Errorf("open picture %s: %w", path, bare(err))
	case st.IsDir():
		return nil, lladav.Errorf(lladav.BadInput, "open picture %s: it is a directory", path)
	case st.Size() > maxPictureFile:
		return nil, lladav.Errorf(lladav.BadInput, "open picture %s: %d bytes are more than the limit of %d", path, st.Size(), maxPictureFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read picture %s: %w", path, bare(err))
	}
	return &lladav.Media{Name: path, Data: data}, nil
}

// isModel reports whether the first argument of run names a model. A path wins if it holds a config.json; what looks
// like a path or a hub name and is no file is taken for a model too, so that a misspelt one is not asked as a question.
func isModel(s string) bool {
	if s == modelAlias {
		return true
	}
	if _, err := os.Stat(filepath.Join(s, "config.json")); err == nil {
		return true
	}
	st, err := os.Stat(s)
	if err == nil {
		return st.IsDir()
	}
	if strings.ContainsAny(s, " \t\n") || isFile(s, pictureExt) || isFile(s, videoExt) {
		return false
	}
	return hubName.MatchString(s) || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") || filepath.IsAbs(s) || strings.HasSuffix(s, ".gguf")
}

// isFile reports whether s names a file of one of the types. A name with such an ending and no blanks counts even when
// there is no such file, so that a misspelt one is an error and not a question.
func isFile(s string, ext []string) bool {
	if !slices.Contains(ext, strings.ToLower(filepath.Ext(s))) {
		return false
	}
	if st, err := os.Stat(s); err == nil {
		return !st.IsDir()
	}
	return !strings.ContainsAny(s, " \t\n")
}

// messages makes the conversation of a single question.
func (in *inputs) messages(system string) []lladav.Message {
	var msgs []lladav.Message
	if system != "" {
		msgs = append(msgs, lladav.Text(lladav.System, system))
	}
	return append(msgs, in.user())
}

// user makes the user's turn: pictures and video, then the text.
func (in *inputs) user() lladav.Message {
	m := lladav.Message{Role: lladav.User}
	for _, img := range in.images {
		m.Parts = append(m.Parts, lladav.Part{Image: img})
	}
	if in.video != nil {
		m.Parts = append(m.Parts, lladav.Part{Video: in.video})
	}
	m.Parts = append(m.Parts, lladav.Part{Text: in.prompt})
	return m
}
