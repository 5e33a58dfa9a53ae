package model

import "lladav/internal/backend"

// Tower is the vision tower, SigLIP2: a vision transformer with
//   - no class token and no pooling: every patch is a token;
//   - the last configured layer dropped, and the output of the one before it taken as it is, without the closing norm;
//   - the tanh form of GELU, and biases everywhere.
//
// Letters: P patches of a tile, W width, M feed-forward width, C channels times the pixels of a patch.
type Tower struct {
	heads, patch int
	eps          float32

	patches, patchBias backend.Array // (W,C), (W)
	position           backend.Array // (P,W)
	layers             []towerLayer
}

type towerLayer struct {
	norm1, norm1Bias backend.Array // (W)
	q, k, v, out     linear        // (W,W)
	norm2, norm2Bias backend.Array // (W)
	fc1, fc2         linear        // (M,W), (W,M)
}

// Forward maps the pixels (N,3,S,S) of tiles to features (N·P,W). Tiles do not see each other.
func (t *Tower) Forward(op backend.Ops, pixels backend.Array) backend.Array {
	return chain(op, t.embed(op, pixels), len(t.layers), t.layer)
}

// embed returns the patches' embeddings (N·P,W).
func (t *Tower) embed(op backend.Ops, pixels backend.Array) backend.Array {
	return op.Scope(func(op backend.Ops) backend.Array {
		x := op.Linear(op.Patchify(pixels, t.patch), t.patches, t.patchBias)
		places := sequence(0, x.Shape()[0])
		for i := range places {
			places[i] %= int32(t.position.Shape()[0])
		}
		return op.Add(x, op.Embed(t.position, places))
	})
}

func (t *Tower) layer(op backend.Ops, i int, x backend.Array) backend.Array {
	l := &t.layers[i]
	h := op.LayerNorm(x, l.norm1, l.norm1Bias, t.eps)
	q, k, v := l.q.of(op, h), l.k.of(op, h), l.v.of(op, h)
	x = op.Add(x, l.out.of(op, t.attend(op, q, k, v)))
	h = op.LayerNorm(x, l.norm2, l.norm2Bias, t.eps)
	return op.Add(x, l.fc2.of(op, op.GELU(l.fc1.of(op, h), backend.GELUTanh)))
}

// attend is attention within each tile.
func (t *Tower) attend(op backend.Ops, q, k, v backend.Array) backend.Array {
	rows, patches := q.Shape()[0], t.position.Shape()[0]
	if rows == patches {
		return op.Attention(q, k, v, t.heads, t.heads, backend.Mask{})
	}
	var tiles []backend.Array
	for at := 0; at < rows; at += patches {
		own := sequence(at, at+patches)
		tiles = append(tiles, op.Attention(op.Gather(q, own), op.Gather(k, own), op.Gather(v, own), t.heads, t.heads, backend.Mask{}))
	}
	return op.Concat(tiles...)
}
