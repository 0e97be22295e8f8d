package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Build makes sure that the programs of one unit exist and returns the
// directory that holds them; of CRDs that directory holds YAML files.
// What was built before with the same module files, flags, Go version and
// platform is taken from the cache. A line per build goes to progress.
func Build(ctx context.Context, progress io.Writer, unitName string) (string, error) {
	if unitName == UnitFlux {
		return buildFluxCLI(ctx, progress)
	}
	u, err := findUnit(unitName)
	if err != nil {
		return "", err
	}
	folder, err := unitFolder(u.name)
	if err != nil {
		return "", err
	}
	e := cacheEntry{
		name:     u.name,
		progress: fmt.Sprintf("building %s, about %s the first time", u.title, u.firstTime),
		keyFiles: []string{filepath.Join(folder, "go.mod"), filepath.Join(folder, "go.sum")},
	}
	if len(u.programs) == 0 {
		e.keyParts = crdModules()
		return e.get(ctx, progress, func(dir string) error { return generateCRDs(ctx, folder, dir) })
	}
	flags := []string{"-trimpath", "-ldflags", "-s -w " + u.ldflags}
	if u.tags != "" {
		flags = append(flags, "-tags", u.tags)
	}
	e.keyParts = append(flags, fmt.Sprint(u.programs))
	return e.get(ctx, progress, func(dir string) error {
		for _, p := range u.programs {
			args := append([]string{"build", "-o", filepath.Join(dir, p.name)}, flags...)
			if _, err := goTool(ctx, folder, append(args, p.pkg)...); err != nil {
				return fmt.Errorf("building %q: %w", p.pkg, err)
			}
		}
		return nil
	})
}

// goTool runs the go command in a module folder and returns its standard output.
func goTool(ctx context.Context, folder string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = folder
	// A workspace or vendoring of the caller must not reach into these modules.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "PWD="+folder)
	return output(cmd)
}

// unitFolder finds the folder with a unit's module files by walking up from the
// working directory, which is inside the repository for tests and `go run`.
func unitFolder(name string) (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the folder of %q: %w", name, err)
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		folder := filepath.Join(dir, "hack", "testbed", name)
		_, err := os.Stat(filepath.Join(folder, "go.mod"))
		if err == nil {
			return folder, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("finding the folder of %q: %w", name, err)
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no hack/testbed/%s above %q: run it inside the repository", name, wd)
		}
	}
}
