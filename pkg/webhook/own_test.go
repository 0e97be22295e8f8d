package webhook

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// file is what receivers -o yaml writes of Receivers.
func file(t require.TestingT, c Coverage) string {
	var parts []string
	for _, p := range c.Manifests() {
		text, err := yaml.Marshal(p.Manifest)
		require.NoError(t, err)
		parts = append(parts, fmt.Sprintf("# %s %s %t %v\n%s", p.Host, p.HostType, p.Guessed, p.Owners, text))
	}
	return strings.Join(parts, "---\n")
}

// withoutProposed are the objects but for those of the names of proposals.
func withoutProposed(objects []flux.Object, c Coverage) []flux.Object {
	return slices.DeleteFunc(slices.Clone(objects), func(o flux.Object) bool {
		return slices.ContainsFunc(c.Manifests(), func(p Proposal) bool {
			return o.Kind == "Receiver" && o.Name == p.Manifest.Metadata.Name && o.Namespace == p.Manifest.Metadata.Namespace
		})
	})
}

// TestTheSameFileAgain: what is written, applied and written again is the same; one source more is added to it, and all else
// stays; a renamed repository changes a filter alone.
func TestTheSameFileAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		objects := fleetOf(t)
		input := Input{Objects: objects, NoFilter: rapid.Bool().Draw(t, "no filter"), HostTypes: map[string]HostType{}}
		if name := rapid.SampledFrom(append(HostTypes(), "")).Draw(t, "host type"); name != "" {
			input.HostTypes["git.example.com"] = HostType(name)
		}
		first := New(input)
		input.Objects = slices.Concat(withoutProposed(objects, first), applied(first.Manifests()))
		if rapid.Bool().Draw(t, "host type is not said again") && input.HostTypes["git.example.com"] != GenericHMAC { // which is what is guessed
			input.HostTypes = nil
		}
		again := New(input)
		if len(again.Proposals) > 0 {
			t.Fatalf("proposed again: %+v", again.Proposals)
		}
		if was, is := file(t, first), file(t, again); was != is {
			t.Fatalf("was\n%s\nis\n%s", was, is)
		}
		i := slices.IndexFunc(input.Objects, func(o flux.Object) bool { return o.Kind == "GitRepository" })
		if i < 0 || len(again.Manifests()) == 0 {
			return
		}
		changed := input.Objects[i]
		if rapid.Bool().Draw(t, "one more") {
			changed.Name = "one-more"
			input.Objects = append(slices.Clone(input.Objects), changed)
		} else if strings.HasSuffix(changed.Remote.URL, changed.Name) {
			input.Objects[i].Remote.URL += "-renamed"
		}
		third := New(input)
		if was, is := namesOf(again), namesOf(third); len(is) < len(was) {
			t.Fatalf("%v became %v", was, is)
		}
		holdsItsReceivers(t, input)
		input.Objects = slices.Concat(withoutProposed(input.Objects, third), applied(third.Manifests()))
		if was, is := file(t, third), file(t, New(input)); was != is {
			t.Fatalf("was\n%s\nis\n%s", was, is)
		}
		for _, s := range New(input).Sources {
			if s.State == Uncovered {
				t.Fatalf("%s is not covered", s.Object.Ref)
			}
		}
	})
}

