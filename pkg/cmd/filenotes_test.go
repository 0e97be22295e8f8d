package cmd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
)

// What is not on the disk as Flux reads it is told by whoever only reads, too.
func TestNotesOfACheckout(t *testing.T) {
	t.Parallel()
	dir := writeCheckout(t)
	runGit(t, dir, "init", "-q", "-b", "main")
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".gitattributes"), []byte("clusters/staging/apps.yaml filter=lfs\nclusters/production/*.yaml -filter\n"), 0o600))
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "base")
	for _, command := range []string{"get", "plan", "budget", "trace", "check", "rewrite"} {
		args := []string{command, "-f", dir}
		if command == "rewrite" {
			args = append(args, "--dry-run")
		}
		assert.Contains(t, invocation{}.run(t.Context(), args...).stderr, "Note: clusters/staging/apps.yaml: a filter of Git (.gitattributes)", command)
	}
	runGit(t, dir, "rm", "-q", "-f", ".gitattributes")
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".a.yaml.fluxtune-123"), []byte("a: b\n"), 0o600))
	o := invocation{}.run(t.Context(), "check", "-f", dir)
	assert.Contains(t, o.stderr, "Note: .a.yaml.fluxtune-123 is left of a rewrite that was killed while it wrote: it may be deleted\n")
	assert.NotContains(t, o.stderr, "filter")
	runGit(t, dir, "sparse-checkout", "set", "--no-cone", "/*", "!/clusters/production")
	for _, command := range []string{"get", "plan", "budget"} {
		assert.Contains(t, invocation{}.run(t.Context(), command, "-f", dir).stderr, "the checkout is sparse", command)
	}
}

// Hundreds of refusals that are alike but for the object are a few lines.
func TestRefusalsThatAreAlike(t *testing.T) {
	t.Parallel()
	r := testRoot()
	var out bytes.Buffer
	r.ErrOut = &out
	o := RewriteOptions{root: r, FleetOptions: FleetOptions{Files: &checkout{fleets: []manifest.Fleet{{Root: manifest.Root{Path: "clusters/a"}}}}}}
	refuse := func(n int, why string) (list []manifest.Refusal) {
		for i := range n {
			ref := flux.Ref{Group: "helm.toolkit.fluxcd.io", Kind: "HelmRelease", Namespace: "apps", Name: fmt.Sprintf("web-%d", i)}
			list = append(list, manifest.Refusal{Target: manifest.Target{Ref: ref, Field: flux.Interval}, Why: "interval of " + ref.String() + why})
		}
		return list
	}
	o.tellRefused(append(refuse(250, " would not change"), refuse(6, " is refused")...))
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	require.Len(t, lines, 5+1+6)
	assert.Equal(t, "Warning: HelmRelease apps/web-0 in clusters/a keeps its interval: interval of HelmRelease apps/web-0 would not change", string(lines[0]))
	assert.Equal(t, "Warning: and 245 more like it", string(lines[5]))
}
