package cmd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// Hundreds of values in files that are left alone for one reason are one line, with the first files. Each names its reason once.
func TestRefusalsOfOneReason(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o750))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	resources := "resources: [none.yaml"
	for i := range 20 {
		write(fmt.Sprintf("base/g%02d/g.yaml", i), fmt.Sprintf("apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: g%d, namespace: apps}\nspec: {interval: 5m, url: 'https://github.com/example/%d'}\n", i, i))
		resources += fmt.Sprintf(", base/g%02d/g.yaml", i)
	}
	write("base/kustomization.yaml", strings.ReplaceAll(strings.Replace(resources, "none.yaml, ", "", 1), "base/", "")+"]\n")
	write("b/kustomization.yaml", "resources: [../base, none.yaml]\n")
	args := []string{"rewrite", "-f", dir, "--root", "base", "--root", "b", "--default-env", "production", "--dry-run", "--set", "production.GitRepository.interval=9m"}
	o := invocation{}.run(t.Context(), append(args, "-A")...)
	const why = `what the folder "b" holds in b, which may use the file, is not built (b/kustomization.yaml: resources has "none.yaml", which is not in the checkout)`
	assert.Contains(t, o.stderr, "Warning: 40 values in 20 files (base/g00/g.yaml, base/g01/g.yaml, base/g02/g.yaml and 17 more) stay as they are, each for this reason: "+why+"\n", o.stderr)
	assert.NotContains(t, o.stderr, "keeps its")
	o = invocation{}.run(t.Context(), append(args, "gitrepository/g1", "-n", "apps")...)
	assert.Contains(t, o.stderr, "Warning: GitRepository apps/g1 in base keeps its interval: base/g01/g.yaml:4:18 decides it, and "+why+"\n")
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
			list = append(list, manifest.Refusal{Target: manifest.Target{Ref: ref, Field: flux.Interval}, Obstacle: manifest.Obstacle{Why: "interval of " + ref.String() + why}})
		}
		return list
	}
	o.tellRefused(append(refuse(250, " would not change"), refuse(6, " is refused")...))
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	require.Len(t, lines, 5+1+6)
	assert.Equal(t, "Warning: HelmRelease apps/web-0 in clusters/a keeps its interval: interval of HelmRelease apps/web-0 would not change", string(lines[0]))
	assert.Equal(t, "Warning: and 245 more like it", string(lines[5]))
}
