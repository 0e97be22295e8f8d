package fit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func ago(hours ...float64) (times []time.Time) {
	for _, h := range hours {
		times = append(times, noon.Add(-time.Duration(h*float64(time.Hour))))
	}
	return times
}

func changesAt(times ...time.Time) (changes []flux.Change) {
	for _, at := range times {
		changes = append(changes, flux.Change{At: at})
	}
	return changes
}

func TestFromHistory(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		users [][]time.Time
		want  Activity
		says  string
	}{
		"no users":             {nil, Activity{From: FromNothing}, "unknown how often it changes, taken for no commits"},
		"new":                  {[][]time.Time{ago(3)}, Activity{From: FromNothing}, "unknown how often it changes, taken for no commits"},
		"not changed for days": {[][]time.Time{ago(48)}, Activity{FromHistory, 1.0 / 48, 0, 48 * time.Hour}, "no commit in 48h (status.history)"},
		"not changed for long": {[][]time.Time{ago(480)}, Activity{FromHistory, 0, 0, 480 * time.Hour}, "no commit in 20d (status.history)"},
		"often":                {[][]time.Time{ago(2, 1.5, 1, 0.5, 0.25)}, Activity{FromHistory, 2, 4, 2 * time.Hour}, "4 commits in 120m (status.history)"},
		"one commit for two users": {
			[][]time.Time{ago(100, 50, 10), ago(100, 49.99, 10)}, Activity{FromHistory, 0.02, 2, 100 * time.Hour}, "2 commits in 4d (status.history)",
		},
		"what one forgot counts for none": {
			[][]time.Time{ago(8, 6, 4, 2, 1), ago(1000, 7, 3)}, Activity{FromHistory, 0.75, 6, 8 * time.Hour}, "6 commits in 8h (status.history)",
		},
		"a new user says nothing": {[][]time.Time{ago(480), ago(0.1)}, Activity{FromHistory, 0, 0, 480 * time.Hour}, "no commit in 20d (status.history)"},
	} {
		var users []*flux.Object
		for _, changes := range tc.users {
			users = append(users, &flux.Object{Status: flux.Status{Changes: changesAt(changes...)}})
		}
		a := fromHistory(&flux.Object{}, users, noon, noon)
		assert.Equal(t, tc.want, a, name)
		assert.Equal(t, tc.says, a.String(), name)
	}
}

// How often something changes is counted until the last change of anything; what is said of it is true now.
func TestSilenceIsNoChange(t *testing.T) {
	t.Parallel()
	last := ago(48)[0]
	user := &flux.Object{Status: flux.Status{Changes: changesAt(ago(58, 55, 53, 48)...)}}
	assert.Equal(t, Activity{FromHistory, 0.3, 3, 58 * time.Hour}, fromHistory(&flux.Object{}, []*flux.Object{user}, last, noon))
	source := &flux.Object{Status: flux.Status{SourceChanged: last}}
	assert.Equal(t, Activity{FromArtifact, 1.0 / 24, 1, 48 * time.Hour}, fromArtifact(source, flux.Restarts{}, last, noon))
}

func TestFromArtifact(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		changed, created time.Time
		want             Activity
	}{
		"unknown":                {time.Time{}, time.Time{}, Activity{From: FromNothing}},
		"in the future":          {ago(-1)[0], time.Time{}, Activity{From: FromNothing}},
		"just now":               {ago(0.1)[0], ago(1000)[0], Activity{FromArtifact, 1.0 / 24, 1, time.Hour}},
		"days ago":               {ago(50)[0], ago(1000)[0], Activity{FromArtifact, 0.02, 1, 50 * time.Hour}},
		"first fetched long ago": {ago(1000)[0], ago(1000.5)[0], Activity{FromArtifact, 0, 0, 1000 * time.Hour}},
		"first fetched just now": {ago(2)[0], ago(2.5)[0], Activity{From: FromNothing}},
	} {
		assert.Equal(t, tc.want, fromArtifact(&flux.Object{Created: tc.created, Status: flux.Status{SourceChanged: tc.changed}}, flux.Restarts{}, noon, noon), name)
	}
}

