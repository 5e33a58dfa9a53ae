// Package hubtest is a stand-in of a model hub's HTTP interface for tests: the list of a revision's files, their content
// with ETags and ranges, large files on another host, and faults on demand.
//
// Read [Server] first. It knows no client and checks nothing but that a client does not send its token elsewhere.
package hubtest

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Server is a hub and the host of its large files. Its methods may be called while it serves.
type Server struct {
	URL   string // of the hub, for HF_ENDPOINT
	Token string // if set, required of every request to the hub; set it before the first one

	hub, store *httptest.Server
	mu         sync.Mutex
	repos      map[string]*repo
	content    map[string][]byte // of large files, by SHA-256
	names      map[string]string // path of a large file, by SHA-256
	log        []string
	fault      Fault
}

// A Fault sees every request before the server does. It answers itself and returns true, or leaves that to the server.
// file is the path in the repository that content is asked for, empty for other requests. One may be running while
// another is set.
type Fault func(w http.ResponseWriter, r *http.Request, file string) bool

// SetFault lets f see the requests from now on; nil stops that.
func (s *Server) SetFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

func (s *Server) faulty(w http.ResponseWriter, r *http.Request, file string) bool {
	s.mu.Lock()
	f := s.fault
	s.mu.Unlock()
	return f != nil && f(w, r, file)
}

type repo struct {
	refs    map[string]string          // branch to commit
	commits map[string]map[string]file // commit to files
}

type file struct {
	data   []byte
	sha1   string // of the git blob
	sha256 string
}

// New starts a server without models. Close it when done.
func New() *Server {
	s := &Server{repos: map[string]*repo{}, content: map[string][]byte{}, names: map[string]string{}}
	s.hub = httptest.NewServer(http.HandlerFunc(s.serveHub))
	s.store = httptest.NewServer(http.HandlerFunc(s.serveStore))
	s.URL = s.hub.URL
	return s
}

// Close stops the server.
func (s *Server) Close() { s.hub.Close(); s.store.Close() }

// CloseConnections ends every connection, as when a network breaks.
func (s *Server) CloseConnections() { s.hub.CloseClientConnections(); s.store.CloseClientConnections() }

// Put makes files the content of a new commit of the model "owner/name", or the dataset "datasets/owner/name", and lets
// branch main stand at it. It returns the commit.
func (s *Server) Put(name string, files map[string][]byte) (commit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := sha1.New()
	all := map[string]file{}
	for _, p := range slices.Sorted(maps.Keys(files)) {
		all[p] = s.add(p, files[p])
		fmt.Fprintf(h, "%s %s\n", p, all[p].sha256)
	}
	commit = fmt.Sprintf("%x", h.Sum(nil))
	r := s.repos[name]
	if r == nil {
		r = &repo{map[string]string{}, map[string]map[string]file{}}
		s.repos[name] = r
	}
	r.refs["main"], r.commits[commit] = commit, all
	return commit
}

func (s *Server) add(path string, data []byte) file {
	f := file{data, GitSHA1(data), SHA256(data)}
	s.content[f.sha256], s.names[f.sha256] = data, path
	return f
}

// Replace changes the content of a file under the same commit, which no true hub does.
func (s *Server) Replace(name, commit, file string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repos[name].commits[commit][file] = s.add(file, data)
}

// Tag lets a branch or tag stand at a commit.
func (s *Server) Tag(name, ref, commit string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repos[name].refs[ref] = commit
}

// Requests returns what was asked so far, as "GET /path" or, for ranges, "GET /path bytes=5-".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Large says whether the hub keeps a file on its other host.
func Large(file string) bool {
	return slices.Contains([]string{".safetensors", ".bin", ".parquet", ".zip"}, path.Ext(file))
}

// SHA256 returns the hash of a large file, which is its ETag.
func SHA256(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// GitSHA1 returns the hash of a git blob, the ETag of a small file.
func GitSHA1(data []byte) string {
	return fmt.Sprintf("%x", sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...)))
}

// ETag returns the ETag of a file.
func ETag(file string, data []byte) string {
	if Large(file) {
		return SHA256(data)
	}
	return GitSHA1(data)
}

func (s *Server) note(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
}

