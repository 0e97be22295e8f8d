package manifest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// listed writes documents as the items of a List, with lists indented so far below their key.
func listed(kind string, indent int, documents ...string) string {
	text := "apiVersion: v1\nkind: " + kind + "\nitems:\n"
	pad := strings.Repeat(" ", indent)
	for _, d := range documents {
		text += pad + "- " + strings.ReplaceAll(strings.TrimRight(d, "\n"), "\n", "\n"+pad+"  ") + "\n"
	}
	return text
}

const gitDocument = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: NAME, namespace: apps}\nspec:\n  interval: 7m\n  url: https://github.com/acme/NAME\n"

func documentNamed(name string) string { return strings.ReplaceAll(gitDocument, "NAME", name) }

// A stream of Lists is what kubectl makes of it: all that they hold, however they are nested.
func TestListsOfStreams(t *testing.T) {
	t.Parallel()
	plain, err := ReadStream("a", []byte(documentNamed("a")+"---\n"+documentNamed("b")))
	require.NoError(t, err)
	require.Len(t, plain.Snapshot.Objects, 2)
	untyped := strings.NewReplacer("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n", "").Replace(documentNamed("b"))
	for name, text := range map[string]string{
		"a List":            listed("List", 0, documentNamed("a"), documentNamed("b")),
		"with its metadata": "metadata: {resourceVersion: \"\"}\n" + listed("List", 2, documentNamed("a"), documentNamed("b")),
		"of one kind":       strings.Replace(listed("GitRepositoryList", 0, documentNamed("a"), untyped), "apiVersion: v1\n", "apiVersion: source.toolkit.fluxcd.io/v1\n", 1),
		"a List of Lists":   listed("List", 0, listed("List", 0, documentNamed("a")), documentNamed("b")),
		"beside others":     documentNamed("a") + "---\n" + listed("List", 0, documentNamed("b")) + "---\napiVersion: v1\nkind: List\nitems:\n",
	} {
		f, err := ReadStream("a", []byte(text))
		require.NoError(t, err, name)
		for i := range f.Snapshot.Objects {
			f.Snapshot.Objects[i].Size = plain.Snapshot.Objects[i].Size
		}
		assert.Equal(t, plain.Snapshot.Objects, f.Snapshot.Objects, name)
	}
}

// TestListsOfCheckouts: a file with a List is what the same file with documents is: the same clusters and objects, each value
// at its place, and what rewrite makes of it is what it makes of the documents.
func TestListsOfCheckouts(t *testing.T) {
	t.Parallel()
	const kustomization = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: NAME, namespace: flux-system}\nspec:\n  interval: 7m\n  path: PATH\n  prune: true\n  sourceRef: {kind: GitRepository, name: flux-system}\n"
	of := func(name, path string) string {
		return strings.NewReplacer("NAME", name, "PATH", path).Replace(kustomization)
	}
	rapid.Check(t, func(r *rapid.T) {
		indent, own := rapid.IntRange(0, 3).Draw(r, "indent"), rapid.Bool().Draw(r, "a kustomization")
		first := []string{strings.NewReplacer("apps", "flux-system", "name: NAME", "name: flux-system").Replace(gitDocument), of("flux-system", "./clusters/dev"), of("apps", "./apps")}
		var second []string
		for i := range rapid.IntRange(1, 4).Draw(r, "objects") {
			second = append(second, documentNamed(string(rune('a'+i))))
		}
		files := func(write func(...string) string) *Tree {
			all := map[string]string{"clusters/dev/flux.yaml": write(first...), "apps/all.yaml": write(second...)}
			if own {
				all["apps/kustomization.yaml"] = "resources: [all.yaml]\n"
			}
			return NewTree(all)
		}
		documents := files(func(d ...string) string { return strings.Join(d, "---\n") })
		lists := files(func(d ...string) string { return listed("List", indent, d...) })
		if is, was := lists.Roots(), documents.Roots(); len(is) != 1 || is[0].Path != was[0].Path {
			r.Fatalf("%v instead of %v", is, was)
		}
		fleets, plain := lists.Read(lists.Roots()), documents.Read(documents.Roots())
		if len(fleets[0].Snapshot.Objects) != len(plain[0].Snapshot.Objects) || len(fleets[0].Snapshot.Objects) < 4 {
			r.Fatalf("%d instead of %d", len(fleets[0].Snapshot.Objects), len(plain[0].Snapshot.Objects))
		}
		d := lists.Decide(fleets)
		for _, o := range fleets[0].Snapshot.Objects {
			at := NewLocator(lists).Locate(fleets[0], o.Ref, flux.Interval.Path()...)
			content, err := lists.ReadFile(at.File)
			if err != nil {
				r.Fatal(err)
			}
			line := strings.Split(string(content), "\n")[at.Line-1]
			s, decided := d.Scalar(Target{0, o.Ref, flux.Interval})
			if !strings.HasPrefix(line[at.Column-1:], "7m") || !decided || s.Position() != at {
				r.Fatalf("%s: %s %q, and %s decides", o.Ref, at, line, s)
			}
		}
		rewriting, err := lists.Rewrite(fleets, d, wishes(fleets))
		if err != nil || len(rewriting.Refused) > 0 {
			r.Fatalf("%v %v", err, rewriting.Refused)
		}
		holds(t, lists, fleets, rewriting)
	})
}

// SOPS encrypts a whole document: a List that it has encrypted is left alone.
func TestEncryptedLists(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "it is encrypted with SOPS", untouchableContent([]byte(listed("List", 0, documentNamed("a"))+"sops: {mac: x}\n")))
}
