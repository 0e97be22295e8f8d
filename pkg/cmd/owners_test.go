package cmd

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// leftAlone applies the default policy to the fleet's namespace, and expects the GitRepository app to be as it was.
func (f gitFleet) leftAlone(t *testing.T, i invocation, reason, message string) {
	t.Helper()
	plan := decode[report.Plan](t, i.must(t, "plan", "gitrepo/app", "-n", f.apps, "-o", "json"))
	require.Len(t, plan.Items, 1)
	assert.Equal(t, [3]string{"skip", reason, message}, [3]string{plan.Items[0].Action, plan.Items[0].Reason, plan.Items[0].Message})
	o := i.must(t, "apply", "-n", f.apps, "--yes")
	assert.Contains(t, o.stderr, "0 configured")
	assert.Equal(t, "5m", f.interval(t))
}

// Who may read only a tenant's namespace cannot see what applies its objects. That something does is told by the
// objects themselves.
func TestOwnersThatATenantCannotRead(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	tuner, _, err := role(tunerRole)
	require.NoError(t, err)
	tenant := "tenant-" + f.apps
	grant(t, f.Cluster, tenant, f.apps, tuner)
	f.leftAlone(t, invocation{kubeconfig: f.KubeconfigFor(t, tenant)}, "OwnerUnknown",
		"left to its owner: applied by Kustomization "+f.flux+"/root, which could not be read")
}

// Of a Kustomization that applies to another cluster, the object here is not; of one in another cluster nothing is here
// but the object. Both are applied all the same.
func TestOwnersInOtherClusters(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.root(t, ", kubeConfig: {secretRef: {name: edge}}")
	f.leftAlone(t, on(f.Cluster), "OwnerUnknown",
		"left to its owner: applied by a Kustomization "+f.flux+"/root, perhaps of another cluster: the one here applies elsewhere")
	f.Kubectl(t, "delete", "kustomization", "root", "-n", f.flux)
	f.leftAlone(t, on(f.Cluster), "OwnerUnknown",
		"left to its owner: applied by Kustomization "+f.flux+"/root, which is not in this cluster")
}

// What Argo CD applies is known by its mark, or only by its name in metadata.managedFields.
func TestOwnedByArgoCD(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.Kubectl(t, "delete", "gitrepository", "app", "-n", f.apps)
	f.ApplyAs(t, strings.Replace(gitRepository(f.apps, "app", "interval: 5m, timeout: 2m"), "metadata: {", "metadata: {annotations: {argocd.argoproj.io/tracking-id: 'fleet:x'}, ", 1), testbed.ApplyOptions{Manager: "argocd-controller"})
	f.leftAlone(t, on(f.Cluster), "OwnerUnknown", `left to its owner: applied by Argo CD application "fleet", which may undo the change (self-heal)`)
	f.Kubectl(t, "annotate", "gitrepository", "app", "-n", f.apps, "argocd.argoproj.io/tracking-id-")
	f.leftAlone(t, on(f.Cluster), "OwnerUnknown", "left to its owner: applied by argocd-controller, which may undo the change")
}

// After flux bootstrap a field is applied by the flux command and by kustomize-controller: either tells that it is in
// Git.
func TestEveryOwnerOfAFieldCounts(t *testing.T) {
	t.Parallel()
	for first, second := range map[string]string{"flux": "kustomize-controller", "kustomize-controller": "flux"} {
		t.Run(first+" first", func(t *testing.T) {
			t.Parallel()
			f := newGitFleet(t)
			manifest := f.app("interval: 1m, timeout: 1m")
			f.Kubectl(t, "delete", "gitrepository", "app", "-n", f.apps)
			f.ApplyAs(t, manifest, testbed.ApplyOptions{Manager: first})
			time.Sleep(time.Second) // the order of the entries in managedFields goes by their times, in seconds
			f.ApplyAs(t, manifest, testbed.ApplyOptions{Manager: second})
			assert.ElementsMatch(t, []string{first, second}, f.owners(t, "gitrepository", f.apps, "app"))
			item := f.item(t, "gitrepo/app")
			assert.Equal(t, "SetInGit", item.Reason, "the policy wants the timeout to be 2m, and Git says 1m")
			on(f.Cluster).must(t, "apply", "-n", f.apps, "--yes")
			assert.Equal(t, "1m", f.field(t, "gitrepository", f.apps, "app", ".spec.timeout"))
		})
	}
}

