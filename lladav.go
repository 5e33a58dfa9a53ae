// Package lladav is the vocabulary of the program: what is asked, what is answered, and the one interface between the
// two. LLaDA-V (You et al. 2025, arXiv 2505.16933) is a multimodal assistant that writes by denoising: an answer starts
// as a row of masked cells and each step fills the cells the model is most confident about.
//
// The package does not know that a model, a tensor, HTTP or a terminal exist. Read [Generator] first: the engine is
// one, a client of a remote server is another, tests use a scripted one.
package lladav

import (
	"context"
	"iter"
)

// A Generator answers requests. The sequence yields events in the order Prefill, then any number of Denoise and Delta,
// then Done; an error ends it. Breaking out of the loop, or cancelling ctx, stops the work within about a second. Where
// ctx ends a denoising that has begun, Done tells what was written until then, and the error follows it.
type Generator interface {
	Generate(ctx context.Context, req *Request) iter.Seq2[Event, error]
}

// A Request is one question: a conversation that ends with the user's turn, and how to decode the answer.
type Request struct {
	Messages []Message
	// Raw, if set, is used as the prompt as it stands, without a chat template. Messages must then be empty.
	Raw    string
	Params Params
	// Steps asks for Progress and Denoise events. Without it only Prefill, Delta and Done are sent.
	Steps bool
}

// A Role says who speaks in a Message.
type Role string

// The roles of a conversation.
const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
)

// A Message is one turn. Parts keep the order in which they were given.
type Message struct {
	Role  Role
	Parts []Part
}

// Text makes a message of one piece of text.
func Text(role Role, text string) Message {
	return Message{Role: role, Parts: []Part{{Text: text}}}
}

// A Part is a piece of text, a picture, or a video: exactly one field is set (an empty Part is empty text).
type Part struct {
	Text  string
	Image *Media
	Video *Media
}

// Media is a picture or a video as the user gave it, still encoded.
type Media struct {
	Name string // for error messages: a path, "image 2", …
	Data []byte // the encoded file; for a video nil when Path is set
	Path string // a video on disk, or a folder of frames
}

// Usage counts what a request took, in rows of the model's canvas.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`     // text, image and newline rows before the answer
	ImageTokens      int `json:"image_tokens"`      // of these, rows that come from pictures and video
	CachedTokens     int `json:"cached_tokens"`     // of these, rows whose features were reused
	CompletionTokens int `json:"completion_tokens"` // tokens of the answer, before the stop
}

// FinishReason says why an answer ended.
type FinishReason string

// The finish reasons, the first two as the OpenAI API names them.
const (
	FinishStop   FinishReason = "stop"   // end of turn or a stop string
	FinishLength FinishReason = "length" // every cell was filled
	// FinishInterrupted is of our own making: the request was cancelled, the answer is a part. An error follows.
	FinishInterrupted FinishReason = "interrupted"
)
