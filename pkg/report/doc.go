// Package report turns plans, results and counts into what users read: tables for people, and the
// versioned JSON and YAML types of the API group fluxtune.github.io for scripts. It is pure: it writes
// to the writers that it is given and knows no cluster.
package report
