package cmd

import "runtime/debug"

// collectAt has the garbage collector run when the heap has grown by that percentage, as the environment variable GOGC
// would (https://pkg.go.dev/runtime#hdr-Environment_Variables), until what it returns is called. A GOGC of the user's own
// stands.
func (r *root) collectAt(percent int) (restore func()) {
	if r.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(percent)
	return func() { debug.SetGCPercent(before) }
}
