package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"lladav/internal/data"
)

// metrics writes what a run reports: TensorBoard events and metrics.jsonl.
type metrics struct {
	every  int
	events *Events
	lines  *os.File
}

// openMetrics begins or goes on with the reports in an output directory. Lines of steps after done, which an interrupted
// run made and which will come again, are removed.
func openMetrics(o *OutputRecipe, done int) (*metrics, error) {
	m := &metrics{every: o.LoggingSteps}
	var err error
	if slices.Contains(o.ReportTo, "tensorboard") {
		if m.events, err = OpenEvents(filepath.Join(o.Dir, logsDir)); err != nil {
			return nil, err
		}
	}
	if !slices.Contains(o.ReportTo, "jsonl") {
		return m, nil
	}
	path := filepath.Join(o.Dir, metricsFile)
	if err = cutMetrics(path, done); err == nil {
		m.lines, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("write metrics: %w", err)
	}
	return m, nil
}

// cutMetrics keeps the whole lines of steps up to done.
func cutMetrics(path string, done int) error {
	old, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var kept bytes.Buffer
	for line := range bytes.Lines(old) {
		var l struct{ Step int }
		if json.Unmarshal(line, &l) == nil && l.Step <= done {
			kept.Write(line)
		}
	}
	if kept.Len() == len(old) {
		return nil
	}
	return data.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(kept.Bytes())
		return err
	})
}

// add reports a step, if it is one that is reported.
func (m *metrics) add(s Status) error {
	if s.Step%m.every != 0 && s.Step != s.Steps && s.Step != 1 && math.IsNaN(s.EvalLoss) {
		return nil
	}
	scalars := []Scalar{
		{"train/loss", s.Loss}, {"train/learning_rate", s.LearningRate}, {"train/grad_norm", s.GradNorm}, {"train/epoch", s.Epoch},
		{"train/masked_fraction", s.MaskedFraction}, {"train/tokens_per_second", s.TokensPerSecond},
	}
	if !math.IsNaN(s.EvalLoss) {
		scalars = append(scalars, Scalar{"eval/loss", s.EvalLoss})
	}
	if m.events != nil {
		if err := m.events.Add(s.Step, scalars...); err != nil {
			return err
		}
	}
	if m.lines == nil {
		return nil
	}
	line := map[string]any{"step": s.Step}
	for _, x := range scalars {
		line[x.Tag] = x.Value
		if !finite(x.Value) {
			line[x.Tag] = fmt.Sprint(x.Value) // JSON has no such numbers
		}
	}
	text, err := json.Marshal(line)
	if err == nil {
		_, err = m.lines.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// Close closes the files.
func (m *metrics) Close() error {
	var errs []error
	if m.events != nil {
		errs = append(errs, m.events.Close())
	}
	if m.lines != nil {
		errs = append(errs, m.lines.Close())
	}
	return errors.Join(errs...)
}
