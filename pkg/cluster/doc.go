// Package cluster is the live cluster: it reads Flux objects and namespaces into a flux.Snapshot, and
// carries out the plans of package tune, one paced patch per object. It holds the clients; it decides
// nothing about intervals.
package cluster
