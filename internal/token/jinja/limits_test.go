package jinja

import (
	"strings"
	"testing"
	"time"
)

// TestLimits renders templates that ask for endless time, memory or depth: each ends with an error, soon. It has less of
// both than Render gives, so that it takes little time itself.
func TestLimits(t *testing.T) {
	double := "{% set s = namespace(x='ab ') %}{% for i in range(22) %}{% set s.x = s.x + s.x %}{% endfor %}" // 12 MB
	big := "{% set s = namespace(x='ab ') %}{% for i in range(17) %}{% set s.x = s.x + s.x %}{% endfor %}"    // 400 KB
	forever := func(body string) string {
		return "{% for i in range(100000) %}{% for j in range(100000) %}" + body + "{% endfor %}{% endfor %}"
	}
	for name, source := range map[string]string{
		"loops":         forever("x"),
		"empty loops":   forever(""),
		"memory":        double + "{% set s.x = s.x + s.x %}",
		"output":        "{% set x = 'a' * 1000000 %}" + forever("{{ x }}"),
		"repeat":        "{{ 'ab' * 1000000000000 }}",
		"list repeat":   "{{ [1, 2] * 1000000000000 }}",
		"power":         "{{ 10 ** 1000000000 }}",
		"range":         "{{ range(1000000000) }}",
		"recursion":     "{% macro f(x) %}{{ f(x + 1) }}{% endmacro %}{{ f(1) }}",
		"growing lists": "{% set s = namespace(x=[1]) %}" + forever("{% set s.x = s.x + s.x %}"),
		"nested values": "{% set s = namespace(x=[]) %}{% for i in range(1000) %}{% set s.x = [s.x] %}{% endfor %}{{ s.x }}",
		"nested JSON":   "{% set s = namespace(x=[]) %}{% for i in range(1000) %}{% set s.x = [s.x] %}{% endfor %}{{ s.x | tojson }}",
		"shared values": "{% set s = namespace(x=[]) %}{% for i in range(60) %}{% set s.x = [s.x, s.x] %}{% endfor %}{{ s.x }}",
		"shared JSON":   "{% set s = namespace(x=[]) %}{% for i in range(60) %}{% set s.x = [s.x, s.x] %}{% endfor %}{{ s.x | tojson }}",
		"cycles":        "{% set s = namespace() %}{% set s.x = s %}{{ s }}",
		"comparison": "{% set s = namespace(x=[], y=[]) %}{% for i in range(60) %}{% set s.x = [s.x, s.x] %}{% set s.y = [s.y, s.y] %}" +
			"{% endfor %}" + forever("{{ s.x == s.y }}"),
		"replace":    "{{ ('a' * 100000) | replace('a', 'b' * 100000) }}",
		"indent":     "{{ ('\\n' * 10000000) | indent(1000, true, true) }}",
		"JSON":       "{{ range(100000) | list | tojson(indent=100) }}" + forever("{{ range(100000) | list | tojson }}"),
		"search":     big + forever("{{ 'q' in s.x }}"),
		"length":     big + forever("{{ s.x | length }}"),
		"trim":       big + forever("{% set y = s.x | trim %}"),
		"find":       big + forever("{% set y = s.x.find('q') %}"),
		"letters":    big + forever("{% for c in s.x %}{% endfor %}"),
		"unique":     "{{ range(100000) | unique | list | length }}",
		"sort":       "{% set l = range(100000) | list %}" + forever("{% set y = l | sort %}"),
		"joins":      big + forever("{% set y = [s.x, s.x] | join %}"),
		"split":      big + forever("{% set y = s.x.split() %}"),
		"arguments":  "{% macro f() %}{{ varargs | length }}{% endmacro %}{% set l = range(100000) | list %}" + forever("{{ f(*l) }}"),
		"brackets":   "{{ " + strings.Repeat("[", 30000) + " }}",
		"signs":      "{{ " + strings.Repeat("-", 30000) + "1 }}",
		"nots":       "{{ " + strings.Repeat("not ", 30000) + "1 }}",
		"ifs":        strings.Repeat("{% if 1 %}", 5000),
		"elifs":      "{% if 1 %}" + strings.Repeat("{% elif 1 %}", 5000),
		"targets":    "{% set " + strings.Repeat("(", 30000),
		"conditions": "{{ " + strings.Repeat("1 if ", 30000) + "1 }}",
		"calls":      "{{ f" + strings.Repeat("()", 30000) + " }}",
		"filters":    "{{ 1" + strings.Repeat("|int", 30000) + " }}",
		"sums":       "{{ 1" + strings.Repeat("+1", 30000) + " }}",
		"raw":        "{% raw %}" + strings.Repeat("{%", 50000),
		"raw ends":   "{% raw %}" + strings.Repeat("{% endraw ", 90000) + "%",
		"comments":   strings.Repeat("{#", 50000),
		"too long":   strings.Repeat("x", maxSource+1),
	} {
		start := time.Now()
		tmpl, err := Parse(source)
		var text string
		if err == nil {
			text, err = tmpl.render(nil, &renderer{stepsLeft: 1 << 16, memoryLeft: 1 << 24})
		}
		if err == nil {
			t.Errorf("%s: no error, %d bytes", name, len(text))
		}
		if d := time.Since(start); d > 2*time.Minute {
			t.Errorf("%s: took %v", name, d)
		} else if d > 5*time.Second {
			t.Logf("%s: took %v", name, d)
		}
	}
}
