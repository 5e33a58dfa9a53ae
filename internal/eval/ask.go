package eval

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"lladav"
	"lladav/internal/near"
	"lladav/internal/random"
)

// Settings are how the questions of a task are asked.
type Settings struct {
	Params lladav.Params
	Tag    string // appended to questions with pictures
}

// Settings returns the task's settings with the changes that kwargs asks for, as "gen_length=32,steps=16". Names are
// those of lladav.Params and of the reference's script. The error has kind BadUsage.
func (t *Task) Settings(kwargs string) (Settings, error) {
	s := Settings{Params: lladav.DefaultParams(), Tag: t.Gen.Tag}
	p := &s.Params
	p.GenLength, p.BlockLength, p.Steps = t.Gen.Length, t.Gen.Block, t.Gen.Steps
	p.Stop = slices.Clone(t.Gen.Stop)
	set, err := s.set(kwargs)
	if err != nil {
		return s, err
	}
	// A longer answer alone keeps the number of blocks and the tokens per step.
	if set["gen_length"] && t.Gen.Length > 0 && p.GenLength > 0 {
		if !set["block_length"] {
			p.BlockLength = max(1, t.Gen.Block*p.GenLength/t.Gen.Length)
		}
		if !set["steps"] {
			p.Steps = max(1, t.Gen.Steps*p.GenLength/t.Gen.Length)
		}
	}
	if err := p.Check(); err != nil {
		return s, lladav.Errorf(lladav.BadUsage, "--gen-kwargs for %s: %w", t.Name, err)
	}
	return s, nil
}

// set carries out "key=value,…" and tells which keys there were.
func (s *Settings) set(kwargs string) (map[string]bool, error) {
	p := &s.Params
	vars := map[string]any{
		"gen_length": &p.GenLength, "block_length": &p.BlockLength, "steps": &p.Steps, "temperature": &p.Temperature,
		"cfg_scale": &p.CFGScale, "remasking": &p.Remasking, "threshold": &p.Threshold, "factor": &p.Factor, "cache": &p.Cache,
		"refresh_interval": &p.RefreshInterval, "prompt_interval": &p.PromptInterval, "gen_interval": &p.GenInterval,
		"transfer_ratio": &p.TransferRatio, "suffix": &p.Suffix, "frames": &p.Frames, "stop": &p.Stop, "think_mode": &s.Tag,
	}
	aliases := map[string]string{"gen_steps": "steps", "cfg": "cfg_scale", "max_new_tokens": "gen_length"}
	done := map[string]bool{}
	for pair := range strings.SplitSeq(kwargs, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if !ok {
			return nil, lladav.Errorf(lladav.BadUsage, "--gen-kwargs holds %q, it must be key=value,key=value", pair)
		}
		key = strings.ReplaceAll(key, "-", "_")
		if full, ok := aliases[key]; ok {
			key = full
		}
		v, ok := vars[key]
		if !ok {
			return nil, unknownKey("--gen-kwargs", key, slices.Sorted(maps.Keys(vars)))
		}
		if key == "think_mode" {
			value = map[string]string{"think": think, "no_think": noThink, "none": noTag}[value]
			if value == "" {
				return nil, lladav.Errorf(lladav.BadUsage, "--gen-kwargs: think_mode must be think, no_think or none")
			}
			value = strings.TrimSuffix(value, noTag)
		}
		if err := setVar(v, value); err != nil {
			return nil, lladav.Errorf(lladav.BadUsage, "--gen-kwargs: %s is %q, it must be %w", key, value, err)
		}
		done[key] = true
	}
	return done, nil
}

// unknownKey is the error for a key that is none of the known ones.
func unknownKey(where, key string, known []string) error {
	err := lladav.Errorf(lladav.BadUsage, "%s: unknown key %q", where, key)
	if n := near.Word(key, known); n != "" {
		err = lladav.Errorf(lladav.BadUsage, "%s: unknown key %q, did you mean %s?", where, key, n)
	}
	err.Hint = "keys are " + strings.Join(known, ", ")
	return err
}

// setVar gives a variable the value that a text stands for; the error says what it must be.
func setVar(v any, text string) (err error) {
	switch v := v.(type) {
	case *int:
		if *v, err = strconv.Atoi(text); err != nil {
			return fmt.Errorf("a whole number")
		}
	case *float64:
		if *v, err = strconv.ParseFloat(text, 64); err != nil {
			return fmt.Errorf("a number")
		}
	case *lladav.Remasking:
		*v = lladav.Remasking(text)
	case *lladav.Cache:
		*v = lladav.Cache(text)
	case *[]string:
		*v = append(*v, strings.ReplaceAll(text, `\n`, "\n"))
	case *string:
		*v = text
	}
	return nil
}

// noTag stands for no tag where "" stands for none given.
const noTag = "none"

// String tells the settings that matter, in the form that --gen-kwargs takes.
func (s Settings) String() string {
	p := s.Params
	text := fmt.Sprintf("gen_length=%d,block_length=%d,steps=%d,temperature=%v,cfg_scale=%v,remasking=%s,cache=%s",
		p.GenLength, p.BlockLength, p.Steps, p.Temperature, p.CFGScale, p.Remasking, p.Cache)
	for _, stop := range p.Stop {
		text += ",stop=" + strings.ReplaceAll(stop, "\n", `\n`)
	}
	if s.Tag != "" {
		text += ",think_mode=" + strings.TrimPrefix(s.Tag, "/")
	}
	return text
}

// pictureMark stands for a picture in the text of a question.
const pictureMark = "<image>"

// request puts a question in the form in which the reference's adapter hands it to the model.
func (s Settings) request(p Prompt, seed uint64) *lladav.Request {
	req := &lladav.Request{Params: s.Params}
	req.Params.Seed = &seed
	if turns, ok := conversation(p); ok {
		for i, text := range turns {
			role := lladav.User
			if i%2 == 1 {
				role = lladav.Assistant
			}
			req.Messages = append(req.Messages, lladav.Text(role, text))
		}
		return req
	}
	text := p.Text
	if len(p.Media) > 0 && !strings.Contains(text, pictureMark) {
		text = strings.TrimSuffix(strings.Repeat(pictureMark+" ", len(p.Media)), " ") + "\n" + text
		if s.Tag != "" {
			text += " " + s.Tag
		}
	}
	// Where the text has a mark for each picture, these say where the pictures stand.
	req.Messages = []lladav.Message{{Role: lladav.User, Parts: append(slices.Clone(p.Media), lladav.Part{Text: text})}}
	return req
}

// conversation reads a question that is a JSON list of texts: turns of the user and the assistant in alternation.
func conversation(p Prompt) (turns []string, ok bool) {
	if len(p.Media) > 0 || !strings.HasPrefix(p.Text, "[") || json.Unmarshal([]byte(p.Text), &turns) != nil {
		return nil, false
	}
	return turns, len(turns)%2 == 1
}

// question makes the request about a document, and returns what was asked.
func (d *Docs) question(i int, s Settings, seed uint64) (*lladav.Request, Prompt, error) {
	doc, err := d.Full(i)
	if err != nil {
		return nil, Prompt{}, err
	}
	p, err := d.Task.Ask(doc)
	if err != nil {
		return nil, p, fmt.Errorf("ask about %s: %w", d.ID(i), err)
	}
	for k, m := range p.Media {
		if m.Video == nil {
			continue
		}
		if p.Media[k].Video, err = d.videos.open(m.Video.Path); err != nil {
			return nil, p, err
		}
	}
	// The seed is one that survives a trip through JSON numbers.
	return s.request(p, random.New(seed, uint64(i)).Uint64(0)>>11), p, nil
}
