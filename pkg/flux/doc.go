// Package flux knows what fluxtune must know about Flux: its kinds, one table row each, the Object
// that every Flux resource becomes, and the Snapshot in which they reach the planner.
//
// It stands at the bottom of the flow: cluster and manifest make Snapshots, policy and tune read
// them. Everything here is pure.
package flux
