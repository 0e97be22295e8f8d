// Package policy holds the tuning policy: which environment wants which intervals and timeouts, and
// which environment an object belongs to.
//
// It stands between a Snapshot and a Plan: Parse or Preset gives a Policy, Policy.Set overrides single
// values of it, and a Resolver made from the Policy and a flux.Snapshot assigns an environment to each
// object. Package tune asks both and decides what changes. Everything here is pure; the presets are
// embedded.
package policy