// Artifacts that were written at one time were written anew: nobody is told of commits then.
func TestRestartIsNoCommit(t *testing.T) {
	t.Parallel()
	var objects []*flux.Object
	for i, hours := range [...]float64{50, 50.01, 50.02, 3} {
		objects = append(objects, &flux.Object{Ref: flux.Ref{Name: string(rune('a' + i))}, Created: ago(1000)[0], Status: flux.Status{SourceChanged: ago(hours)[0]}})
	}
	restarted := flux.NewRestarts(objects)
	assert.Equal(t, Activity{FromArtifact, 0.02, 0, 50 * time.Hour}, fromArtifact(objects[0], restarted, noon, noon))
	assert.Equal(t, 1, fromArtifact(objects[3], restarted, noon, noon).Changes, "what was written later has changed")
	assert.Equal(t, 1, fromArtifact(objects[2], flux.NewRestarts(objects[2:]), noon, noon).Changes, "two are none")
}

// A start of source-controller that takes long is one, too, and stays one when most sources have changed since; sources of one
// repository that one commit changed are none.
func TestLongRestartIsNoCommit(t *testing.T) {
	t.Parallel()
	written := func(url string, hours ...float64) (objects []*flux.Object) {
		for i, h := range hours {
			o := &flux.Object{Ref: flux.Ref{Name: string(rune('a' + i))}, Created: ago(1000)[0], Status: flux.Status{SourceChanged: ago(h)[0]}}
			if o.Remote.URL = url; url == "" {
				o.Remote.URL = "https://example.com/" + o.Ref.Name
			}
			objects = append(objects, o)
		}
		return objects
	}
	known := func(objects []*flux.Object) (changed []int) {
		restarted := flux.NewRestarts(objects)
		for i, o := range objects {
			if fromArtifact(o, restarted, noon, noon).Changes > 0 {
				changed = append(changed, i)
			}
		}
		return changed
	}
	assert.Empty(t, known(written("", 50, 49.98, 49.95, 49.92, 49.9, 49.87, 49.85)), "nine minutes, one after another")
	assert.Equal(t, []int{3, 4, 5, 6, 7}, known(written("", 50, 49.98, 49.95, 40, 30, 20, 10, 5)), "five of eight have changed since")
	assert.Equal(t, []int{0, 1, 2, 3}, known(written("", 50, 40, 30, 20)), "each at its time")
	assert.Equal(t, []int{0, 1, 2}, known(written("https://example.com/fleet", 50, 49.99, 49.98)), "one commit")
	suspended := written("", 500, 50, 49.98, 49.95, 40, 30, 20, 10)
	suspended[0].Suspended = true
	assert.Equal(t, []int{0, 4, 5, 6, 7}, known(suspended), "what is suspended is not written anew")
}

// What is applied through an artifact, or a chart, counts for what that is made of.
func TestUsersOfWhatIsMade(t *testing.T) {
	t.Parallel()
	ref := func(group, kind, name string) flux.Ref {
		return flux.Ref{Group: group, Kind: kind, Namespace: "apps", Name: name}
	}
	const sources, watcher = "source.toolkit.fluxcd.io", "source.extensions.fluxcd.io"
	git, artifact, generator, chart := ref(sources, "GitRepository", "git"), ref(sources, "ExternalArtifact", "made"), ref(watcher, "ArtifactGenerator", "makes"), ref(sources, "HelmChart", "chart")
	user := &flux.Object{Ref: ref("kustomize.toolkit.fluxcd.io", "Kustomization", "user"), SourceRef: artifact}
	release := &flux.Object{Ref: ref("helm.toolkit.fluxcd.io", "HelmRelease", "release"), SourceRef: chart}
	users, _ := usersOf([]*flux.Object{
		user, release, {Ref: git}, {Ref: chart, SourceRef: git},
		{Ref: artifact, Polling: flux.Polling{Made: []flux.Ref{generator}}}, {Ref: generator, Polling: flux.Polling{Made: []flux.Ref{git, artifact}}},
	})
	assert.Equal(t, []*flux.Object{user, release}, users[git])
	assert.Equal(t, []*flux.Object{user}, users[artifact])
}

