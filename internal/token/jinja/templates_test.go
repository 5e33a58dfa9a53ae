package jinja

import (
	"encoding/json"
	"testing"
)

// TestTemplates renders published chat templates; scripts/token/make_templates.py recorded what Jinja makes of them.
func TestTemplates(t *testing.T) {
	var f struct {
		Conversations map[string]json.RawMessage
		Templates     map[string]struct {
			Source  string
			Renders map[string]outcome
		}
	}
	readFixture(t, "templates.json", &f)
	if len(f.Templates) == 0 {
		t.Fatal("no templates")
	}
	for name, c := range f.Templates {
		tmpl, err := Parse(c.Source)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(c.Renders) != len(f.Conversations) {
			t.Errorf("%s: %d conversations, want %d", name, len(c.Renders), len(f.Conversations))
		}
		for conversation, want := range c.Renders {
			text, err := tmpl.Render(variables(t, f.Conversations[conversation]), recordedAt)
			want.check(t, name+", "+conversation, text, err)
		}
	}
}