// holdsItsReceivers: whatever somebody says or changes of Receivers that are there, each of them stays in the file, with the
// sources that it has, until it is taken out: who moves the output over the file has the missing ones deleted.
func holdsItsReceivers(t *rapid.T, input Input) {
	was := New(input)
	objects := slices.Concat(withoutProposed(input.Objects, was), applied(was.Manifests()))
	input.HostTypes = map[string]HostType{}
	for _, host := range []string{"git.example.com", "github.com", "harbor.example.com", "ghcr.io"} {
		if name := rapid.SampledFrom(append(HostTypes(), "", "", "")).Draw(t, host+" told later"); name != "" {
			input.HostTypes[host] = HostType(name)
		}
	}
	for i := range objects {
		if o := &objects[i]; o.Kind == "Receiver" && rapid.IntRange(0, 3).Draw(t, "Secret renamed") == 0 {
			o.Hook.Secret = "our-token"
		}
	}
	input.Objects = objects
	is := New(input)
	for _, p := range was.Manifests() {
		i := slices.IndexFunc(is.Manifests(), func(q Proposal) bool {
			return q.Manifest.Metadata.Name == p.Manifest.Metadata.Name && q.Manifest.Metadata.Namespace == p.Manifest.Metadata.Namespace
		})
		if i < 0 {
			t.Fatalf("%s/%s is lost", p.Manifest.Metadata.Namespace, p.Manifest.Metadata.Name)
		}
		for _, resource := range p.Manifest.Spec.Resources {
			if !slices.Contains(is.Manifests()[i].Manifest.Spec.Resources, resource) {
				t.Fatalf("%s lost %v", p.Manifest.Metadata.Name, resource)
			}
		}
	}
	input.Objects = slices.Concat(withoutProposed(objects, is), applied(is.Manifests()))
	if was, is := file(t, is), file(t, New(input)); was != is {
		t.Fatalf("was\n%s\nis\n%s", was, is)
	}
	input.HostTypes = nil
	if prefix := rapid.SampledFrom([]string{"", "p-"}).Draw(t, "prefix"); prefix != "" {
		for i := range input.Objects {
			if o := &input.Objects[i]; o.Kind == "Receiver" {
				o.Ref.Name = prefix + o.Name
			}
		}
	}
	forgotten := New(input)
	pointers := []*flux.Object{}
	for i := range input.Objects {
		pointers = append(pointers, &input.Objects[i])
	}
	own := newFleet(input, pointers).own // a Gitea's events at github.com are somebody's own, if nobody says that it is one
	for _, o := range input.Objects {
		written := func(p Proposal) bool {
			return p.Manifest.Metadata.Name == o.Name && p.Manifest.Metadata.Namespace == o.Namespace
		}
		if own[o.Ref] != nil && !slices.ContainsFunc(forgotten.Manifests(), written) {
			t.Fatalf("%s is lost where the types are not said again", o.Ref)
		}
	}
}

func namesOf(c Coverage) []string {
	var names []string
	for _, p := range c.Manifests() {
		names = append(names, p.Manifest.Metadata.Namespace+"/"+p.Manifest.Metadata.Name+" "+p.Manifest.Spec.SecretRef.Name)
	}
	return names
}

