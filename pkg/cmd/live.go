package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/pkg/check"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// compares tells whether files are compared with a cluster: -f and --context are given.
func (o FleetOptions) compares() bool { return o.Files != nil && o.Client != nil }

// besides has a cluster read beside the files, where --context names one.
func (f FileFlags) besides(r *root, o *FleetOptions) (err error) {
	switch {
	case r.config.Context == nil || *r.config.Context == "":
		return nil
	case !f.live:
		return errors.New("--context names a cluster, and -f files: give one of them (get -f with --context compares both)")
	}
	if n := len(o.Files.chosen); n > 1 {
		return fmt.Errorf("-f %s has %d clusters, and --context is one: name its folder with --root %s", f.Filename, n, terminal.Quoted(asItem(o.Files.fleets[0].Root.String())))
	}
	o.Client, err = r.client()
	return err
}

// compare shows where the cluster is not as Git has it.
func (o GetOptions) compare(ctx context.Context) error {
	git, err := o.readFiles()
	if err != nil {
		return err
	}
	live := o.FleetOptions
	live.Files, live.related = nil, true
	cluster, err := live.read(ctx)
	if err != nil {
		return err
	}
	// helm-controller makes the cluster's charts anew of what the HelmReleases say.
	inGit := slices.DeleteFunc(slices.Clone(git.objects), flux.Object.MadeChart)
	differences, both := check.Live(inGit, cluster.objects, tune.NewJudge(cluster.snapshot))
	gaps := append(git.snapshot.Gaps, cluster.snapshot.Gaps...)
	document := report.NewComparison(o.Files.fleet().Root.String(), differences, both, gaps)
	if err := report.SortBy(document.Items, o.sortBy); err != nil {
		return err
	}
	o.root.warn(nil, gaps)
	err = o.printer.print(document, document.Names(), func(l report.Layout) error {
		if len(document.Items) > 0 || l.NoHeaders {
			if err := document.Table().Draw(o.root.Out, l); err != nil || l.NoHeaders {
				return err
			}
			_, _ = fmt.Fprintln(o.root.Out)
		}
		_, err := fmt.Fprintln(o.root.Out, document.Summary())
		return err
	})
	if err != nil {
		return err
	}
	cluster.snapshot.Gaps = gaps
	return cluster.complete()
}
