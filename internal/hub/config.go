package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"lladav"
)

// DefaultEndpoint is the hub that is asked when HF_ENDPOINT names no other.
const DefaultEndpoint = "https://huggingface.co"

// Config says where the cache is and how the hub is reached.
type Config struct {
	Cache     string // directory of the cache
	Endpoint  string // base URL of the hub, without a slash at the end
	Token     string // sent to the endpoint and to no other host; empty for none
	Offline   bool   // make no network call
	UserAgent string // sent with every request
	// BuiltIn makes the directories of models that come with the program, by name.
	BuiltIn map[string]func() (dir string, err error)
}

// FromEnv builds a Config from the environment variables HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_TOKEN_PATH, HF_ENDPOINT,
// HF_HUB_OFFLINE and XDG_CACHE_HOME, which mean what they mean to the hub's Python tools: a leading ~ and references to
// variables are expanded in the paths, and the token file is read when HF_TOKEN is empty. env returns the value of a
// variable, empty if it is not set. The error has kind BadUsage if a variable makes no sense.
func FromEnv(env func(string) string) (Config, error) {
	home, err := hubHome(env)
	if err != nil {
		return Config{}, err
	}
	c := Config{Endpoint: DefaultEndpoint, Offline: truthy(env("HF_HUB_OFFLINE"))}
	if c.Cache, err = pathFrom(env, "HF_HUB_CACHE", filepath.Join(home, "hub")); err != nil {
		return Config{}, err
	}
	if e := env("HF_ENDPOINT"); e != "" {
		u, err := url.Parse(e)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return Config{}, lladav.Errorf(lladav.BadUsage, "HF_ENDPOINT is %q, it must be an http or https URL", e)
		}
		c.Endpoint = strings.TrimRight(e, "/")
	}
	c.Token, err = readToken(env, home)
	return c, err
}

// hubHome returns the directory of the hub's tools.
func hubHome(env func(string) string) (string, error) {
	if env("HF_HOME") != "" {
		return pathFrom(env, "HF_HOME", "")
	}
	if x := env("XDG_CACHE_HOME"); x != "" {
		dir, err := pathFrom(env, "XDG_CACHE_HOME", "")
		return filepath.Join(dir, "huggingface"), err
	}
	home, err := userHome(env)
	return filepath.Join(home, ".cache", "huggingface"), err
}

// pathFrom returns the path in variable name, made absolute, or fallback if there is none.
func pathFrom(env func(string) string, name, fallback string) (string, error) {
	p := env(name)
	if p == "" {
		p = fallback
	}
	p = os.Expand(p, env)
	if p == "~" || strings.HasPrefix(p, "~/") || strings.HasPrefix(p, `~\`) {
		home, err := userHome(env)
		if err != nil {
			return "", err
		}
		p = filepath.Join(home, p[1:])
	}
	abs, err := filepath.Abs(p)
	if err != nil {
		return "", fmt.Errorf("find the directory in %s: %w", name, err)
	}
	return abs, nil
}

func userHome(env func(string) string) (string, error) {
	name := "HOME"
	if runtime.GOOS == "windows" {
		name = "USERPROFILE"
	}
	if home := env(name); home != "" {
		return home, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", &lladav.Error{Kind: lladav.BadUsage, Err: fmt.Errorf("find the model cache: %w", err),
			Hint: "set HF_HOME to a directory for models"}
	}
	return home, nil
}

func readToken(env func(string) string, home string) (string, error) {
	if t := strings.TrimSpace(env("HF_TOKEN")); t != "" {
		return t, checkToken(t, "HF_TOKEN")
	}
	path, err := pathFrom(env, "HF_TOKEN_PATH", filepath.Join(home, "token"))
	if err != nil {
		return "", err
	}
	data, err := readSmall(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read the hub token: %w", err)
	}
	t := strings.TrimSpace(string(data))
	return t, checkToken(t, path)
}

// checkToken refuses what cannot stand in an HTTP header, without repeating it.
func checkToken(t, source string) error {
	for _, r := range t {
		if r <= ' ' || r > '~' {
			return lladav.Errorf(lladav.BadUsage, "%s holds no token: it has spaces or control characters in it", source)
		}
	}
	return nil
}

func truthy(s string) bool {
	switch strings.ToLower(s) {
	case "1", "true", "yes", "on":
		return true
	}
	return false
}
