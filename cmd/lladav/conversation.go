package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"

	"lladav"
)

// A saved conversation has the messages of the OpenAI chat API; pictures travel in it as data URLs.
type savedConversation struct {
	Messages []savedMessage `json:"messages"`
}

type savedMessage struct {
	Role    lladav.Role `json:"role"`
	Content []savedPart `json:"content"`
}

type savedPart struct {
	Type     string    `json:"type"` // text, image_url or video_url
	Text     string    `json:"text,omitempty"`
	ImageURL *savedURL `json:"image_url,omitempty"`
	VideoURL *savedURL `json:"video_url,omitempty"`
}

type savedURL struct {
	URL string `json:"url"`
}

func saveConversation(path string, msgs []lladav.Message) error {
	if path == "" {
		return usagef("/save needs a file")
	}
	c := savedConversation{Messages: []savedMessage{}}
	for _, m := range msgs {
		s := savedMessage{Role: m.Role}
		for _, p := range m.Parts {
			switch {
			case p.Image != nil:
				url := "data:" + http.DetectContentType(p.Image.Data) + ";base64," + base64.StdEncoding.EncodeToString(p.Image.Data)
				s.Content = append(s.Content, savedPart{Type: "image_url", ImageURL: &savedURL{url}})
			case p.Video != nil:
				s.Content = append(s.Content, savedPart{Type: "video_url", VideoURL: &savedURL{p.Video.Path}})
			default:
				s.Content = append(s.Content, savedPart{Type: "text", Text: p.Text})
			}
		}
		c.Messages = append(c.Messages, s)
	}
	f, err := createFile(path)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	enc.SetIndent("", "  ")
	return f.commit(enc.Encode(c))
}

func loadConversation(path string) ([]lladav.Message, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("load conversation %s: %w", path, bare(err))
	}
	var c savedConversation
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, lladav.Errorf(lladav.BadInput, "load conversation %s: %w", path, err)
	}
	var msgs []lladav.Message
	for i, s := range c.Messages {
		m := lladav.Message{Role: s.Role}
		for j, p := range s.Content {
			part, err := p.part(fmt.Sprintf("picture %d of message %d", j+1, i+1))
			if err != nil {
				return nil, lladav.Errorf(lladav.BadInput, "load conversation %s: %w", path, err)
			}
			m.Parts = append(m.Parts, part)
		}
		msgs = append(msgs, m)
	}
	return msgs, nil
}

func (p savedPart) part(name string) (lladav.Part, error) {
	switch {
	case p.Type == "text":
		return lladav.Part{Text: p.Text}, nil
	case p.Type == "video_url" && p.VideoURL != nil:
		return lladav.Part{Video: &lladav.Media{Name: p.VideoURL.URL, Path: p.VideoURL.URL}}, nil
	case p.Type == "image_url" && p.ImageURL != nil:
		_, text, ok := strings.Cut(p.ImageURL.URL, ";base64,")
		if !ok {
			return lladav.Part{}, errors.New(name + " is no data URL")
		}
		data, err := base64.StdEncoding.DecodeString(text)
		return lladav.Part{Image: &lladav.Media{Name: name, Data: data}}, err
	}
	return lladav.Part{}, fmt.Errorf("%s has the unknown type %q", name, p.Type)
}

// foundPath is a picture's path as it stands in a message.
type foundPath struct{ quoted, path string }

// wordOrQuoted matches a quoted text, or a word in which blanks may be escaped.
var wordOrQuoted = regexp.MustCompile(`'[^']+'|"[^"]+"|(?:\\.|[^\s'"\\])+`)

// picturePaths finds paths of existing pictures in a message: in quotes, or with escaped blanks.
func picturePaths(text string) (found []foundPath) {
	for _, w := range wordOrQuoted.FindAllString(text, -1) {
		path := unquote(w)
		if !isFile(path, pictureExt) {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			found = append(found, foundPath{w, path})
		}
	}
	return found
}

// unquote takes quotes and the backslashes before blanks away.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && (s[0] == '\'' || s[0] == '"') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return strings.NewReplacer(`\ `, " ", `\'`, "'", `\"`, `"`, `\(`, "(", `\)`, ")", `\\`, `\`).Replace(s)
}
