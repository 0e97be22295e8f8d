package manifest

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

func onePatch(names ...string) []patch {
	return []patch{{kind: "HelmRelease", names: names, values: []fieldValue{{flux.Interval, "5m"}}}}
}

// A patch is added at the end of the list in the file's own style, and nothing else changes.
func TestAddPatches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content, name string
		nth           int
		want          string
	}{
		"no list yet, indented lists": {
			content: "resources:\n  - a.yaml\n",
			want:    "resources:\n  - a.yaml\npatches:\n  - target:\n      kind: HelmRelease\n      name: web\n    patch: |\n      - op: add\n        path: /spec/interval\n        value: 5m\n",
		},
		"no list yet, flat lists, no final newline": {
			content: "resources:\n- a.yaml",
			want:    "resources:\n- a.yaml\npatches:\n- target:\n    kind: HelmRelease\n    name: web\n  patch: |\n    - op: add\n      path: /spec/interval\n      value: 5m",
		},
		"a list in the middle that ends in a comment-like line of a patch": {
			content: "patches:\n  - patch: |\n      # not a comment\n      a: b\n      # the end\n\n# about resources\nresources:\n  - a.yaml\n",
			want: "patches:\n  - patch: |\n      # not a comment\n      a: b\n      # the end\n" +
				"  - patch: |\n      - op: add\n        path: /spec/interval\n        value: 5m\n    target:\n      kind: HelmRelease\n      name: web\n" +
				"\n# about resources\nresources:\n  - a.yaml\n",
		},
		"the second document": {
			name:    "apps",
			content: "a: 1\n---\n" + kustomizationDocument + "---\nb: 2\n",
			want: "a: 1\n---\n" + kustomizationDocument + "  patches:\n    - target:\n        kind: HelmRelease\n        name: web\n      patch: |\n" +
				"        - op: add\n          path: /spec/interval\n          value: 5m\n---\nb: 2\n",
		},
		"the second of that name": {
			name: "apps", nth: 1,
			content: kustomizationDocument + "---\n" + kustomizationDocument,
			want: kustomizationDocument + "---\n" + kustomizationDocument + "  patches:\n    - target:\n        kind: HelmRelease\n        name: web\n      patch: |\n" +
				"        - op: add\n          path: /spec/interval\n          value: 5m\n",
		},
		"an empty list, with comments": {
			content: "resources:\n- a.yaml\npatches: []\n  # - path: b.yaml\nlabels: []\n",
			want:    "resources:\n- a.yaml\npatches:\n- target:\n    kind: HelmRelease\n    name: web\n  patch: |\n    - op: add\n      path: /spec/interval\n      value: 5m\n  # - path: b.yaml\nlabels: []\n",
		},
		"a list that is null, CRLF": {
			content: "patches: # none\r\nresources: [a.yaml]\r\n",
			want:    "patches: # none\r\n  - target:\r\n      kind: HelmRelease\r\n      name: web\r\n    patch: |\r\n      - op: add\r\n        path: /spec/interval\r\n        value: 5m\r\nresources: [a.yaml]\r\n",
		},
		"an empty list of a spec, at the end without line": {
			name:    "apps",
			content: kustomizationDocument + "  patches: [ ]",
			want: kustomizationDocument + "  patches:\n    - target:\n        kind: HelmRelease\n        name: web\n      patch: |\n" +
				"        - op: add\n          path: /spec/interval\n          value: 5m",
		},
		"before what follows spec": {
			name:    "apps",
			content: kustomizationDocument + "# status\nstatus: {}\n",
			want: kustomizationDocument + "  patches:\n    - target:\n        kind: HelmRelease\n        name: web\n      patch: |\n" +
				"        - op: add\n          path: /spec/interval\n          value: 5m\n# status\nstatus: {}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := addPatches([]byte(c.content), c.name, c.nth, onePatch("web"))
			require.NoError(t, err)
			assert.Equal(t, c.want, string(got))
		})
	}
}

const kustomizationDocument = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: apps\nspec:\n  interval: 5m\n  path: ./apps\n"

func TestAddPatchesRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ content, name string }{
		"flow style":               {content: "{resources: [a.yaml]}\n"},
		"a list in flow style":     {content: "resources: [a.yaml]\npatches: [{path: b.yaml}]\n"},
		"a list with an anchor":    {content: "resources: [a.yaml]\npatches: &a []\n"},
		"a text":                   {content: "resources: [a.yaml]\npatches: ''\n"},
		"an empty file":            {content: "# nothing\n"},
		"no such document":         {content: kustomizationDocument, name: "other"},
		"two kustomizations":       {content: "resources: [a]\n---\nresources: [b]\n"},
		"a spec in flow style":     {content: "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps}\nspec: {interval: 5m}\n", name: "apps"},
		"a spec that is an anchor": {content: "x: &s {a: b}\nspec: *s\n", name: "apps"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := addPatches([]byte(c.content), c.name, 0, onePatch("web"))
			require.Error(t, err)
		})
	}
}

