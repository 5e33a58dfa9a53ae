//go:build !unix

package kernel

import "time"

var started = time.Now()

// processorTime returns what threads that never wait have used by the clock.
func processorTime(threads int) time.Duration { return time.Since(started) * time.Duration(threads) }
