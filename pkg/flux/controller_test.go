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
