package train

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// flat reads a recipe as a map from keys like "train.seed" to values.
func flat(t *testing.T, path string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var sections map[string]map[string]any
	if err := yaml.Unmarshal(text, &sections); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	keys := map[string]any{}
	for name, section := range sections {
		for key, v := range section {
			keys[name+"."+key] = v
		}
	}
	return keys
}

// TestToys: every recipe of the paper has one for toys, with the same keys and, but for names and sizes, the same values;
// it begins where its sibling begins.
func TestToys(t *testing.T) {
	const toys, published = "../../recipes/toy", "../../recipes/published"
	own := []string{"model.path", "data.mix", "data.image_root", "data.max_length", "data.frames_upbound",
		"train.gradient_accumulation_steps", "output.dir", "output.save_steps"}
	checkpoint := regexp.MustCompile(`^((?:toy/)?runs/.*)/checkpoint-\d+$`)
	var names [2][]string
	for i, dir := range []string{toys, published} {
		list, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(list) == 0 {
			t.Fatalf("%s: %v, %v", dir, list, err)
		}
		for _, path := range list {
			names[i] = append(names[i], filepath.Base(path))
		}
	}
	if !slices.Equal(names[0], names[1]) {
		t.Errorf("toys %v, published %v", names[0], names[1])
	}
	for _, name := range names[0] {
		toy, real := flat(t, filepath.Join(toys, name)), flat(t, filepath.Join(published, name))
		for key, v := range real {
			x, ok := toy[key]
			if !ok {
				t.Errorf("%s: the toy has no %s", name, key)
			}
			a, _ := yaml.Marshal(v)
			b, _ := yaml.Marshal(x)
			if string(a) != string(b) && !slices.Contains(own, key) {
				t.Errorf("%s: %s is %s for the toy, %s in earnest", name, key, b, a)
			}
			delete(toy, key)
		}
		if len(toy) > 0 {
			t.Errorf("%s: the toy has %v, which its sibling has not", name, toy)
		}
		toy = flat(t, filepath.Join(toys, name))
		if toy["output.dir"] != "toy/"+real["output.dir"].(string) {
			t.Errorf("%s: output.dir is %v", name, toy["output.dir"])
		}
		from, to := real["model.path"].(string), toy["model.path"].(string)
		if m := checkpoint.FindStringSubmatch(from); m != nil && !strings.HasPrefix(to, "toy/"+m[1]+"/checkpoint-") {
			t.Errorf("%s: the toy begins from %s, its sibling from %s", name, to, from)
		}
	}
}
