// Package e2e holds what fluxtune claims about Flux against the real thing: source-controller and
// kustomize-controller, unchanged, a Git server that counts, etcd and kube-apiserver. Objects live in
// Git as a team would have them: a root Kustomization applies the others.
//
// make e2e runs all of it and prints what was predicted beside what was measured. go test runs the short
// form: verdicts, pins and latency, without the counts that take minutes. FLUXTUNE_E2E=explore logs what Flux
// does where nothing is claimed yet (the tests named TestExplore, and helm-controller, which is built for that only).
//
// TestSimulationIsTrue replays random histories on hack/sim and on the real thing, and compares the two after each step.
package e2e
