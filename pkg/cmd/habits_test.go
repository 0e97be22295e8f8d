package cmd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// realKubectl runs kubectl as a user's shell would.
func realKubectl(t *testing.T, c *testbed.Cluster, kubeconfig string, args ...string) outcome {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.KubectlPath(), append([]string{"--kubeconfig", kubeconfig}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+c.Dir())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// TestKubectlHabits runs the real kubectl get beside ours: every flag of it that makes sense here does
// the same.
func TestKubectlHabits(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	other := c.Namespace(t, nil)
	c.Apply(t, gitRepository(ns, "a", "interval: 5m")+gitRepository(ns, "b", "interval: 1m")+gitRepository(other, "far", "interval: 1m")+`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: a, namespace: `+ns+`}
spec: {interval: 5m, path: ./, prune: true, sourceRef: {kind: GitRepository, name: a}}
`)
	c.Kubectl(t, "label", "gitrepository,kustomization", "a", "-n", ns, "tier=web", "run="+ns)
	c.Kubectl(t, "label", "gitrepository", "far", "-n", other, "run="+ns)
	kubeconfig := twoContexts(t, c, ns, other)

	const same, code = true, false
	cases := []struct {
		name    string
		kubectl string
		ours    string // "" is what kubectl takes
		stdout  bool   // the same, not only the exit code
		err     string // what both say
	}{
		{name: "-o name", kubectl: "gitrepo -n NS -o name", stdout: same},
		{name: "several types", kubectl: "gitrepo,ks -n NS -o name", stdout: same},
		{name: "plural, singular, kind, group", kubectl: "gitrepositories,kustomization.kustomize.toolkit.fluxcd.io -n NS -o name", stdout: same},
		{name: "TYPE NAME", kubectl: "gitrepo a -n NS -o name", stdout: same},
		{name: "TYPE NAME NAME", kubectl: "gitrepo a b -n NS -o name", stdout: same},
		{name: "TYPE/NAME", kubectl: "gitrepo/a -n NS -o name", stdout: same},
		{name: "TYPE/NAME of two types", kubectl: "gitrepo/b ks/a -n NS -o name", stdout: same},
		{name: "types and a name", kubectl: "gitrepo,ks a -n NS -o name", stdout: same},
		{name: "TYPE/NAME and a name", kubectl: "gitrepo/a b -n NS -o name", stdout: same},
		{name: "-l equal", kubectl: "gitrepo,ks -n NS -l tier=web -o name", stdout: same},
		{name: "-l set", kubectl: "gitrepo -n NS -l 'tier notin (web)' -o name", stdout: same},
		{name: "-l absent", kubectl: "gitrepo -n NS --selector !tier -o name", stdout: same},
		{name: "-l none", kubectl: "gitrepo -n NS -l tier=none -o name", stdout: same},
		{name: "-l bad", kubectl: "gitrepo -n NS -l 'tier in'", stdout: same, err: "unable to parse requirement"},
		{name: "-l and a name", kubectl: "gitrepo a -n NS -l tier=web", stdout: same},
		{name: "-A", kubectl: "gitrepo -A -l run=NS -o name", stdout: same},
		{name: "-A and a name", kubectl: "gitrepo a -A", stdout: same},
		{name: "the context's namespace", kubectl: "gitrepo -o name", stdout: same},
		{name: "--context", kubectl: "gitrepo --context there -o name", stdout: same},
		{name: "-n over the context's", kubectl: "gitrepo --context there -n NS -o name", stdout: same},
		{name: "--context unknown", kubectl: "gitrepo --context nowhere", stdout: same, err: "nowhere"},
		{name: "-o jsonpath", kubectl: "gitrepo -n NS -o jsonpath={.items[*].metadata.name}", ours: "gitrepo -n NS -o jsonpath={.items[*].ref.name}", stdout: same},
		{name: "-o jsonpath of a missing field", kubectl: "gitrepo -n NS -o jsonpath={.items[*].nothing}", stdout: same},
		{name: "-o go-template", kubectl: "gitrepo -n NS -o 'go-template={{range .items}}{{.metadata.name}},{{end}}'", ours: "gitrepo -n NS -o 'go-template={{range .items}}{{.ref.name}},{{end}}'", stdout: same},
		{name: "--template", kubectl: "gitrepo -n NS --template '{{len .items}}'", stdout: same},
		{name: "-o go-template --template", kubectl: "gitrepo -n NS -o go-template --template '{{len .items}}'", stdout: same},
		{name: "--allow-missing-template-keys", kubectl: "gitrepo -n NS -o 'go-template={{.no.such}}'", stdout: same},
		{name: "--allow-missing-template-keys=false", kubectl: "gitrepo -n NS -o 'go-template={{.no.such}}' --allow-missing-template-keys=false", stdout: code, err: "map has no entry for key"},
		{name: "-o custom-columns", kubectl: "gitrepo -n NS -o custom-columns=NAME:.metadata.name,EVERY:.spec.interval", ours: "gitrepo -n NS -o custom-columns=NAME:.ref.name,EVERY:.interval", stdout: same},
		{name: "--no-headers", kubectl: "gitrepo -n NS -o custom-columns=NAME:.metadata.name --no-headers", ours: "gitrepo -n NS -o custom-columns=NAME:.ref.name --no-headers", stdout: same},
		{name: "--sort-by", kubectl: "gitrepo -n NS --sort-by {.spec.interval} -o name", ours: "gitrepo -n NS --sort-by {.interval} -o name", stdout: same},
		{name: "--sort-by without braces", kubectl: "gitrepo -n NS --sort-by .metadata.name -o name", ours: "gitrepo -n NS --sort-by .ref.name -o name", stdout: same},
		{name: "--sort-by unknown", kubectl: "gitrepo -n NS --sort-by .speed -o name", stdout: code},
		{name: "-o unknown", kubectl: "gitrepo -n NS -o xml", stdout: same, err: "xml"},
		{name: "unknown type", kubectl: "gitrepositry -n NS", stdout: same, err: "gitrepositry"},
		{name: "name not found", kubectl: "gitrepo nope -n NS -o name", stdout: same, err: `gitrepositories.source.toolkit.fluxcd.io "nope" not found`},
		{name: "one name of two not found", kubectl: "gitrepo a nope -n NS -o name", stdout: same, err: `"nope" not found`},
		{name: "nothing there", kubectl: "gitrepo -n nowhere", stdout: same, err: "nowhere"},
		{name: "unknown flag", kubectl: "gitrepo --colour", stdout: same, err: "unknown flag: --colour"},
		{name: "--as", kubectl: "gitrepo -n NS --as nobody -o name", stdout: same, err: `User "nobody" cannot list resource "gitrepositories"`},
		{name: "--as and --as-group", kubectl: "gitrepo -n NS --as nobody --as-group system:masters -o name", stdout: same},
		{name: "--request-timeout", kubectl: "gitrepo -n NS --request-timeout 30s -o name", stdout: same},
		{name: "--request-timeout bad", kubectl: "gitrepo -n NS --request-timeout soon", stdout: same},
		{name: "--token wrong", kubectl: "gitrepo -n NS --user stranger", stdout: same},
		{name: "--server", kubectl: "gitrepo -n NS --server https://127.0.0.1:1 -o name", stdout: same, err: "refused"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fill := func(line string) []string {
				return words("get " + strings.ReplaceAll(line, "NS", ns))
			}
			if tc.ours == "" {
				tc.ours = tc.kubectl
			}
			theirs := realKubectl(t, c, kubeconfig, fill(tc.kubectl)...)
			ours := invocation{kubeconfig: kubeconfig}.run(t.Context(), fill(tc.ours)...)
			assert.Equal(t, theirs.code, ours.code, "kubectl: %s\nours: %s", theirs.stderr, ours.stderr)
			if tc.stdout {
				assert.Equal(t, theirs.stdout, ours.stdout)
			}
			assert.Contains(t, theirs.stderr, tc.err, "kubectl")
			assert.Contains(t, ours.stderr, tc.err, "ours")
			assert.Equal(t, theirs.code != 0, strings.Contains(ours.stderr, "error: ") || strings.Contains(ours.stderr, "Warning: "), ours.stderr)
		})
	}
}

