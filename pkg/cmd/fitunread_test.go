package cmd

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// A share is kept only where all is known that asks its host: a kind that may not be listed is missing like a cluster.
func TestShareNeedsAllThatAsksHosts(t *testing.T) {
	t.Parallel()
	o := FleetOptions{fit: &fitOptions{}}
	without := func(cluster string, kinds ...string) fleet {
		f := fleet{options: FleetOptions{Cluster: cluster}}
		for _, k := range kinds {
			f.snapshot.Tried = append(f.snapshot.Tried, flux.Place{Kind: k})
		}
		return f
	}
	require.NoError(t, o.sharesKnown(fleets{all: []fleet{without("", "Kustomization", "HelmRelease", "Receiver")}}), "these ask no host")
	one := fleets{all: []fleet{without("", "ImageUpdateAutomation", "Kustomization", "HelmRepository", "ImageUpdateAutomation")}}
	require.EqualError(t, o.sharesKnown(one), "the shares of --fit count all that polls the hosts, and helmrepositories, imageupdateautomations could not be read: it takes the right to list them, which the role viewer has (rbac viewer prints it); nothing was changed")
	assert.Equal(t, []string{"the shares of --fit count nothing of helmrepositories, imageupdateautomations, which could not be read: what these poll comes on top, and apply refuses"}, o.fitMissing(one))
	several := fleets{all: []fleet{without("east"), without("west", "Bucket")}, missing: []flux.Gap{{Cluster: "gone"}}}
	require.ErrorContains(t, o.sharesKnown(several), "gone, west: buckets could not be read: try again, or name the other clusters with --contexts")
	require.NoError(t, FleetOptions{}.sharesKnown(several), "nothing is fitted")

	// Whom commit statuses ask is in Providers, which may hold secrets: they are needed only where it matters.
	alert := flux.Object{Ref: flux.Ref{Kind: flux.AlertKind}, Polling: flux.Polling{Notify: &flux.Notify{Sources: []flux.EventSource{{Kind: "Kustomization", Name: "*"}}}}}
	chat := flux.Object{Ref: flux.Ref{Kind: flux.AlertKind}, Polling: flux.Polling{Notify: &flux.Notify{Sources: []flux.EventSource{{Kind: "HelmRelease", Name: "*"}}}}}
	for name, tc := range map[string]struct {
		host   string
		unread []string
		alert  flux.Object
		needed bool
	}{
		"the host answers REST, too":      {"gitlab.com", []string{"Provider"}, alert, true},
		"REST is at another host":         {"github.com", []string{"Provider", "Alert"}, alert, false},
		"the host of REST":                {"api.github.com", []string{"Provider"}, alert, true},
		"no Alert tells of what is asked": {"gitlab.com", []string{"Provider"}, chat, false},
		"Alerts are not known either":     {"gitlab.com", []string{"Alert"}, flux.Object{}, true},
	} {
		o.Policy = policy.Policy{}.WithFit(policy.Share{Host: tc.host, Percent: 1})
		f := without("", tc.unread...)
		f.snapshot.Related = []flux.Object{tc.alert}
		assert.Equal(t, tc.needed, o.sharesKnown(fleets{all: []fleet{f}}) != nil, name)
	}

	asks := map[string]bool{}
	for _, k := range append(flux.Kinds(), flux.CostKinds()...) {
		asks[k.Name] = k.AsksHosts()
	}
	assert.Equal(t, map[string]bool{
		"GitRepository": true, "OCIRepository": true, "Bucket": true, "HelmRepository": true, "HelmChart": true, "ImageRepository": true, "ImageUpdateAutomation": true,
		"ImagePolicy": true, "ResourceSetInputProvider": true, "Provider": true, "Alert": true,
		"Kustomization": false, "HelmRelease": false, "Receiver": false, "ExternalArtifact": false, "ArtifactGenerator": false,
	}, asks)
}

