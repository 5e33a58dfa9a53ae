package model

import "lladav/internal/backend"

// Connector maps the tower's features to embeddings of the language model: two layers with the exact GELU between.
type Connector struct {
	fc1, fc2 linear // (D,W), (D,D)
}

// Forward maps features (P,W) to rows (P,D).
func (c *Connector) Forward(op backend.Ops, x backend.Array) backend.Array {
	return c.fc2.of(op, op.GELU(c.fc1.of(op, x), backend.GELUErf))
}