func TestGuess(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 3.0, guess([]float64{7, 1, 3}))
	assert.Equal(t, 1.0/24, guess(nil))
}

func TestParseRules(t *testing.T) {
	t.Parallel()
	rules, err := ParseRules("a.yaml", []byte("# mine\n- {kind: gitrepo, namespace: apps, name: web, perHour: 2}\n- {name: 'db-*', perHour: 0}\n- {perHour: 0.5}\n"))
	require.NoError(t, err)
	assert.Equal(t, []Rule{{Kind: "GitRepository", Namespace: "apps", Name: "web", PerHour: 2, At: "a.yaml:2"}, {Name: "db-*", At: "a.yaml:3"}, {PerHour: 0.5, At: "a.yaml:4"}}, rules)
	ref := func(kind, namespace, name string) flux.Ref {
		return flux.Ref{Kind: kind, Namespace: namespace, Name: name}
	}
	assert.True(t, rules[0].matches(nil, ref("GitRepository", "apps", "web")))
	assert.False(t, rules[0].matches(nil, ref("OCIRepository", "apps", "web")))
	assert.False(t, rules[0].matches(nil, ref("GitRepository", "apps2", "web")))
	assert.True(t, rules[1].matches(nil, ref("OCIRepository", "any", "db-1")))
	assert.False(t, rules[1].matches(nil, ref("OCIRepository", "any", "db")))
	assert.True(t, rules[2].matches(nil, ref("Bucket", "x", "y")))

	for document, want := range map[string]string{
		"":                                 "a.yaml: it is empty: write a list of {kind, namespace, name, perHour}",
		"- web":                            "a.yaml:1: a rule is a mapping: write {kind: GitRepository, namespace: apps, name: web, perHour: 2}",
		"- {perHour: 1}\n- {name: web}":    "a.yaml:2: perHour is missing: say how many commits an hour there are, like 0.5",
		"- {name: web, perHour: -1}":       `a.yaml:1: perHour "-1" is not a number of commits an hour: write one like 0.5, or 0`,
		"- {name: web, perHour: .inf}":     `a.yaml:1: perHour ".inf" is not a number of commits an hour: write one like 0.5, or 0`,
		"- {name: web, perHour: often}":    `a.yaml:1: perHour "often" is not a number of commits an hour: write one like 0.5, or 0`,
		"- name: web\n  perHour:\n":        "a.yaml:1: perHour has no value: say how many commits an hour there are, like 0.5, or 0 where nobody waits",
		"- {perHour: null}":                "a.yaml:1: perHour has no value: say how many commits an hour there are, like 0.5, or 0 where nobody waits",
		"- {perHour: &n ~}\n":              "a.yaml:1: perHour has no value: say how many commits an hour there are, like 0.5, or 0 where nobody waits",
		"- {name: 7, perHour: 1}":          "a.yaml:1: name must be a text (put it in quotes)",
		"- {name: 'a[b', perHour: 1}":      `a.yaml:1: name "a[b" is not a pattern: use * for any text and ? for one character`,
		"- {names: web, perHour: 1}":       `a.yaml:1: unknown field "names": a rule takes cluster, kind, namespace, name, perHour`,
		"- {name: a, perHour: 1, name: b}": "a.yaml:1: name is there twice: leave one of them",
		"- {name: web, perHour: 1e308}":    `a.yaml:1: perHour "1e308" is more than 3600, a commit each second: write how many commits an hour there are, like 0.5`,
		"- {perHour: 1}\n---\n- {a: 1}":    "a.yaml:3: a second document starts here: write all rules in one list",
		"---\n# nothing\n---\n":            "a.yaml: it is empty: write a list of {kind, namespace, name, perHour}",
		"- {kind: Deployment, perHour: 1}": `a.yaml:1: unknown kind "Deployment": it is one of GitRepository, OCIRepository, Bucket, HelmRepository, HelmChart, Kustomization, HelmRelease, ImageRepository, ImageUpdateAutomation, Receiver`,
	} {
		_, err := ParseRules("a.yaml", []byte(document))
		require.EqualError(t, err, want)
	}
	rules, err = ParseRules("a.yaml", []byte("---\n# mine\n---\n- {perHour: 3600}\n---\n"))
	require.NoError(t, err, "what is empty is no document")
	assert.Equal(t, []Rule{{PerHour: 3600, At: "a.yaml:4"}}, rules)
	_, err = ParseRules("a.yaml", []byte("- {perHour: 1}\n---\n{]"))
	require.ErrorContains(t, err, "a.yaml: it is no list of {kind, namespace, name, perHour}: yaml: ")
	_, err = ParseRules("a.yaml", []byte("kind: GitRepository"))
	require.ErrorContains(t, err, "a.yaml: it is no list of {kind, namespace, name, perHour}")
}

