package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

// MarshalYAML writes a document as YAML, by its tags of JSON, whatever its texts have in them: of control characters and what
// is no character YAML takes none but by number, and the way through JSON does not number all of them.
func MarshalYAML(document any) ([]byte, error) {
	data, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	text, err := yaml.JSONToYAML(numbered(data, noYAML))
	if err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return text, nil
}

// noYAML tells whether a character of JSON may not stand in YAML (YAML 1.2, 5.1, c-printable), or breaks the line there (U+0085).
func noYAML(r rune) bool {
	return r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff
}

// numbered is JSON with some characters in texts by number, which means the same: they stand nowhere else. Beyond the first
// plane two numbers make one.
func numbered(data []byte, which func(rune) bool) []byte {
	var b bytes.Buffer
	for _, r := range string(data) {
		switch {
		case !which(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}
