// Command kubectl-fluxtune is the kubectl plugin: kubectl fluxtune.
package main

import (
	"os"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cmd"
)

// Set by the linker at a release; a build from source tells them from Go's build information.
var version, commit, date string

func main() {
	os.Exit(cmd.Main(os.Args, cmd.Build{Version: version, Commit: commit, Date: date}))
}
