package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"lladav"
	"lladav/internal/data"
	"lladav/internal/vision"
)

func newDataShowCmd(a *app) *cobra.Command {
	var v dataShow
	c := &cobra.Command{
		Use:   "show SET [N]",
		Short: "Print the first samples of a set, and what is in it",
		Long: "show prints the first N samples of SET (default 3): pictures with their sizes, and turns. Then it reads all others\n" +
			"and counts them. Samples that training would skip are told on standard error, and the exit status is 5.",
		Example: "  lladav data show shapes/train.json\n  lladav data show 'llava-{0..3}.parquet' 10\n  lladav data show set.json 0 --image-root photos",
		Args:    args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, list []string) error {
			v.n = 3
			if len(list) > 1 {
				var err error
				if v.n, err = strconv.Atoi(list[1]); err != nil || v.n < 0 {
					return usagef("N is %q, it must be a whole number from 0", list[1])
				}
			}
			v.app = a
			return v.run(cmd.Context(), list[0])
		},
	}
	f := c.Flags()
	f.StringArrayVar(&v.opts.ImageRoots, "image-root", nil, "`folder` that names of pictures start from (default that of SET); may be repeated")
	f.Uint64Var(&v.opts.Seed, "seed", 0, "of a mix's random choices")
	return c
}

// dataShow is one run of data show.
type dataShow struct {
	*app
	n    int
	opts data.Options

	pictures, videos, texts, images, questions, bad int
}

// maxTold bounds the bad samples that are told one by one.
const maxTold = 20

func (v *dataShow) run(ctx context.Context, set string) error {
	src, err := v.openSet(set, v.opts)
	if err != nil {
		return err
	}
	bar := v.newCountBar("reading " + set)
	for i := range src.Len() {
		if err := ctx.Err(); err != nil {
			bar.finish()
			return err
		}
		s, err := src.At(i)
		if err == nil && i < v.n {
			err = v.print(s)
		}
		if err != nil {
			v.bad++
			bar.finish()
			if v.bad <= maxTold {
				fmt.Fprintf(v.err, "bad: %s\n", err)
			}
			continue
		}
		v.count(s)
		if i >= v.n {
			bar.set(int64(i+1), int64(src.Len()))
		}
	}
	bar.finish()
	fmt.Fprintf(v.out, "%s: %d samples with %d questions; %d with pictures (%d), %d with a video, %d with text only; %d bad\n",
		set, src.Len(), v.questions, v.pictures, v.images, v.videos, v.texts, v.bad)
	if v.bad > 0 {
		return &badSamples{fmt.Errorf("%d of the %d samples of %s are bad", v.bad, src.Len(), set)}
	}
	return nil
}

// badSamples is the error of a set of which some samples cannot be used.
type badSamples struct{ error }

func (*badSamples) ExitStatus() int { return exitPartly }

func (v *dataShow) count(s *data.Sample) {
	switch {
	case s.Video != nil:
		v.videos++
	case len(s.Images) > 0:
		v.pictures++
		v.images += len(s.Images)
	default:
		v.texts++
	}
	for _, t := range s.Turns {
		if t.Role == lladav.User {
			v.questions++
		}
	}
}

// print shows a sample. The error is about the first picture that cannot be read.
func (v *dataShow) print(s *data.Sample) (bad error) {
	fmt.Fprintln(v.out, visible(s.ID))
	for i, m := range s.Images {
		size, err := pictureSize(m)
		text := fmt.Sprintf("%d×%d", size.W, size.H)
		if err != nil {
			text = err.Error()
			if bad == nil {
				bad = fmt.Errorf("%s: %w", visible(s.ID), err)
			}
		}
		fmt.Fprintf(v.out, "  picture %d  %s, %s\n", i+1, visible(m.Name), text)
	}
	if s.Video != nil {
		fmt.Fprintf(v.out, "  video      %s\n", visible(s.Video.Name))
	}
	for _, t := range s.Turns {
		lines := strings.ReplaceAll(visible(t.Text), "\n", "\n             ")
		fmt.Fprintf(v.out, "  %-9s  %s\n", t.Role, lines)
	}
	fmt.Fprintln(v.out)
	return bad
}

// pictureSize decodes a picture, as training would, and returns its size.
func pictureSize(m lladav.Media) (vision.Size, error) {
	if m.Path != "" {
		var err error
		if m.Data, err = os.ReadFile(m.Path); err != nil {
			return vision.Size{}, err
		}
	}
	picture, err := vision.Decode(m.Name, m.Data, vision.Limits{})
	if err != nil {
		return vision.Size{}, err
	}
	return picture.Size, nil
}

// visible replaces what a terminal would obey, but for newlines.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return '�'
		}
		return r
	}, text)
}
