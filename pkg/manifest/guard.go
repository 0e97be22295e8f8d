package manifest

import "bytes"

// untouchableContent says why a file with this content is left alone; "" where it may be changed: documents
// that SOPS has encrypted bear a checksum of all their values.
func untouchableContent(content []byte) string {
	if !bytes.Contains(content, []byte("sops")) {
		return ""
	}
	for _, n := range parseMappings(content) {
		if sops := at(n, "sops"); sops != nil && (at(sops, "mac") != nil || at(sops, "lastmodified") != nil) {
			return "it is encrypted with SOPS"
		}
	}
	return ""
}

// templated tells whether the line that a scalar stands on is to be rendered by a template engine.
func templated(content []byte, s Scalar) bool {
	from := bytes.LastIndexByte(content[:s.Offset], '\n') + 1
	line, _, _ := bytes.Cut(content[from:], []byte("\n"))
	return bytes.Contains(line, []byte("{{")) || bytes.Contains(line, []byte("{%"))
}
