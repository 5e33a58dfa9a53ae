package eval

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"lladav"
)

// archives find the videos of a task by their names: in archives as the hub keeps them, or unpacked beside them.
type archives struct {
	dir   string
	names []string // of the zip files
	once  sync.Once
	known map[string][]member // by base name
}

// A member is a file, or a folder of frames, that may be a video.
type member struct {
	archive string // "" if it is unpacked
	name    string // in the archive, or below the folder, with slashes
}

// openArchives takes note of the archives in dir that match patterns.
func openArchives(dir string, patterns []string) (*archives, error) {
	a := &archives{dir: dir}
	for _, p := range patterns {
		found, err := fs.Glob(os.DirFS(dir), p)
		if err != nil {
			return nil, fmt.Errorf("find archives %s: %w", p, err)
		}
		a.names = append(a.names, found...)
	}
	a.names = slices.DeleteFunc(a.names, func(name string) bool { return path.Ext(name) != ".zip" })
	slices.Sort(a.names)
	return a, nil
}

// maxVideo bounds a video that is taken from an archive into memory.
const maxVideo = 2 << 30

// open returns the video that a document names.
func (a *archives) open(name string) (*lladav.Media, error) {
	for _, p := range []string{name, filepath.Join(a.dir, filepath.FromSlash(name))} {
		if _, err := os.Stat(p); err == nil && name != "" {
			return &lladav.Media{Name: name, Path: p}, nil
		}
	}
	a.once.Do(a.index)
	m, ok := a.best(filepath.ToSlash(name))
	if !ok {
		return nil, fmt.Errorf("the video %s is neither in %s nor in an archive there", name, a.dir)
	}
	if m.archive == "" {
		return &lladav.Media{Name: name, Path: filepath.Join(a.dir, filepath.FromSlash(m.name))}, nil
	}
	data, err := m.read(a.dir)
	if err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", m.name, m.archive, bare(err))
	}
	return &lladav.Media{Name: name, Data: data}, nil
}

// best returns what has the base name of a video, and the most folders before it in common. Where there is none, another
// ending will do: VideoMME has a few videos as MP4 and mkv, all of which are called mp4.
func (a *archives) best(name string) (m member, ok bool) {
	most := -1
	stem := strings.TrimSuffix(path.Base(name), path.Ext(name))
	for _, ext := range []string{path.Ext(name), ".MP4", ".mkv"} {
		for _, c := range a.known[stem+ext] {
			if n := commonEnd(strings.Split(c.name, "/"), strings.Split(name, "/")); n > most {
				m, ok, most = c, true, n
			}
		}
		if ok {
			break
		}
	}
	return m, ok
}

// commonEnd counts the elements at the ends of two lists that are the same.
func commonEnd(a, b []string) (n int) {
	for n < min(len(a), len(b)) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// index lists what there is. An archive that cannot be read lists nothing, so its videos are missing.
func (a *archives) index() {
	a.known = map[string][]member{}
	add := func(archive, name string) {
		base := path.Base(name)
		a.known[base] = append(a.known[base], member{archive, name})
	}
	filepath.WalkDir(a.dir, func(p string, _ fs.DirEntry, err error) error {
		if rel, e := filepath.Rel(a.dir, p); err == nil && e == nil {
			add("", filepath.ToSlash(rel))
		}
		return nil
	})
	for _, archive := range a.names {
		z, err := zip.OpenReader(filepath.Join(a.dir, filepath.FromSlash(archive)))
		if err != nil {
			continue
		}
		for _, f := range z.File {
			if !f.FileInfo().IsDir() {
				add(archive, f.Name)
			}
		}
		z.Close()
	}
}

func (m member) read(dir string) ([]byte, error) {
	z, err := zip.OpenReader(filepath.Join(dir, filepath.FromSlash(m.archive)))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	for _, f := range z.File {
		if f.Name != m.name {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		data, err := io.ReadAll(io.LimitReader(r, maxVideo+1))
		if err == nil && len(data) > maxVideo {
			err = fmt.Errorf("it has more than %d bytes", int64(maxVideo))
		}
		return data, err
	}
	return nil, fs.ErrNotExist
}
