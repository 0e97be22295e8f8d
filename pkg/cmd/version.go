package cmd

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// Build says what was built. Empty fields are taken from Go's build information.
type Build struct {
	Version, Commit, Date string
}

// complete fills in what the linker was not told.
func (b Build) complete() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	return Build{
		Version: cmp.Or(b.Version, info.Main.Version, "(devel)"),
		Commit:  cmp.Or(b.Commit, settings["vcs.revision"]),
		Date:    cmp.Or(b.Date, settings["vcs.time"]),
	}
}

func newVersion(r *root) *cobra.Command {
	var client bool
	output := OutputFlags{formats: []string{"table", "json", "yaml"}}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version of fluxtune and of the cluster",
		Example: examples(`
			# The versions of fluxtune and of the cluster that it talks to
			kubectl fluxtune version

			# Of fluxtune alone, for scripts
			kubectl fluxtune version --client -o json`),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runVersion(cmd.Context(), r, client, output)
		},
	}
	cmd.Flags().BoolVar(&client, "client", false, "Show the version of fluxtune only; no cluster is asked.")
	output.addFormat(cmd)
	return cmd
}

func runVersion(ctx context.Context, r *root, clientOnly bool, output OutputFlags) error {
	printer, err := output.toPrinter(r)
	if err != nil {
		return err
	}
	build := r.build.complete()
	v := report.Version{
		Head: report.Head{APIVersion: report.APIVersion, Kind: "Version"},
		ClientVersion: report.ClientVersion{
			Version: build.Version, Commit: build.Commit, Date: build.Date,
			GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		},
	}
	var failure error
	if !clientOnly {
		v.ServerVersion, failure = r.serverVersion(ctx)
	}
	err = printer.print(v, nil, func(layout report.Layout) error {
		_, err := fmt.Fprint(r.Out, v.String())
		return err
	})
	if err != nil {
		return err
	}
	return failure
}

func (r *root) serverVersion(ctx context.Context) (string, error) {
	config, err := r.restConfig()
	if err != nil {
		return "", err
	}
	client, err := cluster.NewClient(config)
	if err != nil {
		return "", err
	}
	return client.ServerVersion(ctx)
}
