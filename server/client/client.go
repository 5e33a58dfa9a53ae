// Package client asks a server that speaks the OpenAI chat protocol: lladav's own, or any other.
//
// A Client is a [lladav.Generator], so that what works on an engine works on a server. It does not stream: an answer comes
// as one Delta and Done. Read Client first.
package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"lladav"
)

// A Client is a model behind a URL. Its methods may be called by several goroutines.
type Client struct {
	o     Options
	chat  string // URL of the route
	list  string
	sleep func(context.Context, time.Duration) error
}

// Options say which model is asked, and how.
type Options struct {
	URL   string // of the server, with or without /v1
	Model string // "" for the first that the server lists
	Key   string // sent as a bearer token; "" for none
	// Plain leaves out what only lladav's server knows, for a model that is no diffusion model.
	Plain bool
	HTTP  *http.Client // nil for one that waits as long as the caller does
}

// New returns a client. Nothing is sent yet. The error has kind BadUsage.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, lladav.Errorf(lladav.BadUsage, "%q is no URL of a server; it must begin with http:// or https://", o.URL)
	}
	if strings.ContainsAny(o.Key, "\r\n") {
		return nil, lladav.Errorf(lladav.BadUsage, "the key for %s has a line break in it", u.Host)
	}
	base := strings.TrimSuffix(strings.TrimRight(o.URL, "/"), "/v1") + "/v1"
	if o.HTTP == nil {
		o.HTTP = &http.Client{}
	}
	return &Client{o: o, chat: base + "/chat/completions", list: base + "/models", sleep: wait}, nil
}

// Models lists the models of the server.
func (c *Client) Models(ctx context.Context) ([]string, error) {
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := c.do(ctx, http.MethodGet, c.list, nil, &list); err != nil {
		return nil, err
	}
	var names []string
	for _, m := range list.Data {
		names = append(names, m.ID)
	}
	return names, nil
}

// Generate asks for an answer. Seed, steps and passes are those that the server reports.
func (c *Client) Generate(ctx context.Context, req *lladav.Request) iter.Seq2[lladav.Event, error] {
	return func(yield func(lladav.Event, error) bool) {
		body, err := c.body(req)
		if err != nil {
			yield(nil, err)
			return
		}
		var r response
		if err := c.do(ctx, http.MethodPost, c.chat, body, &r); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = &lladav.Error{Kind: lladav.Interrupted, Err: cause}
			}
			yield(nil, err)
			return
		}
		done, err := r.done()
		if err != nil {
			yield(nil, fmt.Errorf("ask %s: %w", c.chat, err))
			return
		}
		usage := done.Usage
		usage.CompletionTokens = 0
		pre := lladav.Prefill{Usage: usage, Canvas: lladav.CanvasInfo{Length: req.Params.GenLength, BlockLength: req.Params.BlockLength, Steps: done.Stats.Steps}}
		if s := req.Params.Seed; s != nil {
			pre.Seed = *s
		}
		if !yield(pre, nil) || done.Text != "" && !yield(lladav.Delta{Text: done.Text}, nil) {
			return
		}
		yield(done, nil)
	}
}

// response is an answer in the protocol.
type response struct {
	Choices []struct {
		Message struct {
			Content *string `json:"content"`
		} `json:"message"`
		Finish string `json:"finish_reason"`
	} `json:"choices"`
	Usage struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Details    struct {
			Image  int `json:"image_tokens"`
			Cached int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	} `json:"usage"`
	Timings struct {
		Vision  float64 `json:"vision_ms"`
		Prompt  float64 `json:"prompt_ms"`
		Denoise float64 `json:"denoise_ms"`
		Steps   int     `json:"steps"`
		Passes  int     `json:"forward_passes"`
	} `json:"timings"`
}

func (r *response) done() (d lladav.Done, err error) {
	if len(r.Choices) == 0 || r.Choices[0].Message.Content == nil {
		return d, errors.New("the response has no text")
	}
	d.Text, d.Finish = *r.Choices[0].Message.Content, lladav.FinishStop
	if r.Choices[0].Finish == "length" {
		d.Finish = lladav.FinishLength
	}
	u, t := &r.Usage, &r.Timings
	d.Usage = lladav.Usage{PromptTokens: u.Prompt, CompletionTokens: u.Completion, ImageTokens: u.Details.Image, CachedTokens: u.Details.Cached}
	d.Stats = lladav.Stats{Steps: t.Steps, Forwards: t.Passes, VisionTime: millis(t.Vision), PromptTime: millis(t.Prompt), DenoiseTime: millis(t.Denoise)}
	return d, nil
}

func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// body writes a request in the protocol.
func (c *Client) body(req *lladav.Request) ([]byte, error) {
	if req.Raw != "" {
		return nil, lladav.Errorf(lladav.BadUsage, "a raw prompt cannot be sent as a chat")
	}
	p := &req.Params
	m := map[string]any{"messages": nil, "max_tokens": p.GenLength, "temperature": p.Temperature}
	if c.o.Model != "" {
		m["model"] = c.o.Model
	}
	if len(p.Stop) > 0 {
		m["stop"] = p.Stop
	}
	if p.Seed != nil {
		m["seed"] = *p.Seed
	}
	if !c.o.Plain {
		m["diffusion"] = diffusion(p)
	}
	var list []map[string]any
	for _, msg := range req.Messages {
		content, err := contents(msg)
		if err != nil {
			return nil, err
		}
		list = append(list, map[string]any{"role": msg.Role, "content": content})
	}
	m["messages"] = list
	return json.Marshal(m)
}

