// Package manifest reads a Git checkout as Flux would deploy it, tells which bytes of which file decide
// a value, and rewrites just these. It does for files what the cluster package does for a live cluster:
//
//	Open -> Tree -> Tree.Read -> Roots, each a flux.Snapshot -> tune.Plan -> Rewrite -> Write
//
// Only Open, Tree's reads and Write touch the disk. Nothing is fetched from the network and nothing is
// run: what a build would need from elsewhere is a flux.Gap.
package manifest