func TestAddFields(t *testing.T) {
	t.Parallel()
	timeout := []addition{{kind: "Kustomization", name: "apps", values: []fieldValue{{flux.Timeout, "2m"}}}}
	for name, c := range map[string]struct{ content, want string }{
		"below the interval":      {kustomizationDocument, strings.Replace(kustomizationDocument, "  interval: 5m\n", "  interval: 5m\n  timeout: 2m\n", 1)},
		"before the first key":    {strings.Replace(kustomizationDocument, "  interval: 5m\n", "", 1), strings.Replace(kustomizationDocument, "  interval: 5m\n", "  timeout: 2m\n", 1)},
		"with a comment behind":   {strings.Replace(kustomizationDocument, "5m\n", "5m # five\n", 1), strings.Replace(kustomizationDocument, "5m\n", "5m # five\n  timeout: 2m\n", 1)},
		"in flow style":           {"kind: Kustomization\nmetadata: {name: apps}\nspec: {interval: 5m, path: ./a} # x\n", "kind: Kustomization\nmetadata: {name: apps}\nspec: {interval: 5m, timeout: 2m, path: ./a} # x\n"},
		"in flow style, the only": {"kind: Kustomization\nmetadata: {name: apps}\nspec: {interval: 5m}\n", "kind: Kustomization\nmetadata: {name: apps}\nspec: {timeout: 2m, interval: 5m}\n"},
		"in JSON": {
			"{\n  \"kind\": \"Kustomization\",\n  \"metadata\": {\"name\": \"apps\"},\n  \"spec\": {\n    \"interval\": \"5m\",\n    \"path\": \"./a\"\n  }\n}\n",
			"{\n  \"kind\": \"Kustomization\",\n  \"metadata\": {\"name\": \"apps\"},\n  \"spec\": {\n    \"interval\": \"5m\",\n    \"timeout\": \"2m\",\n    \"path\": \"./a\"\n  }\n}\n",
		},
		"in compact JSON": {
			`{"kind":"Kustomization","metadata":{"name":"apps"},"spec":{"interval":"5m","path":"./a"}}`,
			`{"kind":"Kustomization","metadata":{"name":"apps"},"spec":{"interval":"5m","timeout":"2m","path":"./a"}}`,
		},
		"in a list": {
			"kind: List\nitems:\n- kind: Kustomization\n  metadata: {name: apps}\n  spec:\n    interval: 5m\n- kind: Kustomization\n  metadata: {name: other}\n  spec: {interval: 5m}\n",
			"kind: List\nitems:\n- kind: Kustomization\n  metadata: {name: apps}\n  spec:\n    interval: 5m\n    timeout: 2m\n- kind: Kustomization\n  metadata: {name: other}\n  spec: {interval: 5m}\n",
		},
		"behind a line separator": {"# a\u2028b: c\n" + kustomizationDocument, "# a\u2028b: c\n" + strings.Replace(kustomizationDocument, "  interval: 5m\n", "  interval: 5m\n  timeout: 2m\n", 1)},
		"a line separator in it":  {strings.Replace(kustomizationDocument, "name: apps", "name: apps\n  annotations: {a: \"b\u2028 \u2029c\u0085d\"}", 1), strings.Replace(strings.Replace(kustomizationDocument, "name: apps", "name: apps\n  annotations: {a: \"b\u2028 \u2029c\u0085d\"}", 1), "  interval: 5m\n", "  interval: 5m\n  timeout: 2m\n", 1)},
		"at the end without line": {strings.TrimSuffix(strings.Replace(kustomizationDocument, "  path: ./apps\n", "", 1), "\n"), strings.Replace(kustomizationDocument, "  path: ./apps\n", "  timeout: 2m", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := addFields([]byte(c.content), timeout)
			require.NoError(t, err)
			assert.Equal(t, c.want, string(got))
		})
	}
	for name, content := range map[string]string{
		"there already":   strings.Replace(kustomizationDocument, "  path", "  timeout: 1m\n  path", 1),
		"CR as line ends": strings.ReplaceAll(kustomizationDocument, "\n", "\r"),
		"an empty spec":   "kind: Kustomization\nmetadata: {name: apps}\nspec: {}\n",
		"no spec":         "kind: Kustomization\nmetadata: {name: apps}\n",
		"another name":    strings.Replace(kustomizationDocument, "apps", "other", 1),
		"an anchor":       "kind: Kustomization\nmetadata: {name: apps}\nspec: &s\n  interval: 5m\nother: *s\n",
		"a merge key":     "x: &x {timeout: 1m}\nkind: Kustomization\nmetadata: {name: apps}\nspec:\n  <<: *x\n  interval: 5m\n",
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			got, err := addFields([]byte(content), timeout)
			require.Error(t, err, string(got))
		})
	}
}

