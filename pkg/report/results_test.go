package report

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// applied is what became of the fleet's plan: one change was done, one refused, one not needed any
// more, and one not attempted.
func applied(p tune.Plan) []cluster.Result {
	changed := p.Changed()
	settled := changed[2]
	settled.Action, settled.Changes, settled.Message = tune.ActionUnchanged, nil, `matches policy "per-environment"`
	return []cluster.Result{
		{Item: changed[3], Outcome: cluster.Skipped, Err: fmt.Errorf("%w: interrupted", cluster.ErrNotAttempted)},
		{Item: changed[0], Outcome: cluster.Configured, Generation: 2},
		{Item: changed[1], Outcome: cluster.Failed, Err: errors.New("admission webhook \"policy\" denied the request:\n  too fast")},
		{Item: settled, Outcome: cluster.Unchanged},
	}
}

func TestResults(t *testing.T) {
	t.Parallel()
	p := fleetPlan(t)
	results := NewResults(p, applied(p), nil, fleet(t).Gaps)
	results.Session = "20260301-120000-cd34"
	goldenJSON(t, "results/fleet.json", results)
	goldenTable(t, "results/fleet.txt", results.Table(true), Layout{})
	goldenTable(t, "results/namespace.txt", results.Table(false), Layout{})
	assert.Equal(t, []string{"gitrepository.source.toolkit.fluxcd.io/web"}, results.Names())
	assert.Equal(t, results.Items[1:2], results.Failures())

	results.DryRun = "server"
	goldenTable(t, "results/dry-run-server.txt", results.Table(true), Layout{})
	results.DryRun = "client"
	assert.Contains(t, draw(t, results.Table(true), Layout{}), "configured (dry run)")
}

func TestEmptyResults(t *testing.T) {
	t.Parallel()
	results := NewResults(tune.Plan{}, nil, nil, nil)
	goldenJSON(t, "results/empty.json", results)
	assert.Equal(t, []string{}, results.Names())
	assert.Empty(t, results.Failures())
}

// A record that revert cannot read is a failure, not something left alone.
func TestResultsOfABrokenRecord(t *testing.T) {
	t.Parallel()
	o := object(t, "ks", "prod", "web", func(o *flux.Object) { o.Annotations = map[string]string{tune.RecordAnnotation: "{"} })
	results := NewResults(tune.Revert([]flux.Object{o}, tune.RevertOptions{}), nil, nil, nil)
	assert.Equal(t, ResultSummary{Failed: 1}, results.Summary)
	const message = "reading annotation fluxtune.github.io/original: unexpected end of JSON input: restore the object by hand and remove the annotation"
	assert.Equal(t, []Result{{Ref: NewRef(o), Action: "failed", Changes: []Change{}, Message: message, Error: message, object: o}}, results.Failures())
}

func TestVersion(t *testing.T) {
	t.Parallel()
	v := Version{ClientVersion: ClientVersion{Version: "v1.2.3"}}
	assert.Equal(t, "Client Version: v1.2.3\n", v.String())
	v.ServerVersion = "v1.36.3"
	assert.Equal(t, "Client Version: v1.2.3\nServer Version: v1.36.3\n", v.String())
	v.Head = Head{APIVersion, "Version"}
	v.ClientVersion.GoVersion, v.ClientVersion.Platform = "go1.26.0", "linux/amd64"
	goldenJSON(t, "version/version.json", v)
}
