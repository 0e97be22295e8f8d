package cmd

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// oneOfEachKind are objects that the policy every-kind.yaml changes, all called app.
const oneOfEachKind = `
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: app}
spec: {interval: 5m, url: "https://github.com/acme/app", ref: {branch: main}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: app}
spec: {interval: 10m, url: "oci://ghcr.io/acme/app"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: Bucket
metadata: {name: app}
spec: {interval: 10m, bucketName: app, endpoint: minio.example.com}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmRepository
metadata: {name: app}
spec: {interval: 10m, url: "https://charts.example.com"}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: HelmChart
metadata: {name: app}
spec: {interval: 10m, chart: web, sourceRef: {kind: HelmRepository, name: app}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app}
spec: {interval: 5m, path: ./deploy, prune: true, sourceRef: {kind: GitRepository, name: app}}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: app}
spec: {interval: 10m, chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: app}}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: app}
spec: {interval: 10m, image: ghcr.io/acme/app}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: app}
spec:
  interval: 30m
  sourceRef: {kind: GitRepository, name: app}
  git: {commit: {author: {email: flux@example.com}}}
---
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: app}
spec: {interval: 10m, type: github, secretRef: {name: token}, resources: [{kind: GitRepository, name: app}]}
`

// metricsCRD has a cluster serve metrics of its nodes: the API server knows no better than that this is a kind like others.
const metricsCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: nodes.metrics.k8s.io
  annotations: {api-approved.kubernetes.io: "unapproved, for tests"}
spec:
  group: metrics.k8s.io
  scope: Cluster
  names: {plural: nodes, singular: node, kind: NodeMetrics, listKind: NodeMetricsList}
  versions:
  - name: v1beta1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

func servedMetrics(t *testing.T, c *testbed.Cluster) {
	t.Helper()
	c.Apply(t, `
apiVersion: metrics.k8s.io/v1beta1
kind: NodeMetrics
metadata: {name: one}
timestamp: "`+time.Now().UTC().Add(3*time.Minute).Format(time.RFC3339)+`" # not old within the minutes that the tests take
usage: {cpu: 250m, memory: 1Gi}
`)
}

// withoutVerb is a role that lacks one verb on one resource, which is called with its group where another has that name.
func withoutVerb(r rbacv1.ClusterRole, resource, verb string) rbacv1.ClusterRole {
	cut := rbacv1.ClusterRole{}
	for _, rule := range r.Rules {
		for _, has := range rule.Resources {
			one := *rule.DeepCopy()
			one.Resources = []string{has}
			called := has
			if rule.APIGroups[0] == "metrics.k8s.io" {
				called += "." + "metrics.k8s.io"
			}
			if called == resource {
				one.Verbs = slices.DeleteFunc(one.Verbs, func(v string) bool { return v == verb })
			}
			if len(one.Verbs) > 0 {
				cut.Rules = append(cut.Rules, one)
			}
		}
	}
	return cut
}

// grant makes a user with a role in the whole cluster, or in one namespace, and waits until the API
// server knows it.
func grant(t *testing.T, c *testbed.Cluster, user, namespace string, r rbacv1.ClusterRole) {
	t.Helper()
	r.TypeMeta, r.ObjectMeta = metav1.TypeMeta{}, metav1.ObjectMeta{Name: user}
	_, err := c.Clientset(t).RbacV1().ClusterRoles().Create(t.Context(), &r, metav1.CreateOptions{})
	require.NoError(t, err)
	bind(t, c, user, user, namespace, r)
}

