package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"lladav"
)

// download is one blob on its way to the cache.
type download struct {
	p         *pull
	commit    string
	path      string // in the repository
	e         entry
	f         *os.File // the part
	at        int64    // bytes in the part
	high      int64    // the most bytes there ever were: only more than that is progress
	sum       hash.Hash
	validator string // strong ETag under which the final server sent the bytes so far
	told      time.Time
	corrupt   int // times that the hash was wrong
}

// download fetches a blob into its part, checks it, and gives it its name.
func (p *pull) download(ctx context.Context, commit, path string, e entry) (err error) {
	part := p.repo.partial(e.etag())
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("open the part of %s: %w", path, err)
	}
	defer f.Close()
	d := &download{p: p, commit: commit, path: path, e: e, f: f}
	if err := d.resume(ctx); err != nil {
		return fmt.Errorf("resume %s: %w", path, err)
	}
	err = p.h.http.retry(ctx, fileAttempts, func() (bool, error) { return d.attempt(ctx) }, p.again(path))
	switch {
	case errors.Is(err, errChanged):
		f.Close()
		os.Remove(part) // its content is nowhere to be had any more
		return err
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return p.refused(fmt.Errorf("%s: %w", path, err))
	}
	err = errors.Join(fsync(f), f.Close())
	if err == nil {
		err = os.Rename(part, p.repo.blob(e.etag()))
	}
	if err != nil {
		return fmt.Errorf("keep %s: %w", path, err)
	}
	syncDir(filepath.Dir(part))
	p.report(Event{Status: Verified, File: path, Completed: e.Size, Total: e.Size, Detail: d.hashName()})
	return nil
}

// newSum returns the hash that names the content, nil if the hub gave none.
func (d *download) newSum() hash.Hash {
	switch {
	case d.e.SHA256 != "":
		return sha256.New()
	case d.e.BlobID != "":
		h := sha1.New()
		fmt.Fprintf(h, "blob %d\x00", d.e.Size) // git's header of a blob
		return h
	}
	return nil
}

func (d *download) hashName() string {
	switch {
	case d.e.SHA256 != "":
		return "SHA-256"
	case d.e.BlobID != "":
		return "git SHA-1"
	}
	return "size only"
}

