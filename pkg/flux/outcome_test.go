package flux

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// While another attempt is under way, Ready is Unknown; something else tells that the last one failed.
func TestDecodeFailedBefore(t *testing.T) {
	t.Parallel()
	const underWay = `{"type":"Reconciling","status":"True","reason":"Progressing"},{"type":"Ready","status":"Unknown","reason":"Progressing","message":"Reconciliation in progress"}`
	for name, tc := range map[string]struct {
		kind, status string
		want         Failed
	}{
		"a Kustomization whose checks failed": {"Kustomization", `"conditions":[` + underWay + `],"history":[{"lastReconciledStatus":"HealthCheckFailed"},{"lastReconciledStatus":"ReconciliationSucceeded"}]`, Failed{"HealthCheckFailed", ""}},
		"one that succeeded last":             {"Kustomization", `"conditions":[` + underWay + `],"history":[{"lastReconciledStatus":"ReconciliationSucceeded"},{"lastReconciledStatus":"HealthCheckFailed"}]`, Failed{}},
		"one that never ended":                {"Kustomization", `"conditions":[` + underWay + `]`, Failed{}},
		"one that says that it failed":        {"Kustomization", `"conditions":[{"type":"Ready","status":"False","reason":"HealthCheckFailed"}],"history":[{"lastReconciledStatus":"HealthCheckFailed"}]`, Failed{}},
		"a release that is tried again":       {"HelmRelease", `"conditions":[` + underWay + `,{"type":"Released","status":"False","reason":"UpgradeFailed","message":"timed out"}],"history":[{"chartVersion":"1.0.0"}]`, Failed{"UpgradeFailed", "timed out"}},
		"a release that is upgraded":          {"HelmRelease", `"conditions":[` + underWay + `,{"type":"Released","status":"True","reason":"UpgradeSucceeded"}]`, Failed{}},
		"a source":                            {"GitRepository", `"conditions":[` + underWay + `,{"type":"FetchFailed","status":"True","reason":"GitOperationFailed","message":"404"}]`, Failed{"GitOperationFailed", "404"}},
		"a source that fetches":               {"GitRepository", `"conditions":[` + underWay + `,{"type":"ArtifactOutdated","status":"True","reason":"NewRevision"}]`, Failed{}},
	} {
		o, err := Decode([]byte(`{"kind":"` + tc.kind + `","status":{` + tc.status + `}}`))
		require.NoError(t, err, name)
		assert.Equal(t, tc.want, o.Status.Failed, name)
	}
}

// What a Kustomization says of the requests that its reconciles make.
func TestDecodeReads(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]Reads{
		`{}`: {},
		`{"wait":true,"healthChecks":[{"kind":"Deployment"}]}`:                                             {Checks: 1, ChecksAll: true},
		`{"healthChecks":[{"kind":"Deployment"},{"kind":"Job"}]}`:                                          {Checks: 2},
		`{"postBuild":{"substitute":{"a":"b"},"substituteFrom":[{"kind":"ConfigMap"},{"kind":"Secret"}]}}`: {Variables: 2},
	} {
		o, err := Decode([]byte(`{"kind":"Kustomization","spec":` + spec + `}`))
		require.NoError(t, err, spec)
		assert.Equal(t, want, o.Reads, spec)
	}
}