// A new source joins the Receiver of its host, and keeps what somebody gave that.
func TestASourceMore(t *testing.T) {
	t.Parallel()
	first := New(Input{Objects: []flux.Object{app("a", "https://github.com/acme/a"), app("b", "https://github.com/acme/b")}})
	r := applied(first.Proposals)[0]
	half, every := "30m", "10m0s"
	r.Suspended, r.Interval = true, &half
	r.Labels = map[string]string{"team": "platform", "sharding.fluxcd.io/key": "s1", "kustomize.toolkit.fluxcd.io/name": "apps", "app.kubernetes.io/managed-by": "Helm"}
	r.Annotations = map[string]string{"kustomize.toolkit.fluxcd.io/prune": "disabled", "kubectl.kubernetes.io/last-applied-configuration": "{}", "reconcile.fluxcd.io/requestedAt": "x"}
	objects := []flux.Object{app("a", "https://github.com/acme/a"), app("b", "https://github.com/acme/renamed"), app("c", "https://github.com/acme/c"), r}
	c := New(Input{Objects: objects})
	require.Len(t, c.Proposals, 1)
	p := c.Proposals[0]
	assert.True(t, p.Existing)
	assert.Equal(t, []int{1, 0}, []int{p.Added, p.Dropped})
	assert.Equal(t, "github-com", p.Manifest.Metadata.Name)
	assert.Equal(t, "github-com-webhook", p.Manifest.Spec.SecretRef.Name)
	assert.Equal(t, []any{true, "30m"}, []any{p.Manifest.Spec.Suspend, p.Manifest.Spec.Interval})
	assert.Equal(t, map[string]string{"team": "platform", "sharding.fluxcd.io/key": "s1"}, p.Manifest.Metadata.Labels)
	assert.Equal(t, map[string]string{"kustomize.toolkit.fluxcd.io/prune": "disabled"}, p.Manifest.Metadata.Annotations)
	assert.Contains(t, p.Manifest.Spec.ResourceFilter, `"acme/renamed"`)
	assert.NotContains(t, p.Manifest.Spec.ResourceFilter, `"acme/b"`)
	objects[3].Interval = &every
	assert.Empty(t, New(Input{Objects: objects}).Proposals[0].Manifest.Spec.Interval, "the API server's default")

	c = New(Input{Objects: append(slices.Clone(objects[:1]), objects[3])})
	require.Len(t, c.Proposals, 1, "what is gone goes")
	assert.Equal(t, []int{0, 1}, []int{c.Proposals[0].Added, c.Proposals[0].Dropped})
	c = New(Input{Objects: append(slices.Clone(objects[:1]), objects[3]), Read: func(string, string) bool { return false }})
	assert.Empty(t, c.Proposals, "what was not read stays")
	require.Len(t, c.Kept, 1)
	assert.Contains(t, c.Kept[0].Manifest.Spec.ResourceFilter, `"acme/b"`)
}

// What somebody has written by hand, or changed, is nobody else's to write.
func TestHandmadeReceivers(t *testing.T) {
	t.Parallel()
	a, b := app("a", "https://github.com/acme/a"), app("b", "https://github.com/acme/b")
	own := applied(New(Input{Objects: []flux.Object{a, b}}).Proposals)[0]
	require.Len(t, New(Input{Objects: []flux.Object{a, b, own}}).Kept, 1)
	for name, change := range map[string]func(*flux.Object){
		"another condition": func(o *flux.Object) { o.Hook.Filter += ` && req.sender.login != "bot"` },
		"a condition more": func(o *flux.Object) {
			o.Hook.Filter = strings.Replace(o.Hook.Filter, "\n  ||", ` && req.x == "y"`+"\n  ||", 1)
		},
		"another layout":        func(o *flux.Object) { o.Hook.Filter = strings.ReplaceAll(o.Hook.Filter, "\n", " ") },
		"a filter of its own":   func(o *flux.Object) { o.Targets[0].Filter = "true" },
		"another namespace":     func(o *flux.Object) { o.Targets[0].Namespace = "web" },
		"labels":                func(o *flux.Object) { o.Targets[0].Name, o.Targets[0].MatchLabels = "*", map[string]string{} },
		"an apiVersion":         func(o *flux.Object) { o.Targets[0].APIVersion = "source.toolkit.fluxcd.io/v1" },
		"other events":          func(o *flux.Object) { o.Hook.Events = []string{"push"} },
		"no filter, other name": func(o *flux.Object) { o.Hook.Filter, o.Name = "", "hook" },
		"no Secret":             func(o *flux.Object) { o.Hook.Secret = "" },
	} {
		r := own
		r.Targets = slices.Clone(own.Targets)
		change(&r)
		c := New(Input{Objects: []flux.Object{a, b, app("c", "https://github.com/acme/c"), r}})
		for _, p := range c.Manifests() {
			assert.False(t, p.Existing, name)
		}
	}
	plain := own
	plain.Hook.Filter = ""
	objects := []flux.Object{a, b, app("c", "https://github.com/acme/c"), plain}
	c := New(Input{Objects: objects})
	require.Len(t, c.Proposals, 1)
	assert.True(t, c.Proposals[0].Existing)
	assert.True(t, c.Proposals[0].Unfiltered)
	assert.Empty(t, c.Proposals[0].Manifest.Spec.ResourceFilter, "one without a filter stays so")
	filtered := New(Input{Objects: objects, Filter: true}).Proposals[0]
	assert.NotEmpty(t, filtered.Manifest.Spec.ResourceFilter, "until that is wanted")
	assert.False(t, filtered.Unfiltered)
}

