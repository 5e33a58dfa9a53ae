package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lladav"
)

const reply = `{"choices":[{"message":{"content":"Two cups."},"finish_reason":"length"}],
"usage":{"prompt_tokens":30,"completion_tokens":4,"prompt_tokens_details":{"image_tokens":20}},"timings":{"steps":2,"forward_passes":3}}`

// serve answers the n-th request, from 0, with what f makes of it.
func serve(t *testing.T, f func(n int, w http.ResponseWriter, body map[string]any, r *http.Request)) string {
	var mu sync.Mutex // a broken connection orders nothing between its handler and the next
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var body map[string]any
		json.NewDecoder(r.Body).Decode(&body)
		n++
		f(n-1, w, body, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// ask generates an answer, without waiting between attempts.
func ask(t *testing.T, o Options, req *lladav.Request) (done lladav.Done, waits []time.Duration, err error) {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.sleep = func(ctx context.Context, d time.Duration) error { waits = append(waits, d); return ctx.Err() }
	for ev, e := range c.Generate(t.Context(), req) {
		if d, ok := ev.(lladav.Done); ok {
			done = d
		}
		err = e
	}
	return done, waits, err
}

func request() *lladav.Request {
	seed := uint64(5)
	req := &lladav.Request{Params: lladav.DefaultParams(), Messages: []lladav.Message{
		lladav.Text(lladav.System, "Be brief."),
		{Role: lladav.User, Parts: []lladav.Part{{Image: &lladav.Media{Data: []byte("\x89PNG\r\n\x1a\n")}}, {Text: "<image>\nWhat?"}}},
	}}
	req.Params.GenLength, req.Params.Steps, req.Params.Stop, req.Params.Seed = 8, 4, []string{"\n"}, &seed
	return req
}

func TestGenerate(t *testing.T) {
	url := serve(t, func(_ int, w http.ResponseWriter, body map[string]any, r *http.Request) {
		want := `{"diffusion":{"cache":"none","cfg_scale":0,"factor":1,"frames":32,"gen_length":8,"remasking":"low_confidence","steps":4,"threshold":0.9},` +
			`"max_tokens":8,"messages":[{"content":"Be brief.","role":"system"},{"content":[` +
			`{"image_url":{"url":"data:image/png;base64,iVBORw0KGgo="},"type":"image_url"},{"text":"\u003cimage\u003e\nWhat?","type":"text"}],"role":"user"}],` +
			`"model":"m","seed":5,"stop":["\n"],"temperature":0}`
		if got, _ := json.Marshal(body); string(got) != want {
			t.Errorf("body\n%s, want\n%s", got, want)
		}
		if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("%s with %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		fmt.Fprint(w, reply)
	})
	for _, u := range []string{url, url + "/", url + "/v1", url + "/v1/"} {
		done, _, err := ask(t, Options{URL: u, Model: "m", Key: "secret"}, request())
		if err != nil || done.Text != "Two cups." || done.Finish != lladav.FinishLength || done.Usage.ImageTokens != 20 || done.Stats.Forwards != 3 {
			t.Errorf("%+v, %v", done, err)
		}
	}
}

func TestPlain(t *testing.T) {
	url := serve(t, func(_ int, w http.ResponseWriter, body map[string]any, _ *http.Request) {
		if body["diffusion"] != nil || body["model"] != nil {
			t.Errorf("body %v", body)
		}
		fmt.Fprint(w, reply)
	})
	if _, _, err := ask(t, Options{URL: url, Plain: true}, request()); err != nil {
		t.Error(err)
	}
}

func TestRetry(t *testing.T) {
	url := serve(t, func(n int, w http.ResponseWriter, _ map[string]any, _ *http.Request) {
		switch n {
		case 0:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 1:
			panic(http.ErrAbortHandler) // the connection breaks
		default:
			fmt.Fprint(w, reply)
		}
	})
	done, waits, err := ask(t, Options{URL: url}, request())
	if err != nil || done.Text == "" || fmt.Sprint(waits) != "[7s 2s]" {
		t.Errorf("%+v after %v, %v", done, waits, err)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status   int
		body     string
		kind     lladav.Kind
		text     string
		attempts int
	}{
		{400, `{"error":{"message":"image 1 is\nbroken","code":"invalid_image","param":"messages"}}`, lladav.BadInput, "answers 400: image 1 is broken", 1},
		{400, `{"error":{"message":"no such thing","code":"unsupported_parameter","param":"steps"}}`, lladav.BadUsage, "no such thing", 1},
		{401, `nonsense`, lladav.BadUsage, "answers 401: Unauthorized", 1},
		{404, `{"error":{"message":"no model","code":404}}`, lladav.NotFound, "no model", 1},
		{500, ``, lladav.Internal, "answers 500", attempts},
		{200, `<html>`, lladav.Internal, "it is not the protocol's", 1},
		{200, `{"choices":[]}`, lladav.Internal, "the response has no text", 1},
	} {
		asked := 0
		url := serve(t, func(_ int, w http.ResponseWriter, _ map[string]any, _ *http.Request) {
			asked++
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		})
		_, _, err := ask(t, Options{URL: url}, request())
		if err == nil || lladav.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") || asked != c.attempts {
			t.Errorf("%d %s: %v after %d attempts", c.status, c.body, err, asked)
		}
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	release := make(chan bool)
	url := serve(t, func(int, http.ResponseWriter, map[string]any, *http.Request) { cancel(errors.New("enough")); <-release })
	defer close(release)
	c, err := New(Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range c.Generate(ctx, request()) {
		if lladav.KindOf(err) != lladav.Interrupted || err.Error() != "enough" {
			t.Error(err)
		}
	}
}

func TestModels(t *testing.T) {
	url := serve(t, func(_ int, w http.ResponseWriter, _ map[string]any, r *http.Request) {
		if r.URL.Path != "/v1/models" {
			t.Error(r.URL.Path)
		}
		fmt.Fprint(w, `{"data":[{"id":"a"},{"id":"b"}]}`)
	})
	c, _ := New(Options{URL: url})
	if names, err := c.Models(t.Context()); err != nil || fmt.Sprint(names) != "[a b]" {
		t.Error(names, err)
	}
	for _, bad := range []string{"", "localhost:80", "ftp://x", "http://"} {
		if _, err := New(Options{URL: bad}); lladav.KindOf(err) != lladav.BadUsage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