// What was taken out of Git and not pruned keeps its labels. The inventory of the Kustomization knows better. What it would
// have pruned is not its own: a Kustomization of that name in another cluster may apply it.
func TestOrphansStick(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.push(t, strings.Replace(f.named("orphan", "interval: 5m, timeout: 2m"), "metadata: {", "metadata: {annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}, ", 1))
	f.push(t, f.named("hubs", "interval: 5m, timeout: 2m"))
	f.observe(t)
	f.Kubectl(t, "patch", "kustomization", "root", "-n", f.flux, "--subresource=status", "--type=merge", "-p",
		fmt.Sprintf(`{"status":{"observedGeneration":1,"conditions":[{"type":"Ready","status":"True","reason":"Succeeded","message":"","lastTransitionTime":"2026-03-01T12:00:00Z"}],
			"history":[{"digest":"sha256:a","firstReconciled":"2026-03-01T12:00:00Z","lastReconciled":"%s","lastReconciledDuration":"1s","lastReconciledStatus":"ReconciliationSucceeded","totalReconciliations":2}],
			"inventory":{"entries":[{"id":"%s_app_source.toolkit.fluxcd.io_GitRepository","v":"v1"}]}}}`, time.Now().Add(time.Minute).UTC().Format(time.RFC3339), f.apps))
	assert.Equal(t, "SetInGit", f.item(t, "gitrepo/app").Reason)
	orphan := f.item(t, "gitrepo/orphan")
	assert.Equal(t, [2]string{"change", "sticks"}, [2]string{orphan.Action, orphan.Sticks})
	hubs := f.item(t, "gitrepo/hubs")
	assert.Equal(t, [2]string{"OwnerUnknown", "left to its owner: has the labels of Kustomization " + f.flux + "/root, which does not list it: one of that name in another cluster may apply it"},
		[2]string{hubs.Reason, hubs.Message})
	_, o := f.tuned(t, "one")
	require.Zero(t, o.code, o.stderr)
	assert.Equal(t, "1m", f.field(t, "gitrepository", f.apps, "orphan", ".spec.interval"))
	assert.Equal(t, "5m", f.interval(t))
	assert.Equal(t, "5m", f.field(t, "gitrepository", f.apps, "hubs", ".spec.interval"))
	on(f.Cluster).must(t, "revert", "-n", f.apps, "--yes")
	assert.Equal(t, "5m", f.field(t, "gitrepository", f.apps, "orphan", ".spec.interval"))
}

// While a parent is suspended nothing undoes a change. Its resume does.
func TestSuspendedParent(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.root(t, ", suspend: true")
	f.leftAlone(t, on(f.Cluster), "SetInGit", "would be undone when Kustomization "+f.flux+"/root is resumed")
	patched := f.item(t, "gitrepo/app", "--managed=patch")
	assert.Equal(t, [3]string{"change", "reverted", "undone when Kustomization " + f.flux + "/root is resumed"}, [3]string{patched.Action, patched.Sticks, patched.SticksMessage})
}

// What was meant to opt out does, and what is unusual about it is said.
func TestOptingOutFailsClosed(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	for name, mark := range map[string]string{
		"no-tune": `annotations: {fluxtune.github.io/tune: "false"}`, "upper": `annotations: {fluxtune.github.io/tune: Disabled}`,
		"label": `labels: {fluxtune.github.io/tune: disabled}`, "enabled": `annotations: {fluxtune.github.io/tune: enabled}`,
	} {
		c.Apply(t, strings.Replace(gitRepository(ns, name, "interval: 5m, timeout: 2m"), "metadata: {", "metadata: {"+mark+", ", 1))
	}
	o := on(c).must(t, "apply", "-n", ns, "--yes")
	assert.Contains(t, o.stderr, `Warning: GitRepository `+ns+`/no-tune: fluxtune.github.io/tune: "false" is neither "disabled" nor "enabled", and is taken for "disabled"`)
	assert.Equal(t, 1, strings.Count(o.stderr, "Warning: "), o.stderr)
	for name, want := range map[string]string{"no-tune": "5m", "upper": "5m", "label": "5m", "enabled": "1m"} {
		assert.Equal(t, want, c.Field(t, "gitrepository", ns, name, ".spec.interval"), name)
	}
}

// What is selected does not change what is said of an object.
func TestSelectionDoesNotChangeWhatIsSaid(t *testing.T) {
	t.Parallel()
	f := newGitFleet(t)
	f.push(t, f.ks("interval: 5m"))
	f.Kubectl(t, "patch", "gitrepository", "app", "-n", f.apps, "--subresource=status", "--type=merge", "-p",
		`{"status":{"artifact":{"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","lastUpdateTime":"2026-03-01T09:30:00Z","path":"a","revision":"main@sha1:0a1b","url":"http://x/a"}}}`)
	all := decode[report.ObjectList](t, on(f.Cluster).must(t, "get", "-n", f.apps, "-o", "json"))
	one := decode[report.ObjectList](t, on(f.Cluster).must(t, "get", "ks", "app", "-n", f.apps, "-o", "json"))
	kind := decode[report.ObjectList](t, on(f.Cluster).must(t, "get", "ks", "-n", f.apps, "-o", "json"))
	require.Len(t, one.Items, 1)
	require.NotNil(t, one.Items[0].SourceChanged)
	assert.Equal(t, one.Items, kind.Items)
	assert.Contains(t, all.Items, one.Items[0])
}

// counting calls the plugin through a proxy; asked counts the requests whose line holds a text.
func counting(t *testing.T, f gitFleet) (i invocation, asked func(text string) int) {
	t.Helper()
	proxy := faults.Start(t, f.Config(), nil)
	return invocation{kubeconfig: proxy.Kubeconfig(t, "proxy", f.apps)}, func(text string) int {
		return len(slices.DeleteFunc(proxy.Requests(), func(r string) bool { return !strings.Contains(r, text) }))
	}
}

