package manifest

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
)

// trackedFiles reads which files Git tracks from the index of a working tree; nil where there is none, or it
// is of a kind that is not known (gitformat-index(5), versions 2 to 4 with SHA-1).
func trackedFiles(dir string) map[string]bool {
	git := filepath.Join(dir, ".git")
	if content, err := os.ReadFile(git); err == nil { // a linked working tree
		where, ok := strings.CutPrefix(strings.TrimSpace(string(content)), "gitdir: ")
		if !ok {
			return nil
		}
		if git = where; !filepath.IsAbs(git) {
			git = filepath.Join(dir, git)
		}
	}
	data, err := os.ReadFile(filepath.Join(git, "index"))
	if err != nil {
		return nil
	}
	return parseIndex(data)
}

func parseIndex(data []byte) map[string]bool {
	const header, fixed, extended = 12, 62, 0x4000
	if len(data) < header || string(data[:4]) != "DIRC" {
		return nil
	}
	version, count := binary.BigEndian.Uint32(data[4:]), int(binary.BigEndian.Uint32(data[8:]))
	if version < 2 || version > 4 {
		return nil
	}
	tracked := make(map[string]bool, min(count, len(data)/fixed))
	at, last := header, ""
	for range count {
		if at+fixed > len(data) {
			return nil
		}
		start := at
		at += fixed
		if binary.BigEndian.Uint16(data[start+60:])&extended != 0 {
			at += 2
		}
		keep := 0
		if version == 4 {
			var ok bool
			if keep, at, ok = prefix(data, at, len(last)); !ok {
				return nil
			}
		}
		if at > len(data) {
			return nil
		}
		end := bytes.IndexByte(data[at:], 0)
		if end < 0 {
			return nil
		}
		last = last[:keep] + string(data[at:at+end])
		tracked[last] = true
		at += end + 1
		if version < 4 { // entries are padded to eight bytes
			at = start + (at-start+7)/8*8
		}
	}
	return tracked
}

// prefix reads how much of the last path an entry of version 4 keeps: its length less a number.
func prefix(data []byte, at, length int) (keep, next int, ok bool) {
	strip := 0
	for first := true; at < len(data); first = false {
		b := data[at]
		at++
		if !first {
			strip++
		}
		strip = strip<<7 | int(b&0x7f)
		if strip > length {
			return 0, 0, false
		}
		if b&0x80 == 0 {
			return length - strip, at, true
		}
	}
	return 0, 0, false
}
