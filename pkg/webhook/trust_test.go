package webhook

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// What is applied takes away what the manifest lacks: what people have said to fluxtune stays, and its own records do not.
func TestKeptMarks(t *testing.T) {
	t.Parallel()
	a := app("a", "https://github.com/acme/a")
	r := applied(New(Input{Objects: []flux.Object{a}}).Proposals)[0]
	r.Labels = map[string]string{"fluxtune.github.io/environment": "production"}
	r.Annotations = map[string]string{"fluxtune.github.io/tune": "disabled", "fluxtune.github.io/original": "{}", "fluxtune.github.io/until": "2026-11-28T10:00:00Z"}
	p := New(Input{Objects: []flux.Object{a, r}}).Manifests()[0]
	p.InFile(map[string]any{"metadata": map[string]any{
		"name":   r.Name,
		"labels": map[string]any{"fluxtune.github.io/environment": "production"}, "annotations": map[string]any{"fluxtune.github.io/tune": "disabled", "fluxtune.github.io/original": "{}"},
	}})
	for _, m := range []ManifestName{p.Manifest.Metadata, p.File.Metadata} {
		assert.Equal(t, map[string]string{"fluxtune.github.io/environment": "production"}, m.Labels)
		assert.Equal(t, map[string]string{"fluxtune.github.io/tune": "disabled"}, m.Annotations)
	}
}

// A value that a session has set is not its owner's choice.
func TestIntervalOfASession(t *testing.T) {
	t.Parallel()
	a := app("a", "https://github.com/acme/a")
	for from, want := range map[string]string{`"7m"`: "7m", "null": ""} {
		r := applied(New(Input{Objects: []flux.Object{a}}).Proposals)[0]
		now := "20m"
		r.ResourceVersion, r.Status.Ready, r.Interval = "1", "True", &now
		r.Owners = []flux.FieldOwner{{Field: flux.Interval, Manager: flux.Manager{Name: "fluxtune"}}}
		r.Annotations = map[string]string{"fluxtune.github.io/original": `{"steps": [{"session": "s1", "policy": "p", "time": "2026-11-28T09:00:00Z", "fields": {"spec.interval": {"from": ` + from + `, "to": "20m"}}}]}`}
		assert.Equal(t, want, New(Input{Objects: []flux.Object{a, r}}).Manifests()[0].Manifest.Spec.Interval)
	}
}

// A call that came before there was the Receiver tells nothing of it.
func TestACallOfAnotherReceiver(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	a := app("a", "https://github.com/acme/a", func(o *flux.Object) {
		o.ResourceVersion, o.Requested = "1", flux.Request{By: flux.NotificationController, At: noon}
	})
	for age, want := range map[time.Duration]bool{-time.Hour: true, 0: true, time.Hour: false} {
		r := receiver("github-com", to("GitRepository", "a"))
		r.Hook, r.ResourceVersion, r.Created = flux.Hook{Type: "github", Secret: "s"}, "1", noon.Add(age)
		s := one(t, Input{Objects: []flux.Object{a, r}})
		assert.Equal(t, Covered, s.State)
		assert.Equal(t, want, s.notice.Called, age)
		assert.Equal(t, want, !s.Called.IsZero(), age)
		assert.Equal(t, want, s.Relax, age)
	}
}

// TestFiltersLowerAsCELDoes: a filter compares the name that the URL has with that of the call, both with their ASCII letters
// lowered, and no others.
func TestFiltersLowerAsCELDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOfN(rapid.RuneFrom([]rune("aAzZ09-_ÄäßİıKéÉЖж")), 1, 12, -1).Draw(t, "name")
		written := name
		if rapid.Bool().Draw(t, "escaped") {
			written = url.PathEscape(name)
		}
		for _, at := range []string{"https://dev.azure.com/acme/%s/_git/%s", "https://github.com/acme/%[2]s", "https://gitlab.com/acme/%[2]s", "https://bitbucket.org/acme/%[2]s"} {
			o := app("a", fmt.Sprintf(at, "p", written))
			host, _ := hostedBy(&o, address(&o))
			condition := host.made().filter.condition(&o, address(&o))
			if !strings.Contains(condition, quote(lower(name))) && !strings.Contains(condition, quote("acme/"+lower(name))) {
				t.Fatalf("%s of %q is no comparison with %q", condition, o.Remote.URL, lower(name))
			}
		}
	})
}

