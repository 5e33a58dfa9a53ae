//go:build ignore

// Demo-accuracy asks a model every question of a split that "lladav data scenes" has written, each alone, as run asks it,
// and prints how many answers are exactly right: for each kind of question, with the picture, without it (a grey one of
// the same size), and with the most common answer of the kind.
//
//	go run scripts/demo-accuracy.go [-blind=false] [-wrong FILE] MODEL demo/scenes/test.json
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg"
	"image/png"
	"log"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"lladav"
	"lladav/engine"
)

type record struct {
	ID            string
	Image         string
	Conversations []struct{ From, Value string }
	Questions     []struct {
		Kind    string
		HeldOut []string `json:"held_out"`
	}
	answer, blind string
}

func (r *record) question() string {
	return strings.TrimSpace(strings.ReplaceAll(r.Conversations[0].Value, "<image>", ""))
}
func (r *record) truth() string { return r.Conversations[1].Value }

func main() {
	log.SetFlags(0)
	blind := flag.Bool("blind", true, "ask without the picture too")
	wrong := flag.String("wrong", "", "file to write wrong answers to")
	limit := flag.Int("limit", 0, "questions, 0 for all")
	gen := flag.Int("gen-length", 8, "answer cells")
	flag.Parse()
	if flag.NArg() != 2 {
		log.Fatal("usage: go run scripts/demo-accuracy.go [flags] MODEL SPLIT.json")
	}
	text, err := os.ReadFile(flag.Arg(1))
	if err != nil {
		log.Fatal(err)
	}
	var records []record
	if err := json.Unmarshal(text, &records); err != nil {
		log.Fatalf("read %s: %v", flag.Arg(1), err)
	}
	if *limit > 0 {
		records = records[:min(*limit, len(records))]
	}
	next := make(chan *record)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			e, err := engine.Open(flag.Arg(0), engine.Options{Threads: 1})
			if err != nil {
				log.Fatal(err)
			}
			defer e.Close()
			for r := range next {
				b, err := os.ReadFile(filepath.Join(filepath.Dir(flag.Arg(1)), r.Image))
				if err != nil {
					log.Fatal(err)
				}
				r.answer = ask(e, b, r.question(), *gen)
				if *blind {
					r.blind = ask(e, grey(b), r.question(), *gen)
				}
			}
		})
	}
	for i := range records {
		next <- &records[i]
		if i%100 == 99 {
			fmt.Fprintf(os.Stderr, "\r%d of %d", i+1, len(records))
		}
	}
	close(next)
	all.Wait()
	fmt.Fprintln(os.Stderr)
	print(records, *blind)
	if *wrong != "" {
		var out bytes.Buffer
		for _, r := range records {
			if r.answer != r.truth() {
				fmt.Fprintf(&out, "%s\t%s\t%s\t%s\twant %s\t%v\n", r.Image, r.Questions[0].Kind, r.question(), r.answer, r.truth(), r.Questions[0].HeldOut)
			}
		}
		if err := os.WriteFile(*wrong, out.Bytes(), 0o666); err != nil {
			log.Fatal(err)
		}
	}
}

func ask(e *engine.Engine, picture []byte, question string, gen int) string {
	p := lladav.DefaultParams()
	p.GenLength = gen
	req := &lladav.Request{Params: p, Messages: []lladav.Message{{Role: lladav.User, Parts: []lladav.Part{
		{Image: &lladav.Media{Name: "picture", Data: picture}}, {Text: question},
	}}}}
	var answer strings.Builder
	for event, err := range e.Generate(context.Background(), req) {
		if err != nil {
			log.Fatal(err)
		}
		if d, ok := event.(lladav.Delta); ok {
			answer.WriteString(d.Text)
		}
	}
	return strings.TrimSpace(answer.String())
}

// grey returns a picture of the same size that shows nothing.
func grey(picture []byte) []byte {
	c, _, err := image.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		log.Fatal(err)
	}
	m := image.NewRGBA(image.Rect(0, 0, c.Width, c.Height))
	draw.Draw(m, m.Rect, image.NewUniform(color.Gray{128}), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		log.Fatal(err)
	}
	return b.Bytes()
}

type count struct {
	n, right, blind int
	answers         map[string]int
}

func print(records []record, blind bool) {
	kinds, held := map[string]*count{}, map[string]*count{}
	add := func(m map[string]*count, name string, r *record) {
		c := m[name]
		if c == nil {
			c = &count{answers: map[string]int{}}
			m[name] = c
		}
		c.n++
		c.answers[r.truth()]++
		if r.answer == r.truth() {
			c.right++
		}
		if r.blind == r.truth() {
			c.blind++
		}
	}
	for i := range records {
		r := &records[i]
		add(kinds, r.Questions[0].Kind, r)
		for _, why := range r.Questions[0].HeldOut {
			add(held, why, r)
		}
		if len(r.Questions[0].HeldOut) == 0 {
			add(held, "nothing", r)
		}
	}
	percent := func(k, n int) string { return fmt.Sprintf("%.1f %%", 100*float64(k)/float64(n)) }
	fmt.Printf("| kind | questions | right | blind | majority |\n|---|---:|---:|---:|---:|\n")
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		c := kinds[kind]
		without := "–"
		if blind {
			without = percent(c.blind, c.n)
		}
		fmt.Printf("| %s | %d | %s | %s | %s |\n", kind, c.n, percent(c.right, c.n), without, percent(slices.Max(slices.Collect(maps.Values(c.answers))), c.n))
	}
	fmt.Printf("\n| kept from training | questions | right |\n|---|---:|---:|\n")
	for _, why := range slices.Sorted(maps.Keys(held)) {
		fmt.Printf("| %s | %d | %s |\n", why, held[why].n, percent(held[why].right, held[why].n))
	}
}
