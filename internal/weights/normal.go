package weights

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"sync"

	"lladav/internal/tensor"
)

// A Normal fills tensors with numbers that are nearly normally distributed, as fast as memory takes them. An
// element is a function of the seed, the tensor's name and its index alone, so tensors may be filled piece by
// piece in any order. Its method Fill is of the kind that [Spec] wants.
type Normal struct {
	key   uint64
	size  int                     // bytes of an element
	small [1 << normalBits]uint16 // F16 and BF16: the values that elements have, all as likely
	large []uint32                // F32
}

// normalBits is the size of the table of values: 4096 quantiles reach 3.66 standard deviations, distinguish more
// values than a bfloat16 does between most powers of two, and stay in the first-level cache.
const normalBits = 12

// NewNormal returns a Normal for the tensor name of the given type, F32, F16 or BF16, with the given mean and
// standard deviation. A deviation of 0 fills with the mean. NewNormal panics for other types.
func NewNormal(seed uint64, name string, dtype tensor.DType, mean, std float64) *Normal {
	h := fnv.New64a()
	h.Write(binary.LittleEndian.AppendUint64(nil, seed))
	h.Write([]byte(name))
	n := &Normal{key: mix(h.Sum64()), size: dtype.Size()}
	if dtype == tensor.F32 {
		n.large = make([]uint32, 1<<normalBits)
	}
	for i, q := range quantiles() {
		x := float32(mean + float64(std*q)) // not fused, so that machines agree
		switch dtype {
		case tensor.F32:
			n.large[i] = math.Float32bits(x)
		case tensor.F16:
			n.small[i] = tensor.F16FromF32(x)
		case tensor.BF16:
			n.small[i] = tensor.BF16FromF32(x)
		default:
			panic(fmt.Sprintf("weights: normal numbers of type %v", dtype))
		}
	}
	return n
}

// quantiles returns the middles of 2^normalBits equally likely parts of the standard normal distribution, scaled
// so that their mean square is 1.
var quantiles = sync.OnceValue(func() []float64 {
	q := make([]float64, 1<<normalBits)
	var sum float64
	for i := range q {
		p := (float64(i) + 0.5) / float64(len(q))
		q[i] = math.Sqrt2 * math.Erfinv(2*p-1)
		sum += q[i] * q[i]
	}
	scale := 1 / math.Sqrt(sum/float64(len(q)))
	for i := range q {
		q[i] *= scale
	}
	return q
})

// mix is the finaliser of SplitMix64, a bijection whose every output bit depends on every input bit.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// bits returns the random bits of elements 4i to 4i+3, 16 for each.
func (n *Normal) bits(i uint64) uint64 { return mix(n.key + i*0x9e3779b97f4a7c15) }

// Fill sets dst to the bytes of the tensor's data from offset on. Both must be whole elements. It never fails.
func (n *Normal) Fill(dst []byte, offset int64) error {
	i := uint64(offset) / uint64(n.size)
	for ; i%4 != 0 && len(dst) > 0; i++ {
		dst = n.put(dst, n.bits(i/4)>>(16*(i%4)))
	}
	le, group := binary.LittleEndian, i/4
	const drop = 16 - normalBits
	if n.large != nil {
		table := (*[1 << normalBits]uint32)(n.large)
		for ; len(dst) >= 16; group++ {
			r := n.bits(group)
			le.PutUint32(dst[0:4], table[uint16(r)>>drop])
			le.PutUint32(dst[4:8], table[uint16(r>>16)>>drop])
			le.PutUint32(dst[8:12], table[uint16(r>>32)>>drop])
			le.PutUint32(dst[12:16], table[uint16(r>>48)>>drop])
			dst = dst[16:]
		}
	} else {
		table := &n.small
		for ; len(dst) >= 8; group++ {
			r := n.bits(group)
			lo := uint64(table[uint16(r)>>drop]) | uint64(table[uint16(r>>16)>>drop])<<16
			hi := uint64(table[uint16(r>>32)>>drop]) | uint64(table[uint16(r>>48)>>drop])<<16
			le.PutUint64(dst, lo|hi<<32)
			dst = dst[8:]
		}
	}
	for r := n.bits(group); len(dst) > 0; r >>= 16 {
		dst = n.put(dst, r)
	}
	return nil
}

// put sets the first element of dst from 16 random bits and returns the rest.
func (n *Normal) put(dst []byte, r uint64) []byte {
	k := uint16(r) >> (16 - normalBits)
	if n.large != nil {
		binary.LittleEndian.PutUint32(dst, n.large[k])
	} else {
		binary.LittleEndian.PutUint16(dst, n.small[k])
	}
	return dst[n.size:]
}