// What is asked after an apply is by what the API server holds then: somebody else's change counts, and what is deleted does not.
func TestWhatOthersChangedCounts(t *testing.T) {
	t.Parallel()
	p, err := policy.Preset("fast")
	require.NoError(t, err)
	decoded := func(name, interval string) flux.Object {
		o, err := flux.Decode([]byte(`{"apiVersion":"source.toolkit.fluxcd.io/v1","kind":"GitRepository","metadata":{"name":"` + name + `","namespace":"apps"},"spec":{"interval":"` + interval + `","url":"https://github.com/acme/` + name + `"}}`))
		require.NoError(t, err)
		return o
	}
	s := flux.Snapshot{Objects: []flux.Object{decoded("a", "5m"), decoded("b", "5m"), decoded("c", "5m")}}
	f := FleetOptions{Policy: p, DefaultEnvironment: "development"}.fleetOf(s)
	plan := f.plan(&tune.Options{})
	require.Equal(t, 3, plan.Changes())
	moved, written := decoded("a", "5s"), decoded("b", "2m")
	all := newTogether(fleets{all: []fleet{f}}, f.options, noon)
	all.changed(f, plan, cluster.Outcomes{Objects: []cluster.Result{
		{Write: tune.ApplyWrite{Item: plan.Items[0]}, Outcome: cluster.Skipped, Now: &moved},
		{Write: tune.ApplyWrite{Item: plan.Items[1]}, Outcome: cluster.Configured, Now: &written},
		{Write: tune.ApplyWrite{Item: plan.Items[2]}, Outcome: cluster.Skipped, Gone: true},
	}}, noon)
	assert.InDelta(t, 720+30, all.sum(all.budgets).Git.Now, 0.01)

	share := fit.ShareUse{Share: policy.Share{Host: "github.com", Percent: 1}, Limit: 5000, Allowed: 50}
	fitting := &fit.Fitting{Shares: []fit.ShareUse{share}}
	assert.Equal(t, []string{"github.com gets 750 requests/h, which are 15% of its limit, and not the 1% that it was fitted to: not all was changed as planned. Run the same command again, or take it back."}, all.exceeded(fitting))

	untouched := newTogether(fleets{all: []fleet{f}}, f.options, noon)
	untouched.changed(f, plan, cluster.Outcomes{Objects: []cluster.Result{{Write: tune.ApplyWrite{Item: plan.Items[0]}, Outcome: cluster.Skipped, Now: &moved}}}, noon)
	require.Len(t, untouched.exceeded(fitting), 1, "it is told, too, where only others changed something")
	assert.Contains(t, untouched.exceeded(fitting)[0], "Run the same command again.")
}

// Of what was sent without an answer nobody knows whether it arrived: it is not changed as planned, and counts with what asks more.
func TestWhatIsUncertainIsNotAsPlanned(t *testing.T) {
	t.Parallel()
	p, err := policy.Preset("per-environment")
	require.NoError(t, err)
	decoded := func(name, interval string) flux.Object {
		o, err := flux.Decode([]byte(`{"apiVersion":"source.toolkit.fluxcd.io/v1","kind":"GitRepository","metadata":{"name":"` + name + `","namespace":"apps"},"spec":{"interval":"` + interval + `","url":"https://github.com/acme/` + name + `"}}`))
		require.NoError(t, err)
		return o
	}
	p, err = p.Set("development.GitRepository.interval=5m")
	require.NoError(t, err)
	f := FleetOptions{Policy: p, DefaultEnvironment: "development"}.fleetOf(flux.Snapshot{Objects: []flux.Object{decoded("a", "30s"), decoded("b", "30m")}})
	plan := f.plan(&tune.Options{})
	require.Equal(t, 2, plan.Changes())
	all := newTogether(fleets{all: []fleet{f}}, f.options, noon)
	all.changed(f, plan, cluster.Outcomes{Objects: []cluster.Result{
		{Write: tune.ApplyWrite{Item: plan.Items[0]}, Outcome: cluster.Uncertain},
		{Write: tune.ApplyWrite{Item: plan.Items[1]}, Outcome: cluster.Uncertain},
	}}, noon)
	assert.InDelta(t, 120+12, all.sum(all.budgets).Git.Now, 0.01)
	assert.True(t, all.parts)
	share := fit.ShareUse{Share: policy.Share{Host: "github.com", Percent: 1}, Limit: 5000, Allowed: 50}
	lines, breaks := all.warned(&fit.Fitting{Shares: []fit.ShareUse{share}}, f, tune.Plan{}, noon)
	assert.Len(t, lines, 1)
	assert.False(t, breaks, "that asks no more than is asked without it")
	assert.Len(t, all.exceeded(&fit.Fitting{Shares: []fit.ShareUse{share}}), 1)
}

// Without the right to list what polls beside the sources, a fit is shown with a warning, and none of it is written.
func TestApplyFitNeedsTheRightToListWhatOnlyCosts(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	user := "tuner-" + f.apps
	f.Kubectl(t, "create", "clusterrole", user, "--verb=get,list,patch,update",
		"--resource=namespaces,gitrepositories.source.toolkit.fluxcd.io,ocirepositories.source.toolkit.fluxcd.io,helmrepositories.source.toolkit.fluxcd.io,helmcharts.source.toolkit.fluxcd.io,buckets.source.toolkit.fluxcd.io,kustomizations.kustomize.toolkit.fluxcd.io,helmreleases.helm.toolkit.fluxcd.io,imagerepositories.image.toolkit.fluxcd.io,imageupdateautomations.image.toolkit.fluxcd.io,receivers.notification.toolkit.fluxcd.io")
	f.Kubectl(t, "create", "clusterrolebinding", user, "--clusterrole", user, "--user", user)
	args := []string{"-n", f.apps, "--as", user, "--fit", "github.com=50%", "--set", "*.GitRepository.interval=1m to 30m"}
	plan := on(f.Cluster).run(t.Context(), append([]string{"plan"}, args...)...)
	assert.Contains(t, plan.stderr, "imagepolicies")
	apply := on(f.Cluster).run(t.Context(), append([]string{"apply", "--yes"}, args...)...)
	assert.Equal(t, exitFailed, apply.code)
	assert.Contains(t, apply.stderr, "imagepolicies")
	assert.Contains(t, apply.stderr, "nothing was changed")
	assert.Equal(t, "5m", f.interval(t))

	rules := on(f.Cluster).run(t.Context(), "alerts", "-n", f.apps, "--as", user)
	assert.Regexp(t, `(?m)^# Incomplete: imagepolicies.* could not be read`, rules.stdout, "who applies the file sees it, too")
	for _, command := range []string{"plan", "alerts", "budget"} {
		o := on(f.Cluster).run(t.Context(), command, "-n", f.apps, "--limit", "gihub.com=9000/h")
		assert.Contains(t, o.stderr, "--limit gihub.com: nothing that was read polls it; polled is ", command)
	}
}

