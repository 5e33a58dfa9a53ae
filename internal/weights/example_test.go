package weights_test

import (
	"context"
	"fmt"
	"os"

	"lladav/internal/tensor"
	"lladav/internal/weights"
)

// A mlp stands for a model: it names its tensors and their shapes once, for loading and for listing.
type mlp struct{ up, down *tensor.Tensor }

func (m *mlp) load(w *weights.Loader) error {
	at := w.In("layers.%d", 0)
	m.up = at.Matrix("up.weight", 8, 4)
	m.down = at.Matrix("down.weight", 4, 8)
	return w.Err()
}

// A checkpoint of random weights is made from the model's own requests, then loaded.
func Example() {
	var r weights.Recorder
	if err := new(mlp).load(weights.NewLoader(&r)); err != nil {
		fmt.Println(err)
	}
	var specs []weights.Spec
	for _, s := range r.Shapes() {
		g := weights.NewNormal(1, s.Name, tensor.BF16, 0, 0.02)
		specs = append(specs, weights.Spec{Name: s.Name, DType: tensor.BF16, Shape: s.Shape, Fill: g.Fill})
	}
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
	}
	defer os.RemoveAll(dir)
	if err := weights.Create(context.Background(), dir, specs, 0); err != nil {
		fmt.Println(err)
	}

	c, err := weights.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	var m mlp
	fmt.Println(m.load(weights.NewLoader(c)), m.up, m.down)
	// Output: <nil> BF16 [8 4] BF16 [4 8]
}
