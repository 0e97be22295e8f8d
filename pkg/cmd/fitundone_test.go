package cmd

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// ownedFleet is a cluster with sources of github.com, of which Git applies some. Some of these bear what an earlier apply made of
// them, and Git has yet to undo; inGit is what each that Git applies has there.
func ownedFleet(rt *rapid.T, o FleetOptions, place int) (f fleet, inGit map[flux.Ref]time.Duration) {
	o.Cluster = fmt.Sprintf("c%d", place)
	interval := rapid.SampledFrom([]string{"30s", "1m", "2m", "5m", "10m", "30m"})
	const group = "kustomize.toolkit.fluxcd.io"
	every, git := "10m", flux.Manager{Name: "kustomize-controller", Apply: true}
	root := flux.Object{Ref: flux.Ref{Group: group, Kind: "Kustomization", Namespace: "flux-system", Name: "root"}, Version: "v1", Interval: &every, Cluster: o.Cluster}
	s := flux.Snapshot{Objects: []flux.Object{root}}
	inGit = map[flux.Ref]time.Duration{}
	for i := range rapid.IntRange(1, 6).Draw(rt, "sources") {
		there := interval.Draw(rt, "interval")
		source := flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: fmt.Sprintf("s%d", i)}, Version: "v1", Interval: &there, Cluster: o.Cluster}
		source.Remote = flux.Remote{URL: "https://github.com/acme/" + source.Name, Ref: flux.RemoteRef{Kind: flux.RefBranch, Value: "main"}}
		if rapid.Bool().Draw(rt, "owned") {
			source.Labels = map[string]string{group + "/name": "root", group + "/namespace": "flux-system"}
			source.Owners, source.Writers = []flux.FieldOwner{{Field: flux.Interval, Manager: git}}, []flux.Writer{{Manager: git, Time: noon}}
			inGit[source.Ref] = source.Effective(flux.Interval)
			if perhaps := rapid.Bool().Draw(rt, "may be undone"); perhaps { // nobody knows that controller
				source.Labels, source.Owners = nil, []flux.FieldOwner{{Field: flux.Interval, Manager: flux.Manager{Name: "deployer", Apply: true}}}
			} else if from := interval.Draw(rt, "in Git"); rapid.Bool().Draw(rt, "patched before") && from != there {
				source.Annotations = map[string]string{tune.RecordAnnotation: fmt.Sprintf(`{"steps":[{"session":"s","policy":"own","time":"2026-03-01T12:00:00Z","fields":{"spec.interval":{"from":%q,"to":%q,"owners":[{"manager":"kustomize-controller","apply":true}]}}}]}`, from, there)}
				source.Owners = []flux.FieldOwner{{Field: flux.Interval, Manager: flux.Manager{Name: tune.DefaultManager}}}
				inGit[source.Ref] = source.EffectiveWith(flux.Interval, &from, &from)
			}
		}
		s.Objects = append(s.Objects, source)
	}
	f = o.fleetOf(s)
	f.place = place
	return f, inGit
}

