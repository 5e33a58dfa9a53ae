package parquet

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

var zstdReader = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecoderLowmem(true),
		zstd.WithDecodeAllCapLimit(true))
})

// unpack decompresses b, which must become n bytes. The library would make room for whatever b becomes.
func unpack(codec format.CompressionCodec, b []byte, n int) ([]byte, error) {
	var out []byte
	var err error
	switch codec {
	case format.Uncompressed:
		out = b
	case format.Snappy:
		var size int
		if size, err = snappy.DecodedLen(b); err == nil && size != n {
			err = errPage
		}
		if err == nil {
			out, err = snappy.Decode(nil, b)
		}
	case format.Gzip:
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			out, err = readAll(r, n)
		}
	case format.Brotli:
		out, err = readAll(brotli.NewReader(bytes.NewReader(b)), n)
	case format.Zstd:
		var d *zstd.Decoder
		if d, err = zstdReader(); err == nil {
			out, err = d.DecodeAll(b, make([]byte, 0, n))
		}
	case format.Lz4Raw:
		out = make([]byte, n)
		n, err = lz4.UncompressBlock(b, out)
	default:
		return nil, fmt.Errorf("the compression %s is not supported", codec)
	}
	if err == nil && len(out) != n {
		err = errPage
	}
	return out, err
}

// readAll reads all of r, which must be n bytes.
func readAll(r io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	var more [1]byte
	if _, err := io.ReadFull(r, more[:]); err != io.EOF {
		return nil, errPage
	}
	return b, nil
}
