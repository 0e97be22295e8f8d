package cmd

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

// Workers are busy with all that there is, whatever was chosen of it: the rest stays as it is.
func TestWorkersAreBusyWithWhatWasNotChosen(t *testing.T) {
	t.Parallel()
	sources := []string{"production slow - 5m"}
	for i := range 60 {
		sources = append(sources, fmt.Sprintf("development fast-%d - 1m", i))
	}
	fleet := gitSources(t, sources...)
	of := func(args string) []report.BudgetWorkers {
		return decode[report.Budget](t, invocation{}.must(t, words("budget -o json -f "+fleet+args)...)).Controllers
	}
	all, chosen := of(""), of(" --env production")
	assert.Greater(t, all[0].BusyPercent.Now, 20.0)
	assert.Equal(t, all, chosen)
	assert.Equal(t, all, of(" gitrepo/slow -n apps"))
	assert.Equal(t, all[0].BusyPercent.Now, of(" --env production --policy fast")[0].BusyPercent.Now)
}

// The costliest repository is as costly as those that get as much now, and as is planned.
func TestOthersAreAsCostlyNowAndPlanned(t *testing.T) {
	t.Parallel()
	fleet := gitSources(t, "development a - 1m", "development b - 1m", "development c - 1m", "production d - 1m", "production e - 10m")
	o := invocation{terminal: true, width: 200}.must(t, words("budget -f "+fleet)...)
	assert.Contains(t, o.stdout, "git.example.com/a: 60 requests/h, as 2 others, by GitRepository apps/a\n")
}