// addedTo tells whether a text is another one and something in one place.
func addedTo(was, is string) bool {
	i := 0
	for i < len(was) && i < len(is) && was[i] == is[i] {
		i++
	}
	return len(is) >= len(was) && strings.HasSuffix(is, was[i:])
}

// Whatever the file: what is added is added, and all else stays as it was, or it is refused.
func FuzzAddPatches(f *testing.F) {
	for _, seed := range []string{
		"resources:\n- a\n", "patches:\n- patch: |\n    # x\nresources: [a]\n", kustomizationDocument, "a: b\r\n", "patches:\n  - path: x\n---\na: b\n",
		"patches: &a\n- x: y\nz: *a\n", "? patches\n: - a: b\n", "patches:\n\n\n- a: >-\n    b\n\n# c\n", "patches:\n    - a\n  # x\n", "patches: []\n# x\na: b\n", "patches: ~ # x", "- patches:\n  a: b\n", "\"patches\":\n- a: b",
		"# x\u2028y: z\nresources:\n- a\n", "resources:\r- a\r", "a: \"\u2028\u2029\u0085\"\nresources:\n- a", strings.ReplaceAll(kustomizationDocument, "\n", "\r"),
		"kind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(kustomizationDocument), "\n", "\n  ") + "\n- a: b\n",
	} {
		f.Add([]byte(seed), "")
		f.Add([]byte(seed), "apps")
	}
	f.Fuzz(func(t *testing.T, content []byte, name string) {
		got, err := addPatches(content, name, 0, onePatch("web"))
		if err != nil {
			return
		}
		if !strings.Contains(string(got), "kind: HelmRelease") || len(got) <= len(content) {
			t.Fatalf("nothing was added: %q", got)
		}
		if addedTo(string(content), string(got)) {
			return
		}
		lines := splitLines(content)
		for i, line := range lines { // or else to what is left of the file without the [] of a list
			if match := emptyList.FindSubmatch(line); match != nil {
				lines[i] = slices.Concat(match[1], match[2])
				if addedTo(string(bytes.Join(lines, nil)), string(got)) {
					return
				}
				lines[i] = line
			}
		}
		t.Fatalf("more than an addition:\n%q\n%q", content, got)
	})
}

// Whatever the file: a field is added as a whole line or key, and all else stays as it was, or it is refused.
func FuzzAddFields(f *testing.F) {
	for _, seed := range []string{
		kustomizationDocument, strings.ReplaceAll(kustomizationDocument, "\n", "\r\n"), strings.ReplaceAll(kustomizationDocument, "\n", "\r"),
		"# a\u2028b: c\n" + kustomizationDocument, strings.Replace(kustomizationDocument, "metadata:", "x: \"\u2028\u0085\"\nmetadata:", 1),
		"kind: Kustomization\nmetadata: {name: apps}\nspec: {interval: 5m, path: ./a}\n", "kind: Kustomization\nmetadata: {name: apps}\nspec: {\n  interval: 5m,\n  path: ./a }\n",
		`{"kind":"Kustomization","metadata":{"name":"apps"},"spec":{"interval":"5m","path":"./a"}}`,
		"kind: List\nitems:\n- kind: Kustomization\n  metadata: {name: apps}\n  spec:\n    interval: 5m\n", "kind: Kustomization\nmetadata: {name: apps}\nspec: {interval: !!str 5m}\n",
		"\ufeffkind: Kustomization\nmetadata: {name: apps}\nspec: {interval: 5m}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := addFields(content, []addition{{kind: "Kustomization", name: "apps", values: []fieldValue{{flux.Timeout, "2m"}}}})
		if err != nil {
			return
		}
		i := 0
		for i < len(content) && content[i] == got[i] {
			i++
		}
		if tail := string(content[i:]); !strings.HasSuffix(string(got), tail) || !strings.Contains(string(got), "timeout") {
			t.Fatalf("more or less than an addition:\n%q\n%q", content, got)
		}
	})
}