// Where namespaces may not be listed, each that matters is asked for once, and those that are refused are told once.
func TestNamespacesAreAskedForOnce(t *testing.T) {
	t.Parallel()
	f := gitFleetOn(t, bed.Own(t))
	tuner, _, err := role(tunerRole)
	require.NoError(t, err)
	grant(t, f.Cluster, "lister", "", withoutVerb(withoutVerb(tuner, "namespaces", "list"), "namespaces", "get"))
	i, asked := counting(t, f)
	o := i.run(t.Context(), "plan", "-n", f.apps, "--as", "lister")
	assert.Equal(t, exitFailed, o.code)
	assert.Equal(t, 1, asked("GET /api/v1/namespaces?"))
	assert.Equal(t, 1, asked("GET /api/v1/namespaces/"+f.apps))
	assert.Equal(t, 1, asked("GET /api/v1/namespaces/"+f.flux))
	namespaces := []string{f.apps, f.flux}
	slices.Sort(namespaces)
	assert.Contains(t, o.stderr, "labels of namespace "+strings.Join(namespaces, ", ")+" could not be read: forbidden")
	assert.Equal(t, 1, strings.Count(o.stderr, "labels of namespace"), o.stderr)
}

// Nothing is listed or shown twice, whatever else has to be known of it.
func TestNothingIsReadTwice(t *testing.T) {
	t.Parallel()
	f := gitFleetOn(t, bed.Own(t))
	f.push(t, f.ks("interval: 5m"))
	f.Apply(t, gitRepository(f.flux, "fleet", "interval: 5m")) // no label gives it an environment: its users are looked for
	i, asked := counting(t, f)
	o := i.must(t, "get", "-A", "-o", "name")
	names := strings.Fields(o.stdout)
	assert.Equal(t, 1, asked("/kustomizations?limit"))
	assert.Equal(t, 1, asked("/helmreleases?limit"))
	assert.ElementsMatch(t, []string{
		"gitrepository.source.toolkit.fluxcd.io/app", "gitrepository.source.toolkit.fluxcd.io/fleet",
		"kustomization.kustomize.toolkit.fluxcd.io/app", "kustomization.kustomize.toolkit.fluxcd.io/root",
	}, names)
}

// A controller that takes over what fluxtune owns would remove the records with it, and the way back.
func TestOverrideManager(t *testing.T) {
	t.Parallel()
	f := gitFleetOn(t, bed.Own(t))
	f.observe(t)
	f.CreateNamespace(t, "flux-system", nil)
	f.Apply(t, controllerDeployment("kustomize-controller", "8080", "--override-manager=flux"))
	const says = `kustomize-controller runs with --override-manager=flux and takes over what "fluxtune" owns`
	assert.Contains(t, on(f.Cluster).must(t, "plan", "-n", f.apps, pin).stderr, says)
	assert.Contains(t, on(f.Cluster).run(t.Context(), "doctor").stdout, "--override-manager=flux")
	o := on(f.Cluster).run(t.Context(), "apply", "-n", f.apps, "--yes", pin)
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, says)
	assert.Contains(t, o.stderr, "nothing was changed")
	assert.Equal(t, "5m", f.interval(t))
	assert.NotContains(t, on(f.Cluster).must(t, "plan", "-n", f.apps).stderr, says, "nothing changes, and nothing is lost")
	on(f.Cluster).must(t, "apply", "-n", f.apps, "--yes", pin, "--field-manager=tuner", "--patches-per-second=0")
	assert.Equal(t, "1m", f.interval(t))
}

// Whoever may not read the labels of namespaces is told so, and not what to make of objects that may have one.
func TestUnreadLabelsAreAskedFor(t *testing.T) {
	t.Parallel()
	c, _ := rbacFleet(t)
	viewer, _, err := role(viewerRole)
	require.NoError(t, err)
	const user = "blind"
	grantAs(t, c, user, user, "", withoutVerb(withoutVerb(viewer, "namespaces", "get"), "namespaces", "list"))
	prod := connecting(calledProd)(t, c, on(c))
	environments := func() (report.Diagnosis, report.Check) {
		d := decode[report.Diagnosis](t, prod.run(t.Context(), "doctor", "-o", "json", "--as", user))
		return d, d.Checks[slices.IndexFunc(d.Checks, func(c report.Check) bool { return c.Name == "environments" })]
	}
	d, check := environments()
	assert.Contains(t, check.Message, "unknown, as you may not read the labels of their namespaces")
	assert.Empty(t, d.PolicyLines)
	shown := on(c)
	shown.terminal, shown.width = true, 200
	assert.Contains(t, shown.run(t.Context(), "plan", "-A", "--as", user, "--color", "never").stdout, "labels of namespaces may not be read: ask for the right (doctor says how)")
	for _, command := range check.Run {
		administer(t, c, t.TempDir(), command)
	}
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		_, check := environments()
		assert.NotContains(t, check.Message, "unknown")
	}, testTimeout, testPoll)
}
