// Package testbed runs a real Kubernetes control plane for tests, benchmarks
// and the demo: etcd and kube-apiserver with RBAC on, the CustomResource-
// Definitions of Flux, and on request Flux's real controllers with a Git server
// and an OCI registry. Nothing is mocked.
//
// The programs are built from the module files in the folders beside this
// package and kept in the user's cache directory, so only the first run on a
// machine is slow: four minutes for the control plane, five more for Flux's
// controllers. `go run ./hack/testbed/cmd/testbed build all` does it ahead of
// time, so that it does not count against the time limit of `go test`. Everything listens on 127.0.0.1 only, lives in a
// temporary directory of its own and is stopped and removed at the end, also
// when the test process is killed. The user's kubeconfig is never read.
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
//		c.Apply(t, fmt.Sprintf(`
//	apiVersion: source.toolkit.fluxcd.io/v1
//	kind: GitRepository
//	metadata: {name: app, namespace: %s}
//	spec: {interval: 5m, url: "https://github.com/acme/app", ref: {branch: main}}
//	`, ns))
//		// c.Kubeconfig() is a file for --kubeconfig, c.Config() a *rest.Config.
//		out := c.Kubectl(t, "get", "gitrepository", "app", "-n", ns, "-o", "jsonpath={.spec.interval}")
//		require.Equal(t, "5m", out)
//	}
//
// A test that needs the whole cluster for itself, kills the API server, or wants
// objects by the thousand, starts its own (about five seconds):
//
//	func TestFleet(t *testing.T) {
//		c := testbed.StartT(t, testbed.Options{
//			Seed: []testbed.Seed{testbed.Fleet(testbed.FleetOptions{})}, // 26 x 3 x 2 objects
//		})
//		require.NoError(t, c.KillAPIServer())
//		require.NoError(t, c.StartAPIServer(t.Context())) // same port, same data
//	}
//
// A restricted user is a kubeconfig with a client certificate of its own, that
// starts with no rights at all:
//
//	path := c.KubeconfigFor(t, "alice", "team-a")
//	c.Kubectl(t, "create", "role", "reader", "-n", ns, "--verb=get,list", "--resource=pods")
//	c.Kubectl(t, "create", "rolebinding", "reader", "-n", ns, "--role=reader", "--group=team-a")
//
// Pods and nodes come with the counts that are right for them; 150,000 pods
// take 20 seconds to store, then kube-apiserver needs a minute and 12 GB to
// load them on two cores:
//
//	pods := testbed.NewPods(testbed.PodOptions{Nodes: 1000, Pods: 30000, Namespaces: 100})
//	c := testbed.StartT(t, testbed.Options{Seed: []testbed.Seed{pods.Seed}})
//	want := pods.Counts()
//
// What is claimed about Flux is tried on its own controllers, with a Git server
// that counts the requests it gets:
//
//	git, err := testbed.StartGit(t.TempDir())
//	sha, err := git.Push(ctx, "app", map[string]string{"deploy/config.yaml": manifest})
//	flux, err := c.StartFlux(ctx, testbed.FluxOptions{})
//	c.Apply(t, gitRepositoryFor(git.URL("app")))
//	polls := git.Requests("app").InfoRefs
//
// FluxOptions.Also starts helm-controller, too, and Registry.PushChart puts a
// chart where HelmReleases find it. It also starts notification-controller, whose
// Receivers are called at Flux.ReceiverURL.
//
// No kube-controller-manager runs. So the aggregated roles (view, edit, admin)
// are empty, a deleted namespace stays in phase Terminating, and nobody creates
// service accounts. And the authorizer learns of a new role some milliseconds
// after it was created: tests that need it wait for it.
package testbed
