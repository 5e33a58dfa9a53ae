package engine_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"lladav"
	"lladav/engine"
)

// A question about a picture, to a checkpoint of random weights.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := engine.Synth(ctx, dir, engine.SynthOptions{Preset: "tiny", DType: "f32"}, nil); err != nil {
		log.Fatal(err)
	}
	data, err := os.ReadFile("../examples/cups.jpg")
	if err != nil {
		log.Fatal(err)
	}

	e, err := engine.Open(dir, engine.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	req := &lladav.Request{
		Messages: []lladav.Message{{Role: lladav.User, Parts: []lladav.Part{
			{Image: &lladav.Media{Name: "cups.jpg", Data: data}}, {Text: "What is on the table?"},
		}}},
		Params: lladav.DefaultParams(),
	}
	req.Params.GenLength, req.Params.Steps = 16, 4
	text := ""
	for event, err := range e.Generate(ctx, req) {
		if err != nil {
			log.Fatal(err)
		}
		switch event := event.(type) {
		case lladav.Delta:
			text += event.Text
		case lladav.Done:
			fmt.Println(event.Text == text, event.Finish, event.Usage.CompletionTokens, "tokens in", event.Stats.Steps, "steps")
		}
	}
	// Output: true length 16 tokens in 4 steps
}