// diffusion is the optional object of what only a diffusion model has.
func diffusion(p *lladav.Params) map[string]any {
	m := map[string]any{
		"gen_length": p.GenLength, "cfg_scale": p.CFGScale, "remasking": p.Remasking, "threshold": p.Threshold, "factor": p.Factor, "cache": p.Cache,
	}
	for name, v := range map[string]int{"block_length": p.BlockLength, "steps": p.Steps, "refresh_interval": p.RefreshInterval, "frames": p.Frames} {
		if v != 0 {
			m[name] = v
		}
	}
	if p.Cache == lladav.CacheFeature {
		m["prompt_interval"], m["gen_interval"], m["transfer_ratio"] = p.PromptInterval, p.GenInterval, p.TransferRatio
	}
	if p.Suffix != "" {
		m["suffix"] = p.Suffix
	}
	return m
}

// contents writes a message's parts; a message of text alone is a string, which every server takes.
func contents(m lladav.Message) (any, error) {
	if len(m.Parts) == 1 && m.Parts[0].Image == nil && m.Parts[0].Video == nil {
		return m.Parts[0].Text, nil
	}
	var list []map[string]any
	for _, p := range m.Parts {
		kind, media := "image_url", p.Image
		if p.Video != nil {
			kind, media = "video_url", p.Video
		}
		if media == nil {
			list = append(list, map[string]any{"type": "text", "text": p.Text})
			continue
		}
		u, err := dataURL(media)
		if err != nil {
			return nil, err
		}
		list = append(list, map[string]any{"type": kind, kind: map[string]any{"url": u}})
	}
	return list, nil
}

// maxMedia bounds a file that is sent.
const maxMedia = 256 << 20

// dataURL is a picture or video as a URL that holds it.
func dataURL(m *lladav.Media) (string, error) {
	data := m.Data
	if data == nil {
		st, err := os.Stat(m.Path)
		if err == nil && (!st.Mode().IsRegular() || st.Size() > maxMedia) {
			err = fmt.Errorf("it is no file of at most %d MB", maxMedia>>20)
		}
		if err == nil {
			data, err = os.ReadFile(m.Path)
		}
		if err != nil {
			return "", lladav.Errorf(lladav.BadInput, "send %s: %w", m.Name, err)
		}
	}
	return "data:" + http.DetectContentType(data) + ";base64," + base64.StdEncoding.EncodeToString(data), nil
}

// The answers of a server are bounded, as everything from outside. One that is busy is asked again a few times.
const (
	maxResponse = 64 << 20
	attempts    = 5
	firstWait   = time.Second
	longestWait = 30 * time.Second
)

// do sends a request and decodes the response.
func (c *Client) do(ctx context.Context, method, to string, body []byte, out any) error {
	delay := firstWait
	for n := 1; ; n++ {
		again, err := c.once(ctx, method, to, body, out)
		if err == nil || again < 0 || n == attempts || ctx.Err() != nil {
			return err
		}
		if err := c.sleep(ctx, min(max(again, delay), longestWait)); err != nil {
			return err
		}
		delay *= 2
	}
}

// once sends a request. again is how long the server asks to wait, negative where another attempt is of no use.
func (c *Client) once(ctx context.Context, method, to string, body []byte, out any) (again time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return -1, err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.o.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.o.Key)
	}
	r, err := c.o.HTTP.Do(req)
	if err != nil {
		return 0, &lladav.Error{Err: err, Hint: "is the server running?"}
	}
	defer r.Body.Close()
	data, err := io.ReadAll(io.LimitReader(r.Body, maxResponse+1))
	if err != nil {
		return 0, fmt.Errorf("read the response of %s: %w", to, err)
	}
	if len(data) > maxResponse {
		return -1, fmt.Errorf("read the response of %s: it has more than %d MB", to, maxResponse>>20)
	}
	if r.StatusCode != http.StatusOK {
		return retryAfter(r), refusal(to, r.StatusCode, data)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return -1, fmt.Errorf("read the response of %s: it is not the protocol's: %w", to, err)
	}
	return -1, nil
}

// retryAfter tells whether and when to ask again.
func retryAfter(r *http.Response) time.Duration {
	busy := r.StatusCode == http.StatusTooManyRequests || r.StatusCode >= 500
	if !busy || r.Header.Get("X-Should-Retry") == "false" {
		return -1
	}
	s, _ := strconv.Atoi(r.Header.Get("Retry-After"))
	return time.Duration(min(max(s, 0), 3600)) * time.Second
}

// refusal makes an error of a server's answer.
func refusal(to string, status int, data []byte) error {
	var e struct {
		Error struct {
			Message string `json:"message"`
			Code    string `json:"code"`
			Param   string `json:"param"`
		} `json:"error"`
	}
	json.Unmarshal(data, &e)
	text := strings.Join(strings.Fields(e.Error.Message), " ")
	if text == "" {
		text = http.StatusText(status)
	}
	out := lladav.Errorf(lladav.Internal, "%s answers %d: %.300s", to, status, text)
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		out.Kind, out.Hint = lladav.BadUsage, "check the key"
	case status == http.StatusNotFound:
		out.Kind = lladav.NotFound
	case e.Error.Code == "unsupported_parameter":
		out.Kind, out.Param = lladav.BadUsage, e.Error.Param
	case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity:
		out.Kind, out.Param = lladav.BadInput, e.Error.Param
	}
	return out
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

var _ lladav.Generator = (*Client)(nil)
