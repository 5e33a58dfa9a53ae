package data

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"lladav"
)

// maxMedia bounds an embedded picture or video.
const maxMedia = 1 << 30

// A tarSource is a shard of samples, each of them consecutive files KEY.json, KEY.jpg (or KEY.0.jpg, KEY.1.jpg, …) as
// the WebDataset tools write them. KEY ends at the first dot behind the last slash. It keeps where each file lies.
type tarSource struct {
	path   string
	opts   Options
	files  []tarFile
	starts []int32 // starts[i] is the first file of sample i; the last entry is len(files)
}

type tarFile struct {
	offset, size int64
	kind         tarKind
}

type tarKind uint8

const (
	tarJSON tarKind = iota
	tarPicture
	tarVideo
)

// tarKinds are the files that belong to samples, by extension. Others are not looked at.
var tarKinds = map[string]tarKind{
	".json": tarJSON, ".jpg": tarPicture, ".jpeg": tarPicture, ".png": tarPicture, ".webp": tarPicture, ".gif": tarPicture,
	".bmp": tarPicture, ".tif": tarPicture, ".tiff": tarPicture, ".mp4": tarVideo, ".webm": tarVideo, ".mkv": tarVideo,
	".mov": tarVideo, ".avi": tarVideo,
}

var _ Source = (*tarSource)(nil)

func openTar(name string, opts Options) (Source, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	s := &tarSource{path: name, opts: opts}
	if err := s.index(f, info.Size()); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, oneLine(err))
	}
	return s, nil
}

// index reads the headers of an archive of the given size.
func (s *tarSource) index(f io.ReadSeeker, size int64) error {
	r := tar.NewReader(f)
	last, seen := "", false
	var told int64
	for {
		h, err := r.Next()
		if err == io.EOF {
			s.starts = append(s.starts, int32(len(s.files)))
			return nil
		}
		if err != nil {
			return fmt.Errorf("behind file %d: %w", len(s.files), err)
		}
		kind, ok := tarKinds[strings.ToLower(path.Ext(h.Name))]
		base := path.Base(h.Name)
		if h.Typeflag != tar.TypeReg || !ok || strings.HasPrefix(base, ".") {
			continue
		}
		for name := range h.PAXRecords {
			if strings.HasPrefix(name, "GNU.sparse.") {
				return fmt.Errorf("%.200s is a sparse file; make the archive without --sparse", h.Name)
			}
		}
		offset, err := f.Seek(0, io.SeekCurrent) // the reader of an archive reads headers and no more
		if err != nil {
			return err
		}
		if h.Size > size-offset {
			return fmt.Errorf("%w, in %.200s", errTruncated, h.Name)
		}
		stem, _, _ := strings.Cut(base, ".")
		if key := path.Join(path.Dir(h.Name), stem); !seen || key != last {
			s.starts = append(s.starts, int32(len(s.files)))
			last, seen = key, true
		}
		s.files = append(s.files, tarFile{offset, h.Size, kind})
		if s.opts.Progress != nil && offset >= told {
			told = offset + 1<<24
			s.opts.Progress(s.path, offset, size)
		}
	}
}

func (s *tarSource) Len() int { return len(s.starts) - 1 }

// At reads a sample with its pictures. A record without pictures beside it may name files, as in a JSON list.
func (s *tarSource) At(i int) (*Sample, error) {
	r, media, err := s.record(i)
	if err != nil {
		return nil, recordError(s.path, i, "", err)
	}
	sample, err := s.sample(r, media)
	if err != nil {
		return nil, recordError(s.path, i, r.id(), err)
	}
	return sample.from(r.id(), s.path, i), nil
}

func (s *tarSource) sample(r *record, media []tarFile) (*Sample, error) {
	if len(media) == 0 {
		return r.sample(s.path, &s.opts)
	}
	turns, err := converse(r.turns())
	if err != nil {
		return nil, err
	}
	sample := &Sample{Turns: turns}
	for k, m := range media {
		data, err := s.read(m, maxMedia)
		if err != nil {
			return nil, err
		}
		item := lladav.Media{Name: fmt.Sprintf("picture %d", k+1), Data: data}
		switch {
		case m.kind == tarPicture:
			sample.Images = append(sample.Images, item)
		case sample.Video != nil:
			return nil, errors.New("it has more than one video")
		default:
			item.Name = "video"
			sample.Video = &item
		}
	}
	if sample.Video != nil && sample.Images != nil {
		return nil, errors.New("it has pictures and a video")
	}
	return sample, sample.checkMarkers()
}

func (s *tarSource) words(i int) (int32, error) {
	r, media, err := s.record(i)
	if err != nil {
		return 0, recordError(s.path, i, "", err)
	}
	if len(media) > 0 {
		return countWords(r.turns(), true), nil
	}
	return r.words(), nil
}

// record reads the JSON of sample i, and tells its other files.
func (s *tarSource) record(i int) (r *record, media []tarFile, err error) {
	for _, m := range s.files[s.starts[i]:s.starts[i+1]] {
		if m.kind != tarJSON {
			media = append(media, m)
			continue
		}
		if r != nil {
			return nil, nil, errors.New("it has more than one .json")
		}
		b, err := s.read(m, maxRecord)
		if err != nil {
			return nil, nil, err
		}
		if r, err = parseRecord(b); err != nil {
			return nil, nil, err
		}
	}
	if r == nil {
		return nil, nil, errors.New("it has no .json")
	}
	return r, media, nil
}

func (s *tarSource) read(m tarFile, limit int64) ([]byte, error) {
	if m.size > limit {
		return nil, fmt.Errorf("a file of it has %d bytes, more than %d", m.size, limit)
	}
	b := make([]byte, m.size)
	if _, err := lazyFile(s.path).ReadAt(b, m.offset); err != nil && !(err == io.EOF && m.size == 0) {
		return nil, oneLine(err)
	}
	return b, nil
}