// Names of hosts that differ by - and . make one name of a Receiver: whose it is then tells what it names.
func TestHostsOfOneName(t *testing.T) {
	t.Parallel()
	dotted, dashed := app("a", "https://git.example.com/acme/a"), app("b", "https://git-example.com/acme/b")
	old := applied(New(Input{Objects: []flux.Object{dotted}}).Proposals)[0]
	gone := app("a", "https://github.com/acme/a")
	other := app("c", "https://git.example.com/acme/c")
	for _, objects := range [][]flux.Object{{dotted, dashed, old}, {gone, dashed, old}, {gone, dashed, other, old}, {gone, other, dashed, old}} {
		for _, p := range New(Input{Objects: objects}).Manifests() {
			if p.Host == "git-example.com" {
				assert.False(t, p.Existing, "the Receiver of another host, whose token that knows")
			}
		}
	}
	again := applied(New(Input{Objects: []flux.Object{dotted, dashed, old}}).Manifests())
	assert.Empty(t, New(Input{Objects: append([]flux.Object{dotted, dashed}, again...)}).Proposals)
}

// The Secret of a new Receiver is no other's.
func TestNoSecretOfAnother(t *testing.T) {
	t.Parallel()
	a := app("a", "https://github.com/acme/a")
	mine := receiver("mine", to("GitRepository", "x"))
	mine.Hook = flux.Hook{Type: "github", Secret: "github-com-webhook"}
	require.Equal(t, []string{"apps/github-com-2 github-com-2-webhook"}, namesOf(New(Input{Objects: []flux.Object{a, mine}})))
	elsewhere := with(mine, in("other"))
	require.Equal(t, []string{"apps/github-com github-com-webhook"}, namesOf(New(Input{Objects: []flux.Object{a, elsewhere}})))
}

// A host may stand below a path of its own, which is no owner.
func TestOwnersBelowAPath(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		url, owner string
		of         bool
	}{
		{"https://bitbucket.example.com/bb/scm/prj/r4.git", "prj", true},
		{"https://bitbucket.example.com/scm/PRJ/r4.git", "prj", true},
		{"https://gitea.example.com/git/acme/app", "acme", true},
		{"https://gitlab.example.com/gitlab/grp/p.git", "grp", true},
		{"https://gitlab.example.com/grp/sub/p.git", "grp", true},
		{"https://gitlab.example.com/grp/p.git", "p", false},
		{"https://gitlab.com/grp/sub/p.git", "sub", false},
		{"https://github.com/acme/app", "acme", true},
		{"https://github.com/acme/app", "app", false},
	} {
		c := New(Input{Objects: []flux.Object{app("a", tc.url)}, Owners: []string{tc.owner}})
		assert.Equal(t, tc.of, c.Sources[0].Of(tc.owner), tc.url)
		assert.Equal(t, tc.of, len(c.Proposals) == 1, tc.url)
	}
}

// A tag that nobody makes a release of comes by the poll.
func TestReleasesAlone(t *testing.T) {
	t.Parallel()
	source := app("a", "https://github.com/acme/a", on(flux.RefSemver, ">=1.0"))
	for _, events := range [][]string{{"release"}, {"Release", "ping"}, {"release", "create"}, nil} {
		r := receiver("r", to("GitRepository", "a"))
		r.Hook = flux.Hook{Type: "github", Secret: "s", Events: events}
		s := one(t, Input{Objects: []flux.Object{source, r}})
		require.Equal(t, Covered, s.State)
		assert.Equal(t, len(events) > 0 && events[len(events)-1] != "create", len(s.Notes) == 1, "%v %v", events, s.Notes)
	}
}
