package kernel

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestMain lets a run choose the set that kernels use (LLADAV_CPU) and insist that the machine has some
// (LLADAV_REQUIRE_CPU, separated by commas; "bf16" stands for products of bfloat16), so that a missing one is an error
// where it should be there.
func TestMain(m *testing.M) {
	if name := os.Getenv("LLADAV_CPU"); name != "" {
		if err := Select(name); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
	}
	if names := os.Getenv("LLADAV_REQUIRE_CPU"); names != "" {
		for name := range strings.SplitSeq(names, ",") {
			if !slices.Contains(Sets(), name) && !(name == "bf16" && HasBFloat16()) {
				os.Stderr.WriteString("LLADAV_REQUIRE_CPU: this machine or build has no " + name + "\n")
				os.Exit(1)
			}
		}
	}
	os.Exit(m.Run())
}

func TestSelect(t *testing.T) {
	defer func(old string) {
		if err := Select(old); err != nil {
			t.Fatal(err)
		}
	}(Selected())
	for _, name := range Sets() {
		if err := Select(name); err != nil {
			t.Fatal(err)
		}
		if Selected() != name {
			t.Fatalf("selected %s, want %s", Selected(), name)
		}
	}
	for _, name := range []string{"", "sse", "AVX2"} {
		if err := Select(name); err == nil || !strings.Contains(err.Error(), "unknown") {
			t.Errorf("select %q: %v, want an error that calls it unknown", name, err)
		}
	}
	for _, name := range setNames {
		if !slices.Contains(Sets(), name) {
			if err := Select(name); err == nil || strings.Contains(err.Error(), "unknown") {
				t.Errorf("select %q: %v, want an error that says the machine lacks it", name, err)
			}
		}
	}
}
