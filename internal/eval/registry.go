package eval

import (
	"fmt"

	"lladav"
	"lladav/internal/near"
)

// Tasks returns the benchmarks, in the order of their names.
func Tasks() []*Task { return tasks }

var tasks = []*Task{
	ai2d, chartqa, docvqaVal, docvqaValShort, infovqaVal, infovqaValShort, mathverse, mathvista, mlvuDev, mmbench, mme,
	mmmuProStandard, mmmuProVision, mmmuVal, mmmuValFixed, mmstar, muirbench, mvbench, ocrbench, pope, realworldqa, seedbench, videomme,
}

// Lookup returns the benchmark of the given name.
func Lookup(name string) (*Task, error) {
	names := make([]string, len(tasks))
	for i, t := range tasks {
		if t.Name == name {
			return t, nil
		}
		names[i] = t.Name
	}
	err := lladav.Errorf(lladav.BadUsage, "there is no task %q", name)
	if n := near.Word(name, names); n != "" {
		err.Hint = fmt.Sprintf("did you mean %s?", n)
	}
	return nil, err
}
