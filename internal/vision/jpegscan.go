package vision

import (
	"errors"
	"fmt"
	"io"
)

// A scan is one pass over blocks of some components.
type scan struct {
	*bitReader
	comps          []*scanComponent
	first, last    int // coefficients
	high, low      int // bit positions before and after this pass, progressive only
	run            int // blocks to come without new coefficients
	progressive    bool
	batch          *batch // sequential only: the blocks of this row of units so far
	toNextRestart  int
	nextRestartNum byte
}

type scanComponent struct {
	*jpegComponent
	dc, ac *huffman
	pred   int32
}

// maxScans bounds the work that a short file can ask for: a scan that changes nothing takes a few bytes and passes over
// every block. Encoders write about ten, and the format has no use for more than a few for each bit.
const maxScans = 256

// scan reads the header of a scan and its blocks.
func (d *jpegDecoder) scan(p []byte) error {
	if d.comps == nil {
		return errors.New("a scan before the picture header")
	}
	if len(p) < 1 || len(p) < 4+2*int(p[0]) || p[0] < 1 || int(p[0]) > len(d.comps) {
		return errors.New("a broken scan header")
	}
	if d.scans++; d.scans > maxScans {
		return fmt.Errorf("more than %d scans", maxScans)
	}
	n := int(p[0])
	s := &scan{bitReader: &bitReader{data: d.data, at: d.at}, progressive: d.progressive,
		first: int(p[1+2*n]), last: int(p[2+2*n]), high: int(p[3+2*n] >> 4), low: int(p[3+2*n] & 15)}
	if !d.progressive {
		s.first, s.last, s.high, s.low = 0, 63, 0, 0
	}
	if s.first > s.last || s.last > 63 || s.low > 13 || d.progressive && (s.first == 0) != (s.last == 0) ||
		s.first > 0 && n > 1 {
		return errors.New("a broken scan header")
	}
	for i := range n {
		c := &scanComponent{}
		for _, dc := range d.comps {
			if dc.id == p[1+2*i] {
				c.jpegComponent = dc
			}
		}
		tables := p[2+2*i]
		if c.jpegComponent == nil || tables>>4 > 3 || tables&15 > 3 {
			return errors.New("a broken scan header")
		}
		for _, before := range s.comps {
			if before.jpegComponent == c.jpegComponent {
				return errors.New("a plane twice in a scan")
			}
		}
		c.dc, c.ac = d.huff[0][tables>>4], d.huff[1][tables&15]
		if s.first == 0 && s.high == 0 && c.dc == nil || s.last > 0 && c.ac == nil {
			return errors.New("a code table is missing")
		}
		if c.quant == nil {
			c.quant = d.quant[c.table]
		}
		if c.quant == nil {
			return errors.New("a quantisation table is missing")
		}
		s.comps = append(s.comps, c)
	}
	if d.comps[0].plane.pix == nil {
		if err := d.allocate(); err != nil {
			return err
		}
	}
	if err := s.blocks(d); err != nil {
		return err
	}
	d.at = s.at
	return nil
}

// blocks decodes the blocks of a scan: of one component those that hold pixels, of several whole interleaved units.
func (s *scan) blocks(d *jpegDecoder) error {
	units := d.mcus
	if len(s.comps) == 1 {
		units = s.comps[0].own
	}
	s.toNextRestart = d.restart
	var transforms transforms
	defer transforms.wait()
	for y := range units.H {
		if !s.progressive {
			s.batch = transforms.begin()
		}
		for x := range units.W {
			if d.restart > 0 {
				if s.toNextRestart == 0 {
					if err := s.resync(); err != nil {
						return err
					}
					s.toNextRestart = d.restart
				}
				s.toNextRestart--
			}
			if err := s.unit(x, y); err != nil {
				return err
			}
		}
		if !s.progressive {
			transforms.start(s.batch)
		}
	}
	for _, c := range s.comps {
		c.complete = !d.progressive
	}
	return nil
}

