package gradtest

import (
	"testing"

	"lladav/internal/backend"
)

// TestConformance holds Exact to what every backend is held to.
func TestConformance(t *testing.T) {
	for _, c := range backend.Cases() {
		if c.Host != nil {
			continue // ends inference
		}
		if err := c.Check(t.Context(), Exact{}, false); err != nil {
			t.Error(err)
		}
	}
}
