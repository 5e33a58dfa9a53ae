package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lladav"
)

// client sends requests to the hub and follows its redirects.
type client struct {
	base  *url.URL
	token string
	agent string
	http  *http.Client
	idle  time.Duration // longest silence of a server
	sleep func(context.Context, time.Duration) error
}

const (
	idleTimeout  = 30 * time.Second
	maxRedirects = 10
	maxDelay     = 2 * time.Minute

	// Attempts in a row without progress. A list is asked for while somebody looks; a file, perhaps hours later, is worth a
	// minute of waiting for a network that comes back.
	listAttempts, fileAttempts = 5, 8
)

func newClient(c Config) *client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableCompression = true // sizes are those of the files
	base, err := url.Parse(c.Endpoint)
	if err != nil || c.Endpoint == "" {
		base, _ = url.Parse(DefaultEndpoint)
	}
	return &client{
		base: base, token: c.Token, agent: c.UserAgent, idle: idleTimeout, sleep: sleep,
		http: &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // the hub's headers are on the redirect
		}},
	}
}

// url joins path segments to the endpoint; a slash within a segment is escaped.
func (c *client) url(segments ...string) string {
	u := strings.TrimRight(c.base.String(), "/")
	for _, s := range segments {
		u += "/" + url.PathEscape(s)
	}
	return u
}

// A reply is the final response after redirects, with what the hub itself said on the way.
type reply struct {
	*http.Response
	commit string // X-Repo-Commit
	etag   string // X-Linked-Etag or ETag of the hub, without quotes
	size   int64  // X-Linked-Size, or Content-Length of an answer to HEAD; -1 if unknown
}

// do sends one request and follows redirects. The token goes to the hub's own origin only. The request is given up when
// the server is silent for the idle time, before or within the body; there is no limit on the whole.
func (c *client) do(ctx context.Context, method, target string, header http.Header) (*reply, error) {
	watch := newWatch(ctx, c.idle)
	r, err := c.follow(watch, method, target, header)
	if err != nil {
		watch.stop()
		return nil, watch.explain(err)
	}
	r.Body = &watchedBody{r.Body, watch}
	if r.StatusCode >= 400 {
		defer r.Body.Close()
		return nil, newStatusError(r.Response)
	}
	return r, nil
}

func (c *client) follow(w *watch, method, target string, header http.Header) (*reply, error) {
	out := &reply{size: -1}
	for range maxRedirects {
		u, err := url.Parse(target)
		if err != nil {
			return nil, fatal(fmt.Errorf("follow a redirect: %w", err))
		}
		req, err := http.NewRequestWithContext(w.ctx, method, target, nil)
		if err != nil {
			return nil, fatal(err)
		}
		if header != nil {
			req.Header = header.Clone()
		}
		req.Header.Set("Accept-Encoding", "identity")
		req.Header.Set("User-Agent", c.agent)
		own := sameOrigin(u, c.base)
		if own && c.token != "" {
			req.Header.Set("Authorization", "Bearer "+c.token)
		}
		resp, err := c.http.Do(req)
		if err != nil {
			var ue *url.Error // it repeats the URL, and may do so with a signature
			if errors.As(err, &ue) {
				err = ue.Err
			}
			return nil, fmt.Errorf("reach %s: %w", u.Host, err)
		}
		w.kick()
		if own {
			out.note(resp, method)
		}
		next := resp.Header.Get("Location")
		if resp.StatusCode < 300 || resp.StatusCode >= 400 || next == "" {
			out.Response = resp
			return out, nil
		}
		resp.Body.Close()
		to, err := u.Parse(next)
		if err != nil || to.Scheme != "http" && to.Scheme != "https" || u.Scheme == "https" && to.Scheme == "http" {
			return nil, fatal(fmt.Errorf("%s redirects to %q, which is not followed", u.Host, next))
		}
		if method == http.MethodHead && !sameOrigin(to, c.base) && out.etag != "" {
			out.Response = resp // all that a HEAD is for is known
			return out, nil
		}
		target = to.String()
	}
	return nil, fatal(fmt.Errorf("%s redirects more than %d times", c.base.Host, maxRedirects))
}

