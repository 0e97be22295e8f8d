package e2e

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/fluxtune/kubectl-fluxtune/hack/testbed"
)

// claim is something that fluxtune says of Flux, and what was seen of it.
type claim struct{ what, predicted, measured string }

var (
	claimsMu sync.Mutex
	claims   []claim
)

// full tells whether this is the full form, which make e2e runs.
func full() bool { return os.Getenv("FLUXTUNE_E2E") == "full" }

// measures marks a test of the full form: it counts over minutes and wants a machine that does little else, or holds
// something about Flux that no change of ours can break.
func measures(t *testing.T) {
	t.Helper()
	if !full() {
		t.Skip("in the full form: make e2e")
	}
}

// TestCounts has the machine for itself: tests that call t.Parallel wait until it is over. What is counted in it is
// counted at the same time.
func TestCounts(t *testing.T) {
	measures(t)
	for name, count := range map[string]func(*testing.T){
		"Git": countsOfRefs, "Git that changes": countsOfAChangingRepository, "Git with submodules": countsOfSubmodules,
		"other sources": countsOfOtherSources, "default policy": countsOfTheDefaultPolicy, "failing sources": countsOfFailingSources,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			count(t)
		})
	}
}

// timed marks what holds a time in seconds. In the full form it has the machine for itself; in the short form many tests
// share it, and the times that are held are longer.
func timed(t *testing.T) {
	t.Helper()
	if !full() {
		t.Parallel()
	}
}

// explores marks what looks at Flux and logs what it sees, to learn from: it holds nothing, and runs when it is
// asked for by FLUXTUNE_E2E=explore.
func explores(t *testing.T) {
	t.Helper()
	if os.Getenv("FLUXTUNE_E2E") != "explore" {
		t.Skip("holds nothing, logs what Flux does: FLUXTUNE_E2E=explore")
	}
}

// besides is what runs besides source-controller and kustomize-controller: the short form does without helm-controller.
func besides() []string {
	if os.Getenv("FLUXTUNE_E2E") != "" {
		return []string{testbed.UnitNotificationController, testbed.UnitHelmController}
	}
	return []string{testbed.UnitNotificationController}
}

// record notes a claim for the table that is printed at the end.
func record(t *testing.T, what, predicted, measured string) {
	t.Helper()
	claimsMu.Lock()
	defer claimsMu.Unlock()
	claims = append(claims, claim{what, predicted, measured})
}

func printClaims() {
	if !testing.Verbose() || len(claims) == 0 {
		return
	}
	slices.SortFunc(claims, func(a, b claim) int { return cmp.Compare(a.what, b.what) })
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(w, "\nCLAIM\tPREDICTED\tMEASURED")
	for _, c := range claims {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", c.what, c.predicted, c.measured)
	}
	_ = w.Flush()
}
