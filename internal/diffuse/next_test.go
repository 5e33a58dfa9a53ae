package diffuse

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Every pass of a token-by-token run computes the rows that none has, and asks for the one cell that they predict.
func TestNextToken(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	for range 50 {
		prompt, gen := 1+rng.IntN(5), 1+rng.IntN(9)
		f := newFake(rng.Uint64())
		o := Options{Block: 1, Refresher: NextToken{}, Mask: fakeMask, Temperature: rng.Float64(), Seed: rng.Uint64(), Stops: [][]int32{{int32(rng.IntN(61))}}}
		c := canvas(prompt, gen)
		step := 0
		res, err := Run(t.Context(), f, c, o, func(s Step) error {
			from := prompt + step - 1
			if step == 0 {
				from = 0
			}
			want := Plan{From: from, To: prompt + step, Keep: true, Next: true}
			if s.Plan != want || s.Block != step || len(s.Commits) != 1 || s.Commits[0].Cell != step || !slices.Equal(f.wants[step], []int{step}) {
				t.Fatalf("step %d: %+v, cells %v", step, s, f.wants[step])
			}
			step++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(res.IDs); res.Stop >= 0 && (res.Stop != n || step != n+1) || res.Stop < 0 && (n != gen || step != gen) {
			t.Errorf("%d steps for %d of %d cells, stop %d", step, n, gen, res.Stop)
		}
		if tel := res.Telemetry; tel.FullPasses != 1 || tel.RowForwards != prompt+step-1 || tel.RowsScored != step || tel.Approximated {
			t.Errorf("telemetry %+v", tel)
		}
	}
}

func TestNextTokenRefuses(t *testing.T) {
	for _, c := range []struct {
		canvas *Canvas
		change func(o *Options)
		want   string
	}{
		{canvas(3, 4), func(o *Options) { o.Block = 2 }, "blocks of 2 cells"},
		{canvas(3, 4), func(o *Options) { o.Guidance = 1 }, "guidance 1"},
		{canvas(0, 4), func(o *Options) {}, "no prompt"},
		{canvas(3, 4, 9), func(o *Options) {}, "some cells are given"},
	} {
		o := Options{Block: 1, Refresher: NextToken{}, Mask: fakeMask}
		c.change(&o)
		if _, err := Run(t.Context(), newFake(1), c.canvas, o, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
