package cmd

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
	"github.com/fluxtune/kubectl-fluxtune/hack/testbed/faults"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// coveredFromElsewhere is a namespace with the GitRepository app, which the Receiver github of another one names.
func coveredFromElsewhere(t *testing.T, c *testbed.Cluster) string {
	t.Helper()
	ns, central := c.Namespace(t, map[string]string{"environment": "development"}), c.Namespace(t, nil)
	c.Apply(t, gitRepository(ns, "app", "interval: 5m, timeout: 2m")+fmt.Sprintf(`
apiVersion: notification.toolkit.fluxcd.io/v1
kind: Receiver
metadata: {name: github, namespace: %s}
spec: {type: github, secretRef: {name: token}, resources: [{kind: GitRepository, name: app, namespace: %s}]}
`, central, ns))
	c.ApplyAs(t, fmt.Sprintf(readyReceiver, central), testbed.ApplyOptions{Subresource: "status"})
	return ns
}

// Who may not list all Receivers is not told that some are missing; those of the own namespace are enough where
// notification-controller lets no others notify.
func TestReceiversThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := coveredFromElsewhere(t, c)
	const all, own = "/apis/notification.toolkit.fluxcd.io/v1/receivers", "/receivers"
	for name, tc := range map[string]struct {
		forbidden string // what the path ends with
		locked    bool   // --no-cross-namespace-refs
		state     string
		missing   int
		says      string
	}{
		"all are read":                {"/nothing", false, "covered", 0, ""},
		"none may be":                 {own, false, "unknown", 0, "Warning: the Receivers could not be read: what they notify is not known, so no Receiver is proposed"},
		"only the own":                {all, false, "unknown", 0, "Warning: the Receivers of other namespaces could not be read: what they notify is not known, so no Receiver is proposed"},
		"the own, and others may not": {all, true, "uncovered", 1, ""},
	} {
		i := behind(func(r *http.Request, _ int) faults.Fault {
			switch {
			case r.URL.Path == "/apis/apps/v1/deployments":
				return notifierWith(map[bool]string{true: "--no-cross-namespace-refs", false: "--watch-all-namespaces"}[tc.locked])
			case strings.HasSuffix(r.URL.Path, tc.forbidden):
				return faults.Fault{Status: http.StatusForbidden}
			}
			return faults.Fault{}
		})(t, c, invocation{})
		for _, args := range []string{"receivers -n " + ns, "receivers gitrepo/app -n " + ns, "receivers gitrepo -l !x -n " + ns} {
			o := i.run(t.Context(), words(args+" -o json")...)
			list := decode[report.ReceiverList](t, o)
			require.Len(t, list.Items, 1, name)
			assert.Equal(t, tc.state, list.Items[0].State, "%s: %s", name, args)
			assert.Len(t, list.Proposals, tc.missing, "%s: %s", name, args)
			assert.Empty(t, list.Plans, "%s: %s: no call was seen", name, args)
			assert.Equal(t, tc.state != "unknown", len(list.PlansLater) > 0, "%s: %s", name, args)
			assert.Contains(t, o.stderr, tc.says, "%s: %s", name, args)
			assert.Equal(t, tc.state == "unknown", o.code == exitFailed, "%s: %s", name, args)
			assert.Equal(t, tc.state == "unknown", len(list.Missing) > 0, "%s: %s", name, args)
		}
		check := report.CheckWarning
		if tc.state == "covered" {
			check = report.CheckOK
		}
		d := decode[report.Diagnosis](t, i.run(t.Context(), "doctor", "-n", ns, "-o", "json"))
		assert.Equal(t, check, d.Checks[slices.IndexFunc(d.Checks, func(c report.Check) bool { return c.Name == "webhooks" })].Status, name)
		o := i.run(t.Context(), "receivers", "-n", ns, "-o", "yaml")
		assert.Equal(t, tc.missing > 0, strings.Contains(o.stdout, "kind: Receiver"), name)
		assert.Equal(t, tc.state == "unknown", o.code == exitFailed, name)
	}
}

// Sources that may not be read stay in the Receivers that name them, and that something is missing is told by the exit code, too.
func TestReceiversOfSourcesThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	c := bed.Cluster(t)
	ns := c.Namespace(t, map[string]string{"environment": "development"})
	c.Apply(t, gitRepository(ns, "app", "interval: 5m, timeout: 2m")+gitRepository(ns, "web", "interval: 5m, timeout: 2m"))
	c.Apply(t, on(c).must(t, "receivers", "-n", ns, "-o", "yaml").stdout)
	i := behind(func(r *http.Request, _ int) faults.Fault {
		if strings.HasSuffix(r.URL.Path, "/gitrepositories") {
			return faults.Fault{Status: http.StatusForbidden}
		}
		return faults.Fault{}
	})(t, c, invocation{})
	for _, format := range []string{"json", "yaml"} {
		o := i.run(t.Context(), "receivers", "-n", ns, "-o", format)
		assert.Equal(t, exitFailed, o.code, format)
		assert.Contains(t, o.stderr, "Warning: you may not list gitrepositories in namespace", format)
		if format == "json" {
			list := decode[report.ReceiverList](t, o)
			require.Len(t, list.Missing, 1)
			assert.Contains(t, list.Missing[0].What, "gitrepositories")
			assert.Empty(t, list.Proposals, "nothing is taken out of the Receiver")
		} else {
			assert.NotContains(t, o.stdout, "resources: []")
		}
	}
}
