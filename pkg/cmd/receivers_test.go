package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
		{name: "receivers/manifests-none", args: fleet + " -n apps gitrepo/base -o yaml"},
		{name: "receivers/json", args: fleet + " -n web -o json"},
		{name: "receivers/name", args: fleet + " -o name"},
		{name: "receivers/policy", args: fleet + " -n apps gitrepo/app --policy relaxed"},
		{name: "receivers/custom-columns", args: fleet + " -o custom-columns=NAME:.ref.name,STATE:.state --sort-by state"},
		{name: "receivers/host-type-bad", args: fleet + " --host-type git.example.com=svn"},
		{name: "receivers/empty", args: fleet + " -n nowhere"},
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
			o := i.run(t.Context(), words(g.args)...)
			got := fmt.Sprintf("$ kubectl fluxtune %s\n%s", g.args, o.stdout)
			if o.stderr != "" {
				got += "[stderr]\n" + o.stderr
			}
			for pattern, replacement := range ephemeral {
				got = pattern.ReplaceAllString(got, replacement)
			}
			got += fmt.Sprintf("[exit code %d]\n", o.code)
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(g.path()), 0o755))
				require.NoError(t, os.WriteFile(g.path(), []byte(got), 0o644))
			}
			want, err := os.ReadFile(g.path())
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
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
	parseEvery(t, newReceivers(r), flags.add, with(fleetValues(fileValues()), map[string]string{"host-type": "git.example.com=gitea"}))
	flags.FileFlags.checkAndClear(t)
	o, err := flags.toOptions(r, nil)
	require.NoError(t, err)
	want := wantFleet(t)
	want.related = true
	same(t, want, o.FleetOptions)
	assert.Equal(t, map[string]webhook.HostType{"git.example.com": webhook.Gitea}, o.HostTypes)
	assert.Equal(t, " --policy fast", o.flags)
	assert.Empty(t, o.roots)
	assert.Equal(t, "interval", o.sortBy)
	assert.Equal(t, noon, o.now())
}
