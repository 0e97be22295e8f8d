package fit

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// remembered are how many changes Flux tells of what has changed often: fluxcd/pkg apis/meta keeps 5 contents (HistoryMaxSize),
// and when the oldest of them came does not count (flux, contents).
const remembered = 4

// commits draws when a source changed after its user was created, as somebody who commits so many times an hour at any time.
func commits(r *rand.Rand, perHour float64, created time.Time) (times []time.Time) {
	for at := created; ; times = append(times, at) {
		if at = at.Add(time.Duration(r.ExpFloat64() / perHour * float64(time.Hour))); at.After(noon) {
			return times
		}
	}
}

// known is what is known of a source and its only user, both created then.
func known(created time.Time, times []time.Time) Activity {
	all := append([]time.Time{created.Add(time.Minute)}, times...)
	source := &flux.Object{Created: created, Status: flux.Status{SourceChanged: all[len(all)-1]}}
	user := &flux.Object{Created: created, Status: flux.Status{Changes: changesAt(all[max(0, len(all)-remembered):]...)}}
	if a := fromHistory(source, []*flux.Object{user}, noon, noon); a.From != FromNothing {
		return a
	}
	return fromArtifact(source, flux.Restarts{}, noon, noon)
}

// TestRates: on average a source is taken for one that changes as often as it does, once it is a day old. Before that, one that
// has changed is taken for none that changes more often than daily, unless it does; and one that changes often is soon known.
func TestRates(t *testing.T) {
	t.Parallel()
	const trials, day = 3000, 24 * time.Hour
	for _, perHour := range []float64{1.0 / 720, 1.0 / 168, 1.0 / 24, 1.0 / 6, 1} {
		for _, age := range []time.Duration{10 * time.Minute, time.Hour, 6 * time.Hour, 23 * time.Hour, 2 * day, 10 * day, 90 * day} {
			r := rand.New(rand.NewPCG(uint64(age), uint64(1/perHour)))
			created := noon.Add(-age)
			sum, n := 0.0, 0
			for range trials {
				a := known(created, commits(r, perHour, created))
				if a.From == FromNothing {
					continue
				}
				n++
				if a.Changes > 0 { // that silence counts as one change for a week is another rule
					sum += a.PerHour
				}
			}
			mean, often := sum/float64(max(1, n)), perHour*age.Hours() >= 8
			t.Logf("%.4f/h for %s: taken for %.4f/h, %.2f times that, by %.1f%%", perHour, age, mean, mean/perHour, 100*float64(n)/trials)
			if age < day {
				assert.LessOrEqual(t, mean, 1.5*max(perHour, 1.0/24), "%.4f/h for %s", perHour, age)
			}
			if age > day || often {
				assert.InEpsilon(t, perHour, mean, 0.3, "%.4f/h for %s", perHour, age)
			}
		}
	}
}

// A user that is new tells nothing of how often its source changes, however often it was changed as it was set up, nor does it
// hide what others know; one that has forgotten how it began does.
func TestNewUsersSayNothing(t *testing.T) {
	t.Parallel()
	user := func(created float64, changes ...float64) *flux.Object {
		return &flux.Object{Created: ago(created)[0], Status: flux.Status{Changes: changesAt(ago(changes...)...)}}
	}
	source := &flux.Object{}
	fresh := user(0.3, 0.29, 0.2, 0.1)
	assert.Equal(t, Activity{From: FromNothing}, fromHistory(source, []*flux.Object{fresh}, noon, noon))
	old := user(1000, 100, 50, 10)
	assert.Equal(t, Activity{FromHistory, 0.02, 2, 100 * time.Hour}, fromHistory(source, []*flux.Object{old, fresh}, noon, noon))
	assert.Equal(t, Activity{FromHistory, 1.5, 3, 2 * time.Hour}, fromHistory(source, []*flux.Object{user(5, 2, 1.5, 1, 0.5)}, noon, noon), "busy")
	assert.Equal(t, Activity{FromHistory, 0.08, 2, 25 * time.Hour}, fromHistory(source, []*flux.Object{user(25.1, 25, 24.9, 24.8)}, noon, noon), "a day old")
}