// twoContexts writes a kubeconfig with the contexts here and there, each with a namespace, and a user
// whom the cluster does not know.
func twoContexts(t *testing.T, c *testbed.Cluster, here, there string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(c.Kubeconfig())
	require.NoError(t, err)
	config.Contexts["here"] = &clientcmdapi.Context{Cluster: "testbed", AuthInfo: "admin", Namespace: here}
	config.Contexts["there"] = &clientcmdapi.Context{Cluster: "testbed", AuthInfo: "admin", Namespace: there}
	config.AuthInfos["stranger"] = &clientcmdapi.AuthInfo{Token: "expired"}
	config.CurrentContext = "here"
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, clientcmd.WriteToFile(*config, path))
	return path
}

// TestTablesHaveKubectlsShape: columns as kubectl get has them, and where.
func TestTablesHaveKubectlsShape(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, nil)
	c.Apply(t, gitRepository(ns, "a", "interval: 5m"))
	first := func(o outcome) []string {
		line, _, _ := strings.Cut(o.stdout, "\n")
		return strings.Fields(line)
	}
	for _, run := range []func(args ...string) outcome{
		func(args ...string) outcome { return realKubectl(t, c, c.Kubeconfig(), args...) },
		func(args ...string) outcome { return on(c).run(context.WithoutCancel(t.Context()), args...) },
	} {
		plain := first(run("get", "gitrepo", "-n", ns))
		assert.Contains(t, plain, "NAME")
		assert.NotContains(t, plain, "NAMESPACE")
		assert.Equal(t, "NAMESPACE", first(run("get", "gitrepo", "-A"))[0], "-A begins with the namespace")
		assert.GreaterOrEqual(t, len(first(run("get", "gitrepo", "-n", ns, "-o", "wide"))), len(plain))
		assert.NotContains(t, first(run("get", "gitrepo", "-n", ns, "--no-headers")), "NAME")
		assert.Empty(t, run("get", "gitrepo", "-n", "nowhere").stdout)
	}
}
