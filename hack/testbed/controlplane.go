package testbed

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
)

// newEtcd describes an etcd for tests: it does not wait for the disk, and takes
// large transactions and much data, as seeding needs.
func newEtcd(binDir, dir string, port int) *process {
	url := "http://" + hostPort(port)
	return &process{
		name: "etcd",
		path: filepath.Join(binDir, "etcd"),
		dir:  dir,
		args: []string{
			"--name=default",
			"--data-dir=" + filepath.Join(dir, "etcd"),
			"--listen-client-urls=" + url,
			"--advertise-client-urls=" + url,
			"--listen-peer-urls=http://127.0.0.1:0",
			"--unsafe-no-fsync",
			"--log-level=warn",
			"--quota-backend-bytes=" + strconv.Itoa(16<<30),
			"--max-request-bytes=" + strconv.Itoa(maxTxnBytes*2),
			"--max-txn-ops=" + strconv.Itoa(maxTxnOps),
		},
		ready: func(ctx context.Context) error { return getOK(ctx, plainClient(), url+"/health") },
	}
}

// newAPIServer describes a kube-apiserver with RBAC that serves on one fixed
// loopback port, so that it can be killed and started again under its clients.
func newAPIServer(binDir, dir string, port, etcdPort int, opts Options) *process {
	file := func(name string) string { return filepath.Join(dir, name) }
	args := []string{
		"--etcd-servers=http://" + hostPort(etcdPort),
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		"--cert-dir=" + dir,
		"--client-ca-file=" + file("ca.crt"),
		"--tls-cert-file=" + file("apiserver.crt"),
		"--tls-private-key-file=" + file("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + file("apiserver.key"),
		"--service-account-signing-key-file=" + file("apiserver.key"),
		"--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
		// No controller creates the default service accounts it would ask for.
		"--disable-admission-plugins=ServiceAccount",
		// A loopback address is no endpoint; without this it warns for ever.
		"--endpoint-reconciler-type=none",
	}
	return &process{
		name: "kube-apiserver",
		path: filepath.Join(binDir, "kube-apiserver"),
		dir:  dir,
		args: append(args, opts.APIServerFlags...),
	}
}

// plainClient keeps no connection: what it asks may go away and come back.
func plainClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

// getOK makes one GET and is content with status 200 only.
func getOK(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", url, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("asking %s: %w", url, err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("asking %s: status %s", url, resp.Status)
	}
	return nil
}