// resume takes up the part that an earlier attempt left.
func (d *download) resume(ctx context.Context) error {
	d.sum = d.newSum()
	st, err := d.f.Stat()
	switch {
	case err != nil:
		return err
	case st.Size() > d.e.Size:
		return d.restart("the part is larger than the file")
	case st.Size() == 0:
		return nil
	}
	buf := make([]byte, 1<<20)
	for d.at < st.Size() {
		n, err := d.f.Read(buf)
		if n == 0 && err != nil {
			return err
		}
		d.take(buf[:n], Resuming)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	d.p.report(Event{Status: Resuming, File: d.path, Completed: d.at, Total: d.e.Size})
	return nil
}

// take accounts for bytes that are now in the part.
func (d *download) take(b []byte, s Status) {
	if d.sum != nil {
		d.sum.Write(b)
	}
	d.at += int64(len(b))
	const often = 100 * time.Millisecond
	if now := time.Now(); now.Sub(d.told) >= often || d.at == d.e.Size {
		d.told = now
		d.p.report(Event{Status: s, File: d.path, Completed: d.at, Total: d.e.Size})
	}
}

// restart throws the part away.
func (d *download) restart(why string) error {
	d.p.report(Event{Status: Restarting, File: d.path, Total: d.e.Size, Detail: why})
	d.at, d.validator, d.sum = 0, "", d.newSum()
	if err := d.f.Truncate(0); err != nil {
		return fatal(err)
	}
	_, err := d.f.Seek(0, io.SeekStart)
	return err
}

// anew throws the part away and returns cause, the reason.
func (d *download) anew(why string, cause error) error {
	if err := d.restart(why); err != nil {
		return err
	}
	return cause
}

// attempt asks for the rest of the file once and checks the whole when it is there.
func (d *download) attempt(ctx context.Context) (progress bool, err error) {
	if d.at < d.e.Size {
		err = d.transfer(ctx)
	}
	progress, d.high = d.at > d.high, max(d.at, d.high)
	if err != nil {
		return progress, err
	}
	return progress, d.verify()
}

// verify compares the hash of the part, which has the right size.
func (d *download) verify() error {
	if d.sum == nil {
		return nil
	}
	got := fmt.Sprintf("%x", d.sum.Sum(nil))
	if got == d.e.etag() {
		return nil
	}
	err := fmt.Errorf("its %s is %s, the hub lists %s", d.hashName(), got, d.e.etag())
	if d.corrupt++; d.corrupt > 1 {
		err = &lladav.Error{Err: err, Hint: "something on the way changes what the hub sends: check HF_ENDPOINT and HTTPS_PROXY, or pull again later"}
	}
	return d.anew("the content is wrong", err)
}

// transfer appends what one answer of the server brings.
func (d *download) transfer(ctx context.Context) error {
	h := http.Header{}
	if d.at > 0 {
		h.Set("Range", fmt.Sprintf("bytes=%d-", d.at))
		if d.validator != "" {
			h.Set("If-Range", d.validator)
		}
	}
	r, err := d.p.h.http.do(ctx, http.MethodGet, d.p.fileURL(d.commit, d.path), h)
	var s *statusError
	if errors.As(err, &s) && s.code == http.StatusRequestedRangeNotSatisfiable && d.at > 0 {
		return d.anew("the server does not have the rest", fmt.Errorf("%s cannot resume", s.host))
	}
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if err := d.accept(r); err != nil {
		return err
	}
	return d.copy(r)
}

// accept checks that an answer is the file that was listed, from where the part ends.
func (d *download) accept(r *reply) error {
	// A tag of another form, as mirrors send, says nothing; the hash is checked in any case.
	if hashPattern.MatchString(r.etag) && r.etag != d.e.etag() || commitPattern.MatchString(r.commit) && r.commit != d.commit {
		return fatal(errChanged)
	}
	host := r.Request.URL.Host
	switch r.StatusCode {
	case http.StatusOK:
		if r.ContentLength >= 0 && r.ContentLength != d.e.Size {
			return fmt.Errorf("%s sends %d bytes, the hub lists %d", host, r.ContentLength, d.e.Size)
		}
		if d.at > 0 {
			if err := d.restart(host + " sends the file from its start"); err != nil {
				return err
			}
		}
	case http.StatusPartialContent:
		from, total, ok := contentRange(r.Header.Get("Content-Range"))
		if !ok || from != d.at || total >= 0 && total != d.e.Size {
			err := fmt.Errorf("%s sends %q where bytes from %d of %d were asked for", host, r.Header.Get("Content-Range"), d.at, d.e.Size)
			return d.anew("the server sends another part", err)
		}
	default:
		return fatal(fmt.Errorf("%s answers %d where a file was asked for", host, r.StatusCode))
	}
	if tag := r.Header.Get("Etag"); strings.HasPrefix(tag, `"`) {
		d.validator = tag
	}
	return nil
}

// copy appends the body to the part.
func (d *download) copy(r *reply) error {
	if _, err := d.f.Seek(d.at, io.SeekStart); err != nil {
		return fatal(err)
	}
	buf := make([]byte, 256<<10)
	for {
		n, err := r.Body.Read(buf)
		if over := d.at + int64(n) - d.e.Size; over > 0 {
			return d.anew("the server sends too much",
				fmt.Errorf("%s sends more than the %d bytes that the hub lists", r.Request.URL.Host, d.e.Size))
		}
		if n > 0 {
			if _, err := d.p.h.write(d.f, buf[:n]); err != nil {
				return fatal(fmt.Errorf("write the part of %s: %w", d.path, err))
			}
			d.take(buf[:n], Downloading)
		}
		switch {
		case err == io.EOF && d.at < d.e.Size:
			return fmt.Errorf("%s ended after %d of %d bytes", r.Request.URL.Host, d.at, d.e.Size)
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("read from %s: %w", r.Request.URL.Host, err)
		}
	}
}

// contentRange reads "bytes 5-9/10"; total is -1 if it is "*".
func contentRange(s string) (from, total int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	span, size, ok2 := strings.Cut(s, "/")
	first, _, ok3 := strings.Cut(span, "-")
	from, err := strconv.ParseInt(first, 10, 64)
	if !ok || !ok2 || !ok3 || err != nil {
		return 0, 0, false
	}
	if size == "*" {
		return from, -1, true
	}
	total, err = strconv.ParseInt(size, 10, 64)
	return from, total, err == nil
}
