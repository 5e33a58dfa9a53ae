package golden

import (
	"math"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		got, want []float32
		tol       float64
		msg       string // what the report must contain; empty: none expected
	}{
		{nil, nil, 0, ""},
		{[]float32{1, 2}, []float32{1, 2}, 0, ""},
		{[]float32{1, 2.5}, []float32{1, 2}, 0.5, ""},
		{[]float32{1}, []float32{1, 2}, 1, "1 values, want 2"},
		{[]float32{1, 3, 9}, []float32{1, 2, 2}, 0.5, "2 of 3 values differ by more than 0.5; first at 1: 3, want 2; largest error 7 at 2: 9, want 2"},
		{[]float32{inf}, []float32{inf}, 0, ""},
		{[]float32{1}, []float32{inf}, 1, "first at 0"},
		{[]float32{nan}, []float32{0}, 1, "first at 0: NaN"},
		{[]float32{0}, []float32{nan}, 1, "first at 0: 0, want NaN"},
	} {
		msg := compare("x", c.got, c.want, c.tol)
		if (msg == "") != (c.msg == "") || !strings.Contains(msg, c.msg) {
			t.Errorf("compare(%v, %v, %g) = %q, want %q in it", c.got, c.want, c.tol, msg, c.msg)
		}
	}
}

func TestOpen(t *testing.T) {
	for _, m := range Models(t) {
		f := Open(t, "models", m, "model.safetensors")
		if len(f.Names()) == 0 {
			t.Errorf("%s holds no tensors", m)
		}
	}
}
