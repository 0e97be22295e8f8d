// Package alerts makes rules for Prometheus from a fleet: from what its objects cost and how often they poll (a
// budget.Budget), the limits of hosts and the shares of a policy. Package cmd prints them. Everything here is pure.
//
// Prometheus knows how often each object was reconciled and how long that took (fluxcd/pkg runtime/metrics,
// gotk_reconcile_duration_seconds with the labels kind, name and namespace), and neither its interval nor its host.
// Both are known when the rules are made: so the rules name the objects, as briefly as they can (see Selector), and are
// to be made anew when the fleet changes.
package alerts
