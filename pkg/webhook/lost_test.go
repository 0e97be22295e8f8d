package webhook

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// A Receiver that names a source which is there stays in the file, whatever its host runs as its name tells: somebody may call it.
func TestNoReceiverOfAKnownHostIsLost(t *testing.T) {
	t.Parallel()
	image := func(name, url string) flux.Object {
		return object("OCIRepository", name, at(url))
	}
	sources := []flux.Object{
		app("a", "https://github.com/acme/a"), app("z", "https://dev.azure.com/acme/p/_git/z"),
		image("d", "oci://docker.io/acme/d"), image("g", "oci://ghcr.io/acme/g"), image("q", "oci://quay.io/acme/q"), image("c", "oci://acme.azurecr.io/c"),
	}
	told := map[string]HostType{}
	for _, host := range []string{"github.com", "dev.azure.com", "docker.io", "ghcr.io", "quay.io", "acme.azurecr.io"} {
		told[flux.ParseHost(host)] = GenericHMAC
	}
	first := New(Input{Objects: sources, HostTypes: told})
	require.Len(t, first.Proposals, len(sources))
	again := New(Input{Objects: append(applied(first.Proposals), sources...)})
	assert.Empty(t, again.Proposals, "the choice was made once")
	assert.Empty(t, again.Gone)
	assert.Equal(t, namesOf(first), namesOf(again))

	guessed := New(Input{Objects: sources})
	both := New(Input{Objects: append(applied(guessed.Proposals), sources...), HostTypes: told})
	require.Len(t, both.Manifests(), 2*len(sources))
	forgotten := New(Input{Objects: append(applied(both.Manifests()), sources...)})
	assert.Empty(t, forgotten.Gone)
	assert.Equal(t, namesOf(both), namesOf(forgotten))

	for _, receiverType := range []string{"generic", "dockerhub", "quay", "acr", "nexus", "harbor", "gcr", "generic-hmac"} {
		r := receiver("github-com", to("GitRepository", "a"))
		r.Hook = flux.Hook{Type: receiverType, Secret: "token"}
		c := New(Input{Objects: []flux.Object{sources[0], r}})
		assert.Empty(t, c.Gone, receiverType)
		require.NotEmpty(t, c.Kept, receiverType)
		assert.Equal(t, "github-com", c.Kept[0].Manifest.Metadata.Name, receiverType)
		assert.Equal(t, len(c.Proposals) > 0, c.Kept[0].ReplacedBy != "", receiverType)
	}
}

// Kustomizations may give Receivers other names than the files have: without a filter they are known even so.
func TestReceiversOfAnotherName(t *testing.T) {
	t.Parallel()
	sources := []flux.Object{
		app("g", "https://github.com/acme/g"), app("e", "https://git.example.com/acme/e"), object("OCIRepository", "o", at("oci://ghcr.io/acme/o")),
	}
	first := applied(New(Input{Objects: sources, NoFilter: true}).Proposals)
	require.Len(t, first, 3)
	for _, change := range []func(name string) string{
		func(name string) string { return "p-" + name }, func(name string) string { return name + "-prod" }, func(name string) string { return "p" + name + "s" },
	} {
		objects := append([]flux.Object{}, sources...)
		for _, r := range first {
			r.Name = change(r.Name)
			objects = append(objects, r)
		}
		c := New(Input{Objects: objects})
		assert.Empty(t, c.Proposals)
		assert.Len(t, c.Kept, 3)
		more := New(Input{Objects: append(objects, app("more", "https://git.example.com/acme/more"))})
		require.Len(t, more.Proposals, 1)
		assert.True(t, more.Proposals[0].Existing, "a new source joins")
	}
}

// What a Receiver calls for stays in it, also what its host's calls are not for, and what moved to another host.
func TestWhatAReceiverReachesStays(t *testing.T) {
	t.Parallel()
	pages := object("HelmRepository", "pages", at("https://acme.github.io/charts"))
	bucket := object("Bucket", "b", func(o *flux.Object) { o.Remote.URL = "https://s3.example.com/b" })
	r := receiver("github-com", to("GitRepository", "a"), to("HelmRepository", "pages"), to("Bucket", "b"))
	r.Hook = flux.Hook{Type: "github", Secret: "token", Events: []string{"ping", "push"}}
	c := New(Input{Objects: []flux.Object{app("a", "https://github.com/acme/a"), pages, bucket, r}})
	assert.Empty(t, c.Proposals)
	require.Len(t, c.Kept, 1)
	assert.Len(t, c.Kept[0].Sources, 3)

	hmac := applied(New(Input{Objects: []flux.Object{app("a", "https://git.example.com/acme/a")}}).Proposals)[0]
	c = New(Input{Objects: []flux.Object{app("a", "https://code.example.com/acme/a"), hmac}})
	assert.Equal(t, []string{"apps/git-example-com git-example-com-webhook"}, namesOf(c), "the pipeline still calls it")
	c = New(Input{Objects: []flux.Object{app("a", "https://github.com/acme/a"), hmac}})
	assert.Contains(t, namesOf(c), "apps/git-example-com git-example-com-webhook")
	assert.Empty(t, c.Gone)
}

// What files say of a Receiver that is kept from the cluster is not known to be there, and nothing is added to it.
func TestReceiversThatDoNotFollowFiles(t *testing.T) {
	t.Parallel()
	a, b := app("a", "https://github.com/acme/a"), app("b", "https://github.com/acme/b")
	for _, mark := range []string{"ssa: IfNotPresent", "ssa: Ignore", "reconcile: disabled"} {
		r := applied(New(Input{Objects: []flux.Object{a}}).Proposals)[0]
		key, value, _ := strings.Cut(mark, ": ")
		r.Annotations = map[string]string{"kustomize.toolkit.fluxcd.io/" + key: value}
		c := New(Input{Objects: []flux.Object{a, b, r}})
		assert.Equal(t, []State{Unknown, Uncovered}, []State{c.Sources[0].State, c.Sources[1].State}, mark)
		assert.Contains(t, c.Sources[0].Why, "whether the cluster has it so is not known: "+mark, mark)
		assert.Equal(t, []string{"apps/github-com github-com-webhook", "apps/github-com-2 github-com-2-webhook"}, namesOf(c), mark)
		r.ResourceVersion, r.Status.Ready = "1", "True"
		assert.Equal(t, Covered, New(Input{Objects: []flux.Object{a, r}}).Sources[0].State, mark)
	}
}

// GitHub sends no CDEvent.
func TestCDEvents(t *testing.T) {
	t.Parallel()
	r := receiver("hook", to("GitRepository", "a"))
	r.Hook = flux.Hook{Type: "cdevents", Secret: "token"}
	s := one(t, Input{Objects: []flux.Object{app("a", "https://github.com/acme/a"), r}})
	assert.Equal(t, Unknown, s.State)
	assert.Contains(t, s.Why, "its type is cdevents, and GitHub sends no CDEvent: it is for somebody else to call, as a pipeline does")
}
