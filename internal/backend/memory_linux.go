package backend

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// Memory returns what the kernel thinks can be had without swapping, within the limit of the process's container.
func (c *CPU) Memory() (free, total int64) {
	info := readTable("/proc/meminfo")
	free, total = info["MemAvailable:"]<<10, info["MemTotal:"]<<10
	if f, limit, ok := container("/sys/fs/cgroup"); ok && limit < total {
		free, total = min(free, f), limit
	}
	return free, total
}

// container returns the memory that a control group has left, and its limit; ok is false if it has none. Pages of files
// count as used there, those of mapped weights too, but give way when memory is wanted.
func container(dir string) (free, limit int64, ok bool) {
	limit, ok = readInt(filepath.Join(dir, "memory.max"))
	used, _ := readInt(filepath.Join(dir, "memory.current"))
	stat := readTable(filepath.Join(dir, "memory.stat"))
	return max(limit-used+stat["active_file"]+stat["inactive_file"], 0), limit, ok
}

// readTable reads a file of lines with a name and a number.
func readTable(name string) map[string]int64 {
	text, _ := os.ReadFile(name)
	table := map[string]int64{}
	for line := range bytes.Lines(text) {
		if f := bytes.Fields(line); len(f) >= 2 {
			table[string(f[0])], _ = strconv.ParseInt(string(f[1]), 10, 64)
		}
	}
	return table
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
