package cmd

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// How long a change of rights may take to be seen, and how often it is looked for.
const (
	testTimeout = 30 * time.Second
	testPoll    = 50 * time.Millisecond
)

// allow is a role with one rule for each group.
func allow(rules ...rbacv1.PolicyRule) rbacv1.ClusterRole { return rbacv1.ClusterRole{Rules: rules} }

// ofNames is a role for objects of some names only.
func ofNames(r rbacv1.PolicyRule, names ...string) rbacv1.ClusterRole {
	r.ResourceNames = names
	return allow(r)
}

func rule(group, resources, verbs string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: strings.Split(resources, ","), Verbs: strings.Split(verbs, ",")}
}

// said is what doctor says of a command: works, in part or refused.
func said(d report.Diagnosis, name string) string {
	for _, c := range d.Checks {
		if c.Name != name {
			continue
		}
		switch {
		case strings.HasPrefix(c.Message, "refused"):
			return "refused"
		case strings.HasPrefix(c.Message, "in part"):
			return "in part"
		default:
			return "works"
		}
	}
	return "not said"
}

// done is what a command really does for a user.
func done(o outcome) string {
	switch {
	case o.code == 0:
		return "works"
	case strings.TrimSpace(o.stdout) == "":
		return "refused"
	default:
		return "in part"
	}
}

// TestDoctorSaysWhatTheCommandsDo asks doctor, as users of all sorts and in both scopes, and then runs the commands.
func TestDoctorSaysWhatTheCommandsDo(t *testing.T) {
	t.Parallel()
	c, ns := rbacFleet(t)
	viewer, _, err := role(viewerRole)
	require.NoError(t, err)
	tuner, _, err := role(tunerRole)
	require.NoError(t, err)
	c.Apply(t, `
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: `+ns+`}
spec: {nodeName: one, containers: [{name: x, image: x}]}
`)
	nodesOnly := allow(rule("", "nodes,pods", "list,watch"))
	for user, granted := range map[string][]struct {
		namespace string
		role      rbacv1.ClusterRole
	}{
		"nobody-at-all":      nil,
		"viewer-everywhere":  {{"", viewer}},
		"viewer-here":        {{ns, viewer}},
		"tuner-here":         {{ns, tuner}},
		"both-everywhere":    {{"", viewer}, {"", tuner}},
		"nodes-only":         {{"", nodesOnly}},
		"nodes-without-pods": {{"", allow(rule("", "nodes", "list,watch"))}},
		"pods-here":          {{ns, nodesOnly}},
		"one-kind-here":      {{ns, allow(rule("", "namespaces", "get"), rule("source.toolkit.fluxcd.io", "gitrepositories", "get,list"))}},
		"one-kind-patched":   {{ns, viewer}, {ns, allow(rule("source.toolkit.fluxcd.io", "gitrepositories", "patch"))}},
		"patched-by-name":    {{ns, viewer}, {ns, ofNames(rule("source.toolkit.fluxcd.io", "gitrepositories", "patch"), "app")}},
		"patched-unread":     {{"", withoutVerb(viewer, "gitrepositories", "get")}, {"", withoutVerb(tuner, "gitrepositories", "get")}},
		"no-labels":          {{ns, withoutVerb(withoutVerb(viewer, "namespaces", "get"), "namespaces", "list")}},
	} {
		for i, g := range granted {
			grantAs(t, c, fmt.Sprintf("%s-%d", user, i), user, g.namespace, g.role)
		}
		for _, scope := range []string{"-A", "-n " + ns} {
			t.Run(user+" "+scope, func(t *testing.T) {
				t.Parallel()
				run := func(line string) outcome {
					return on(c).run(t.Context(), append(words(line+" "+scope), "--as", user)...)
				}
				o := run("doctor -o json")
				d := decode[report.Diagnosis](t, o)
				assert.Equal(t, user, d.Rights.User)
				assert.Equal(t, said(d, "get, plan") == "refused", o.code == exitFailed)
				for _, command := range []struct{ check, line string }{
					{"get, plan", "get --no-headers"},
					{"get, plan", "plan --no-headers"},
					{"budget", "budget --no-headers"},
					{"apply, revert", "apply --yes --dry-run=server --policy testdata/policies/every-kind.yaml --default-env development --patches-per-second 0 --no-headers"},
					{"nodes", "nodes --no-headers"},
				} {
					o := run(command.line)
					got := done(o)
					if command.check == "apply, revert" && strings.Contains(o.stdout, "failed") && !strings.Contains(o.stdout, "configured") {
						got = "refused" // it planned, and no patch was accepted
					}
					assert.Equal(t, got, said(d, command.check), "%s: doctor of %s\n%s%s", user, command.line, o.stdout, o.stderr)
				}
			})
		}
	}
}

