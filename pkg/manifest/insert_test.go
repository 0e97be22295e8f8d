package manifest

import (
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
	for name, c := range map[string]struct{ content, name, want string }{
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
		"before what follows spec": {
			name:    "apps",
			content: kustomizationDocument + "# status\nstatus: {}\n",
			want: kustomizationDocument + "  patches:\n    - target:\n        kind: HelmRelease\n        name: web\n      patch: |\n" +
				"        - op: add\n          path: /spec/interval\n          value: 5m\n# status\nstatus: {}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := addPatches([]byte(c.content), c.name, onePatch("web"))
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
		"a list in flow style":     {content: "resources: [a.yaml]\npatches: []\n"},
		"a list that is null":      {content: "patches:\nresources: [a.yaml]\n"},
		"an empty file":            {content: "# nothing\n"},
		"no such document":         {content: kustomizationDocument, name: "other"},
		"two of that name":         {content: kustomizationDocument + "---\n" + kustomizationDocument, name: "apps"},
		"two kustomizations":       {content: "resources: [a]\n---\nresources: [b]\n"},
		"a spec in flow style":     {content: "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps}\nspec: {interval: 5m}\n", name: "apps"},
		"a spec that is an anchor": {content: "x: &s {a: b}\nspec: *s\n", name: "apps"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := addPatches([]byte(c.content), c.name, onePatch("web"))
			require.Error(t, err)
		})
	}
}

func TestAddFields(t *testing.T) {
	t.Parallel()
	timeout := []fieldValue{{flux.Timeout, "2m"}}
	for name, c := range map[string]struct{ content, want string }{
		"below the interval":      {kustomizationDocument, strings.Replace(kustomizationDocument, "  interval: 5m\n", "  interval: 5m\n  timeout: 2m\n", 1)},
		"before the first key":    {strings.Replace(kustomizationDocument, "  interval: 5m\n", "", 1), strings.Replace(kustomizationDocument, "  interval: 5m\n", "  timeout: 2m\n", 1)},
		"with a comment behind":   {strings.Replace(kustomizationDocument, "5m\n", "5m # five\n", 1), strings.Replace(kustomizationDocument, "5m\n", "5m # five\n  timeout: 2m\n", 1)},
		"at the end without line": {strings.TrimSuffix(strings.Replace(kustomizationDocument, "  path: ./apps\n", "", 1), "\n"), strings.Replace(kustomizationDocument, "  path: ./apps\n", "  timeout: 2m", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := addFields([]byte(c.content), "Kustomization", "apps", timeout)
			require.NoError(t, err)
			assert.Equal(t, c.want, string(got))
		})
	}
	for name, content := range map[string]string{
		"there already":    strings.Replace(kustomizationDocument, "  path", "  timeout: 1m\n  path", 1),
		"flow style":       "kind: Kustomization\nmetadata: {name: apps}\nspec: {interval: 5m}\n",
		"no spec":          "kind: Kustomization\nmetadata: {name: apps}\n",
		"another name":     strings.Replace(kustomizationDocument, "apps", "other", 1),
		"an anchor":        "kind: Kustomization\nmetadata: {name: apps}\nspec: &s\n  interval: 5m\nother: *s\n",
		"a merge key":      "x: &x {timeout: 1m}\nkind: Kustomization\nmetadata: {name: apps}\nspec:\n  <<: *x\n  interval: 5m\n",
		"two of that name": kustomizationDocument + "---\n" + kustomizationDocument,
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			got, err := addFields([]byte(content), "Kustomization", "apps", timeout)
			require.Error(t, err, string(got))
		})
	}
}

// Whatever the file: what is added is added, and all else stays as it was, or it is refused.
func FuzzAddPatches(f *testing.F) {
	for _, seed := range []string{
		"resources:\n- a\n", "patches:\n- patch: |\n    # x\nresources: [a]\n", kustomizationDocument, "a: b\r\n", "patches:\n  - path: x\n---\na: b\n",
		"patches: &a\n- x: y\nz: *a\n", "? patches\n: - a: b\n", "patches:\n\n\n- a: >-\n    b\n\n# c\n", "patches:\n    - a\n  # x\n", "\"patches\":\n- a: b",
	} {
		f.Add([]byte(seed), "")
		f.Add([]byte(seed), "apps")
	}
	f.Fuzz(func(t *testing.T, content []byte, name string) {
		got, err := addPatches(content, name, onePatch("web"))
		if err != nil {
			return
		}
		if !strings.Contains(string(got), "kind: HelmRelease") || len(got) <= len(content) {
			t.Fatalf("nothing was added: %q", got)
		}
		i := 0
		for i < len(content) && content[i] == got[i] {
			i++
		}
		if tail := string(content[i:]); !strings.HasSuffix(string(got), tail) {
			t.Fatalf("more than an addition:\n%q\n%q", content, got)
		}
	})
}
