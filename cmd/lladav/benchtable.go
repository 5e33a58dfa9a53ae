package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// benchAbout says what the rows of a table have in common.
type benchAbout struct {
	Model   string `json:"model"`
	Params  int64  `json:"params,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"`
	DType   string `json:"dtype,omitempty"`
	Device  string `json:"device"`
	Threads int    `json:"threads"`
}

// benchRow is one measurement.
type benchRow struct {
	Test    string    `json:"test"`
	Rows    int       `json:"rows,omitempty"`
	Scored  int       `json:"out_rows,omitempty"`
	GFLOP   float64   `json:"gflop,omitempty"`
	Seconds []float64 `json:"s"`
	Peak    float64   `json:"peak_gflops,omitempty"` // of the precision, measured beside the runs
}

func (r benchRow) median() float64 { return median(r.Seconds) }

func median(list []float64) float64 { return slices.Sorted(slices.Values(list))[len(list)/2] }

// rate returns rows per second and their standard deviation.
func (r benchRow) rate() (mean, dev float64) {
	for _, s := range r.Seconds {
		mean += float64(r.Rows) / s / float64(len(r.Seconds))
	}
	for _, s := range r.Seconds {
		d := float64(r.Rows)/s - mean
		dev += d * d / float64(max(len(r.Seconds)-1, 1))
	}
	return mean, math.Sqrt(dev)
}

// share returns what part of the peak the median run reached, 0 where that is not known.
func (r benchRow) share() float64 {
	if r.Peak == 0 || r.GFLOP == 0 {
		return 0
	}
	return r.GFLOP / r.median() / r.Peak
}

var benchFormats = []string{"md", "csv", "json", "jsonl", "benchstat"}

// benchTable prints rows as they come, or all at the end where the format needs it.
type benchTable struct {
	app    *app
	format string
	head   benchAbout
	rows   []benchRow
}

func (t *benchTable) about(h benchAbout) {
	t.head = h
	switch t.format {
	case "md":
		fmt.Fprintf(t.app.out, "%s, %s, %d threads", h.Model, h.Device, h.Threads)
		if h.Bytes > 0 {
			fmt.Fprintf(t.app.out, ", %s of weights, activations %s", byteSize(h.Bytes), h.DType)
		}
		fmt.Fprint(t.app.out, "\n\n| test | rows/s | ms | GFLOP/s | of peak |\n|---|---:|---:|---:|---:|\n")
	case "benchstat":
		fmt.Fprintf(t.app.out, "goos: %s\npkg: lladav\ncpu: %s\n", strings.Split(thisBuild().Platform, "/")[0], h.Device)
	}
}

func (t *benchTable) row(r benchRow) {
	t.rows = append(t.rows, r)
	out := t.app.out
	switch t.format {
	case "md":
		mean, dev := r.rate()
		rate, gflops, share := figure(mean), "", ""
		if len(r.Seconds) > 1 {
			rate += " ± " + figure(dev)
		}
		if r.GFLOP > 0 {
			gflops = fmt.Sprintf("%.0f", r.GFLOP/r.median())
		}
		if s := r.share(); s > 0 {
			share = fmt.Sprintf("%.1f %%", 100*s)
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s |\n", r.Test, rate, figure(1000*r.median()), gflops, share)
	case "jsonl":
		json.NewEncoder(out).Encode(t.record(r))
	case "benchstat":
		name := strings.NewReplacer(" weights", "_weights", " × ", "x", " ", "/", ",", "", "×", "x").Replace(r.Test)
		for _, s := range r.Seconds {
			fmt.Fprintf(out, "Benchmark%s-%d 1 %.0f ns/op", strings.ToUpper(name[:1])+name[1:], t.head.Threads, s*1e9)
			if r.GFLOP > 0 {
				fmt.Fprintf(out, " %.1f GFLOP/s", r.GFLOP/s)
			}
			fmt.Fprintln(out)
		}
	}
}

// figure writes v with three digits or more, without an exponent.
func figure(v float64) string {
	decimals := 0
	for limit := 100.0; v < limit && decimals < 4; limit /= 10 {
		decimals++
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// flush writes the formats that need all rows.
func (t *benchTable) flush() error {
	switch t.format {
	case "json":
		var all []any
		for _, r := range t.rows {
			all = append(all, t.record(r))
		}
		enc := json.NewEncoder(t.app.out)
		enc.SetIndent("", " ")
		return enc.Encode(all)
	case "csv":
		w := csv.NewWriter(t.app.out)
		w.Write([]string{"model", "size", "dtype", "device", "threads", "test", "rows_per_s", "deviation", "ms", "gflops", "of_peak"})
		for _, r := range t.rows {
			rate, dev := r.rate()
			f := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
			w.Write([]string{t.head.Model, strconv.FormatInt(t.head.Bytes, 10), t.head.DType, t.head.Device, strconv.Itoa(t.head.Threads),
				r.Test, f(rate), f(dev), f(1000 * r.median()), f(r.GFLOP / r.median()), f(r.share())})
		}
		w.Flush()
		return w.Error()
	}
	return nil
}

// record is a row as the JSON forms have it; the names are those of the scripts that time other engines.
func (t *benchTable) record(r benchRow) any {
	return struct {
		What string `json:"what"`
		Peer string `json:"peer"`
		benchAbout
		benchRow
		Median  float64 `json:"s_median"`
		Min     float64 `json:"s_min"`
		Max     float64 `json:"s_max"`
		GFLOPS  float64 `json:"gflops,omitempty"`
		OfPeak  float64 `json:"of_peak,omitempty"`
		Version string  `json:"version"`
	}{
		"forward", "lladav", t.head, r, r.median(), slices.Min(r.Seconds), slices.Max(r.Seconds), r.GFLOP / r.median(), r.share(), thisBuild().Version,
	}
}
