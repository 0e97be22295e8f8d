package manifest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestSetScalarsChangesOnlyTheirBytes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, want string }{
		"plain":               {"spec:\n  interval: 5m # five\n  x: 1", "spec:\n  interval: 1m # five\n  x: 1"},
		"single quotes":       {"interval: '5m'\n", "interval: '1m'\n"},
		"double quotes":       {"interval: \"5m\"\n", "interval: \"1m\"\n"},
		"anchor and tag":      {"a: &i !!str 5m\nb: *i\n", "a: &i !!str 1m\nb: *i\n"},
		"flow style":          {"spec: {interval: 5m, path: ./x}\n", "spec: {interval: 1m, path: ./x}\n"},
		"JSON":                {"{\"spec\":{\"interval\":\"5m\"}}", "{\"spec\":{\"interval\":\"1m\"}}"},
		"CRLF":                {"spec:\r\n  interval: 5m\r\n", "spec:\r\n  interval: 1m\r\n"},
		"no final newline":    {"interval: 5m", "interval: 1m"},
		"byte order mark":     {"\ufeffinterval: 5m\n", "\ufeffinterval: 1m\n"},
		"block scalar":        {"patch: |-\n  spec:\n    interval: 5m\n", "patch: |-\n  spec:\n    interval: 1m\n"},
		"folded scalar":       {"patch: >\n  [{op: add, path: /x,\n  value: 5m}]\n", "patch: >\n  [{op: add, path: /x,\n  value: 1m}]\n"},
		"default":             {"interval: ${EVERY:=5m}\n", "interval: ${EVERY:=1m}\n"},
		"default with a dash": {"interval: ${EVERY:-5m}\n", "interval: ${EVERY:-1m}\n"},
		"line separator":      {"a: \"x\u2028 y\"\ninterval: 5m\n", "a: \"x\u2028 y\"\ninterval: 1m\n"},
		"second document":     {"a: 1\n---\n# c\ninterval: 5m\n...\n", "a: 1\n---\n# c\ninterval: 1m\n...\n"},
		"wide characters":     {"näme: {日本: x, interval: 5m}\n", "näme: {日本: x, interval: 1m}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := durations("f.yaml", []byte(c.content))
			require.Len(t, found, 1)
			got, err := SetScalars([]byte(c.content), found, []string{"1m"})
			require.NoError(t, err)
			assert.Equal(t, c.want, string(got))
		})
	}
}

func TestSetScalarsRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, to, want string }{
		"a comment":           {"a: 1 # every 5m\n", "1m", "f.yaml:1:14: the change would alter more than this value"},
		"no YAML":             {"a: [5m\n", "1m", "f.yaml cannot be read as YAML: yaml: line 1: did not find expected ',' or ']'"},
		"no duration":         {"a: 5m\n", "1m # x", "f.yaml:1:4: \"1m # x\" is not a duration"},
		"a key that is there": {"5m : 2\n", "x", "f.yaml:1:1: \"x\" is not a duration"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := durations("f.yaml", []byte(c.content))
			require.Len(t, found, 1)
			_, err := SetScalars([]byte(c.content), found, []string{c.to})
			require.EqualError(t, err, c.want)
		})
	}
	_, err := SetScalars([]byte("a: 7m\n"), durations("f.yaml", []byte("a: 5m\n")), []string{"1m"})
	require.EqualError(t, err, `f.yaml:1:4: there is no "5m" any more`)
}

