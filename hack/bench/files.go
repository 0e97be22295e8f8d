package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
)

// manifests is how many the checkout has, in folders of a hundred that one Kustomization each applies.
const manifests, perFolder = 10_000, 100

// files plans and rewrites a checkout of 10,000 manifests. There is nothing to compare with: the bounds are in the
// heading.
func (b bench) files(ctx context.Context, out *tabwriter.Writer) error {
	dir, err := os.MkdirTemp("", "fluxtune-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := writeManifests(dir); err != nil {
		return err
	}
	set := "--set=development.HelmRelease.interval=5m"
	plan := command{b.plugin, "plan", "-f", dir, set, "-o", "name"}
	rewrite := command{b.plugin, "rewrite", "-f", dir, set, "--dry-run"}
	samples, err := interleave(ctx, b.runs, nil, plan, rewrite)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "CHECKOUT OF %d MANIFESTS\tWALL (at most 5s)\tOWN CPU\tPEAK MEMORY (at most 300 MB)\n", manifests)
	for i, name := range []string{"fluxtune plan -f", "fluxtune rewrite -f"} {
		_, _ = fmt.Fprintf(out, "%s\t%s\t%s\t%d MB\n", name, ms(samples[i].Wall), ms(samples[i].CPU), samples[i].RSS>>20)
	}
	return nil
}

// writeManifests writes a checkout whose intervals all are to change, each in its own file.
func writeManifests(dir string) error {
	write := func(name, content string) error {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		return os.WriteFile(name, []byte(content), 0o644)
	}
	if err := write("clusters/development/flux-system/gotk-sync.yaml", "# written by flux bootstrap\n"); err != nil {
		return err
	}
	for i := range manifests {
		folder := fmt.Sprintf("f%03d", i/perFolder)
		if i%perFolder == 0 {
			if err := write("clusters/development/"+folder+".yaml", fmt.Sprintf(kustomizationManifest, folder, folder)); err != nil {
				return err
			}
		}
		if err := write(fmt.Sprintf("apps/%s/r%05d.yaml", folder, i), fmt.Sprintf(releaseManifest, i)); err != nil {
			return err
		}
	}
	return nil
}

const kustomizationManifest = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: %s
  namespace: flux-system
spec:
  interval: 1m
  timeout: 2m
  path: ./apps/%s
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
`

const releaseManifest = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: r%05d
  namespace: apps
spec:
  interval: 10m
  chartRef:
    kind: OCIRepository
    name: chart
`