// TestDoctorLeadsATenantHome: whose rights are those of one namespace is not told to ask for the whole cluster, where the context
// names that namespace.
func TestDoctorLeadsATenantHome(t *testing.T) {
	t.Parallel()
	c, ns := rbacFleet(t)
	viewer, _, err := role(viewerRole)
	require.NoError(t, err)
	grant(t, c, "tenant", ns, viewer)
	proxy := faults.Start(t, c.Config(), nil)
	for context, wanted := range map[string]struct{ message, next string }{
		ns:        {fmt.Sprintf("in namespace %q you may: doctor -n %s", ns, ns), "kubectl fluxtune doctor -n " + ns},
		"default": {"one of them is enough: doctor -n NAMESPACE", ""},
	} {
		o := invocation{kubeconfig: proxy.Kubeconfig(t, "tenant", context)}.run(t.Context(), "doctor", "--as", "tenant", "-o", "json")
		d := decode[report.Diagnosis](t, o)
		look := d.Checks[slices.IndexFunc(d.Checks, func(c report.Check) bool { return c.Name == "get, plan" })]
		assert.Contains(t, look.Message, wanted.message)
		if wanted.next != "" {
			assert.Empty(t, look.Run)
			require.NotEmpty(t, d.Next)
			assert.True(t, strings.HasPrefix(d.Next[0], wanted.next), d.Next)
		}
	}
}

// grantAs binds a role of its own name to a user.
func grantAs(t *testing.T, c *testbed.Cluster, name, user, namespace string, r rbacv1.ClusterRole) {
	t.Helper()
	grant(t, c, name, namespace, r)
	r.Name = name
	bind(t, c, "as-"+name, user, namespace, r)
}

// administer runs a command line as an administrator's shell would, with this test's program as the plugin.
func administer(t *testing.T, c *testbed.Cluster, dir, line string) {
	t.Helper()
	bin := krewFolder(t)
	require.NoError(t, os.Symlink(c.KubectlPath(), filepath.Join(bin, "kubectl")))
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", line)
	cmd.Dir = dir
	cmd.Env = []string{runAsPlugin + "=1", "PATH=" + bin + ":/usr/bin:/bin", "KUBECONFIG=" + c.Kubeconfig(), "HOME=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", line, out)
}

// TestRemediesOfRightsWork has an administrator run what doctor prints for somebody without rights, and asks again.
func TestRemediesOfRightsWork(t *testing.T) {
	t.Parallel()
	for name, scope := range map[string]string{"everywhere": "", "here": "-n rbac"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := rbacFleet(t)
			user := "o'neil:the/" + name
			doctor := func() report.Diagnosis {
				return decode[report.Diagnosis](t, on(c).run(t.Context(), append(words("doctor -o json "+scope), "--as", user)...))
			}
			before := doctor()
			require.True(t, before.Failed())
			ran := 0
			for _, check := range before.Checks {
				for _, command := range check.Run {
					administer(t, c, t.TempDir(), command)
					ran++
				}
			}
			require.Positive(t, ran)
			require.EventuallyWithT(t, func(t *assert.CollectT) {
				for _, check := range doctor().Checks {
					switch check.Name {
					case "get, plan", "apply, revert", "nodes":
						assert.Equal(t, report.CheckOK, check.Status, check.Name+": "+check.Message)
					case "budget":
						assert.True(t, strings.HasPrefix(check.Message, "works"), check.Message)
					}
				}
			}, testTimeout, testPoll)
		})
	}
}

// TestProposalsWork pastes what doctor proposes for namespaces, cluster and words, and labels what it says to label,
// until every object has an environment that the policy knows.
func TestProposalsWork(t *testing.T) {
	t.Parallel()
	c := bed.Own(t)
	for ns, labels := range map[string]map[string]string{
		"shop-dev": nil, "shop-stg": nil, "stage-2": nil, "web-prod": {"environment": ""}, "apps": nil,
		"qa": {"environment": "qa"}, "sandbox": {"env": "sandbox"}, "fine": {"environment": "dev"},
	} {
		c.CreateNamespace(t, ns, labels)
		c.Apply(t, gitRepository(ns, "app", "interval: 5m"))
	}
	dir := t.TempDir()
	pasted := filepath.Join(dir, "policy.yaml")
	for _, tc := range []struct {
		name string
		with invocation
		want map[string]string // environments of the namespaces, once all has been done
	}{
		{"a context without a word", on(c), map[string]string{
			"shop-dev": "development", "shop-stg": "staging", "stage-2": "staging", "web-prod": "production",
			"qa": "staging", "sandbox": "development", "fine": "development", "apps": "",
		}},
		{"a context that says it", connecting(calledProd)(t, c, on(c)), map[string]string{
			"shop-dev": "development", "shop-stg": "staging", "stage-2": "staging", "web-prod": "production",
			"qa": "staging", "sandbox": "development", "fine": "development", "apps": "production",
		}},
	} {
		d := decode[report.Diagnosis](t, tc.with.must(t, "doctor", "-o", "json"))
		document := tc.with.must(t, "policy", "per-environment").stdout
		document = strings.Replace(document, "\nspec:\n", "\nspec:\n"+strings.Join(d.PolicyLines, "\n")+"\n", 1)
		require.NoError(t, os.WriteFile(pasted, []byte(document), 0o600))
		args := append([]string{"get", "-A", "-o", "json", "--policy", pasted}, strings.Fields(d.Environments.Flags())...)
		got := make(map[string]string)
		for _, o := range decode[report.ObjectList](t, tc.with.must(t, args...)).Items {
			got[o.Ref.Namespace] = o.Environment
		}
		assert.Equal(t, tc.want, got, tc.name)
		// The table has the same lines, whatever the width.
		shown := tc.with
		shown.terminal, shown.width = true, 60
		for _, line := range d.PolicyLines {
			assert.Contains(t, shown.must(t, "doctor", "--color", "never").stdout, "\n"+line+"\n")
		}
	}
	// The words and labels that are left: every command that it prints works as it stands.
	for range 8 {
		d := decode[report.Diagnosis](t, on(c).must(t, "doctor", "-o", "json", "--env-alias", "qa=stg", "--env-alias", "sandbox=dev"))
		if d.Environments == nil {
			return
		}
		for _, check := range d.Checks {
			for _, command := range check.Run {
				administer(t, c, dir, command)
			}
			// What names do not tell somebody has to choose.
			if _, command, found := strings.Cut(check.Remedy, "; kubectl "); found && strings.Contains(command, " label ") {
				command, _, _ = strings.Cut(command, ",")
				administer(t, c, dir, "kubectl "+strings.Replace(command, "ENVIRONMENT", "staging", 1))
			}
		}
		if d.Environments.Without == 0 {
			// Patterns tell the rest; without a policy that has them, labels do.
			c.Kubectl(t, "label", "namespace", "shop-dev", "shop-stg", "stage-2", "web-prod", "environment=dev", "--overwrite")
		}
	}
	assert.Fail(t, "there are objects without an environment after all that doctor says")
}

