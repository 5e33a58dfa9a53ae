package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"lladav"
)

// remote is what the hub says about a revision.
type remote struct {
	commit string
	listing
}

// list asks the hub which files a revision has.
func (p *pull) list(ctx context.Context, revision string) (remote, error) {
	var info struct {
		SHA      string `json:"sha"`
		Siblings []struct {
			Name   string `json:"rfilename"`
			Size   *int64 `json:"size"`
			BlobID string `json:"blobId"`
			LFS    *struct {
				Size   int64  `json:"size"`
				SHA256 string `json:"sha256"`
			} `json:"lfs"`
		} `json:"siblings"`
	}
	c := p.h.http
	url := c.url("api", p.ref.kind()+"s", p.ref.Owner, p.ref.Name, "revision", revision) + "?blobs=true"
	err := c.retry(ctx, listAttempts, func() (bool, error) {
		r, err := c.do(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false, err
		}
		data, err := readBody(r)
		if err != nil {
			return false, err
		}
		if err := json.Unmarshal(data, &info); err != nil {
			return false, fatal(fmt.Errorf("%s sends no list of files: %w", c.base.Host, err))
		}
		return true, nil
	}, p.again(""))
	if err != nil {
		return remote{}, p.refused(err)
	}
	if !commitPattern.MatchString(info.SHA) {
		return remote{}, fmt.Errorf("list the files of %s: the commit is %q", p.ref, info.SHA)
	}
	out := remote{info.SHA, listing{Version: 1, Files: map[string]entry{}}}
	for _, s := range info.Siblings {
		if !p.All && !p.want(s.Name) {
			continue
		}
		if err := checkPath(s.Name); err != nil {
			return remote{}, fmt.Errorf("list the files of %s: %w", p.ref, err)
		}
		var e entry
		switch {
		case s.LFS != nil && len(s.LFS.SHA256) == 64 && hashPattern.MatchString(s.LFS.SHA256):
			e = entry{Size: s.LFS.Size, BlobID: s.BlobID, SHA256: s.LFS.SHA256}
		case s.LFS == nil && s.Size != nil && len(s.BlobID) == 40 && hashPattern.MatchString(s.BlobID):
			e = entry{Size: *s.Size, BlobID: s.BlobID}
		default: // a mirror that lists names only
			if e, err = p.head(ctx, info.SHA, s.Name); err != nil {
				return remote{}, err
			}
		}
		out.Files[s.Name] = e
	}
	if len(out.Files) == 0 {
		return remote{}, lladav.Errorf(lladav.NotFound, "%s has none of the files of a %s", p.ref, p.ref.kind())
	}
	if err := out.check(); err != nil {
		return remote{}, fmt.Errorf("list the files of %s: %w", p.ref, err)
	}
	return out, nil
}

// head asks about one file.
func (p *pull) head(ctx context.Context, commit, file string) (e entry, err error) {
	c := p.h.http
	var r *reply
	err = c.retry(ctx, listAttempts, func() (bool, error) {
		var err error
		r, err = c.do(ctx, http.MethodHead, p.fileURL(commit, file), nil)
		if err == nil {
			r.Body.Close()
		}
		return false, err
	}, p.again(file))
	if err != nil {
		return e, p.refused(fmt.Errorf("%s: %w", file, err))
	}
	if r.etag == "" || r.size < 0 {
		return e, fmt.Errorf("list the files of %s: %s tells neither in its list nor by its headers what %s is", p.ref, c.base.Host, file)
	}
	e.Size = r.size
	switch {
	case len(r.etag) == 64 && hashPattern.MatchString(r.etag):
		e.SHA256 = r.etag
	case len(r.etag) == 40 && hashPattern.MatchString(r.etag):
		e.BlobID = r.etag
	default:
		e.ETag = r.etag
	}
	return e, nil
}

func (p *pull) fileURL(commit, file string) string {
	segments := append(p.ref.path(), "resolve", commit)
	return p.h.http.url(append(segments, strings.Split(file, "/")...)...)
}

// refused turns the error of a request into one that tells the user what it means.
func (p *pull) refused(err error) error {
	var s *statusError
	host := p.h.http.base.Host
	err = fmt.Errorf("pull %s: %w", p.ref, err)
	if !errors.As(err, &s) {
		var op *net.OpError
		if errors.As(err, &op) || errors.Is(err, errIdle) {
			return &lladav.Error{Err: err, Hint: "check the network, HF_ENDPOINT and HTTPS_PROXY; pull again to go on where this ended"}
		}
		return err
	}
	e := &lladav.Error{Err: err}
	switch {
	case s.code == http.StatusTooManyRequests || s.code >= 500:
		e.Hint = "pull again later to go on where this ended"
	case s.host != host: // where the hub keeps large files
	case s.kind == "GatedRepo" || s.code == http.StatusForbidden:
		e.Err = fmt.Errorf("pull %s: %s has not given access to it", p.ref, host)
		e.Hint = fmt.Sprintf("ask for access at %s, then set HF_TOKEN", p.h.http.url(p.ref.path()...))
	case s.kind == "RevisionNotFound":
		e.Kind, e.Err = lladav.NotFound, fmt.Errorf("%s has no revision %s of %s", host, p.ref.Revision, p.ref.Repo())
	case s.code == http.StatusUnauthorized && p.h.c.Token != "" && s.kind != "RepoNotFound":
		e.Err, e.Hint = fmt.Errorf("pull %s: %s does not accept the token", p.ref, host), "check HF_TOKEN"
	case s.kind == "EntryNotFound":
		e.Kind = lladav.NotFound
	case s.code == http.StatusUnauthorized || s.code == http.StatusNotFound:
		e.Kind, e.Err = lladav.NotFound, fmt.Errorf("%s has no %s %s, or it is private", host, p.ref.kind(), p.ref.Repo())
		if near := nearest(p.ref.Repo(), p.h.names()); near != "" && near != p.ref.Repo() && !p.ref.Dataset {
			e.Err = fmt.Errorf("%s has no model %s, did you mean %s?", host, p.ref.Repo(), near)
		}
		if p.h.c.Token == "" {
			e.Hint = "a private " + p.ref.kind() + " needs a token in HF_TOKEN"
		}
	}
	return e
}

// again returns the reporter of attempts that will be repeated.
func (p *pull) again(file string) func(error, time.Duration) {
	return func(err error, wait time.Duration) {
		p.report(Event{Status: Retrying, File: file, Detail: fmt.Sprintf("again in %v: %v", wait, err)})
	}
}