// note keeps what the hub says about a file.
func (r *reply) note(resp *http.Response, method string) {
	h := resp.Header
	if v := h.Get("X-Repo-Commit"); v != "" {
		r.commit = v
	}
	if v := h.Get("X-Linked-Etag"); v != "" {
		r.etag = trimETag(v)
	} else if v := h.Get("Etag"); v != "" && r.etag == "" {
		r.etag = trimETag(v)
	}
	if n, err := strconv.ParseInt(h.Get("X-Linked-Size"), 10, 64); err == nil && n >= 0 {
		r.size = n
	} else if r.size < 0 && method == http.MethodHead && resp.StatusCode == http.StatusOK {
		r.size = resp.ContentLength
	}
}

// trimETag takes the quotes and the mark of a weak validator off.
func trimETag(s string) string {
	return strings.Trim(strings.TrimPrefix(strings.TrimSpace(s), "W/"), `"`)
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// errIdle is the cause of giving up a silent server.
var errIdle = errors.New("the server stopped sending")

// A watch ends a request when nothing happens for a while.
type watch struct {
	parent, ctx context.Context
	cancel      context.CancelCauseFunc
	timer       *time.Timer
	idle        time.Duration
}

func newWatch(parent context.Context, idle time.Duration) *watch {
	w := &watch{parent: parent, idle: idle}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	w.timer = time.AfterFunc(idle, func() { w.cancel(errIdle) })
	return w
}

func (w *watch) kick() { w.timer.Reset(w.idle) }
func (w *watch) stop() { w.timer.Stop(); w.cancel(nil) }

// explain replaces the error of a request that was ended from this side by why it was.
func (w *watch) explain(err error) error {
	switch {
	case w.parent.Err() != nil:
		return context.Cause(w.parent)
	case err != nil && errors.Is(context.Cause(w.ctx), errIdle):
		return errIdle
	}
	return err
}

type watchedBody struct {
	io.ReadCloser
	w *watch
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.w.kick()
	}
	if err != nil && err != io.EOF {
		err = b.w.explain(err)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.w.stop()
	return b.ReadCloser.Close()
}

// A statusError is an answer that says no.
type statusError struct {
	code    int
	kind    string // X-Error-Code
	message string // X-Error-Message
	after   time.Duration
	host    string
}

func newStatusError(resp *http.Response) *statusError {
	e := &statusError{code: resp.StatusCode, kind: resp.Header.Get("X-Error-Code"), host: resp.Request.URL.Host}
	if m := resp.Header.Get("X-Error-Message"); len(m) < 300 {
		e.message = m
	}
	v := resp.Header.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		e.after = time.Duration(min(s, int(maxDelay/time.Second))) * time.Second
	} else if t, err := http.ParseTime(v); err == nil {
		e.after = min(time.Until(t), maxDelay)
	}
	return e
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("%s answers %d %s", e.host, e.code, http.StatusText(e.code))
	if e.message != "" {
		text += ": " + e.message
	}
	return text
}

// fatalError marks an error that another attempt would meet again.
type fatalError struct{ error }

func (e fatalError) Unwrap() error { return e.error }

func fatal(err error) error { return fatalError{err} }

// transient says whether another attempt may succeed.
func transient(err error) bool {
	var (
		f    fatalError
		user *lladav.Error
		s    *statusError
		cert *tls.CertificateVerificationError
		dns  *net.DNSError
	)
	switch {
	case errors.As(err, &f), errors.As(err, &user), errors.As(err, &cert),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.As(err, &s):
		return s.code == http.StatusRequestTimeout || s.code == http.StatusTooManyRequests || s.code >= 500
	case errors.As(err, &dns):
		return !dns.IsNotFound
	}
	return true
}

// retry calls try until it succeeds, meets an error that would come again, or has failed a number of times in a row
// without progress. try reports whether it made progress; again is told the error and the wait before the next attempt.
func (c *client) retry(ctx context.Context, attempts int, try func() (progress bool, err error), again func(error, time.Duration)) error {
	for attempt := 1; ; attempt++ {
		progress, err := try()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !transient(err):
			return err
		case progress:
			attempt = 1
		case attempt >= attempts:
			return fmt.Errorf("%w (tried %d times)", err, attempt)
		}
		wait := 500 * time.Millisecond << (attempt - 1)
		var s *statusError
		if errors.As(err, &s) && s.after > wait {
			wait = s.after
		}
		again(err, wait)
		if err := c.sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// readBody reads a small answer whole.
func readBody(r *reply) ([]byte, error) {
	defer r.Body.Close()
	data, err := io.ReadAll(io.LimitReader(r.Body, maxSmall+1))
	if err == nil && len(data) > maxSmall {
		err = fatal(fmt.Errorf("%s sends more than %d MB where a list was expected", r.Request.URL.Host, maxSmall>>20))
	}
	return data, err
}
