package backend

import (
	"bytes"
	"os"
	"strconv"
)

// Memory returns what the kernel thinks can be had without swapping, within the limit of the process's container.
func (c *CPU) Memory() (free, total int64) {
	info, _ := os.ReadFile("/proc/meminfo")
	for line := range bytes.Lines(info) {
		f := bytes.Fields(line)
		if len(f) < 2 {
			continue
		}
		kb, _ := strconv.ParseInt(string(f[1]), 10, 64)
		switch string(f[0]) {
		case "MemTotal:":
			total = kb << 10
		case "MemAvailable:":
			free = kb << 10
		}
	}
	if limit, ok := readInt("/sys/fs/cgroup/memory.max"); ok && limit < total {
		used, _ := readInt("/sys/fs/cgroup/memory.current")
		total, free = limit, min(free, max(limit-used, 0))
	}
	return free, total
}

// readInt reads a number that has a file to itself; ok is false if there is no such file, or if it says "max".
func readInt(name string) (n int64, ok bool) {
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, false
	}
	n, err = strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	return n, err == nil
}
