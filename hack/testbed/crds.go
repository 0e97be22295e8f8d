package testbed

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// generatedFrom are the modules whose CRDs are made from their Go types: the
// controllers themselves are not pinned here, their api modules are.
func generatedFrom() []string {
	return []string{
		"github.com/fluxcd/helm-controller/api",
		"github.com/fluxcd/notification-controller/api",
		"github.com/fluxcd/image-reflector-controller/api",
		"github.com/fluxcd/image-automation-controller/api",
	}
}

// buildCRDs returns a directory with the CRDs of Flux, one YAML file each:
// those of source- and kustomize-controller as released, the rest generated.
func buildCRDs(ctx context.Context, progress io.Writer) (string, error) {
	e := cacheEntry{
		name:     UnitCRDs,
		progress: "collecting the CRDs of Flux, about half a minute the first time",
		keyParts: generatedFrom(),
	}
	for _, name := range []string{UnitCRDs, UnitSourceController, UnitKustomizeController} {
		folder, err := unitFolder(name)
		if err != nil {
			return "", err
		}
		e.keyFiles = append(e.keyFiles, filepath.Join(folder, "go.mod"), filepath.Join(folder, "go.sum"))
	}
	return e.get(ctx, progress, func(dir string) error {
		if err := generateCRDs(ctx, UnitCRDs, generatedFrom(), dir); err != nil {
			return err
		}
		for _, name := range []string{UnitSourceController, UnitKustomizeController} {
			if err := copyReleasedCRDs(ctx, name, dir); err != nil {
				return err
			}
		}
		return nil
	})
}

// OlderFlux lists the releases of Flux before the newest whose CRDs the test bed
// can make, oldest first.
func OlderFlux() []string { return []string{"2.1", "2.3", "2.6", "2.8"} }

// olderCRDs is the unit, and so the folder, with the api modules of one of them.
// The versions are those in flux2's go.mod at the release; of the image
// controllers, the nearest that the module mirror has.
func olderCRDs(flux string) string { return UnitCRDs + "-" + flux }

// buildOlderCRDs returns a directory with the CRDs of an older Flux, all of them
// generated.
func buildOlderCRDs(ctx context.Context, progress io.Writer, flux string) (string, error) {
	unit := olderCRDs(flux)
	folder, err := unitFolder(unit)
	if err != nil {
		return "", err
	}
	modules := append(generatedFrom(), "github.com/fluxcd/source-controller/api", "github.com/fluxcd/kustomize-controller/api")
	e := cacheEntry{
		name:     unit,
		progress: "generating the CRDs of Flux " + flux + ", about half a minute the first time",
		keyFiles: []string{filepath.Join(folder, "go.mod"), filepath.Join(folder, "go.sum")},
		keyParts: modules,
	}
	return e.get(ctx, progress, func(dir string) error { return generateCRDs(ctx, unit, modules, dir) })
}

func generateCRDs(ctx context.Context, unit string, modules []string, dir string) error {
	folder, err := unitFolder(unit)
	if err != nil {
		return err
	}
	args := []string{"tool", "controller-gen", "crd", "output:crd:dir=" + dir}
	for _, module := range modules {
		args = append(args, "paths="+module+"/...")
	}
	if _, err := goTool(ctx, folder, args...); err != nil {
		return fmt.Errorf("generating the CRDs of %q: %w", unit, err)
	}
	return nil
}

// copyReleasedCRDs copies config/crd/bases out of a controller's module.
func copyReleasedCRDs(ctx context.Context, controller, dir string) error {
	folder, err := unitFolder(controller)
	if err != nil {
		return err
	}
	out, err := goTool(ctx, folder, "mod", "download", "-json", "github.com/fluxcd/"+controller)
	if err != nil {
		return fmt.Errorf("downloading %q: %w", controller, err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return fmt.Errorf("downloading %q: %w", controller, err)
	}
	files, err := filepath.Glob(filepath.Join(module.Dir, "config", "crd", "bases", "*.yaml"))
	if err == nil && len(files) == 0 {
		err = os.ErrNotExist
	}
	if err != nil {
		return fmt.Errorf("looking for the CRDs of %q in %q: %w", controller, module.Dir, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("copying CRDs of %q: %w", controller, err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), data, 0o644); err != nil {
			return fmt.Errorf("copying CRDs of %q: %w", controller, err)
		}
	}
	return nil
}