// Every command that doctor proposes looks where doctor looked, and works as it stands: also about what is in Git. What it
// says of pins is what a plan says.
func TestProposalsAboutOwnersWork(t *testing.T) {
	t.Parallel()
	f := gitFleetOn(t, bed.Own(t))
	f.ApplyAs(t, strings.Replace(gitRepository(f.apps, "lost", "interval: 5m, timeout: 2m"), "metadata: {",
		"metadata: {labels: {kustomize.toolkit.fluxcd.io/name: nowhere, kustomize.toolkit.fluxcd.io/namespace: "+f.flux+"}, ", 1), testbed.ApplyOptions{Manager: "kustomize-controller"})
	for _, scope := range []string{"", "-n " + f.apps} {
		d := decode[report.Diagnosis](t, on(f.Cluster).must(t, append([]string{"doctor", "-o", "json"}, strings.Fields(scope)...)...))
		commands := d.Next
		said := make(map[string]report.Check)
		for _, check := range d.Checks {
			said[check.Name] = check
			commands = append(commands, check.Run...)
		}
		for _, command := range commands {
			if !strings.HasPrefix(command, "kubectl fluxtune ") || strings.Contains(command, anyCheckout) {
				continue
			}
			assert.Contains(t, command+" ", " "+cmp.Or(scope, "-A")+" ")
			o := on(f.Cluster).must(t, strings.Fields(strings.TrimPrefix(command, "kubectl fluxtune "))...)
			assert.NotContains(t, o.stderr, "No Flux objects found")
		}
		plan := decode[report.Plan](t, on(f.Cluster).must(t, append([]string{"plan", "gitrepo", "-o", "json", "--managed=pin"}, strings.Fields(cmp.Or(scope, "-A"))...)...))
		pinnable, cannot := 0, 0
		for _, item := range plan.Items {
			switch {
			case item.Reason == "CannotPin":
				cannot++
			case item.Action == "change":
				pinnable++
			}
		}
		assert.Equal(t, [2]int{1, 1}, [2]int{pinnable, cannot})
		assert.Equal(t, "Kustomizations have it: --managed=pin can hold changes of 1 object against Git, and not of 1 other", said["spec.ignore"].Message)
		assert.Contains(t, said["spec.ignore"].Remedy, "Kustomization "+f.flux+"/nowhere, which is not in this cluster")
	}
}

// Where all objects but some are production, nobody is led to call those development.
func TestProposedLabels(t *testing.T) {
	t.Parallel()
	c := bed.Own(t)
	c.CreateNamespace(t, "apps", map[string]string{"environment": "production"})
	c.CreateNamespace(t, "platform", nil)
	c.Apply(t, gitRepository("apps", "app", "interval: 5m"))
	c.Apply(t, gitRepository("platform", "fleet", "interval: 5m"))
	run := func() []string {
		for _, check := range decode[report.Diagnosis](t, on(c).must(t, "doctor", "-o", "json")).Checks {
			if check.Name == "environments" {
				return check.Run
			}
		}
		return nil
	}
	assert.Equal(t, []string{"kubectl --kubeconfig " + c.Kubeconfig() + " label namespace platform environment=production"}, run())
	c.CreateNamespace(t, "shop", map[string]string{"environment": "development"})
	c.Apply(t, gitRepository("shop", "app", "interval: 5m"))
	assert.Empty(t, run(), "nothing tells which")
}
