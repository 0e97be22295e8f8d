// Package english keeps kubectl's own packages from unpacking and parsing their translations when the program
// starts. That took 45 ms of the 95 that every command needed, and nothing that fluxtune shows is translated.
package english

import "k8s.io/kubectl/pkg/util/i18n"

// Err says why it is not so; nil where it is. A variable sets it rather than a function of pkg/cmd, since the translations
// are loaded while packages are initialized: this one comes before those that need them, as Go goes by import paths
// (https://go.dev/ref/spec#Program_initialization).
var Err = i18n.SetLoadTranslationsFunc(func() error { return nil })