func (s *Server) serveHub(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	// Revisions may hold an escaped slash, names of files a blank.
	parts := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i, p := range parts {
		if plain, err := url.PathUnescape(p); err == nil {
			parts[i] = plain
		}
	}
	file, kind := "", ""
	if parts[0] == "datasets" {
		kind, parts = "datasets/", parts[1:]
	}
	if len(parts) > 4 && parts[2] == "resolve" {
		file = strings.Join(parts[4:], "/")
	}
	if s.faulty(w, r, file) {
		return
	}
	if s.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.Token {
		deny(w, http.StatusUnauthorized, "")
		return
	}
	switch {
	case file != "":
		s.serveFile(w, r, kind+strings.Join(parts[:2], "/"), parts[3], file)
	case len(parts) >= 4 && parts[0] == "api" && (parts[1] == "models" || parts[1] == "datasets"):
		list, rev := "revision", "main"
		if len(parts) >= 6 {
			list, rev = parts[4], parts[5]
		}
		if parts[1] == "datasets" {
			kind = "datasets/"
		}
		s.serveList(w, kind+strings.Join(parts[2:4], "/"), list, rev)
	default:
		http.NotFound(w, r)
	}
}

// find returns the files of a revision, or answers that there are none.
func (s *Server) find(w http.ResponseWriter, name, rev string) (commit string, files map[string]file, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[name]
	if r == nil {
		deny(w, http.StatusNotFound, "RepoNotFound")
		return "", nil, false
	}
	commit = rev
	if c, ok := r.refs[rev]; ok {
		commit = c
	}
	if files, ok = r.commits[commit]; !ok {
		deny(w, http.StatusNotFound, "RevisionNotFound")
	}
	return commit, maps.Clone(files), ok
}

func deny(w http.ResponseWriter, code int, kind string) {
	if kind != "" {
		w.Header().Set("X-Error-Code", kind)
	}
	w.WriteHeader(code)
}

func (s *Server) serveList(w http.ResponseWriter, name, kind, rev string) {
	commit, files, ok := s.find(w, name, rev)
	if !ok {
		return
	}
	siblings, tree := []map[string]any{}, []map[string]any{}
	for _, p := range slices.Sorted(maps.Keys(files)) {
		f := files[p]
		one := map[string]any{"rfilename": p, "size": len(f.data), "blobId": f.sha1}
		leaf := map[string]any{"type": "file", "path": p, "size": len(f.data), "oid": f.sha1}
		if Large(p) {
			one["lfs"] = map[string]any{"size": len(f.data), "sha256": f.sha256, "pointerSize": 134}
			leaf["lfs"] = map[string]any{"size": len(f.data), "oid": f.sha256, "pointerSize": 134}
		}
		siblings, tree = append(siblings, one), append(tree, leaf)
	}
	w.Header().Set("Content-Type", "application/json")
	if kind == "tree" {
		json.NewEncoder(w).Encode(tree)
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"id": name, "modelId": name, "sha": commit, "private": false, "siblings": siblings})
}

func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, name, rev, file string) {
	commit, files, ok := s.find(w, name, rev)
	if !ok {
		return
	}
	f, ok := files[file]
	h := w.Header()
	h.Set("X-Repo-Commit", commit)
	if !ok {
		deny(w, http.StatusNotFound, "EntryNotFound")
		return
	}
	if Large(file) {
		h.Set("X-Linked-Etag", `"`+f.sha256+`"`)
		h.Set("X-Linked-Size", fmt.Sprint(len(f.data)))
		h.Set("Etag", `"`+GitSHA1([]byte("pointer to "+f.sha256))+`"`)
		http.Redirect(w, r, s.store.URL+"/"+f.sha256+"?signature=x", http.StatusFound)
		return
	}
	h.Set("Etag", `"`+f.sha1+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
}

// serveStore serves large files. Like the true ones it has ETags of its own and refuses a request with a token.
func (s *Server) serveStore(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	sum := strings.Trim(r.URL.Path, "/")
	s.mu.Lock()
	data, ok := s.content[sum]
	file := s.names[sum]
	s.mu.Unlock()
	if s.faulty(w, r, file) {
		return
	}
	switch {
	case !ok:
		http.NotFound(w, r)
	case r.Header.Get("Authorization") != "":
		http.Error(w, "only one way to authorize is allowed", http.StatusBadRequest)
	default:
		w.Header().Set("Etag", `"store-`+sum[:8]+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}
}

// Cut answers a request for data as a server does that dies after n bytes. It honours a range "bytes=N-".
func Cut(w http.ResponseWriter, r *http.Request, data []byte, n int) {
	from := 0
	if v := r.Header.Get("Range"); v != "" {
		fmt.Sscanf(v, "bytes=%d-", &from)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		w.Header().Set("Content-Length", fmt.Sprint(len(data)-from))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
	}
	rest := data[from:]
	w.Write(rest[:min(n, len(rest))])
	if n < len(rest) {
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}