// Whatever Git applies, and whatever was patched before: a share holds right after the changes and once Git has undone what it
// undoes, and in between; and what is said to be used is that.
func TestSharesHoldWhenGitHasUndone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p, err := policy.Preset("per-environment")
		require.NoError(rt, err)
		p, err = p.Set("*.GitRepository.interval=" + rapid.SampledFrom([]string{"30s to 20m", "2m to 20m", "at least 5m", "at most 2m"}).Draw(rt, "bound"))
		require.NoError(rt, err)
		percent := float64(rapid.IntRange(1, 20).Draw(rt, "percent"))
		p = p.WithFit(policy.Share{Host: "github.com", Percent: percent})
		o := FleetOptions{Policy: p, DefaultEnvironment: "development", fit: &fitOptions{}}
		var fs fleets
		var inGit []map[flux.Ref]time.Duration
		for place := range rapid.IntRange(1, 3).Draw(rt, "clusters") {
			f, known := ownedFleet(rt, o, place)
			fs.all, inGit = append(fs.all, f), append(inGit, known)
		}
		opts := tune.Options{Managed: rapid.SampledFrom([]tune.Managed{tune.ManagedSkip, tune.ManagedPatch, tune.ManagedPin}).Draw(rt, "managed")}
		fs, fitting, err := o.fitAll(t.Context(), fs, opts, noon)
		if tooMuch := (*fit.ExcessError)(nil); errors.As(err, &tooMuch) {
			return
		}
		require.NoError(rt, err)
		most := 0.0
		for _, f := range fs.all {
			for _, item := range f.plan(f.fitted(fitting, opts)).Items {
				if !item.Object.KindRow().Source {
					continue
				}
				to := item.Planned(flux.Interval)
				every := item.Object.EffectiveWith(flux.Interval, to, to)
				git, owned := inGit[f.place][item.Object.Ref]
				if pinned := opts.Managed == tune.ManagedPin && item.Action == tune.ActionChange; owned && !pinned {
					every = min(every, git)
				}
				most += float64(time.Hour) / float64(every)
			}
		}
		assert.LessOrEqual(rt, most, fitting.Shares[0].Allowed*1.000001)
		assert.InDelta(rt, most, fitting.Shares[0].Used, 0.01, "the Fit line is true")
	})
}

