package cmd

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

// receiverCases are calls of receivers with manifests: what a cluster adds to them is in hack/e2e.
func receiverCases() []golden {
	const fleet = "receivers -f testdata/receivers/fleet.yaml"
	return []golden{
		{name: "receivers/table", args: fleet},
		{name: "receivers/table-100", args: fleet, with: onTerminal(100)},
		{name: "receivers/wide", args: fleet + " -n apps -o wide"},
		{name: "receivers/no-headers", args: fleet + " --no-headers --kind gitrepo"},
		{name: "receivers/one", args: fleet + " -n apps gitrepo app"},
		{name: "receivers/manifests", args: fleet + " -o yaml --host-type git.example.com=gitea"},
		{name: "receivers/manifests-no-filter", args: fleet + " -n apps gitrepo/app -o yaml --no-filter"},
		{name: "receivers/refused", args: "receivers -f testdata/receivers/refused.yaml"},
		{name: "receivers/manifests-none", args: fleet + " -n apps gitrepo/base -o yaml"},
		{name: "receivers/json", args: fleet + " -n web -o json"},
		{name: "receivers/name", args: fleet + " -o name"},
		{name: "receivers/policy", args: fleet + " -n apps gitrepo/app --policy relaxed"},
		{name: "receivers/custom-columns", args: fleet + " -o custom-columns=NAME:.ref.name,STATE:.state --sort-by state"},
		{name: "receivers/host-type-bad", args: fleet + " --host-type git.example.com=svn"},
		{name: "receivers/empty", args: fleet + " -n nowhere"},
		{name: "receivers/table-80", args: "receivers -f testdata/receivers/again.yaml --host-type git.exmaple.com=gitea", with: onTerminal(80)},
		{name: "receivers/manifests-again", args: "receivers -f testdata/receivers/again.yaml -o yaml"},
		{name: "receivers/manifests-owner", args: "receivers -f testdata/receivers/again.yaml -n web -o yaml --owner acme,nobody"},
		{name: "receivers/of-receivers", args: fleet + " -n apps receiver/gitlab"},
		{name: "receivers/help", args: "receivers --help"},
	}
}

func TestReceiversGolden(t *testing.T) {
	t.Parallel()
	for _, g := range receiverCases() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			i := invocation{}
			if g.with != nil {
				i = g.with(t, nil, i)
			}
			g.compare(t, i, scrubEphemeral)
		})
	}
}

// What is proposed of one of several clusters works when it is pasted.
func TestReceiversOfSeveralClusters(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	for _, args := range []string{"receivers -f " + dir, "receivers -f " + dir + " --root clusters/production --root clusters/staging"} {
		o := invocation{}.must(t, words(args)...)
		proposed := regexp.MustCompile(`(?m)^  kubectl fluxtune (.*)$`).FindAllStringSubmatch(o.stdout, -1)
		require.Len(t, proposed, 2, o.stdout)
		for _, p := range proposed {
			invocation{}.must(t, words(p[1])...)
		}
		assert.Contains(t, o.stdout, "--root clusters/staging -o yaml")
	}
}

func TestReceiversOptions(t *testing.T) {
	t.Parallel()
	r := testRoot()
	var flags ReceiversFlags
	parseEvery(t, newReceivers(r), flags.add, with(fleetValues(fileValues()), map[string]string{"host-type": "git.example.com=gitea", "owner": "Acme,rook", "no-filter": "true"}))
	flags.FileFlags.checkAndClear(t)
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	want := wantFleet(t)
	want.related, want.receivers = true, true
	same(t, want, o.FleetOptions)
	assert.Equal(t, map[string]webhook.HostType{"git.example.com": webhook.Gitea}, o.HostTypes)
	assert.Equal(t, " --policy fast --set dev.gitrepo.interval=31s --default-env stg --env-alias uat=stg", o.flags)
	assert.Equal(t, []string{"acme", "rook"}, o.Owners)
	assert.True(t, o.NoFilter)
	assert.Empty(t, o.roots)
	assert.Equal(t, "interval", o.sortBy)
	assert.Equal(t, noon, o.now())
}