// A rule that is about no source is one that somebody has mistyped.
func TestUnmatchedRules(t *testing.T) {
	t.Parallel()
	rules, err := ParseRules("a.yaml", []byte("- {name: web, perHour: 1}\n- {name: nosuch, perHour: 1}\n- {namespace: devlopment, perHour: 1}\n- {kind: Kustomization, name: 'we*', perHour: 1}\n"+
		"- {cluster: 'clusters/*', name: web, perHour: 2}\n- {cluster: prod, name: web, perHour: 2}\n"))
	require.NoError(t, err)
	object := func(kind, group string) *flux.Object {
		return &flux.Object{Ref: flux.Ref{Group: group, Kind: kind, Namespace: "apps", Name: "web"}}
	}
	clusters := []Cluster{{Names: []string{"clusters/staging"}, Objects: []*flux.Object{object("GitRepository", "source.toolkit.fluxcd.io"), object("Kustomization", "kustomize.toolkit.fluxcd.io")}}}
	mistaken, unmatched := Unmatched(rules, clusters, nil)
	assert.Equal(t, []string{
		"a.yaml:5: the rule {cluster: clusters/*, name: web} never counts: that of a.yaml:1 comes first, and is about all that it is about",
		"a.yaml:6: the rule {cluster: prod, name: web} is about no source that was read: no cluster is called prod, there are clusters/staging",
	}, mistaken, "whatever was read")
	assert.Equal(t, []string{
		"a.yaml:2: the rule {name: nosuch} is about no source that was read",
		"a.yaml:3: the rule {namespace: devlopment} is about no source that was read",
		"a.yaml:4: the rule {kind: Kustomization, name: we*} is about no source that was read",
	}, unmatched)

	// One for a cluster that did not answer is not mistyped.
	mistaken, _ = Unmatched(rules[5:], clusters, []string{"prod"})
	assert.Equal(t, []string{"a.yaml:6: the rule {cluster: prod, name: web} is about a cluster that could not be read: prod"}, mistaken)
	mistaken, _ = Unmatched(rules[5:], clusters, []string{"prod-eu"})
	assert.Equal(t, []string{"a.yaml:6: the rule {cluster: prod, name: web} is about no source that was read: no cluster is called prod, there are clusters/staging; prod-eu could not be read"}, mistaken)
}

// A rule covers another where whatever that matches is matched by it, too.
func TestRuleThatCoversAnother(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		first, second Rule
		want          bool
	}{
		{Rule{}, Rule{Cluster: "a", Kind: "GitRepository", Namespace: "b", Name: "c*"}, true},
		{Rule{Namespace: "*"}, Rule{}, true},
		{Rule{Cluster: "*"}, Rule{}, false}, // of a cluster without a name
		{Rule{Cluster: "Clusters/*"}, Rule{Cluster: "clusters/dev?"}, true},
		{Rule{Kind: "GitRepository"}, Rule{}, false},
		{Rule{Name: "web*"}, Rule{Name: "web-*"}, true},
		{Rule{Name: "web-*"}, Rule{Name: "web*"}, false},
		{Rule{Name: "web?"}, Rule{Name: "web*"}, false},
		{Rule{Name: "web?"}, Rule{Name: "web?"}, true},
		{Rule{Name: "web", Namespace: "apps"}, Rule{Name: "web"}, false},
	} {
		assert.Equal(t, tc.want, tc.first.covers(tc.second), "%s %s", tc.first, tc.second)
	}
}
