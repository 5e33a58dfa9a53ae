// Package demo holds the model that is part of the program: LLaDA-V's architecture with a million parameters, trained by
// this program on pictures that it drew (docs/demo.md). It answers questions about shapes, their colours, numbers and
// places, and reads short texts. The package knows files only. Read Dir first.
package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Name is what the model is called where a model is named.
const Name = "demo"

//go:embed model
var files embed.FS

// Dir returns a directory with the model's files, which are written into the folder cache unless they are there, byte for
// byte. Other versions of the model have other directories.
func Dir(cache string) (string, error) {
	list, err := fs.ReadDir(files, "model")
	if err != nil {
		return "", err
	}
	content := map[string][]byte{}
	hash := sha256.New()
	for _, f := range list {
		data, err := files.ReadFile(path.Join("model", f.Name()))
		if err != nil {
			return "", err
		}
		content[f.Name()] = data
		fmt.Fprintf(hash, "%s %d\n", f.Name(), len(data))
		hash.Write(data)
	}
	dir := filepath.Join(cache, fmt.Sprintf("%s-%x", Name, hash.Sum(nil)[:6]))
	if same(dir, content) {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	temp, err := os.MkdirTemp(cache, "."+Name+".tmp*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	if err := os.CopyFS(temp, files); err != nil {
		return "", err
	}
	made := filepath.Join(temp, "model")
	if err := os.Rename(made, dir); err != nil && !same(dir, content) { // else another process was faster
		// What is there has been damaged.
		return dir, errors.Join(os.Rename(dir, filepath.Join(temp, "old")), os.Rename(made, dir))
	}
	return dir, nil
}

// same tells whether dir holds the files.
func same(dir string, files map[string][]byte) bool {
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(got, want) {
			return false
		}
	}
	return true
}
