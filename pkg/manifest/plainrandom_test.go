package manifest

import (
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plainParts are what random objects are made of: mostly what everybody writes, and what parsers read in several ways.
var plainParts = struct{ kinds, names, namespaces, metadata, bodies, kustomizations []string }{
	kinds: []string{
		"helm.toolkit.fluxcd.io/v2 HelmRelease", "helm.toolkit.fluxcd.io/v2 HelmRelease", "helm.toolkit.fluxcd.io/v2beta1 HelmRelease", "source.toolkit.fluxcd.io/v1 GitRepository",
		"kustomize.toolkit.fluxcd.io/v1 Kustomization", "v1 ConfigMap", "v1 Namespace", "v1 Bucket", "notification.toolkit.fluxcd.io/v1beta3 Provider", "source.toolkit.fluxcd.io HelmChart",
		"v1 Secret", "kustomize.config.k8s.io/v1beta1 Kustomization", "v1 ConfigMapList", "v1 List", "'' HelmRelease", "1 Namespace", "x.toolkit.fluxcd.io/v1 Receiver",
	},
	names:      []string{"a", "b", "c", "'7'", "7", "true", "0x1F", "2001-01-01", "~", "''", "&n a", "!!str 1", "\"a b\"", "${x}", "1e3", "{}", "[a]"},
	namespaces: []string{"", "", "", "x", "default", "'9'", "9", "null", "no", "''"},
	metadata: []string{
		"", "", "", "  annotations: {a: b}\n", "  annotations: {a: 1}\n", "  annotations: {a: ~}\n", "  annotations: ~\n", "  annotations: []\n", "  labels: {a: true}\n", "  labels: {1: b}\n",
		"  annotations: {config.kubernetes.io/local-config: 'false'}\n", "  annotations: {internal.config.kubernetes.io/path: x}\n", "  annotations: {config.k8s.io/id: '1'}\n",
		"  generateName: g-\n", "  annotations: {config.kubernetes.io/origin: x}\n", "  annotations: {alpha.config.kubernetes.io/transformations: x}\n", "  namespace: twice\n", "  annotations: {a: b, a: c}\n",
		"  annotations: {kustomize.config.k8s.io/needs-hash: 'true'}\n", "  annotations: {kustomize.config.k8s.io/behavior: merge}\n", "  labels: {validated-by: x}\n", "  finalizers: [~]\n",
		"  annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}\n", "  # only a comment\n", "  annotations: &m {a: b}\n  labels: *m\n", "  creationTimestamp: null\n",
	},
	bodies: []string{
		"", "spec: {interval: 5m}\n", "spec:\n  interval: 5m\n", "spec: {interval: 5m, list: [~]}\n", "spec: {interval: 1_000, x: 0o17, y: 017, z: .inf}\n", "spec: {when: 2001-01-01T00:00:00Z, yes: on}\n",
		"spec: &s {interval: 5m}\nother: *s\n", "x: &x {interval: 7m}\nspec:\n  <<: *x\n  timeout: 1m\n", "x: &x {interval: 7m}\nspec:\n  <<: [*x, {a: b}]\n  interval: 9m\n", "spec: {}\n", "spec:\n", "spec: [a, b]\n",
		"spec: {interval: 5m, interval: 6m}\n", "spec:\n\tinterval: 5m\n", "data: {a: \"b\\nkind: Pod\\n\"}\n", "data:\n  a: |\n    kind: Pod\n    ---\n", "data: {1: a, true: b, ~: c}\n", "items: []\n", "items: ~\n", "items: a\n",
		"items:\n- {apiVersion: v1, kind: Namespace, metadata: {name: n}}\n", "$patch: delete\n", "spec: !custom {interval: 5m}\n", "data: {a: !!binary aGk=}\n", "spec: {a: *none}\n", "? [a, b]\n: c\n", "kind: Pod\n", "spec: {x: \"\\u2028\"}\n",
		"spec: {valuesFrom: [{kind: ConfigMap, name: a}], sourceRef: {kind: GitRepository, name: b}}\n", "spec: {chart: {spec: {sourceRef: {name: a}}}, namespace: x}\n", "immutable: true\n", "subjects: [{kind: ServiceAccount, name: a}]\n",
	},
	kustomizations: []string{
		"", "", "", "", "", "", "kind: Kustomization\n", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n", "kind: Component\n", "kind: Other\n", "apiVersion: v1\n", "metadata: {name: x, namespace: y}\n", "metadata: {annotations: {a: b}}\n",
		"namespace: x\n", "namespace: ''\n", "namePrefix: p-\n", "nameSuffix: ~\n", "patches: []\n", "patches: ~\n", "labels: []\n", "labels: [{pairs: {a: b}}]\n", "commonLabels: {}\n", "commonLabels: {a: b}\n", "commonAnnotations: {a: b}\n", "images: [{name: a, newTag: b}]\n",
		"configMapGenerator: [{name: a, literals: [a=b]}]\n", "generatorOptions: {disableNameSuffixHash: true}\n", "components: []\n", "components: [folder]\n", "crds: []\n", "crds: [a.yaml]\n", "openapi: {}\n", "openapi: {path: a.yaml}\n", "bases: [folder]\n", "bases: [a.yaml]\n",
		"replacements: []\n", "replicas: [{name: a, count: 1}]\n", "vars: []\n", "buildMetadata: []\n", "buildMetadata: [originAnnotations]\n", "sortOptions: {order: fifo}\n", "sortOptions: {order: legacy}\n", "validators: []\n", "configurations: [a.yaml]\n",
		"Resources: [b.yaml]\n", "RESOURCES: []\n", "resources: [b.yaml]\n", "---\n", "unknown: x\n", "helmCharts: []\n", "secretGenerator: ~\n", "x: &x [b.yaml]\n", "namespace: &n x\nnamePrefix: *n\n", "\ufeff", "# only a comment\n", "generators: []\n", "transformers: ['']\n",
	},
}

// randomPlain is a folder "x" with a kustomization that lists files, most of them as everybody writes them.
func randomPlain(r *rand.Rand) map[string]string {
	one := func(choices []string) string { return choices[r.IntN(len(choices))] }
	rarely := func(choices []string) string { // but for the first
		if r.IntN(6) > 0 {
			return choices[0]
		}
		return one(choices)
	}
	object := func() string {
		kind := plainParts.kinds[r.IntN(6)]
		if r.IntN(6) == 0 {
			kind = one(plainParts.kinds)
		}
		version, kind, _ := strings.Cut(kind, " ")
		name, namespace := plainParts.names[r.IntN(3)], rarely(plainParts.namespaces)
		if r.IntN(4) == 0 {
			name = one(plainParts.names)
		}
		if namespace != "" {
			namespace = "  namespace: " + namespace + "\n"
		}
		return "apiVersion: " + version + "\nkind: " + kind + "\nmetadata:\n  name: " + name + "\n" + namespace + rarely(plainParts.metadata) + rarely(plainParts.bodies)
	}
	files := map[string]string{}
	for _, name := range []string{"x/a.yaml", "x/b.yaml", "c.yaml", "x/folder/d.yaml"} {
		var documents []string
		for range 1 + r.IntN(2) {
			documents = append(documents, object())
		}
		files[name] = strings.Join(documents, rarely([]string{"---\n", "--- # x\n", "---\n---\n", "...\n---\n", "---\nnull\n---\n", "--- \n", "---\n{}\n---\n", "---\n[]\n---\n", "---\ntext\n---\n", " ---\n", "---\t\n", "----\n"}))
		switch r.IntN(40) {
		case 0:
			files[name] = strings.ReplaceAll(files[name], "\n", "\r\n")
		case 1:
			files[name] = "\ufeff" + files[name]
		case 2:
			files[name] = strings.TrimSuffix(files[name], "\n")
		case 3:
			files[name] = rarely([]string{"", "\x00", "\xff\xfe", "# nothing\n", "---\n", "%YAML 1.1\n---\n" + files[name], "a: b\n", "- a\n"})
		case 4:
			files[name] = strings.ReplaceAll(files[name], "\n", "\r")
		}
	}
	list := "- a.yaml\n- ../c.yaml\n"
	if r.IntN(2) == 0 {
		for range r.IntN(3) {
			list += "- " + one([]string{
				"b.yaml", "b.yaml", "./b.yaml", "folder/d.yaml", "folder/../b.yaml", "folder", "none.yaml", "''", "b.yaml/", "/x/b.yaml", "../x/b.yaml", "../../../../c.yaml", "'b.yaml '", "~", "7", "{a: b}",
				"https://example.com/a.yaml", "github.com/a/b", ".", "*.yaml", "kustomization.yaml", "folder/kustomization.yaml", "\"a\\nb\"",
			}) + "\n"
		}
	}
	at := rarely([]string{"x/kustomization.yaml", "x/kustomization.yml", "x/Kustomization"})
	files[at] = rarely(plainParts.kustomizations) + "resources:\n" + list + rarely(plainParts.kustomizations)
	if r.IntN(30) == 0 {
		files["x/Kustomization"] = "resources: [b.yaml]\n"
	}
	if r.IntN(3) == 0 {
		files["x/folder/kustomization.yaml"] = one([]string{"resources: [d.yaml]\n", "", "kind: Component\n", "resources: [..]\n"})
	}
	return files
}

// Whatever the folder: what is read without kustomize is what kustomize makes of it, read from the same files, and nothing is
// read without kustomize that this refuses.
func TestPlainResourcesOfRandomFoldersAreKustomizes(t *testing.T) {
	plains := 0
	const seeds = 2000
	try := func(seed uint64) {
		files := randomPlain(rand.New(rand.NewPCG(seed, 1)))
		tree := NewTree(files)
		filter := &remoteFilter{tree: tree, gaps: map[string]string{}}
		newView := func() *view { return &view{tree: tree, filter: filter.content, read: map[string]bool{}} }
		defer shared.enter(buildOptions{})() // also where it fails: all other builds wait for it
		v, w := newView(), newView()
		mine, plain := plainResources(v, "x")
		if plain {
			plains++
			theirs, err := run(w, "x")
			require.NoError(t, err, "seed %d: %q", seed, files)
			require.Len(t, mine, len(theirs), "seed %d: %q", seed, files)
			for i, r := range theirs {
				a, errA := newBuiltResource(r.Resource, "x", tree.seed)
				b, errB := newBuiltResource(mine[i].Resource, "x", tree.seed)
				require.Equal(t, errA, errB, "seed %d: %q", seed, files)
				require.Equal(t, a, b, "seed %d: %q", seed, files)
				require.Equal(t, r.MustString(), mine[i].MustString(), "seed %d: %q", seed, files)
			}
			maps.DeleteFunc(w.read, func(file string, _ bool) bool { return !tree.isFile(file) }) // kustomize tries three names
			require.Equal(t, w.read, v.read, "seed %d: %q", seed, files)
		}
	}
	for seed := range uint64(seeds) {
		try(seed)
	}
	assert.Greater(t, plains, seeds/5, "hardly any folder is plain")
	t.Log(plains, "of", seeds)
}