// A Receiver that names a version which the cluster does not serve notifies nothing, and no command counts with it.
func TestReceiversOfAVersionThatIsNotServed(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	for version, want := range map[string]string{"v1": "covered", "v1beta2": "broken"} {
		ns := c.Namespace(t, map[string]string{"environment": "development"})
		c.Apply(t, gitRepository(ns, "app", "interval: 5m, timeout: 2m")+fmt.Sprintf(`
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: github, namespace: %s}
spec: {type: github, secretRef: {name: token}, resources: [{apiVersion: source.toolkit.fluxcd.io/%s, kind: GitRepository, name: app}]}
`, ns, version))
		c.ApplyAs(t, fmt.Sprintf(readyReceiver, ns), testbed.ApplyOptions{Subresource: "status"})
		callFor(t, c, ns, "app")
		i := on(c)
		source := decode[report.ReceiverList](t, i.must(t, "receivers", "-n", ns, "-o", "json")).Items[0]
		assert.Equal(t, want, source.State)
		assert.Equal(t, want == "covered", decode[report.Budget](t, i.must(t, "budget", "-n", ns, "-o", "json")).Items[0].Receiver != "")
		if want == "broken" {
			assert.Equal(t, "Receiver "+ns+"/github: the cluster does not serve source.toolkit.fluxcd.io/v1beta2 of this kind: it has v1", source.Message)
		}
	}
}

// readyReceiver is the status of the Receiver github in a namespace.
const readyReceiver = "apiVersion: notification.toolkit.fluxcd.io/v1\nkind: Receiver\nmetadata: {name: github, namespace: %s}\n" +
	`status: {webhookPath: /hook/1, conditions: [{type: Ready, status: "True", reason: Succeeded, message: ready, lastTransitionTime: "2026-11-01T00:00:00Z"}]}` + "\n"

// notifierWith is a list with the Deployment of a notification-controller with a flag.
func notifierWith(flag string) faults.Fault {
	return faults.Fault{Body: fmt.Sprintf(`{"kind":"DeploymentList","metadata":{"resourceVersion":"7"},"items":[{"spec":{"template":{"spec":{"containers":[{"args":[%q]}]}}}}]}`, flag)}
}

// Before 1.5, which brought filters, notification-controller took --no-cross-namespace-refs and let Receivers notify all the same.
func TestReceiversOfAnOldNotificationController(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := coveredFromElsewhere(t, c)
	for field, want := range map[string]string{"resourceFilter": "broken", "another": "covered"} {
		i := behind(func(r *http.Request, _ int) faults.Fault {
			switch {
			case strings.HasPrefix(r.URL.Path, "/openapi/v3/apis/notification.toolkit.fluxcd.io/"):
				return faults.Fault{Body: fmt.Sprintf(`{"components": {"schemas": {"r": {"x-kubernetes-group-version-kind": [{"kind": "Receiver"}], "properties": {"spec": {"properties": {%q: {}}}}}}}}`, field)}
			case r.URL.Path == "/apis/apps/v1/deployments":
				return notifierWith("--no-cross-namespace-refs")
			}
			return faults.Fault{}
		})(t, c, invocation{})
		assert.Equal(t, want, decode[report.ReceiverList](t, i.must(t, "receivers", "-n", ns, "-o", "json")).Items[0].State, field)
	}
}

// Where there is no notification-controller, it has no flags either: nobody knows what it would allow.
func TestReceiversWithoutNotificationController(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := coveredFromElsewhere(t, c)
	i := behind(func(r *http.Request, _ int) faults.Fault {
		if strings.HasSuffix(r.URL.Path, "/deployments") {
			return faults.Fault{Body: `{"kind":"DeploymentList","metadata":{"resourceVersion":"7"},"items":[]}`}
		}
		return faults.Fault{}
	})(t, c, invocation{})
	list := decode[report.ReceiverList](t, i.must(t, "receivers", "-n", ns, "-o", "json"))
	assert.Equal(t, "unknown", list.Items[0].State)
	assert.Contains(t, list.Items[0].Message, "no Deployment of notification-controller was found")
	plan := decode[report.Plan](t, i.must(t, "plan", "-n", ns, "-o", "json"))
	assert.Zero(t, plan.Summary.Webhooks.Sources)
}

// Receivers that are all that is left in a namespace are looked at.
func TestReceiversThatPointAtNothing(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, nil)
	c.Apply(t, fmt.Sprintf(`
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: github, namespace: %s}
spec: {type: github, secretRef: {name: token}, resources: [{kind: GitRepository, name: gone}]}
`, ns))
	c.ApplyAs(t, fmt.Sprintf(readyReceiver, ns), testbed.ApplyOptions{Subresource: "status"})
	i := on(c)
	o := i.must(t, "receivers", "-n", ns)
	assert.Contains(t, o.stdout, "Receivers to look at:\n  "+ns+"/github: GitRepository "+ns+"/gone does not exist")
	assert.NotContains(t, o.stdout, "NAME")
	assert.Empty(t, o.stderr)
	o = i.run(t.Context(), "receivers", "-n", ns, "-o", "yaml")
	assert.Equal(t, 1, o.code)
	assert.NotContains(t, o.stderr, "No Receiver is missing")
	assert.Contains(t, o.stderr, "No source was found in namespace \""+ns+"\"")
	assert.Contains(t, o.stderr, "not in the output, though there: "+ns+"/github")
	assert.Contains(t, i.run(t.Context(), "doctor", "-n", ns).stdout, "look at 1 problem of Receivers")
}