// A share that nothing that was read counts to stops nobody, whether a flag or a policy names it, and the message says what reads more.
func TestSharesOfWhatWasNotChosen(t *testing.T) {
	t.Parallel()
	f := freeFleetOn(t, bed.Own(t)) // what is pinned in other namespaces is read, too
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte(`{apiVersion: fluxtune.github.io/v1alpha1, kind: TuningPolicy, metadata: {name: own},
spec: {fit: {github.com: 8%, github.com/bot: 1%}, environments: [{name: development, kinds: {GitRepository: {interval: 1m to 20m}, Kustomization: {interval: 1m to 20m}}}]}}`), 0o600))
	more := "; -A, or another choice of objects, reads more"
	none := "nothing that was read polls it" + more
	bot := "nothing that was read polls the host with this credential (spec.secretRef or spec.provider)" + more
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"ks", "--fit", "github.com=1%"}, []string{"--fit github.com=1%: " + none}},
		{[]string{"ks", "--policy", policy}, []string{"spec.fit of the policy: github.com=8%: " + none, "spec.fit of the policy: github.com/bot=1%: " + bot}},
		{[]string{"gitrepo/app", "--fit", "github.com=10%", "--fit", "github.com/bot=1%"}, []string{"--fit github.com/bot=1%: " + bot}},
	} {
		o := on(f.Cluster).must(t, append([]string{"plan", "-n", f.apps}, c.args...)...)
		for _, want := range c.want {
			assert.Contains(t, o.stderr, want, c.args)
		}
	}
}

// A budget under a policy that fits reads nothing twice.
func TestBudgetReadsOnce(t *testing.T) {
	t.Parallel()
	f := freeFleetOn(t, bed.Own(t)) // what is pinned in other namespaces is read, too
	var lists sync.Map
	proxy := faults.Start(t, f.Config(), func(r *http.Request, _ int) faults.Fault {
		count, _ := lists.LoadOrStore(r.URL.Path, new(atomic.Int64))
		count.(*atomic.Int64).Add(1)
		return faults.Fault{}
	})
	i := invocation{kubeconfig: proxy.Kubeconfig(t, "counting", f.apps)}
	for _, args := range [][]string{{"budget"}, {"budget", "--policy", "testdata/fit/policy.yaml"}} {
		lists.Clear()
		i.must(t, args...)
		for _, resource := range []string{"imagepolicies", "providers", "gitrepositories"} {
			n := 0
			lists.Range(func(path, count any) bool {
				if strings.HasSuffix(path.(string), "/"+resource) {
					n += int(count.(*atomic.Int64).Load())
				}
				return true
			})
			assert.Equal(t, 1, n, "%v lists %s", args, resource)
		}
	}
}

// Where less than all was read, rules of --activity are told that are about nothing in any case, and no others.
func TestRulesThatAreAboutNothing(t *testing.T) {
	t.Parallel()
	fitting := &fit.Fitting{Mistaken: []string{"in any case"}, Unmatched: []string{"of what was read"}}
	part := FleetOptions{Selection: cluster.Selection{Namespace: "apps"}}.fitWarnings(fitting)
	assert.Contains(t, part, "--activity: in any case")
	assert.NotContains(t, part, "--activity: of what was read")
	assert.Equal(t, []string{"--activity: in any case", "--activity: of what was read"}, FleetOptions{}.fitWarnings(fitting))
}

// Two credentials with one name have a share together, which is told.
func TestSharesOfTwoCredentials(t *testing.T) {
	t.Parallel()
	share := policy.Share{Host: "dev.azure.com", Credential: "azure", Percent: 50}
	assert.Equal(t, []string{"the share of dev.azure.com/azure is of the Secret azure and of the provider azure together, which budget shows apart"},
		FleetOptions{}.fitWarnings(&fit.Fitting{Shares: []fit.ShareUse{{Share: share}, {Share: share, Mixed: true}}}))
}