// What Git undoes in one cluster makes no room for others: it counts with what Git has. What is pinned stays, and does.
func TestFitOfWhatGitUndoesInOneCluster(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	host := f.east + ".example.com" // no other test polls it
	elsewhere := func(manifest string) string { return strings.ReplaceAll(manifest, "github.com", host) }
	f.Apply(t, elsewhere(gitRepository(f.east, "app", "interval: 5m, timeout: 2m")))
	f.Apply(t, fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: root, namespace: %s}
spec: {interval: 10m, timeout: 2m, retryInterval: 1m, path: ./apps, prune: true, sourceRef: {kind: GitRepository, name: fleet}}
`, f.west))
	git := func() { // applies what it has
		for _, name := range []string{"one", "two"} {
			labels := "metadata: {labels: {kustomize.toolkit.fluxcd.io/name: root, kustomize.toolkit.fluxcd.io/namespace: " + f.west + "}, "
			f.ApplyAs(t, strings.Replace(elsewhere(gitRepository(f.west, name, "interval: 30s, timeout: 2m")), "metadata: {", labels, 1), testbed.ApplyOptions{Manager: "kustomize-controller"})
		}
	}
	git()
	const bounds = "*.GitRepository.interval=30s to 20m"
	fit := []string{"--contexts", "east,west", "--fit", host + "=50%", "--limit", host + "=600/h", "--set", bounds, "--set", "*.Kustomization.interval=10m"}
	asked := func(i invocation) float64 {
		b := decode[report.Budget](t, i.must(t, "budget", "--contexts", "east,west", "-o", "json"))
		for _, h := range b.Hosts {
			if h.Host == host {
				return h.Requests.Now
			}
		}
		return 0
	}
	i := f.invocation()
	o := i.must(t, append([]string{"apply", "--managed=patch", "--yes", "--rows"}, fit...)...)
	lines := regexp.MustCompile(`(?m)^Fit .*`).FindAllString(o.stdout, -1)
	require.NotEmpty(t, lines, o.stdout)
	for _, line := range lines {
		assert.NotContains(t, line, "undone")
	}
	for _, line := range regexp.MustCompile(host+` gets (\d+)/h of 300/h`).FindAllStringSubmatch(o.stdout, -1) {
		assert.Equal(t, "300", line[1], "in each cluster")
	}
	assert.LessOrEqual(t, asked(i), 300.0)
	git()
	assert.LessOrEqual(t, asked(i), 300.0, "and when Git has undone what it undoes")

	pinned := decode[report.Plan](t, i.must(t, append([]string{"plan", "--managed=pin", "-o", "json"}, fit...)...))
	assert.Zero(t, pinned.Summary.Fit.Shares[0].Fixed, "what is pinned is fitted")
	assert.Equal(t, 3, pinned.Summary.Fit.Shares[0].Sources)

	// What was patched before without a fit, and Git has yet to undo, counts with what Git has, too.
	i.must(t, "apply", "--context", "west", "--managed=patch", "--yes", "--set", "*.GitRepository.interval=at least 10m")
	plan := decode[report.Plan](t, i.must(t, append([]string{"plan", "-o", "json"}, fit...)...))
	assert.Equal(t, 240.0, plan.Summary.Fit.Shares[0].Fixed)
	assert.Equal(t, 2, plan.Summary.Fit.Undone)
	assert.Contains(t, i.must(t, append([]string{"plan"}, fit...)...).stdout, "2 objects whose changes do not last, or may not, count to their shares with what they ask when they are undone")
}

// What a session has slowed down asks more once that ends: it counts with that where it is not fitted. What is fitted stays as it is then.
func TestFitCountsWhatSessionsGiveBack(t *testing.T) {
	t.Parallel()
	p, err := policy.Preset("per-environment")
	require.NoError(t, err)
	p, err = p.Set("*.GitRepository.interval=30s to 20m")
	require.NoError(t, err)
	o := FleetOptions{Policy: p.WithFit(policy.Share{Host: "github.com", Percent: 1}), DefaultEnvironment: "development", fit: &fitOptions{}}
	source := func(name, annotations string) flux.Object {
		object, err := flux.Decode([]byte(`{"apiVersion":"source.toolkit.fluxcd.io/v1","kind":"GitRepository","metadata":{"name":"` + name + `","namespace":"apps"` + annotations + `},"spec":{"interval":"20m","timeout":"2m","url":"https://github.com/acme/` + name + `"}}`))
		require.NoError(t, err)
		return object
	}
	slowed := func(end string) string {
		return fmt.Sprintf(`,"annotations":{%q:%q}`, tune.RecordAnnotation, `{"steps":[{"session":"s","policy":"own","time":"2026-11-22T10:00:00Z",`+end+`"fields":{"spec.interval":{"from":"5m","to":"20m"}}}]}`)
	}
	for name, tc := range map[string]struct {
		annotations string
		chosen      int
		fixed       float64
		counted     int
	}{
		"it ends":            {slowed(`"until":"2026-11-22T23:00:00Z",`), 1, 12, 1},
		"it stays":           {slowed(""), 1, 3, 0},
		"it ends and is fit": {slowed(`"until":"2026-11-22T23:00:00Z",`), 2, 0, 0},
		"no session":         {"", 1, 3, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := o.fleetOf(flux.Snapshot{Objects: []flux.Object{source("app", ""), source("other", tc.annotations)}})
			f.objects = f.objects[:tc.chosen]
			note := []string{"1 source is polled less often for a session of apply --for, and counted so: hosts get more when it ends"}
			assert.Equal(t, note[:min(1, strings.Count(tc.annotations, "until"))], append([]string{}, fleets{all: []fleet{f}}.slowed()...), "what budget notes")
			fs, fitting, err := o.fitAll(t.Context(), fleets{all: []fleet{f}}, tune.Options{}, noon)
			require.NoError(t, err)
			assert.InDelta(t, tc.fixed, fitting.Shares[0].Fixed, 0.01)
			assert.Equal(t, tc.counted, fitting.Undone)
			plan := fs.all[0].plan(fs.all[0].fitted(fitting, tune.Options{}))
			assert.LessOrEqual(t, newTogether(fs, o, noon).sum([]budget.Budget{fs.all[0].settled(plan, noon)}).Asks(fitting.Shares[0].Share), fitting.Shares[0].Allowed)
			if tc.counted > 0 {
				assert.InDelta(t, tc.fixed, fs.all[0].settled(tune.Plan{}, noon).Asks(fitting.Shares[0].Share)-3, 0.01, "so does what is said of clusters together")
			}
		})
	}
}
