// Package e2e holds what fluxtune claims about Flux against the real thing: source-controller, kustomize-controller
// and notification-controller, unchanged, a Git server that counts, etcd and kube-apiserver. Objects live in
// Git as a team would have them: a root Kustomization applies the others.
//
// make e2e runs all of it and prints what was predicted beside what was measured, in about half an hour: first what is
// make e2e runs all of it and prints what was predicted beside what was measured, in about an hour: first what is
// counted per hour and what is held in seconds, with the machine for itself, then the rest side by side. go test runs the
// short form: verdicts, pins, calm and latency on one cluster. FLUXTUNE_E2E=explore logs what Flux does where nothing is
// claimed yet (the tests named TestExplore). helm-controller runs in these two only.
//
// TestSimulationIsTrue replays random histories on hack/sim and on the real thing, and compares the two after each step.
package e2e
