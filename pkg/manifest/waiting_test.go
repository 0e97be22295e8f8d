package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Kustomizations of one source that wait for each other apply none of its new revisions, and nor does what waits for them.
func TestKustomizationsThatWaitForThemselves(t *testing.T) {
	t.Parallel()
	const depends = "  dependsOn: [{name: %s}]\n"
	for name, test := range map[string]struct {
		a, b, c string
		stuck   map[string]string
	}{
		"none":   {"", fmt.Sprintf(depends, "a"), fmt.Sprintf(depends, "b"), map[string]string{}},
		"itself": {fmt.Sprintf(depends, "a"), "", "", map[string]string{"a": "it waits for itself (spec.dependsOn: a, a)"}},
		"each other": {fmt.Sprintf(depends, "b"), fmt.Sprintf(depends, "a"), "", map[string]string{
			"a": "it waits for itself (spec.dependsOn: a, b, a)", "b": "it waits for itself (spec.dependsOn: b, a, b)",
		}},
		"and another waits for them": {fmt.Sprintf(depends, "b"), fmt.Sprintf(depends, "a"), fmt.Sprintf(depends, "a"), map[string]string{
			"a": "it waits for itself (spec.dependsOn: a, b, a)", "b": "it waits for itself (spec.dependsOn: b, a, b)",
			"c": "it waits for Kustomization flux-system/a, which waits for itself (spec.dependsOn)",
		}},
		"three": {fmt.Sprintf(depends, "c"), fmt.Sprintf(depends, "a"), fmt.Sprintf(depends, "b"), map[string]string{
			"a": "it waits for itself (spec.dependsOn: a, c, b, a)", "b": "it waits for itself (spec.dependsOn: b, a, c, b)", "c": "it waits for itself (spec.dependsOn: c, b, a, c)",
		}},
		"an expression": {"  dependsOn: [{name: b, readyExpr: 'true'}]\n", fmt.Sprintf(depends, "a"), "", map[string]string{}},
		"suspended":     {fmt.Sprintf(depends, "b"), fmt.Sprintf(depends, "a") + "  suspend: true\n", "", map[string]string{}},
		"another":       {fmt.Sprintf(depends, "none"), "", "", map[string]string{}},
		"of another source": {
			fmt.Sprintf(depends, "b") + "  sourceRef: {kind: GitRepository, name: twin}\n", fmt.Sprintf(depends, "a"), "", map[string]string{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := applied("", map[string]string{"clusters/a/twin.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n" +
				"metadata: {name: twin, namespace: flux-system}\nspec: {interval: 1m, url: 'https://github.com/example/fleet'}\n"})
			for name, spec := range map[string]string{"a": test.a, "b": test.b, "c": test.c} {
				if !strings.Contains(spec, "sourceRef") {
					spec += "  sourceRef: {kind: GitRepository, name: flux-system}\n"
				}
				files["clusters/a/"+name+".yaml"] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\n" +
					"spec:\n  path: ./" + name + "\n  interval: 5m\n" + spec
				files[name+"/g.yaml"] = gitRepository(name, "  namespace: apps\n")
			}
			tree := NewTree(files)
			fleet := tree.Read(tree.Roots())[0]
			for _, name := range []string{"a", "b", "c"} {
				why := fleet.HeldOrSuspended(flux.Ref{Group: sourceGroup, Kind: gitRepositoryKind, Namespace: "apps", Name: name}, flux.Interval)
				if want := test.stuck[name]; want != "" {
					assert.Equal(t, "Kustomization flux-system/"+name+" applies nothing new: "+want, why)
				} else {
					assert.NotContains(t, why, "waits", name)
				}
			}
			assert.Empty(t, fleet.HeldOrSuspended(webSource, flux.Interval))
		})
	}
}
