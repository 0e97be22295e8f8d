// Package cmd is the command line: cobra commands, one file each, that read flags, ask cluster, tune
// and report to do the work, and turn what happened into output and exit codes. Only this package
// knows cobra, cli-runtime and kubectl.
package cmd
