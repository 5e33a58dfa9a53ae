package hub

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"lladav"
	"lladav/internal/near"
)

// A Ref names a model, or a dataset, on the hub.
type Ref struct {
	Owner, Name string
	Revision    string // branch, tag or commit; never empty
	Dataset     bool   // it is no model; ParseRef never says so
}

// Repo returns "owner/name".
func (r Ref) Repo() string { return r.Owner + "/" + r.Name }

// path returns the segments that stand for the repository in a URL of its files.
func (r Ref) path() []string {
	if r.Dataset {
		return []string{"datasets", r.Owner, r.Name}
	}
	return []string{r.Owner, r.Name}
}

// kind says what the repository holds.
func (r Ref) kind() string {
	if r.Dataset {
		return "dataset"
	}
	return "model"
}

// String returns the reference as a user writes it.
func (r Ref) String() string {
	if r.Revision == mainBranch {
		return r.Repo()
	}
	return r.Repo() + "@" + r.Revision
}

const mainBranch = "main"

// aliases are short names of published models.
var aliases = map[string]string{"llada-v": "GSAI-ML/LLaDA-V"}

var (
	namePattern   = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$`)
	commitPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)
	hashPattern   = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	etagPattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)
)

// ParseRef reads "owner/name", "owner/name@revision" or an alias, also with a revision. The error has kind BadUsage.
func ParseRef(s string) (Ref, error) {
	repo, rev, hasRev := strings.Cut(s, "@")
	if full, ok := aliases[strings.ToLower(repo)]; ok {
		repo = full
	}
	owner, name, ok := strings.Cut(repo, "/")
	r := Ref{Owner: owner, Name: name, Revision: rev}
	if !hasRev {
		r.Revision = mainBranch
	}
	for _, part := range []string{owner, name} {
		if !ok || !namePattern.MatchString(part) || strings.Contains(part, "--") || strings.Contains(part, "..") {
			return Ref{}, lladav.Errorf(lladav.BadUsage,
				"%q is no model: give owner/name[@revision], a directory with a config.json, or llada-v", s)
		}
	}
	if checkPath(r.Revision) != nil || strings.ContainsAny(r.Revision, "?#%") {
		return Ref{}, lladav.Errorf(lladav.BadUsage, "%q is no revision of %s", rev, repo)
	}
	return r, nil
}

// checkPath accepts the path of a file in a repository if it stays below the directory it is joined to and names a file
// on every system, so that a cache can be moved between systems.
func checkPath(p string) error {
	bad := func(why string) error {
		return lladav.Errorf(lladav.Internal, "file name %q of the server is unsafe: %s", p, why)
	}
	if p == "" || len(p) > 1024 || path.IsAbs(p) {
		return bad("it is empty, absolute or very long")
	}
	for _, r := range p {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`\:*?"<>|`, r) {
			return bad("a character in it has a meaning to some system")
		}
	}
	for seg := range strings.SplitSeq(p, "/") {
		stem, _, _ := strings.Cut(seg, ".")
		switch {
		case seg == "" || seg == "." || seg == "..":
			return bad("it leaves its directory")
		case strings.HasSuffix(seg, ".") || strings.HasSuffix(seg, " ") || len(seg) > 255:
			return bad("some systems would change it")
		case slices.Contains(reservedNames, strings.ToUpper(strings.TrimRight(stem, " "))):
			return bad("it is a device on some systems")
		}
	}
	return nil
}

// reservedNames are devices on Windows, with any extension.
var reservedNames = strings.Fields("CON PRN AUX NUL CONIN$ CONOUT$ COM0 COM1 COM2 COM3 COM4 COM5 COM6 COM7 COM8 COM9 " +
	"LPT0 LPT1 LPT2 LPT3 LPT4 LPT5 LPT6 LPT7 LPT8 LPT9")

// nearest returns the candidate that looks most like s, or "" when none does: the same but for case, the same last
// element, or few edits away.
func nearest(s string, candidates []string) string {
	low := strings.ToLower(s)
	best, dist := "", len(s)/3+1
	for _, c := range candidates {
		lc := strings.ToLower(c)
		if lc == low || path.Base(lc) == path.Base(low) {
			return c
		}
		if d := near.Distance(low, lc); d < dist {
			best, dist = c, d
		}
	}
	return best
}
