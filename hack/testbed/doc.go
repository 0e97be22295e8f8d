// Package testbed runs a real Kubernetes control plane for tests, benchmarks and the demo: etcd and kube-apiserver with
// RBAC on, the CustomResourceDefinitions of Flux, and on request Flux's real controllers with a Git server and an OCI
// registry. Nothing is mocked.
//
// The programs are built from the module files in the folders beside this package and kept in the user's cache
// directory, so only the first run on a machine is slow: four minutes for the control plane, five more for Flux's
// controllers. `go run ./hack/testbed/cmd/testbed build all` does it ahead of time, so that it does not count against
// the time limit of `go test`. Everything listens on 127.0.0.1 only, lives in a temporary directory of its own and is
// stopped and removed at the end, also when the test process is killed. The user's kubeconfig is never read.
//
// A test package shares one control plane, started by the first test that asks:
//
//	var bed = testbed.NewShared(testbed.Options{})
//
//	func TestMain(m *testing.M) { os.Exit(bed.Main(m)) }
//
//	func TestApplyChangesInterval(t *testing.T) {
//		c := bed.Cluster(t) // set-up errors are fatal, never skipped
//		ns := c.Namespace(t, map[string]string{"environment": "development"})
//		c.Apply(t, gitRepository(ns, "app", "interval: 5m"))
//		// c.Kubeconfig() is a file for --kubeconfig, c.Config() a *rest.Config.
//		require.Equal(t, "5m", c.Field(t, "gitrepository", ns, "app", ".spec.interval"))
//	}
//
// Where to look for what else a test needs:
//
//   - all namespaces of a control plane for itself: Shared.Own;
//   - an API server that it kills, or other Options: StartT (about five seconds);
//   - a user who starts without rights, with a client certificate of its own: Cluster.KubeconfigFor;
//   - a fleet of Flux objects, stored behind the API server's back: Fleet, and Cluster.Copies for more of one object;
//   - nodes and pods by the ten thousand, with the counts that are right for them: NewPods. 150,000 pods take 20
//     seconds to store, then kube-apiserver needs a minute and 12 GB to load them on two cores;
//   - what Flux does: Cluster.StartFlux; a Git server that counts the requests it gets: StartGit; a registry of
//     artifacts and charts: StartRegistry; what controllers ask of the API server: NewAudit;
//   - requests that fail, wait or break off: package faults.
//
// No kube-controller-manager runs. So the aggregated roles (view, edit, admin) are empty, a deleted namespace stays in
// phase Terminating, and nobody creates service accounts. And the authorizer learns of a new role some milliseconds
// after it was created: tests that need it wait for it.
package testbed
