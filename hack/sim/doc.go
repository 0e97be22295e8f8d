// Package sim simulates, for tests, a cluster whose Flux objects are applied from Git: an API server that knows who
// owns a field, and kustomize-controller's way with it. A History is a random sequence of commands of the plugin, of
// what can go wrong in them, and of what owners do beside them, as plain values: the property test of pkg/cluster runs
// tens of thousands of them on the simulation alone, and hack/e2e some hundred on it and on the real thing, step by
// step, which holds the one against the other.
package sim
