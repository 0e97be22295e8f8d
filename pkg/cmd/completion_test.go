package cmd

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// complete asks for the completions of a command line whose last word is being typed.
func (i invocation) complete(t *testing.T, line ...string) (words []string, directive string) {
	t.Helper()
	o := i.must(t, append([]string{cobra.ShellCompNoDescRequestCmd}, line...)...)
	out := strings.Split(strings.TrimSpace(o.stdout), "\n")
	last := out[len(out)-1]
	require.Regexp(t, `^:[0-9]+$`, last)
	return out[:len(out)-1], last
}

const (
	nameless = ":4" // no files
	noSpace  = ":6" // no files, and no space behind the word
	files    = ":0"
)

func TestCompletion(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "app", "interval: 5m")+gitRepository(ns, "api", "interval: 5m"))
	on(c).must(t, "apply", "gitrepo", "app", "-n", ns, "--yes")
	user := on(c)

	exactly := []struct {
		line      string
		want      string
		directive string
	}{
		{"get ", "gitrepository ocirepository bucket helmrepository helmchart kustomization helmrelease imagerepository imageupdateautomation receiver", nameless},
		{"get -n NS gitrepo ", "api app", nameless},
		{"get -n NS gitrepo app ", "api", nameless},
		{"plan -n NS gitrepo/", "gitrepo/api gitrepo/app", nameless},
		{"apply -n NS gitrepo/app gitrepo/", "gitrepo/api", nameless},
		{"get -n NS ks ", "", nameless},
		{"get -n NS nonsense ", "", nameless},
		{"get --kind ", "gitrepository ocirepository bucket helmrepository helmchart kustomization helmrelease imagerepository imageupdateautomation receiver", nameless},
		{"get --env ", "development staging production", nameless},
		{"plan --default-env ", "development staging production", nameless},
		{"plan --env-alias ", "", noSpace},
		{"plan --env-alias uat=", "uat=development uat=staging uat=production", nameless},
		{"plan --policy - --env ", "", nameless}, // stdin is not waited for
		{"help ", "alerts apply budget check completion doctor export forget get nodes options plan policy rbac receivers revert rewrite sessions trace version", nameless},
		{"help plan ", "", nameless},
		{"plan --policy testdata/policies/every-kind.yaml --env ", "development", nameless},
		{"plan --policy ", "per-environment fast relaxed", files}, // or a file
		{"revert -n NS --session ", "20261122-120000-test", nameless},
		{"get -o ", "table wide json yaml name jsonpath go-template custom-columns", nameless},
		{"plan -o ", "table wide json yaml name jsonpath go-template custom-columns diff markdown", nameless},
		{"version -o ", "table json yaml", nameless},
		{"apply --dry-run=", "none client server", nameless},
		{"get --color ", "auto always never", nameless},
		{"policy ", "per-environment fast relaxed schema", files},
		{"policy fast ", "", nameless},
		{"version ", "", nameless},
		{"plan --managed ", "skip patch pin", nameless},
		{"get -l ", "", nameless},
		{"get --sort-by ", "", nameless},
		{"apply --field-manager ", "", nameless},
		{"apply --patches-per-second ", "", nameless},
		{"apply --wait-timeout ", "", nameless},
		{"get --as ", "", nameless},
		{"get --request-timeout ", "", nameless},
		{"get --kubeconfig ", "", files},
		{"get --certificate-authority ", "", files},
		{"get -o go-template-file --template ", "", files},
	}
	for _, tc := range exactly {
		t.Run(tc.line, func(t *testing.T) {
			t.Parallel()
			line := strings.Split(strings.ReplaceAll(tc.line, "NS", ns), " ")
			got, directive := user.complete(t, line...)
			assert.Equal(t, tc.want, strings.Join(got, " "))
			assert.Equal(t, tc.directive, directive)
		})
	}

	t.Run("settings", func(t *testing.T) {
		t.Parallel()
		got, directive := user.complete(t, "plan", "--set", "")
		assert.Subset(t, got, []string{"development.GitRepository.interval=", "staging.Kustomization.retryInterval=", "production.HelmChart.interval="})
		assert.NotContains(t, got, "development.Receiver.timeout=")
		assert.Equal(t, noSpace, directive)
		for _, setting := range got {
			_, err := FleetFlags{PolicyFlags: PolicyFlags{Policy: "fast", Set: []string{setting + "2m"}}}.toPolicy(nil)
			assert.NoError(t, err)
		}
	})
	t.Run("namespaces", func(t *testing.T) {
		t.Parallel()
		got, directive := user.complete(t, "get", "-n", "")
		assert.Subset(t, got, []string{ns, "default", "kube-system"})
		assert.Equal(t, nameless, directive)
	})
	t.Run("commands", func(t *testing.T) {
		t.Parallel()
		got, directive := user.complete(t, "")
		assert.Subset(t, got, []string{"get", "plan", "apply", "revert", "policy", "version", "completion", "options"})
		assert.Equal(t, nameless, directive)
	})
	t.Run("contexts, clusters and users", func(t *testing.T) {
		t.Parallel()
		there := invocation{kubeconfig: "testdata/kubeconfig"}
		for flag, want := range map[string][]string{"--context": {"here", "there"}, "--cluster": {"far", "near"}, "--user": {"me", "you"}} {
			got, directive := there.complete(t, "get", flag, "")
			assert.Equal(t, want, got)
			assert.Equal(t, nameless, directive)
		}
	})
	t.Run("without a cluster there is silence", func(t *testing.T) {
		t.Parallel()
		gone := invocation{kubeconfig: "testdata/kubeconfig"}
		for _, line := range [][]string{{"get", "--server", "https://127.0.0.1:1", "gitrepo", ""}, {"get", "--server", "https://127.0.0.1:1", "-n", ""}} {
			got, directive := gone.complete(t, line...)
			assert.Empty(t, got)
			assert.Equal(t, nameless, directive)
		}
	})
}

// What is in a record is no command, whichever shell completes it.
func TestHostileSessionsAreNotCompleted(t *testing.T) {
	t.Parallel()
	record := func(session string) flux.Object {
		data, err := json.Marshal(map[string]any{"steps": []map[string]any{{"session": session, "time": "2026-11-22T12:00:00Z", "fields": map[string]any{"spec.interval": map[string]any{"from": "5m", "to": "1m"}}}}})
		require.NoError(t, err)
		return flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "a", Name: "b"}, Annotations: map[string]string{tune.RecordAnnotation: string(data)}}
	}
	assert.Equal(t, []string{"20261122-120000-test"}, recordedSessions([]flux.Object{record("zz; touch /tmp/x #"), record("20261122-120000-test"), record("$(id)"), record("20261122-120000-test")}))
}