// What is proposed is what the cluster takes: without a filter where its Receivers have none.
func TestReceiversWithoutFilter(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "app", "interval: 5m, timeout: 2m"))
	for field, filtered := range map[string]bool{"resourceFilter": true, "another": false} {
		i := behind(func(r *http.Request, _ int) faults.Fault {
			if strings.HasPrefix(r.URL.Path, "/openapi/v3/apis/notification.toolkit.fluxcd.io/") {
				return faults.Fault{Body: fmt.Sprintf(`{"components": {"schemas": {"r": {"x-kubernetes-group-version-kind": [{"kind": "Receiver"}], "properties": {"spec": {"properties": {%q: {}}}}}}}}`, field)}
			}
			return faults.Fault{}
		})(t, c, invocation{})
		o := i.must(t, "receivers", "-n", ns, "-o", "yaml")
		assert.Equal(t, filtered, strings.Contains(o.stdout, "resourceFilter"), field)
		assert.Equal(t, !filtered, strings.Contains(o.stderr, "have no spec.resourceFilter"), o.stderr)
	}
}

// All commands that count with webhooks know the Receivers of other namespaces, and whether notification-controller lets
// these notify.
func TestReceiversOfOtherNamespaces(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := coveredFromElsewhere(t, c)
	callFor(t, c, ns, "app")
	for args, says := range map[string]string{"": "webhook", " --no-cross-namespace-refs": "nothing"} {
		i := behind(func(r *http.Request, _ int) faults.Fault {
			if r.URL.Path == "/apis/apps/v1/deployments" && strings.Contains(r.URL.RawQuery, "notification-controller") {
				return faults.Fault{Body: fmt.Sprintf(`{"kind":"DeploymentList","metadata":{"resourceVersion":"7"},"items":[{"spec":{"template":{"spec":{"containers":[{"args":["--watch-all-namespaces"%s]}]}}}}]}`,
					strings.ReplaceAll(args, " --no-cross-namespace-refs", `,"--no-cross-namespace-refs"`))}
			}
			return faults.Fault{}
		})(t, c, invocation{})
		plan := decode[report.Plan](t, i.must(t, "plan", "gitrepo/app", "-n", ns, "--fit", "github.com=100%", "--set", "development.GitRepository.interval=30s to 15m", "-o", "json"))
		require.Len(t, plan.Items, 1)
		require.NotNil(t, plan.Items[0].Fit)
		assert.Equal(t, says, plan.Items[0].Fit.Evidence, args)
		b := decode[report.Budget](t, i.must(t, "budget", "-n", ns, "-o", "json"))
		assert.Equal(t, says == "webhook", b.Items[0].Receiver != "", args)
		for _, choice := range []string{"", " gitrepo/app", " gitrepositories", " --kind gitrepo"} {
			plan := decode[report.Plan](t, i.must(t, words("plan -n "+ns+" -o json"+choice)...))
			require.NotNil(t, plan.Summary.Webhooks, choice)
			assert.Equal(t, says == "webhook", plan.Summary.Webhooks.Sources == 1, "%s%s", args, choice)
		}
		list := decode[report.ReceiverList](t, i.must(t, "receivers", "-n", ns, "-o", "json"))
		assert.Equal(t, map[string]string{"webhook": "covered", "nothing": "broken"}[says], list.Items[0].State, args)
	}
}

