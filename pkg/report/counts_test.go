package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOneIsNoPlural(t *testing.T) {
	t.Parallel()
	var one Budget
	one.APIServer.Kustomizations, one.APIServer.Managed = 1, 1
	one.Environments = []BudgetEnvironment{{Unknown: 1}}
	assert.Contains(t, one.apiServerLine()[0], "from 1 Kustomization, 1 object (")
	assert.Contains(t, one.unknownLatency()[0], "is not known for 1 object: ")
}
