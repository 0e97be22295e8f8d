// Package compat tries the commands on the oldest Kubernetes that is supported and with the CRDs of older releases of
// Flux. `make compat` runs it.
package compat
