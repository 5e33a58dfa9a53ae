package backend

import (
	"time"

	"lladav/internal/kernel"
)

// Threads returns the number of threads that compute.
func (c *CPU) Threads() int { return c.pool.Threads() }

// PeakFlops measures for a time d what a loop of nothing but multiplications reaches on these threads in this precision,
// in operations per second: what benchmarks are compared with.
func (c *CPU) PeakFlops(d time.Duration) float64 { return kernel.PeakFlops(c.pool, c.prec, d) }
