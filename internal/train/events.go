package train

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Events writes numbers for TensorBoard: a file of records (TFRecord), each an Event message of tensorflow's event.proto.
type Events struct {
	w   io.WriteCloser
	now func() time.Time
}

// OpenEvents begins a new file in dir, which is made if need be. TensorBoard joins the files of a folder, so a run that
// is resumed begins another one.
func OpenEvents(dir string) (*Events, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("write TensorBoard events: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	for at := time.Now().Unix(); ; at++ { // a name that is taken belongs to a run begun in the same second
		name := filepath.Join(dir, fmt.Sprintf("events.out.tfevents.%d.%s", at, host))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if os.IsExist(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("write TensorBoard events: %w", err)
		}
		return newEvents(f, time.Now)
	}
}

func newEvents(w io.WriteCloser, now func() time.Time) (*Events, error) {
	e := &Events{w: w, now: now}
	version := protowire.AppendString(protowire.AppendTag(nil, 3, protowire.BytesType), "brain.Event:2")
	return e, e.record(0, version)
}

// A Scalar is a number under a name like "train/loss".
type Scalar struct {
	Tag   string
	Value float64
}

// Add writes the numbers of a step.
func (e *Events) Add(step int, scalars ...Scalar) error {
	var summary []byte
	for _, s := range scalars {
		value := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), s.Tag)
		value = protowire.AppendFixed32(protowire.AppendTag(value, 2, protowire.Fixed32Type), math.Float32bits(float32(s.Value)))
		summary = protowire.AppendBytes(protowire.AppendTag(summary, 1, protowire.BytesType), value)
	}
	return e.record(step, protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), summary))
}

// record writes an Event with the given content.
func (e *Events) record(step int, content []byte) error {
	event := protowire.AppendTag(nil, 1, protowire.Fixed64Type)
	event = protowire.AppendFixed64(event, math.Float64bits(float64(e.now().UnixNano())/1e9))
	if step != 0 {
		event = protowire.AppendVarint(protowire.AppendTag(event, 2, protowire.VarintType), uint64(step))
	}
	event = append(event, content...)

	b := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(b))
	b = append(b, event...)
	b = binary.LittleEndian.AppendUint32(b, maskedCRC(event))
	if _, err := e.w.Write(b); err != nil {
		return fmt.Errorf("write TensorBoard events: %w", err)
	}
	return nil
}

// maskedCRC is the checksum of a TFRecord: CRC-32C, turned and shifted so that a record of records has no plain one.
func maskedCRC(b []byte) uint32 {
	c := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return (c>>15 | c<<17) + 0xa282ead8
}

// Close closes the file.
func (e *Events) Close() error { return e.w.Close() }
