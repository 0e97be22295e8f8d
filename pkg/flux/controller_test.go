package flux

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// kustomize-controller compares the beginning of a name: --override-manager=flux means fluxtune, too.
func TestTakesOver(t *testing.T) {
	t.Parallel()
	controllers := []Controller{{Name: SourceController}, {Name: KustomizeController, Overrides: []string{"k9s", "flux"}}}
	assert.Contains(t, TakesOver(controllers, "fluxtune"), `kustomize-controller runs with --override-manager=flux and takes over what "fluxtune" owns`)
	assert.Empty(t, TakesOver(controllers, "tuner"))
	assert.Empty(t, TakesOver(nil, "fluxtune"))
}

// The image controllers have no jitter: what they ask together once, they ask together again.
func TestDefaultJitter(t *testing.T) {
	t.Parallel()
	jitter := map[string]int{}
	for _, c := range DefaultControllers() {
		jitter[c.Name] = c.JitterPercent
	}
	assert.Equal(t, map[string]int{SourceController: 5, KustomizeController: 5, HelmController: 5, ImageReflectorController: 0, ImageAutomationController: 0}, jitter)
}
