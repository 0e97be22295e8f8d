package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestFirstFetches counts what hosts are asked until each source has its first artifact, as in a new pod of
// source-controller, and compares that with what the budget says of such a pod (AT ONCE, pkg/budget burst.go).
func TestFirstFetches(t *testing.T) {
	w := start(t)
	ns := w.namespace(t, development)
	sources := []struct {
		otherSource
		each int
	}{
		{fluxArtifacts(t, "OCIRepository by tag", "tag: v1.0.0"), 7},
		{fluxArtifacts(t, "OCIRepository by semver", `semver: ">=1.0.0"`), 10},
		{ociCharts(t, "HelmChart from a registry", "*"), 12},
		{ociCharts(t, "HelmChart from a registry, exact version", "1.0.0"), 9},
		{chartRepositories(t, "HelmRepository and a HelmChart from it", "interval: EVERY, ", "1.0.0"), 2},
	}
	for i, s := range sources {
		w.Apply(t, strings.NewReplacer("NS", ns, "NAME", fmt.Sprintf("first%d", i), "EVERY", time.Hour.String()).Replace(s.manifests))
	}
	for _, kind := range []string{"ocirepository", "helmchart"} {
		w.Kubectl(t, "wait", kind, "--all", "-n", ns, "--for=condition=Ready", "--timeout=4m")
	}
	for _, s := range sources {
		t.Logf("%s: %d requests for %d", s.name, s.requests(), perKind)
		if s.kind == "HelmRepository" { // some may be reconciled twice when they are made
			assert.GreaterOrEqual(t, s.requests(), s.each*perKind, s.name)
			assert.LessOrEqual(t, s.requests(), (s.each+1)*perKind, s.name)
			continue
		}
		assert.Equal(t, s.each*perKind, s.requests(), s.name)
	}
}