// Lines and columns are those of editors and grep, in which lines end in LF alone, for values in the text and for what the
// parser finds: columns count characters, not bytes.
func TestPlacesAreWhereEditorsSeeThem(t *testing.T) {
	t.Parallel()
	content := "\ufeff# ä\nnäme: {日本: 5m}\nb: \"x\u2028y\u0085z\"\r\nc: 10m\r\n# old\rd: 7m\ne:\n  f: \"\u2029\"\n  g: 8m\n"
	found := durations("f.yaml", []byte(content))
	want := []Scalar{{Line: 2, Column: 12, Text: "5m"}, {Line: 4, Column: 4, Text: "10m"}, {Line: 5, Column: 10, Text: "7m"}, {Line: 8, Column: 6, Text: "8m"}}
	for i := range found {
		found[i] = Scalar{Line: found[i].Line, Column: found[i].Column, Text: found[i].Text}
	}
	assert.Equal(t, want, found)
	documents, err := parseAll([]byte(content))
	require.NoError(t, err)
	assert.Equal(t, want, durationNodes(documents...))
	assert.Equal(t, want, durationNodes(parseDocuments([]byte(content))...))
}

func durationNodes(nodes ...*yaml.Node) (at []Scalar) {
	for _, n := range nodes {
		if n.Kind == yaml.ScalarNode && durationToken.FindString(n.Value) == n.Value && n.Value != "" {
			at = append(at, Scalar{Line: n.Line, Column: n.Column, Text: n.Value})
		}
		at = append(at, durationNodes(n.Content...)...)
	}
	return at
}

// Whatever the YAML: either exactly the planned scalar differs, in the bytes and in the parse, or the edit
// is refused.
func FuzzSetScalars(f *testing.F) {
	for _, seed := range []string{
		"spec:\n  interval: 5m # 5m\n", "a: &x 5m\nb: *x\n&x c: 5m\n", "p: |-\n  - value: 5m\n    x: 5m\n",
		"a: '5m'\r\nb: \"5m\"", "? 5m\n: 5m\n", "%YAML 1.1\n---\na: !!str 5m\n...\n", "a: ${X:=5m}\n", "- [5m, {5m: 5m}]\n",
		"a: \"5m\\\n  5m\"\n", "a: >\n 5m\n\n 5m\n", "\ufeffa: 5m\u20285m\n", "a: 5m\u0085b: 5m\n", "5m", "a: 5m\n  5m\n", "<<: 5m\n",
		"a: b\r\rc: 5m\n", "# \u2028\na: 5m\n", "a: \"\u2029\"\nb: 5m\n",
	} {
		f.Add([]byte(seed), uint8(0), "1m")
		f.Add([]byte(seed), uint8(1), "1h30m")
	}
	f.Fuzz(func(t *testing.T, content []byte, which uint8, to string) {
		found := durations("f.yaml", content)
		if len(found) == 0 {
			return
		}
		for _, one := range found { // where grep -n finds it
			if line := bytes.Count(content[:one.Offset], []byte("\n")) + 1; one.Line != line {
				t.Fatalf("line %d, and not %d:\n%q", one.Line, line, content)
			}
		}
		s := found[int(which)%len(found)]
		got, err := SetScalars(content, []Scalar{s}, []string{to})
		if err != nil {
			return
		}
		want := slicesConcat(content[:s.Offset], []byte(to), content[s.Offset+len(s.Text):])
		if !bytes.Equal(got, want) {
			t.Fatalf("other bytes than the scalar's changed:\n%q\n%q", content, got)
		}
		was, err := parseAll(content)
		require.NoError(t, err)
		is, err := parseAll(got)
		require.NoError(t, err)
		if n := differences(was, is); n != 1 && s.Text != to {
			t.Fatalf("%d values differ:\n%q\n%q", n, content, got)
		}
	})
}

// differences counts the nodes that say something else, by a way of its own: both as a list of strings.
func differences(was, is []*yaml.Node) int {
	a, b := flatten(was), flatten(is)
	if len(a) != len(b) {
		return -1
	}
	n := 0
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

func flatten(nodes []*yaml.Node) []string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.Tag+" "+n.Anchor+" "+n.Value+" "+n.HeadComment+" "+n.LineComment+" "+n.FootComment)
		all = append(all, flatten(n.Content)...)
	}
	return all
}

func slicesConcat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
