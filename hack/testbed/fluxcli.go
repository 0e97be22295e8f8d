package testbed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Flux's CLI, which installs plugins of its own. Its module is pinned here and by
// its checksum, not by a module file: it has to be built from a copy (see fill).
const (
	fluxCLIVersion = "2.9.4"
	fluxCLISum     = "h1:/o9IdC9YZVFEsnuJawjEn5tpU8gpnxGftsG85Ubw+bI="
)

// buildFluxCLI returns a directory with the program flux.
func buildFluxCLI(ctx context.Context, progress io.Writer) (string, error) {
	e := cacheEntry{
		name:     UnitFlux,
		progress: "building flux " + fluxCLIVersion + ", about 4 minutes the first time",
		keyParts: []string{fluxCLIVersion, fluxCLISum},
	}
	return e.get(ctx, progress, func(dir string) error {
		source, err := os.MkdirTemp("", "fluxtune-flux-")
		if err != nil {
			return fmt.Errorf("building flux: %w", err)
		}
		defer func() { _ = os.RemoveAll(source) }()
		if err := fluxCLISource(ctx, source); err != nil {
			return fmt.Errorf("building flux: %w", err)
		}
		flags := []string{"-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.VERSION=" + fluxCLIVersion}
		args := append([]string{"build", "-o", filepath.Join(dir, "flux")}, flags...)
		if _, err := goTool(ctx, source, append(args, "./cmd/flux")...); err != nil {
			return fmt.Errorf("building flux: %w", err)
		}
		return nil
	})
}

// fluxCLISource copies the CLI's module to dir. The CLI embeds the manifests that
// `flux install` applies, which its own release makes and its module lacks; an
// empty list stands in for them, since only `flux plugin` is of use here.
func fluxCLISource(ctx context.Context, dir string) error {
	out, err := goTool(ctx, dir, "mod", "download", "-json", "github.com/fluxcd/flux2/v2@v"+fluxCLIVersion)
	if err != nil {
		return err
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal([]byte(out), &module); err != nil {
		return fmt.Errorf("downloading its module: %w", err)
	}
	if module.Sum != fluxCLISum {
		return fmt.Errorf("its module %s has the checksum %q and not %q", fluxCLIVersion, module.Sum, fluxCLISum)
	}
	manifests := filepath.Join(dir, "cmd", "flux", "manifests")
	none := []byte("apiVersion: v1\nkind: List\nitems: []\n")
	err = errors.Join(os.CopyFS(dir, os.DirFS(module.Dir)), os.Mkdir(manifests, 0o755), os.WriteFile(filepath.Join(manifests, "none.yaml"), none, 0o644))
	if err != nil {
		return fmt.Errorf("copying its module: %w", err)
	}
	return nil
}
