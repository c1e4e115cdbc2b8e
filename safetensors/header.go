package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"

	"espalier/tensor"
)

// maxHeader bounds the header, as the format's own reader does.
const maxHeader = 100 << 20

const metadataKey = "__metadata__"

// entry is what a header says of one tensor. Offsets are bytes after the header.
type entry struct {
	DType   string  `json:"dtype"`
	Shape   []int64 `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// sizes has the bytes of one element of each type in the format's README. Types
// below one byte are left out: their tensors are listed, but never read. Elements of
// these, and of types that are not known here, have at least a bit.
var sizes = map[string]int64{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "C64": 8,
	"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}

// header is a file's header, checked against the number of bytes that follow it.
type header struct {
	tensors  map[string]entry
	metadata map[string]string
}

// checkLength says whether a header of n bytes can be in a file of size bytes.
func checkLength(n uint64, size int64) error {
	switch {
	case n > uint64(size-8):
		return fmt.Errorf("the header claims %d bytes, the file has %d: it is damaged, or no safetensors file", n, size)
	case n > maxHeader:
		return fmt.Errorf("the header claims %d bytes, more than the %d that the format allows", n, maxHeader)
	}
	return nil
}

// parseHeader reads a header. Body is the number of bytes after it. The tensors
// must fill these without gap or overlap, which the format demands.
func parseHeader(text []byte, body int64) (*header, error) {
	h := &header{tensors: map[string]entry{}, metadata: map[string]string{}}
	if err := h.parse(json.NewDecoder(bytes.NewReader(text))); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("header: %w", err)
	}
	names := make([]string, 0, len(h.tensors))
	for name := range h.tensors {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if err := h.tensors[name].check(); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
	}
	return h, h.checkRanges(names, body)
}

// parse reads the object's keys one by one, because a map would hide a name that
// stands there twice.
func (h *header) parse(d *json.Decoder) error {
	if t, err := d.Token(); err != nil {
		return err
	} else if t != json.Delim('{') {
		return fmt.Errorf("it is no JSON object")
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		name := key.(string) // the decoder gives nothing else for a key
		if seen[name] {
			return fmt.Errorf("%q stands there twice", name)
		}
		seen[name] = true
		if name == metadataKey {
			if err := d.Decode(&h.metadata); err != nil {
				return fmt.Errorf("metadata: %w", err)
			}
			continue
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		h.tensors[name] = e
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more follows the JSON object")
	}
	return nil
}

// check says whether type, shape and byte range agree.
func (e entry) check() error {
	if e.DType == "" || e.Shape == nil || len(e.Offsets) != 2 {
		return fmt.Errorf("the header must give dtype, shape and two data_offsets")
	}
	n, err := tensor.Shape(e.Shape).Elements()
	if err != nil {
		return err
	}
	from, to := e.Offsets[0], e.Offsets[1]
	if from < 0 || to < from {
		return fmt.Errorf("bytes %d to %d are no range", from, to)
	}
	size, known := sizes[e.DType]
	if known && ((to-from)%size != 0 || (to-from)/size != int64(n)) || !known && int64(n)/8 > to-from {
		return fmt.Errorf("shape %v of %s does not fill bytes %d to %d", tensor.Shape(e.Shape), e.DType, from, to)
	}
	return nil
}

func (h *header) checkRanges(names []string, body int64) error {
	order := append([]string(nil), names...)
	sort.SliceStable(order, func(i, j int) bool {
		a, b := h.tensors[order[i]].Offsets, h.tensors[order[j]].Offsets
		return a[0] < b[0] || a[0] == b[0] && a[1] < b[1]
	})
	end, last := int64(0), ""
	for _, name := range order {
		from, to := h.tensors[name].Offsets[0], h.tensors[name].Offsets[1]
		switch {
		case from < end:
			return fmt.Errorf("tensors %q and %q overlap: bytes up to %d belong to the first, the second starts at %d", last, name, end, from)
		case from > end:
			return fmt.Errorf("tensor %q: it starts at byte %d, but bytes from %d on belong to no tensor", name, from, end)
		}
		end, last = to, name
	}
	switch {
	case end > body:
		return fmt.Errorf("the file is cut short: its tensors have %d bytes, the file has %d for them; fetch it again", end, body)
	case end < body:
		return fmt.Errorf("the last %d bytes belong to no tensor: the file is damaged", body-end)
	}
	return nil
}
