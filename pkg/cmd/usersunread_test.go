package cmd

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// shared is a namespace without environment, with a GitRepository that a Kustomization of production there uses, and one of
// development elsewhere, which depends on that.
func shared(t *testing.T, c *testbed.Cluster) (ns, elsewhere string) {
	t.Helper()
	ns, elsewhere = c.Namespace(t, nil), c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "src", "interval: 1m, timeout: 2m")+fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: local, namespace: %[1]s, labels: {environment: production}}
spec: {interval: 1m, prune: true, path: ./, sourceRef: {kind: GitRepository, name: src}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: u, namespace: %[2]s}
spec: {interval: 1m, prune: true, path: ./, sourceRef: {kind: GitRepository, name: src, namespace: %[1]s}, dependsOn: [{name: local, namespace: %[1]s}]}
`, ns, elsewhere))
	return ns, elsewhere
}

// tenant makes a user with the roles that doctor proposes, in one namespace.
func tenant(t *testing.T, c *testbed.Cluster, ns string) string {
	t.Helper()
	for _, path := range []string{tunerRole, viewerRole} {
		r, _, err := role(path)
		require.NoError(t, err)
		grantAs(t, c, "tenant-"+ns+r.Name, "tenant-"+ns, ns, r)
	}
	return "tenant-" + ns
}

// plannedSource is what a plan says of the GitRepository: action, message, and environment.
func plannedSource(t *testing.T, i invocation, args ...string) [3]string {
	t.Helper()
	plan := decode[report.Plan](t, i.run(t.Context(), append([]string{"plan", "-o", "json"}, args...)...))
	at := slices.IndexFunc(plan.Items, func(item report.PlanItem) bool { return item.Ref.Kind == "GitRepository" && item.Ref.Name == "src" })
	require.GreaterOrEqual(t, at, 0)
	return [3]string{plan.Items[at].Action, plan.Items[at].Message, plan.Items[at].Environment}
}

func unreadUsers(what string) [3]string {
	return [3]string{"skip", "its environment is not known: what may use it could not all be read (" + what + " in all namespaces)", ""}
}

// A source has the environment of its fastest user. Who cannot see all of them does not know it.
func TestUsersThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	c := bed.Own(t)
	ns, elsewhere := shared(t, c)
	user := tenant(t, c, ns)
	i := on(c)
	assert.Equal(t, "development", plannedSource(t, i, "-n", ns)[2])
	const both = "kustomizations, helmreleases"
	for _, args := range [][]string{{}, {"gitrepo/src"}, {"--default-env", "production"}, {"-l", "!x"}} {
		assert.Equal(t, unreadUsers(both), plannedSource(t, i, append([]string{"-n", ns, "--as", user}, args...)...), args)
	}
	const dependents = "Warning: not all kustomizations could be read: which of them depend on what changes is not known, and these may be not ready for a while"
	assert.Contains(t, i.run(t.Context(), "plan", "-n", ns, "--as", user).stderr, dependents)
	assert.NotContains(t, i.run(t.Context(), "plan", "-n", ns).stderr, dependents)
	assert.NotContains(t, i.run(t.Context(), "plan", "gitrepo/src", "-n", ns, "--as", user).stderr, dependents, "nothing changes")
	shown := i
	shown.terminal, shown.width = true, 200
	assert.Contains(t, shown.run(t.Context(), "plan", "-n", ns, "--as", user, "--color", "never").stdout, "of unknown environment: what may use them could not all be read")

	i.run(t.Context(), "apply", "-n", ns, "--as", user, "--yes", "--patches-per-second=0")
	assert.Equal(t, "1m", c.Kubectl(t, "get", "gitrepository", "src", "-n", ns, "-o", "jsonpath={.spec.interval}"))
	assert.Equal(t, "5m", c.Kubectl(t, "get", "kustomization", "local", "-n", ns, "-o", "jsonpath={.spec.interval}"), "its label tells its environment")
	assert.Contains(t, i.run(t.Context(), "revert", "-n", ns, "--as", user, "--yes", "--dry-run=server").stderr, dependents)

	c.Kubectl(t, "label", "namespace", ns, "environment=production")
	assert.Equal(t, "production", plannedSource(t, i, "-n", ns, "--as", user)[2])
	c.Kubectl(t, "label", "namespace", ns, "environment-")

	environments := func() report.Check {
		d := decode[report.Diagnosis](t, i.run(t.Context(), "doctor", "-n", ns, "-o", "json", "--as", user))
		return d.Checks[slices.IndexFunc(d.Checks, func(c report.Check) bool { return c.Name == "environments" })]
	}
	check := environments()
	assert.Equal(t, report.CheckWarning, check.Status)
	assert.Contains(t, check.Message, "2 objects: production 1, 1 unknown, as what may use them could not all be read")
	for _, command := range check.Run {
		administer(t, c, t.TempDir(), command)
	}
	// The label of the namespace elsewhere is not for this user: nor is, then, what uses the source from there.
	require.Eventually(t, func() bool {
		return plannedSource(t, i, "-n", ns, "--as", user)[1] == "its environment is not known: the labels of a namespace with what uses it may not be read"
	}, testTimeout, testPoll)
	for _, command := range environments().Run {
		administer(t, c, t.TempDir(), command)
	}
	require.Eventually(t, func() bool { return plannedSource(t, i, "-n", ns, "--as", user)[2] == "development" }, testTimeout, testPoll)
	assert.NotEmpty(t, elsewhere)
}

// A list that fails is as one that is forbidden; kinds that are not installed have no users.
func TestUsersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns, _ := shared(t, c)
	i := behind(func(r *http.Request, _ int) faults.Fault {
		if strings.HasSuffix(r.URL.Path, "/kustomizations") {
			return faults.Fault{Status: http.StatusInternalServerError}
		}
		return faults.Fault{}
	})(t, c, invocation{})
	for _, args := range []string{"-n " + ns, "gitrepo/src -n " + ns, "-n " + ns + " --default-env production"} {
		assert.Equal(t, unreadUsers("kustomizations"), plannedSource(t, i, words(args)...), args)
	}
	i.run(t.Context(), "apply", "-n", ns, "--yes")
	assert.Equal(t, "1m", c.Kubectl(t, "get", "gitrepository", "src", "-n", ns, "-o", "jsonpath={.spec.interval}"))
}

// Where Flux runs with --no-cross-namespace-refs, a source has the users of its own namespace.
func TestUsersOfOneNamespace(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns, _ := shared(t, c)
	for args, environment := range map[string]string{"--no-cross-namespace-refs=true": "production", "--no-cross-namespace-refs=false": ""} {
		i := behind(func(r *http.Request, _ int) faults.Fault {
			switch r.URL.Path {
			case "/apis/apps/v1/deployments":
				return faults.Fault{Body: lockedControllers(args)}
			case "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations", "/apis/helm.toolkit.fluxcd.io/v2/helmreleases":
				return faults.Fault{Status: http.StatusForbidden}
			}
			return faults.Fault{}
		})(t, c, invocation{})
		for _, what := range []string{"-n " + ns, "gitrepo -n " + ns, "gitrepo/src -n " + ns} {
			assert.Equal(t, environment, plannedSource(t, i, words(what)...)[2], "%s: %s", args, what)
		}
	}
}

// lockedControllers are a kustomize- and a helm-controller with a flag.
func lockedControllers(flag string) string {
	var items []string
	for _, name := range []string{"kustomize-controller", "helm-controller"} {
		items = append(items, fmt.Sprintf(`{"metadata":{"name":%[1]q,"namespace":"flux-system","labels":{"app.kubernetes.io/component":%[1]q}},"spec":{"template":{"spec":{"containers":[{"args":[%[2]q]}]}}}}`, name, flag))
	}
	return `{"kind":"DeploymentList","metadata":{"resourceVersion":"7"},"items":[` + strings.Join(items, ",") + `]}`
}