// What is written for a file is, when it is in the cluster, written again byte for byte, whoever asks and with which
// connection; a source more joins it.
func TestReceiversAgain(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "app", "interval: 5m, timeout: 2m")+gitRepository(ns, "web", "interval: 5m, timeout: 2m"))
	i := on(c)
	first := i.must(t, "receivers", "-n", ns, "-o", "yaml")
	c.Apply(t, first.stdout)
	again := i.must(t, "receivers", "-n", ns, "-o", "yaml", "--as", "kubernetes-admin", "--as-group", "system:masters")
	assert.Equal(t, first.stdout, again.stdout)
	assert.Contains(t, again.stderr, "in Git: add --kubeconfig "+i.kubeconfig+" --as kubernetes-admin --as-group system:masters.\n")
	assert.Contains(t, again.stderr, "No Receiver is missing in namespace \""+ns+"\": the one that has the form of what is proposed is written again.")
	assert.Contains(t, i.must(t, "receivers", "-n", ns, "-o", "json", "--as", "kubernetes-admin", "--as-group", "system:masters").stdout, "--as kubernetes-admin --as-group system:masters -n")
	c.Apply(t, gitRepository(ns, "zoo", "interval: 5m, timeout: 2m"))
	list := decode[report.ReceiverList](t, i.must(t, "receivers", "-n", ns, "-o", "json"))
	require.Len(t, list.Proposals, 1)
	assert.Equal(t, []any{"github-com", true, 1}, []any{list.Proposals[0].Name, list.Proposals[0].Existing, list.Proposals[0].Added})
	one := i.must(t, "receivers", "-n", ns, "gitrepo/zoo", "-o", "yaml")
	manifest := func(text string) string { return text[strings.Index(text, "apiVersion:"):] }
	assert.Equal(t, manifest(i.must(t, "receivers", "-n", ns, "-o", "yaml").stdout), manifest(one.stdout), "all of its sources, whichever are asked for")
	assert.Contains(t, one.stdout, "# Whose repositories these are: acme (1), and 2 sources that were not read.")
	assert.NotContains(t, one.stderr, "not in the output")
	c.Apply(t, fmt.Sprintf(`
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: mine, namespace: %s}
spec: {type: generic, secretRef: {name: token}, resources: [{kind: GitRepository, name: app}]}
`, ns))
	assert.Contains(t, i.must(t, "receivers", "-n", ns, "-o", "yaml").stderr, "Warning: not in the output, though there: "+ns+"/mine.")
}

// Where the flags of notification-controller may not be read, it is not taken for granted that a Receiver notifies what is in
// another namespace; one that looks at its own namespace alone needs Receivers there; a kind that is not served cannot be
// notified.
func TestReceiversAndTheirController(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns, central := c.Namespace(t, map[string]string{"environment": "development"}), c.Namespace(t, nil)
	c.Apply(t, gitRepository(ns, "app", "interval: 5m, timeout: 2m")+gitRepository(ns, "web", "interval: 5m, timeout: 2m")+fmt.Sprintf(`
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: github, namespace: %s}
spec: {type: github, secretRef: {name: token}, resources: [{kind: GitRepository, name: app, namespace: %s}, {kind: ArtifactGenerator, name: ag, namespace: %[2]s}]}
`, central, ns))
	c.ApplyAs(t, fmt.Sprintf(readyReceiver, central), testbed.ApplyOptions{Subresource: "status"})
	asked := func(answer func(*http.Request) faults.Fault) report.ReceiverList {
		i := behind(func(r *http.Request, _ int) faults.Fault { return answer(r) })(t, c, invocation{})
		return decode[report.ReceiverList](t, i.must(t, "receivers", "-n", ns, "-o", "json"))
	}
	list := asked(func(r *http.Request) faults.Fault {
		if strings.HasSuffix(r.URL.Path, "/deployments") {
			return faults.Fault{Status: http.StatusForbidden}
		}
		return faults.Fault{}
	})
	assert.Equal(t, "unknown", list.Items[0].State)
	assert.Contains(t, list.Items[0].Message, "--no-cross-namespace-refs")
	list = asked(func(r *http.Request) faults.Fault {
		if strings.HasSuffix(r.URL.Path, "/deployments") {
			return faults.Fault{Body: `{"kind":"DeploymentList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"namespace":"flux-system"},"spec":{"template":{"spec":{"containers":[{"args":["--watch-all-namespaces=false"]}]}}}}]}`}
		}
		return faults.Fault{}
	})
	assert.Equal(t, []string{"broken", "nothing"}, []string{list.Items[0].State, list.Items[1].State})
	assert.Contains(t, list.Items[1].Message, "--watch-all-namespaces=false")
	assert.Empty(t, list.Proposals)
	require.Len(t, list.Receivers, 1)
	require.Len(t, list.Receivers[0].Problems, 2)
	assert.Contains(t, list.Receivers[0].Problems[0].Message, "no notification-controller looks at its namespace")
	assert.Contains(t, list.Receivers[0].Problems[1].Message, "the cluster does not serve this kind")
}

// callFor leaves behind at a GitRepository what a call of a webhook does.
func callFor(t *testing.T, c *testbed.Cluster, ns, name string) {
	t.Helper()
	c.ApplyAs(t, fmt.Sprintf("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: %s, namespace: %s, annotations: {reconcile.fluxcd.io/requestedAt: now}}\n", name, ns),
		testbed.ApplyOptions{Manager: flux.NotificationController})
}