func (s *scan) unit(x, y int) error {
	if len(s.comps) == 1 {
		return s.decode(s.comps[0], x, y)
	}
	for _, c := range s.comps {
		for v := range c.v {
			for h := range c.h {
				if err := s.decode(c, x*c.h+h, y*c.v+v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// resync finds the restart marker that must follow.
func (s *scan) resync() error {
	s.acc, s.n, s.run = 0, 0, 0
	for s.at+1 < len(s.data) && (s.data[s.at] != 0xff || s.data[s.at+1] == 0 || s.data[s.at+1] == 0xff) {
		s.at++
	}
	if s.at+1 >= len(s.data) {
		return io.ErrUnexpectedEOF
	}
	if s.data[s.at+1] != 0xd0+s.nextRestartNum {
		return errors.New("a restart marker is missing")
	}
	s.at += 2
	s.nextRestartNum = (s.nextRestartNum + 1) % 8
	for _, c := range s.comps {
		c.pred = 0
	}
	return nil
}

// decode reads one block.
func (s *scan) decode(c *scanComponent, x, y int) (err error) {
	at := y*c.blocks.W + x
	switch {
	case !s.progressive:
		err = s.sequential(c, s.batch.next(c.plane, x, y))
	case s.first == 0 && s.high == 0:
		err = s.firstDC(c, c.coeffs[64*at:])
	case s.first == 0:
		if s.take(1) != 0 {
			c.coeffs[64*at] |= 1 << s.low
		}
	case s.high == 0:
		err = s.firstAC(c, (*[64]int16)(c.coeffs[64*at:]))
	default:
		err = s.refineAC(c, (*[64]int16)(c.coeffs[64*at:]))
	}
	if err == nil && s.short {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// difference reads the change of a block's mean.
func (s *scan) difference(c *scanComponent) error {
	k, err := s.value(c.dc)
	if err != nil || k > 15 {
		return errHuffman
	}
	c.pred += s.extended(int(k))
	return nil
}

// sequential reads a whole block, of zeros so far, dequantised.
func (s *scan) sequential(c *scanComponent, block *[64]int32) error {
	if err := s.difference(c); err != nil {
		return err
	}
	block[0] = c.pred * c.quant[0]
	for k := 1; k < 64; k++ {
		rs, err := s.value(c.ac)
		if err != nil {
			return err
		}
		size := int(rs & 15)
		if size == 0 {
			if rs != 0xf0 {
				break
			}
			k += 15
			continue
		}
		if k += int(rs >> 4); k > 63 {
			return errors.New("too many coefficients in a block")
		}
		block[zigzag[k]] = s.extended(size) * c.quant[k]
	}
	return nil
}

func (s *scan) firstDC(c *scanComponent, coeffs []int16) error {
	err := s.difference(c)
	coeffs[0] = int16(c.pred << s.low)
	return err
}

func (s *scan) firstAC(c *scanComponent, coeffs *[64]int16) error {
	if s.run > 0 {
		s.run--
		return nil
	}
	for k := s.first; k <= s.last; k++ {
		rs, err := s.value(c.ac)
		if err != nil {
			return err
		}
		zeros, size := int(rs>>4), int(rs&15)
		if size == 0 {
			if zeros < 15 {
				s.run = 1<<zeros - 1 + int(s.take(zeros))
				break
			}
			k += 15
			continue
		}
		if k += zeros; k > 63 {
			return errors.New("too many coefficients in a block")
		}
		coeffs[zigzag[k]] = int16(s.extended(size) << s.low)
	}
	return nil
}

// refineAC reads one more bit of the coefficients that are not zero, and new ones of one bit in between.
func (s *scan) refineAC(c *scanComponent, coeffs *[64]int16) error {
	one := int16(1) << s.low
	k := s.first
	for s.run == 0 && k <= s.last {
		rs, err := s.value(c.ac)
		if err != nil {
			return err
		}
		zeros, fresh := int(rs>>4), int16(0)
		switch rs & 15 {
		case 0:
			if zeros < 15 {
				s.run = 1<<zeros + int(s.take(zeros))
			}
		case 1:
			fresh = -one
			if s.take(1) != 0 {
				fresh = one
			}
		default:
			return errHuffman
		}
		if s.run > 0 {
			break
		}
		if k = s.refine(coeffs, k, zeros, one); fresh != 0 && k <= s.last {
			coeffs[zigzag[k]] = fresh
		}
		k++
	}
	if s.run > 0 {
		s.refine(coeffs, k, -1, one)
		s.run--
	}
	return nil
}

// refine reads a bit for each coefficient from k on that is not zero. It stops at the zero after as many as are to be
// passed over, never if that is negative, and returns where.
func (s *scan) refine(coeffs *[64]int16, k, zeros int, one int16) int {
	for ; k <= s.last; k++ {
		v := &coeffs[zigzag[k]]
		if *v == 0 {
			if zeros == 0 {
				break
			}
			zeros--
			continue
		}
		if s.take(1) != 0 && *v&one == 0 {
			if *v > 0 {
				*v += one
			} else {
				*v -= one
			}
		}
	}
	return k
}