// bind gives a user a ClusterRole that there is, in one namespace or, when that is empty, in all, and waits until the API server knows.
func bind(t *testing.T, c *testbed.Cluster, name, user, namespace string, r rbacv1.ClusterRole) {
	t.Helper()
	client := c.Clientset(t)
	meta, ref := metav1.ObjectMeta{Name: name}, rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: r.Name}
	subjects := []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}}
	var err error
	if namespace == "" {
		_, err = client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
	} else {
		_, err = client.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
	}
	require.NoError(t, err)
	last := r.Rules[len(r.Rules)-1]
	name = strings.Join(last.ResourceNames, "") // one at most
	require.Eventually(t, func() bool {
		review, err := client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
				Group: last.APIGroups[0], Resource: last.Resources[0], Verb: last.Verbs[0], Namespace: namespace, Name: name,
			}},
		}, metav1.CreateOptions{})
		return err == nil && review.Status.Allowed
	}, 30*time.Second, 20*time.Millisecond)
}

// rbacFleet is a cluster with an object of each kind, a node and a controller.
func rbacFleet(t *testing.T) (*testbed.Cluster, string) {
	t.Helper()
	c := furtherBed.Own(t)
	ns := "rbac"
	c.CreateNamespace(t, ns, map[string]string{"environment": "development"})
	c.ApplyAs(t, oneOfEachKind, testbed.ApplyOptions{Namespace: ns})
	c.CreateNamespace(t, "flux-system", nil)
	c.Apply(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: source-controller, namespace: flux-system, labels: {app.kubernetes.io/component: source-controller}}
spec:
  selector: {matchLabels: {app: source-controller}}
  template:
    metadata: {labels: {app: source-controller}}
    spec: {containers: [{name: manager, image: x, args: [--concurrent=7]}]}
---
apiVersion: v1
kind: Node
metadata: {name: one}
`)
	c.Kubectl(t, "patch", "node", "one", "--subresource=status", "--type=merge", "-p", `{"status":{"capacity":{"pods":"110"},"allocatable":{"pods":"110"}}}`)
	servedMetrics(t, c)
	operatedFleet(t, c, ns)
	costFleet(t, c, ns)
	return c, ns
}

// probe is a command that needs one verb on one resource, and leaves nothing behind.
func probe(ns, group, resource, verb string) string {
	if group == "metrics.k8s.io" {
		return "nodes -o wide"
	}
	switch resource + " " + verb {
	case "namespaces list":
		return "__completeNoDesc get -n ''"
	case "namespaces get":
		return "get gitrepo -n " + ns // in a RoleBinding, where list is of no use
	case "deployments list":
		return "budget -A"
	case "nodes list", "pods list":
		return "nodes"
	}
	k, known := flux.ResourceKind(group, resource)
	switch {
	case !known:
		return "no probe for " + resource
	case slices.ContainsFunc(flux.CostKinds(), func(k flux.Kind) bool { return k.Group == group && k.Resource == resource }):
		return "budget -A"
	case group == flux.OperatorGroup:
		return "get ks -o wide -n " + ns // tells how soon a change is undone
	}
	switch verb {
	case "list":
		return fmt.Sprintf("get %s -n %s", k.Resource, ns)
	case "get":
		return fmt.Sprintf("get %s/app -n %s", k.Resource, ns)
	case "patch":
		return fmt.Sprintf("apply %s -n %s --yes --dry-run=server --policy testdata/policies/every-kind.yaml", k.Resource, ns)
	}
	return "no probe for " + verb
}

// The viewer may list what a budget counts: what is not in the role is left out, and nobody sees that it is missing.
func TestTheViewerMayListWhatIsRead(t *testing.T) {
	t.Parallel()
	viewer, _, err := role(viewerRole)
	require.NoError(t, err)
	for _, k := range slices.Concat(flux.Kinds(), flux.OperatorKinds(), flux.CostKinds()) {
		assert.True(t, slices.ContainsFunc(viewer.Rules, func(r rbacv1.PolicyRule) bool {
			return slices.Contains(r.APIGroups, k.Group) && slices.Contains(r.Resources, k.Resource) && slices.Contains(r.Verbs, "list")
		}), k.Name)
	}
}

// TestRolesAreLeast takes away each verb of the roles that come with fluxtune, and shows that something
// breaks: a command says something else than with the whole role.
func TestRolesAreLeast(t *testing.T) {
	t.Parallel()
	c, ns := rbacFleet(t)
	for _, name := range []string{viewerRole, tunerRole} {
		whole, _, err := role(name)
		require.NoError(t, err)
		grant(t, c, "whole-"+name, "", whole)
		grant(t, c, "whole-"+name+"-here", ns, whole)
		run := func(t *testing.T, user, line string) outcome {
			args := slices.Insert(words(line), 1, "--as", user)
			o := on(c).run(t.Context(), args...)
			for _, text := range []*string{&o.stdout, &o.stderr} {
				*text = strings.ReplaceAll(*text, user, "USER")
			}
			return o
		}
		for _, rule := range whole.Rules {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					if verb == "watch" {
						continue // see TestWatchIsNeeded, TestWatchOfObjectsIsNeeded
					}
					t.Run(fmt.Sprintf("%s/%s/%s/%s", name, rule.APIGroups[0], resource, verb), func(t *testing.T) {
						t.Parallel()
						cut := resource
						if rule.APIGroups[0] == "metrics.k8s.io" {
							cut += "." + "metrics.k8s.io"
						}
						line, user, wholeUser, where := probe(ns, rule.APIGroups[0], resource, verb), fmt.Sprintf("no-%s-%s-%s", verb, cut, name), "whole-"+name, ""
						if resource == "namespaces" && verb == "get" {
							wholeUser, where = wholeUser+"-here", ns
						}
						grant(t, c, user, where, withoutVerb(whole, cut, verb))
						with := run(t, wholeUser, line)
						require.Equal(t, 0, with.code, "%s\n%s%s", line, with.stdout, with.stderr)
						require.NotContains(t, with.stderr, "forbidden")
						assert.NotEqual(t, with, run(t, user, line), line)
					})
				}
			}
		}
	}
}

// TestWatchIsNeeded shows that nodes --watch lists over and over without the verb.
func TestWatchIsNeeded(t *testing.T) {
	t.Parallel()
	c, _ := rbacFleet(t)
	whole, _, err := role(viewerRole)
	require.NoError(t, err)
	grant(t, c, "whole", "", whole)
	for _, resource := range []string{"nodes", "pods"} {
		t.Run(resource, func(t *testing.T) {
			t.Parallel()
			user := "no-" + resource
			grant(t, c, user, "", withoutVerb(whole, resource, "watch"))
			lists := make(map[string]func() int)
			for _, who := range []string{"whole", user} {
				proxy := faults.Start(t, c.Config(), nil)
				lists[who] = func() int {
					return len(slices.DeleteFunc(proxy.Requests(), func(r string) bool {
						return !strings.Contains(r, "/default/"+resource) && !strings.Contains(r, "/v1/"+resource) || strings.Contains(r, "watch=")
					}))
				}
				r := startNodes(t, proxy.Kubeconfig(t, "proxy", "default"), System{}, "nodes", "--watch", "--as", who)
				r.awaitOutput(t, "TOTAL")
				defer func() { r.stop(); <-r.code }()
			}
			once := lists["whole"]()
			// Each time again is one request, also for the pods of all namespaces.
			assert.Eventually(t, func() bool { return lists[user]() >= once+2 }, 30*time.Second, 50*time.Millisecond, "once is %d", once)
			assert.Equal(t, once, lists["whole"]())
		})
	}
}

// TestWatchOfObjectsIsNeeded shows that get -w says of a kind that it cannot be watched without the verb.
func TestWatchOfObjectsIsNeeded(t *testing.T) {
	t.Parallel()
	c, ns := rbacFleet(t)
	whole, _, err := role(viewerRole)
	require.NoError(t, err)
	grant(t, c, "whole", "", whole)
	for _, k := range flux.Kinds() {
		t.Run(k.Resource, func(t *testing.T) {
			t.Parallel()
			cut := "no-" + k.Resource
			grant(t, c, cut, "", withoutVerb(whole, k.Resource, "watch"))
			ctx, stop := context.WithTimeout(t.Context(), testTimeout)
			defer stop()
			var rows, said [2]lockedBuffer
			var both sync.WaitGroup
			for i, user := range []string{"whole", cut} {
				watch := on(c)
				watch.stdout, watch.stderr = &rows[i], &said[i]
				both.Go(func() { watch.run(ctx, "get", k.Resource, "-n", ns, "-w", "--as", user) })
			}
			assert.Eventually(t, func() bool {
				return strings.Contains(said[1].String(), "forbidden") && strings.Contains(rows[0].String(), "app") && strings.Contains(rows[1].String(), "app")
			}, testTimeout, testPoll, "the rows are shown in any case, and one is told")
			time.Sleep(2 * time.Second) // the other one would have been told, too
			stop()
			both.Wait()
			assert.NotContains(t, said[0].String(), "forbidden")
		})
	}
}

// TestEveryCommandUnderTheRoles runs what each role is for.
func TestEveryCommandUnderTheRoles(t *testing.T) {
	t.Parallel()
	c, ns := rbacFleet(t)
	for _, name := range []string{viewerRole, tunerRole} {
		r, _, err := role(name)
		require.NoError(t, err)
		for _, rule := range r.Rules {
			assert.NotContains(t, rule.Resources, "secrets")
			assert.NotContains(t, append(append(rule.APIGroups, rule.Resources...), rule.Verbs...), "*")
		}
		grant(t, c, name, "", r)
		grant(t, c, name+"-here", ns, r)
	}
	const policy = " --policy testdata/policies/every-kind.yaml"
	for _, test := range []struct{ user, line string }{
		{viewerRole, "get -A"},
		{viewerRole, "get gitrepo app -n " + ns},
		{viewerRole, "plan -A" + policy},
		{viewerRole, "plan -A -o diff" + policy},
		{viewerRole, "plan -A --managed=pin" + policy},
		{viewerRole, "budget -A"},
		{viewerRole, "nodes"},
		{viewerRole, "nodes -o wide"},
		{viewerRole, "version"},
		{viewerRole, "doctor"},
		{viewerRole + "-here", "get -n " + ns},
		{viewerRole + "-here", "plan -n " + ns + policy},
		{tunerRole, "plan -A" + policy},
		{tunerRole, "apply -A --yes --patches-per-second 0" + policy},
		{tunerRole, "revert -A --yes --patches-per-second 0"},
		{tunerRole + "-here", "apply -n " + ns + " --yes --patches-per-second 0" + policy},
		{tunerRole + "-here", "revert -n " + ns + " --yes --patches-per-second 0"},
		{tunerRole, "apply -A --yes --managed=pin --patches-per-second 0" + policy},
		{viewerRole, "sessions -A"},
		{tunerRole, "forget -A --yes --patches-per-second 0"},
	} {
		o := on(c).run(t.Context(), append(words(test.line), "--as", test.user)...)
		assert.Equal(t, 0, o.code, "%s as %s\n%s%s", test.line, test.user, o.stdout, o.stderr)
		if !strings.HasSuffix(test.user, "-here") {
			assert.NotContains(t, o.stderr, "forbidden", test.line)
		}
	}
	denied := on(c).run(t.Context(), append(words("apply -A --yes --set *.gitrepo.interval=33s"+policy), "--as", viewerRole)...)
	assert.Equal(t, 1, denied.code)
	assert.Contains(t, denied.stdout+denied.stderr, "forbidden")
}

// TestRecordsNameTheUser asks the API server who applies: no role is needed for that (system:basic-user).
func TestRecordsNameTheUser(t *testing.T) {
	t.Parallel()
	c, ns := rbacFleet(t)
	tuner, _, err := role(tunerRole)
	require.NoError(t, err)
	grant(t, c, "alice", ns, tuner)
	proxy := faults.Start(t, c.Config(), nil)
	user := invocation{kubeconfig: proxy.Kubeconfig(t, "proxy", ns)}
	o := user.must(t, "apply", "gitrepo", "-n", ns, "--yes", "--as", "alice")
	require.Contains(t, o.stderr, "2 configured")
	list := decode[report.SessionList](t, user.must(t, "sessions", "-n", ns, "-o", "json", "--as", "alice"))
	require.Len(t, list.Items, 1)
	assert.Equal(t, "alice", list.Items[0].By)
	asked := slices.DeleteFunc(proxy.Requests(), func(r string) bool { return !strings.Contains(r, "selfsubjectreviews") })
	assert.Len(t, asked, 1, "once, and only by apply")
}

// TestNothingIsSentWithoutRights: who may patch nothing is told so before a question, and sends no patch; a role that names one
// object is enough to go on.
func TestNothingIsSentWithoutRights(t *testing.T) {
	t.Parallel()
	c, ns := rbacFleet(t)
	viewer, _, err := role(viewerRole)
	require.NoError(t, err)
	grant(t, c, "reader", "", viewer)
	named := allow(rule("source.toolkit.fluxcd.io", "gitrepositories", "patch"))
	named.Rules[0].ResourceNames = []string{"app"}
	named.Rules = append(named.Rules, viewer.Rules...)
	grant(t, c, "named", "", named)
	proxy := faults.Start(t, c.Config(), nil)
	plugin := invocation{kubeconfig: proxy.Kubeconfig(t, "proxy", "default")}
	apply := func(user string) (outcome, int) {
		before := len(proxy.Requests())
		o := plugin.run(t.Context(), "apply", "--as", user, "-n", ns, "--yes", "--dry-run=server", "--policy", "testdata/policies/every-kind.yaml")
		return o, len(slices.DeleteFunc(proxy.Requests()[before:], func(r string) bool { return !strings.HasPrefix(r, http.MethodPatch) }))
	}
	o, patches := apply("reader")
	assert.Equal(t, exitFailed, o.code)
	assert.Zero(t, patches)
	assert.Contains(t, o.stderr, "you may not patch")
	assert.Contains(t, o.stderr, "nothing was changed")
	o, patches = apply("named")
	assert.Equal(t, exitFailed, o.code)
	assert.NotZero(t, patches)
	assert.Contains(t, o.stdout, "configured (server dry run)")
}

// TestFlagsThatMayNotBeRead: a role in one namespace does not reach the controllers' Deployments, and what hangs on their flags is
// said.
func TestFlagsThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	c, ns := rbacFleet(t)
	viewer, _, err := role(viewerRole)
	require.NoError(t, err)
	grant(t, c, "tenant", ns, viewer)
	c.Apply(t, fmt.Sprintf(`
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: applied, namespace: %[1]s, labels: {kustomize.toolkit.fluxcd.io/name: root, kustomize.toolkit.fluxcd.io/namespace: %[1]s}}
spec: {interval: 17m, url: "https://example.com/x"}
`, ns))
	const says = "Warning: the flags of Flux's controllers could not be read, and their defaults are assumed: with an --override-manager"
	for _, args := range [][]string{{"plan"}, {"apply", "--yes", "--dry-run=client"}} {
		args = append(args, "gitrepo/applied", "-n", ns, "--default-env", "development")
		assert.NotContains(t, on(c).run(t.Context(), append(args, "--managed=patch")...).stderr, says)
		assert.NotContains(t, on(c).run(t.Context(), append(args, "--as", "tenant")...).stderr, says)
		o := on(c).run(t.Context(), append(args, "--as", "tenant", "--managed=patch")...)
		assert.Equal(t, 1, strings.Count(o.stderr, says), o.stderr)
	}
}
