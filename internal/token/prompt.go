package token

import (
	"fmt"
	"strings"
	"unicode"

	"lladav"
)

// DefaultSystem is the system message of the conversation style llava_llada, which LLaDA-V was trained with.
const DefaultSystem = "You are a helpful language and vision assistant. You are able to understand the visual content that " +
	"the user provides, and assist the user with a variety of tasks using natural language."

// A Span is a part of a prompt: ids of text, or the place of a picture or video.
type Span struct {
	IDs   []int32
	Image int // counts the pictures and videos of the conversation from 0; -1 for text
}

// imageMarker is how a picture is written in the text of a prompt.
const imageMarker = "<image>"

// markerStandIn keeps a marker that the user wrote, without a picture for it, from being taken for a picture. It is a
// code point that Unicode reserves for such use.
const markerStandIn = "\uFDD0"

// Prompt lays out a conversation and the beginning of the assistant's answer. It is rendered with the checkpoint's chat
// template if there is one, else in the style llava_llada (section 4 of the paper's notes, "Prompt format"). A
// conversation without a system message gets DefaultSystem, as in the reference.
//
// Pictures stand where they are among the parts of their message; a message with a single one has it in front and a
// newline behind, as in training. If the texts of a message hold as many "<image>" as it has pictures, they say where.
func (t *Tokenizer) Prompt(msgs []lladav.Message) ([]Span, error) {
	list := make([]ChatMessage, 0, len(msgs)+1)
	if len(msgs) == 0 || msgs[0].Role != lladav.System {
		list = append(list, ChatMessage{Role: string(lladav.System), Content: DefaultSystem})
	}
	pictures := 0
	for _, m := range msgs {
		text, n := turnText(m)
		pictures += n
		list = append(list, ChatMessage{Role: string(m.Role), Content: text})
	}
	text, err := t.Render(list, true)
	if err != nil {
		return nil, err
	}
	chunks := strings.Split(text, imageMarker)
	if n := len(chunks) - 1; n != pictures {
		return nil, fmt.Errorf("the chat template makes %d places for %d pictures", n, pictures)
	}
	ids := make([][]int32, len(chunks))
	for i, c := range chunks {
		if ids[i], err = t.Encode(strings.ReplaceAll(c, markerStandIn, imageMarker)); err != nil {
			return nil, err
		}
	}
	if bos, ok := t.ID("<|startoftext|>"); ok && len(ids[0]) > 0 && ids[0][0] == bos {
		t.dropBlanks(ids[1:])
	}
	return joinChunks(ids, -1), nil
}

// dropBlanks takes the first id off texts that follow a picture, if it is white space. The reference looks for the
// beginning-of-text token to find out whether its tokenizer puts one before every text, and so takes the first id off
// all later texts of a conversation, whose template writes that token: for LLaDA-V the newline behind the picture. It
// would lose a word where one follows at once; that is not imitated.
func (t *Tokenizer) dropBlanks(chunks [][]int32) {
	for i, c := range chunks {
		if len(c) > 0 && trimSpace(t.Decode(c[:1], false)) == "" {
			chunks[i] = c[1:]
		}
	}
}

// joinChunks puts pictures between the ids of a prompt's texts, as tokenizer_image_token of the reference does: if the
// first text begins with bos, the tokenizer is taken to put it before every text, and it stays only there.
func joinChunks(chunks [][]int32, bos int32) []Span {
	var spans []Span
	skip := 0
	for i, c := range chunks {
		if i > 0 {
			spans = append(spans, Span{Image: i - 1})
			c = c[min(skip, len(c)):]
		} else if len(c) > 0 && c[0] == bos {
			skip = 1
		}
		if len(c) > 0 {
			spans = append(spans, Span{IDs: c, Image: -1})
		}
	}
	return spans
}

// turnText writes a message as text with a marker for each picture, and counts them.
func turnText(m lladav.Message) (text string, pictures int) {
	written := 0
	for _, p := range m.Parts {
		if p.Image != nil || p.Video != nil {
			pictures++
		}
		written += strings.Count(p.Text, imageMarker)
	}
	var out strings.Builder
	leading := true // only pictures so far
	for i, p := range m.Parts {
		s := strings.ReplaceAll(p.Text, markerStandIn, "\uFFFD")
		switch {
		case written == pictures:
			out.WriteString(s)
		case p.Image != nil || p.Video != nil:
			if leading && i > 0 {
				out.WriteString(" ")
			}
			out.WriteString(imageMarker)
		default:
			if leading && i > 0 {
				out.WriteString("\n")
			}
			leading = false
			out.WriteString(strings.ReplaceAll(s, imageMarker, markerStandIn))
		}
	}
	return placeImage(out.String()), pictures
}

// placeImage moves the only picture of a turn to its beginning and puts a newline behind it.
func placeImage(turn string) string {
	if strings.Count(turn, imageMarker) != 1 || strings.HasPrefix(turn, imageMarker) {
		return turn
	}
	rest := trimSpace(strings.Replace(turn, imageMarker, "", 1))
	return trimSpace(imageMarker + "\n" + rest)
}

// trimSpace is Python's strip: it counts the separators U+001C to U+001F as white space.
func trimSpace(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1C && r <= 0x1F })
}

// PlaceTraining prepares a turn of a training sample as preprocess_multimodal of the reference does: the picture's place,
// and without the mark that one data set left in its questions.
func PlaceTraining(turn string) string {
	return strings.ReplaceAll(placeImage(turn), "QA_GT_caption_based_noisy", "")
}

// A ChatMessage is a turn as chat templates see it.
type ChatMessage struct {
	Role, Content string
}

// Render writes a conversation with the checkpoint's chat template, or in the style llava_llada if it has none.
// generate adds the beginning of the assistant's turn.
func (t *Tokenizer) Render(msgs []ChatMessage, generate bool) (string, error) {
	if t.chat.template == nil {
		return renderLLaDA(msgs, generate), nil
	}
	list := make([]any, len(msgs))
	for i, m := range msgs {
		list[i] = map[string]any{"role": m.Role, "content": m.Content}
	}
	return t.RenderJSON(map[string]any{"messages": list}, generate)
}

// renderLLaDA is the built-in style: LLaMA 3's layout with LLaDA's tokens.
func renderLLaDA(msgs []ChatMessage, generate bool) string {
	var out strings.Builder
	out.WriteString("<|startoftext|>")
	for _, m := range msgs {
		fmt.Fprintf(&out, "<|start_header_id|>%s<|end_header_id|>\n\n%s<|eot_id|>", m.Role, trimSpace(m.Content))
	}
	if generate {
		out.WriteString("<|start_header_id|>assistant<|end_header_id|>\n\n")
	}
	return out.String()
}
