package cmd

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// A value that --set has changed is told of in the plan, in the results and on the object, so that nobody
// looks for it in the policy as it came.
func TestOverridesAreRecorded(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "dev"})
	c.Apply(t, gitRepository(ns, "app", "interval: 5m"))
	user := on(c)
	const title = "per-environment with development.GitRepository.interval=at most 45s"
	set := []string{"-n", ns, "--set", "dev.gitrepo.interval=At most 45s"}

	plan := decode[report.Plan](t, user.must(t, append([]string{"plan", "-o", "json"}, set...)...))
	assert.Equal(t, title, plan.Policy)
	assert.Equal(t, []string{"spec.interval 5m -> 45s", "spec.timeout 1m -> 2m"}, arrows(plan.Items[0].Changes))
	results := decode[report.Results](t, user.must(t, append([]string{"apply", "--yes", "-o", "json"}, set...)...))
	assert.Equal(t, title, results.Policy)
	assert.Contains(t, user.must(t, append([]string{"budget"}, set...)...).stdout, "under policy "+title)

	objects := objects(t, c, "-n", ns)
	assert.Contains(t, objects[0].Metadata.Annotations["fluxtune.github.io/original"], `"policy":"`+title+`"`)
}
