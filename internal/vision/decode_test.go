package vision

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A picture is what Pillow says of a file in testdata; testdata/make.py writes both.
type picture struct {
	File   string `json:"file"`
	Mode   string `json:"mode"`
	Size   [2]int `json:"size"`
	Native string `json:"native_sha256"`
	RGB    string `json:"rgb_sha256"`
}

func pictures(t testing.TB) (list []picture) {
	data := testFile(t, "pictures.json")
	if err := json.Unmarshal(data, &list); err != nil || len(list) == 0 {
		t.Fatalf("%d pictures, %v", len(list), err)
	}
	return list
}

func testFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecode(t *testing.T) {
	for _, p := range pictures(t) {
		t.Run(p.File, func(t *testing.T) {
			data := testFile(t, p.File)
			m, err := DecodeNative(p.File, data, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if m.Mode.String() != p.Mode || m.Size != (Size{p.Size[0], p.Size[1]}) {
				t.Errorf("mode %v, size %v, want %s, %v", m.Mode, m.Size, p.Mode, p.Size)
			}
			checkSum(t, "pixels", m.Pix, p.Native)
			if m, err = Decode("misnamed.xyz", data, Limits{}); err != nil {
				t.Fatal(err)
			}
			checkSum(t, "RGB", m.Pix, p.RGB)
		})
	}
}

// Every file cut anywhere, or with a byte changed, is a picture or an error of one line: no panic, no hang. Only a file
// that ends within what its decoder needs must be an error, so that is not asked of every cut.
func TestDecodeDamaged(t *testing.T) {
	for _, p := range pictures(t) {
		data := testFile(t, p.File)
		step := max(len(data)/40, 1)
		for at := 0; at < len(data); at += step {
			checkDecode(t, p.File, data[:at])
			bad := bytes.Clone(data)
			bad[at] ^= 0xff
			checkDecode(t, p.File, bad)
		}
		if _, err := Decode(p.File, data[:len(data)/3], Limits{}); err == nil {
			t.Errorf("a third of %s decodes", p.File)
		}
	}
}

// checkDecode decodes data within small limits.
func checkDecode(t *testing.T, name string, data []byte) {
	t.Helper()
	m, err := DecodeNative(name, data, Limits{Pixels: 1 << 16})
	if err == nil {
		if n := m.Size.W * m.Size.H; n < 1 || n > 1<<16 || len(m.Pix) != n*m.Mode.Channels() {
			t.Errorf("%s: %d bytes of mode %v for %v pixels", name, len(m.Pix), m.Mode, m.Size)
		}
		m.RGB()
		return
	}
	if text := err.Error(); strings.Contains(text, "\n") || !strings.Contains(text, name) {
		t.Errorf("%s: message %q", name, text)
	}
}

func FuzzDecode(f *testing.F) {
	for _, p := range pictures(f) {
		f.Add(testFile(f, p.File))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkDecode(t, "fuzz", data) })
}

