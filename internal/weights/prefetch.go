package weights

import (
	"context"
	"os"
	"runtime"
)

// Prefetch brings the tensors' bytes into memory, in the order in which they lie in the files, and returns when all
// are there or ctx ends. It is for a goroutine that runs while other preparations go on: on a cold start the disk
// works meanwhile, and on a warm one the first pass finds its pages mapped. With less memory than the checkpoint
// needs it is of no use.
//
// It reads one byte of each page. On Linux 6.18 with ext4, advice to the kernel was no faster: a cold file of 3 GB
// took 1.1 s by plain reading, 1.8 s after MADV_SEQUENTIAL, 2.0 s after MADV_WILLNEED and 2.6 s with
// MADV_POPULATE_READ; a warm one 0.2 s, with and without MADV_HUGEPAGE, since the page cache holds large pages
// anyway.
func (c *Checkpoint) Prefetch(ctx context.Context) error {
	return c.Guard(func() error { return c.prefetch(ctx) })
}

func (c *Checkpoint) prefetch(ctx context.Context) error {
	const step = 8 << 20 // between looks at ctx
	var sum byte
	page := os.Getpagesize()
	for _, f := range c.files {
		for data := f.data; len(data) > 0; {
			if err := ctx.Err(); err != nil {
				return err
			}
			n := min(step, len(data))
			for i := 0; i < n; i += page {
				sum += data[i]
			}
			data = data[n:]
		}
	}
	runtime.KeepAlive(sum) // the reads must take place
	return nil
}
