package cmd

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Whatever asks hosts and could not be read comes on top of what hosts are said to get, and nothing else does.
func TestWhatWasNotReadComesOnTop(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]bool{"GitRepository": true, "ImageUpdateAutomation": true, "Kustomization": false, "Receiver": false} {
		f := clusterFleet(t, 0, "east", "10m", 1)
		f.snapshot.Tried = []flux.Place{{Kind: kind}}
		assert.Equal(t, want, f.budget(tune.Plan{}, noon).Partial, kind)
		west := clusterFleet(t, 1, "west", "10m", 1)
		assert.Equal(t, want, newTogether(fleets{all: []fleet{f, west}}, f.options, noon).with(west, tune.Plan{}, noon).Partial, "%s, of another cluster", kind)
	}
}

// A cluster of which no kind may be listed was not read, and none of which some may.
func TestClusterOfWhichNothingWasRead(t *testing.T) {
	t.Parallel()
	f := clusterFleet(t, 0, "east", "10m", 0)
	assert.False(t, f.nothingRead())
	for _, k := range flux.Kinds()[1:] {
		f.snapshot.Tried = append(f.snapshot.Tried, flux.Place{Kind: k.Name})
	}
	assert.False(t, f.nothingRead(), "one was")
	f.snapshot.Gaps = []flux.Gap{{Unserved: flux.Kinds()[0].Name}}
	assert.True(t, f.nothingRead(), "that one is not there")
	f.snapshot.Tried, f.snapshot.Gaps = nil, nil
	for _, k := range flux.Kinds() {
		f.snapshot.Gaps = append(f.snapshot.Gaps, flux.Gap{Unserved: k.Name})
	}
	assert.False(t, f.nothingRead(), "none could not be read")
}

// A user without rights is as good as a cluster that is down: it counts as not read, and what hosts get lacks it.
func TestClusterWithoutRightsIsNotRead(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	config, err := clientcmd.LoadFromFile(f.kubeconfig)
	require.NoError(t, err)
	file := faults.Start(t, f.Config(), func(r *http.Request, _ int) faults.Fault {
		switch {
		case r.URL.Path == "/api/v1/namespaces/kube-system":
			return faults.Fault{Body: `{"kind":"PartialObjectMetadata","metadata":{"uid":"of-a-third-cluster"}}`}
		case strings.Contains(r.URL.Path, "fluxcd.io/") && strings.Count(r.URL.Path, "/") > 3:
			return faults.Fault{Status: http.StatusForbidden}
		}
		return faults.Fault{}
	}).Kubeconfig(t, "closed", f.east)
	one, err := clientcmd.LoadFromFile(file)
	require.NoError(t, err)
	config.Clusters["closed"], config.AuthInfos["closed"], config.Contexts["closed"] = one.Clusters["closed"], one.AuthInfos["closed"], one.Contexts["closed"]
	require.NoError(t, clientcmd.WriteToFile(*config, f.kubeconfig))
	i := f.invocation()
	for _, command := range []string{"plan", "plan -o markdown", "budget", "budget -o markdown", "apply --policy fast --dry-run=client"} {
		o := i.run(t.Context(), append(strings.Fields(command), "--contexts", "closed,east,west", "-A")...)
		assert.Regexp(t, `Not read(\*\*:|:)? +(- )?closed: the cluster; what is said here is of the rest`, o.stdout, command)
		assert.Regexp(t, `comes on top`, o.stdout, command)
		assert.Contains(t, o.stderr, "Warning: closed: the cluster could not be read: you may not list ", command)
		if strings.HasPrefix(command, "plan") {
			assert.Contains(t, o.stdout, "in 2 of 3 clusters", command)
		}
	}
	o := i.run(t.Context(), "plan", "--contexts", "closed", "-A")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "error: none of the clusters could be read: closed: you may not list ")
}

// Of the contexts of one cluster that may read the same, the current one is taken, wherever it stands.
func TestTheCurrentContextIsTaken(t *testing.T) {
	t.Parallel()
	f := newFleetOfTwo(t)
	assert.Contains(t, f.invocation().must(t, "plan", "--contexts", "again,east", "-A").stderr, "Context again is the same cluster as east, which counts once, with the rights of east.")
	config, err := clientcmd.LoadFromFile(f.kubeconfig)
	require.NoError(t, err)
	config.CurrentContext = "west"
	require.NoError(t, clientcmd.WriteToFile(*config, f.kubeconfig))
	assert.Contains(t, f.invocation().must(t, "plan", "--contexts", "east,again", "-A").stderr, "Context again is the same cluster as east")
	assert.Contains(t, f.invocation().must(t, "plan", "--contexts", "again,east", "-A").stderr, "Context east is the same cluster as again")
}

// What a flag does not take is told with what it does.
func TestFlagsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	assert.Contains(t, invocation{}.run(t.Context(), "apply", "--for", "1d").stderr, `--for "1d": it takes a time, like 5m: write days as hours, 24h for one`)
	assert.Contains(t, invocation{}.run(t.Context(), "budget", "--fit", "github.com=60%").stderr, "unknown flag: --fit: budget counts with the shares in spec.fit of --policy; plan has --fit")
	assert.Contains(t, invocation{}.run(t.Context(), "plan", "--nonsense").stderr, "plan --help lists the flags")
}
