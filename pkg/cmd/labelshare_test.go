package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// A choice by labels leaves out nothing that a host is asked: the share of its limit is that of a budget, and of a plan of all.
func TestAChoiceByLabelsCountsTheRestOfAHost(t *testing.T) {
	t.Parallel()
	c := bed.Own(t)
	c.CreateNamespace(t, "apps", map[string]string{"environment": "development"})
	for _, name := range []string{"a", "b", "c"} {
		c.Apply(t, strings.Replace(gitRepository("apps", name, "interval: 5m, timeout: 2m"), "name: "+name, "labels: {who: "+name+"}, name: "+name, 1))
	}
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte(`apiVersion: fluxtune.github.io/v1alpha1
kind: TuningPolicy
metadata: {name: limited}
spec:
  limits: {github.com: 100/h}
  environments:
  - {name: development, kinds: {GitRepository: {interval: at most 2m30s}}}
`), 0o600))
	for args, want := range map[string]string{
		"plan -l who=a":                         " of 100/h (24/h by what is not shown)\n",
		"apply -l who=a --dry-run=client --yes": " of 100/h (24/h by what is not shown)\n",
		"plan -l who=a --fit github.com=90%":    " of 100/h (24/h by what is not shown)\n",
		"plan gitrepo":                          " of 100/h; what other kinds ask comes on top\n",
		"plan gitrepo -l who=a":                 " of 100/h (24/h by what is not shown); what other kinds ask comes on top\n",
	} {
		o := on(c).run(t.Context(), words(args+" -A --policy "+policy)...)
		require.Zero(t, o.code, o.stderr)
		assert.Contains(t, o.stdout+o.stderr, want, args)
		assert.Contains(t, o.stdout+o.stderr, "github.com", args)
	}
	for interval, want := range map[string]string{
		"1m to 20m": "; a plan of all objects fits: kubectl fluxtune plan -A --fit github.com=20% --kubeconfig ",
		"1m to 2m":  "; a plan of all objects does not fit either\n",
	} {
		o := on(c).run(t.Context(), append(words("plan -l who=a -A --fit github.com=20% --policy "+policy), "--set", "development.GitRepository.interval="+interval)...)
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr, "what was not chosen stays as it is, and asks 24: with this choice it takes ")
		assert.Contains(t, o.stderr, want)
	}
	of := on(c).run(t.Context(), words("plan -n apps --policy "+policy)...)
	assert.Contains(t, of.stdout, " of 100/h; what other namespaces ask comes on top\n")
	p := decode[report.Plan](t, on(c).must(t, words("plan -l who=a -A -o json --policy "+policy)...))
	assert.Len(t, p.Items, 1)
}
