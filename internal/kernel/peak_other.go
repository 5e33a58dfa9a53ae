//go:build !unix

package kernel

import "time"

var started = time.Now()

// processTime returns the time since the start, times nothing: other systems are measured by the clock.
func processTime() time.Duration { return time.Since(started) }