// A Receiver without a filter is known by its name and form, whichever Secret it has now.
func TestARenamedSecret(t *testing.T) {
	t.Parallel()
	a, b := app("a", "https://git.example.com/acme/a"), app("b", "https://git.example.com/acme/b")
	r := applied(New(Input{Objects: []flux.Object{a}}).Proposals)[0]
	r.Hook.Secret = "our-ci-token"
	c := New(Input{Objects: []flux.Object{a, b, r}})
	require.Equal(t, []string{"apps/git-example-com our-ci-token"}, namesOf(c))
	assert.True(t, c.Proposals[0].Existing)
	r.Hook.Secret = "--server=https://evil.example"
	for _, p := range New(Input{Objects: []flux.Object{a, b, r}}).Manifests() {
		assert.NotContains(t, p.SecretCommand()+p.TokenCommand(), "evil", "no command has it as a flag")
	}
}

// Whoever says later what runs at a host gets a Receiver for that beside the one that is there, which may be called: both are
// written until somebody takes the old one out.
func TestAHostTypeToldLater(t *testing.T) {
	t.Parallel()
	a, b := app("a", "https://git.example.com/acme/a"), app("b", "https://git.example.com/acme/b")
	told := map[string]HostType{"git.example.com": Gitea}
	old := applied(New(Input{Objects: []flux.Object{a, b}}).Proposals)[0]
	c := New(Input{Objects: []flux.Object{a, b, old}, HostTypes: told})
	require.Equal(t, []string{"apps/git-example-com git-example-com-webhook", "apps/git-example-com-2 git-example-com-2-webhook"}, namesOf(c))
	require.Len(t, c.Kept, 1)
	require.Len(t, c.Proposals, 1)
	assert.Equal(t, []string{"git-example-com-2", ""}, []string{c.Kept[0].ReplacedBy, c.Kept[0].Replaces})
	assert.Equal(t, []string{"", "git-example-com"}, []string{c.Proposals[0].ReplacedBy, c.Proposals[0].Replaces})
	both := append([]flux.Object{a, b}, applied(c.Manifests())...)
	for _, types := range []map[string]HostType{told, nil} {
		c = New(Input{Objects: both, HostTypes: types})
		assert.Empty(t, c.Proposals)
		assert.Len(t, c.Kept, 2)
	}
	c = New(Input{Objects: append([]flux.Object{a, b, app("c", "https://git.example.com/acme/c")}, both[3])})
	require.Equal(t, []string{"apps/git-example-com-2 git-example-com-2-webhook"}, namesOf(c), "what was taken out stays out")

	asGitHub := applied(New(Input{Objects: []flux.Object{a}, HostTypes: map[string]HostType{"git.example.com": GitHub}}).Proposals)[0]
	c = New(Input{Objects: []flux.Object{a, asGitHub}, HostTypes: told})
	require.Equal(t, []string{"apps/git-example-com git-example-com-webhook"}, namesOf(c), "one that takes the same calls is the same")
	assert.Equal(t, []any{true, []string{"push"}}, []any{c.Proposals[0].Existing, c.Proposals[0].Manifest.Spec.Events})

	wrong := applied(New(Input{Objects: []flux.Object{a}, HostTypes: map[string]HostType{"git.example.com": GitLab}}).Proposals)[0]
	c = New(Input{Objects: []flux.Object{a, wrong}, HostTypes: told})
	require.Len(t, c.Receivers[0].Problems, 1)
	assert.Equal(t, "apply what receivers -o yaml writes, and take it out once git-example-com-2 is called, which is for the same sources", c.Receivers[0].Problems[0].Remedy)
}

