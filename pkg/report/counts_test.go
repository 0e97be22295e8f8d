package report

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
)

func TestOneIsNoPlural(t *testing.T) {
	t.Parallel()
	var one Budget
	one.APIServer.Kustomizations, one.APIServer.Managed, one.APIServer.Requests = 1, 1, budget.Rates{Now: 2, Planned: 2}
	one.Environments = []BudgetEnvironment{{Unknown: 1}}
	assert.Contains(t, one.apiServerLine()[0], "for the 1 object of 1 Kustomization (")
	assert.Contains(t, one.unknownLatency()[0], "is not known for 1 object: ")
}
