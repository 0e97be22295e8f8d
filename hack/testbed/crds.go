package testbed

import (
	"context"
	"fmt"
)

// crdModules hold the Go types from which Flux's CRDs are made, as its releases make them.
func crdModules() []string {
	return []string{
		"github.com/fluxcd/helm-controller/api",
		"github.com/fluxcd/notification-controller/api",
		"github.com/fluxcd/image-reflector-controller/api",
		"github.com/fluxcd/image-automation-controller/api",
		"github.com/fluxcd/source-controller/api",
		"github.com/fluxcd/kustomize-controller/api",
	}
}

// OlderFlux lists the releases of Flux before the newest whose CRDs the test bed
// can make, oldest first.
func OlderFlux() []string { return []string{"2.1", "2.3", "2.6", "2.8"} }

// olderCRDs is the unit, and so the folder, with the api modules of one of them.
// The versions are those in flux2's go.mod at the release; of the image
// controllers, the nearest that the module mirror has.
func olderCRDs(flux string) string { return UnitCRDs + "-" + flux }

// generateCRDs makes the CRDs of the modules that a unit's folder pins, one YAML file each.
func generateCRDs(ctx context.Context, folder, dir string) error {
	args := []string{"tool", "controller-gen", "crd", "output:crd:dir=" + dir}
	for _, module := range crdModules() {
		args = append(args, "paths="+module+"/...")
	}
	if _, err := goTool(ctx, folder, args...); err != nil {
		return fmt.Errorf("generating CRDs: %w", err)
	}
	return nil
}