// A filter that leaves out what a source follows now is written again.
func TestStaleFilters(t *testing.T) {
	t.Parallel()
	a := app("a", "https://github.com/acme/a")
	own := applied(New(Input{Objects: []flux.Object{a}}).Proposals)[0]
	moved := app("a", "https://gitlab.com/acme/a")
	c := New(Input{Objects: []flux.Object{app("a", "https://github.com/acme/new"), own}})
	assert.Equal(t, Broken, c.Sources[0].State)
	assert.Equal(t, "apply what receivers -o yaml writes: the same Receiver, as it has to be now", c.Receivers[0].Problems[0].Remedy)
	require.Len(t, c.Proposals, 1)
	assert.True(t, c.Proposals[0].Existing)
	c = New(Input{Objects: []flux.Object{app("a", "https://github.com/acme/new"), own}, Origin: func(o flux.Object) string { return "what applies " + o.Name }})
	assert.Equal(t, "put what receivers -o yaml writes where it comes from: the same Receiver, as it has to be now", c.Receivers[0].Problems[0].Remedy)
	assert.Equal(t, []string{"what applies github-com", "what applies github-com"}, []string{c.Receivers[0].Origin, c.Proposals[0].Origin})
	c = New(Input{Objects: []flux.Object{moved, app("b", "https://github.com/acme/b"), own}})
	require.Equal(t, []string{"apps/github-com github-com-webhook", "apps/gitlab-com gitlab-com-webhook"}, namesOf(c))
	c = New(Input{Objects: []flux.Object{moved, own}})
	require.Equal(t, []string{"apps/github-com github-com-webhook", "apps/gitlab-com gitlab-com-webhook"}, namesOf(c), "all that it had is at another host")
	assert.Equal(t, "gitlab-com", c.Manifests()[0].ReplacedBy)
	assert.Equal(t, "apply what receivers -o yaml writes, and take it out once gitlab-com is called, which is for the same sources", c.Receivers[0].Problems[0].Remedy)
	moved.Suspended = true
	c = New(Input{Objects: []flux.Object{moved, own}})
	assert.Empty(t, c.Receivers[0].Problems)
}

// Names of Secrets are whatever somebody writes, also with -f those of all objects: in a command they are words, not commands.
func TestProposedCommandsRunNothingElse(t *testing.T) {
	t.Parallel()
	const evil = `x'$(touch /tmp/never);y`
	p := New(Input{Objects: []flux.Object{app("a", "https://github.com/acme/a")}}).Proposals[0]
	p.Manifest.Metadata.Namespace, p.Manifest.Metadata.Name, p.Manifest.Spec.SecretRef.Name = evil, evil, evil
	for _, command := range []string{p.SecretCommand(), p.TokenCommand(), p.PathCommand()} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", `kubectl() { printf '%s\n' "$@"; }; `+command).CombinedOutput()
		require.NoError(t, err, "%s: %s", command, out)
		words := strings.Split(string(out), "\n")
		assert.Equal(t, evil, words[1], command)
		assert.Contains(t, words[2:], evil, command)
	}
}

// The name of a host may have nearly all that a shell reads, and a namespace in a file anything.
func TestStepsRunNothingElse(t *testing.T) {
	t.Parallel()
	const evil = `x'$(touch never);y`
	dir := t.TempDir()
	for url, want := range map[string]string{"oci://;id>never&id.azurecr.io/a": ";id>never&id", "oci://gcr.io/acme/a": "flux-" + evil + "-gcr-io"} {
		steps := New(Input{Objects: []flux.Object{object("OCIRepository", "a", at(url), in(evil))}}).Proposals[0].Steps()
		command := exec.CommandContext(t.Context(), "sh", "-c", `az() { printf '%s\n' "$@"; }; gcloud() { az "$@"; }; `+steps[len(steps)-1])
		command.Dir = dir
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s: %s", steps, out)
		assert.Contains(t, strings.Split(string(out), "\n"), want)
	}
	assert.NoFileExists(t, filepath.Join(dir, "never"))
}