func TestDecodeRefuses(t *testing.T) {
	huge := func(name string, patch func(b []byte)) []byte {
		b := bytes.Clone(testFile(t, name))
		patch(b)
		return b
	}
	be16, be32, le16, le32 := binary.BigEndian.PutUint16, binary.BigEndian.PutUint32, binary.LittleEndian.PutUint16, binary.LittleEndian.PutUint32
	sof := bytes.Index(testFile(t, "444.jpg"), []byte("\xff\xc0"))
	const tooMany = "60000x60000 pixels are more than the limit of 64000000"
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "decode empty: the file is empty"},
		{"text", []byte("hello"), "decode text: not a JPEG, PNG, GIF, WebP, BMP or TIFF picture"},
		{"a.pdf", []byte("%PDF-1.7\n"), "decode a.pdf: this is a PDF; turn its pages into pictures first, for example with pdftoppm -png"},
		{"a.jpg", []byte("\x00\x00\x00\x18ftypheic\x00\x00"), "decode a.jpg: this is a HEIC picture; convert it to JPEG or PNG first"},
		{"a.avif", []byte("\x00\x00\x00\x18ftypavif\x00\x00"), "decode a.avif: this is an AVIF picture; convert it to JPEG or PNG first"},
		{"a.mp4", []byte("\x00\x00\x00\x18ftypisom\x00\x00"), "decode a.mp4: this is a video; give it as a video"},
		{"a.svg", []byte("<?xml version='1.0'?><svg>"), "decode a.svg: this is an SVG drawing; render it to PNG first, for example with rsvg-convert"},
		{"a.png", []byte("<!DOCTYPE html><html>"), "decode a.png: this is a web page; save the picture itself"},
		{"j", huge("444.jpg", func(b []byte) { be16(b[sof+5:], 60000); be16(b[sof+7:], 60000) }), "decode j as JPEG: " + tooMany},
		{"p", huge("rgb8.png", func(b []byte) {
			be32(b[16:], 60000)
			be32(b[20:], 60000)
			be32(b[29:], crc32.ChecksumIEEE(b[12:29]))
		}), "decode p as PNG: " + tooMany},
		{"g", huge("plain.gif", func(b []byte) { le16(b[6:], 60000); le16(b[8:], 60000) }), "decode g as GIF: " + tooMany},
		{"b", huge("rgb.bmp", func(b []byte) { le32(b[18:], 60000); le32(b[22:], 60000) }), "decode b as BMP: " + tooMany},
		{"t", retagged(t, "none.tif", map[int]int{tiffWidth: 60000, tiffHeight: 60000}), "decode t as TIFF: " + tooMany},
		{"w", huge("lossless.webp", func(b []byte) { le32(b[21:], 1<<28-1) }), "decode w as WebP: 16384x16384 pixels are more than the limit of 64000000"},
		{"planes", retagged(t, "none.tif", map[int]int{tiffPlanar: tiffPlanesInTurns}), "decode planes as TIFF: planes one after the other are not supported"},
		{"parts", retagged(t, "jpeg.tif", map[int]int{tiffRowsPerStrip: 8}), "decode parts as TIFF: 3 parts of 61x8 pixels"},
		{"part", retagged(t, "jpeg.tif", map[int]int{tiffWidth: 60}), "decode part as TIFF: a part of 61x16 pixels where 60x16 were expected"},
		{"white", retagged(t, "jpeg_grey.tif", map[int]int{tiffPhotometric: 0}), "decode white as TIFF: JPEG of 1 samples and colours of kind 0 is not supported"},
		{"short", testFile(t, "444.jpg")[:300], "decode short as JPEG: the file ends early"},
		{"line", huge("rgb.bmp", func(b []byte) { le32(b[18:], 70000); le32(b[22:], 1) }), "decode line as BMP: 70000x1 pixels: a side is longer than 65535"},
		{"flat", huge("rgb.bmp", func(b []byte) { le32(b[22:], 0) }), "decode flat as BMP: a picture of 61x0 pixels"},
	} {
		if _, err := Decode(tt.name, tt.data, Limits{}); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got  %v\nwant %s", tt.name, err, tt.want)
		}
	}
	data := testFile(t, "444.jpg")
	if _, err := Decode("big", data, Limits{Bytes: 10}); err == nil || !strings.Contains(err.Error(), "more than the limit of 10") {
		t.Errorf("a file beyond the limit: %v", err)
	}
	if _, err := Decode("big", data, Limits{Pixels: 61*43 - 1}); err == nil {
		t.Error("a picture beyond the limit decodes")
	}
}

// retagged returns a TIFF file with other values of some tags.
func retagged(t *testing.T, name string, changes map[int]int) []byte {
	t.Helper()
	d, err := readTIFF(testFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return d.with(changes)
}

// A header's claim must not cost memory: pictures of the largest allowed size in a few hundred bytes.
func TestDecodeClaims(t *testing.T) {
	jpg := bytes.Clone(testFile(t, "444_progressive.jpg"))
	sof := bytes.Index(jpg, []byte("\xff\xc2"))
	binary.BigEndian.PutUint16(jpg[sof+5:], 8000)
	binary.BigEndian.PutUint16(jpg[sof+7:], 8000)
	png := bytes.Clone(testFile(t, "rgba16.png"))
	binary.BigEndian.PutUint32(png[16:], 8000)
	binary.BigEndian.PutUint32(png[20:], 8000)
	binary.BigEndian.PutUint32(png[29:], crc32.ChecksumIEEE(png[12:29]))
	large := map[int]int{tiffWidth: 8000, tiffHeight: 8000, tiffRowsPerStrip: 8000}
	for _, data := range [][]byte{jpg, png, retagged(t, "none.tif", large), retagged(t, "lzw.tif", large), retagged(t, "jpeg_ink.tif", large)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Decode("claim", data, Limits{}); err == nil || !strings.HasSuffix(err.Error(), "ends early") {
			t.Errorf("got %v", err)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%d bytes were allocated", n)
		}
	}
}
