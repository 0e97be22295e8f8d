package fit

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// fixture is what is not fitted and counts against a share.
type fixture struct {
	share, cluster int
	ref            flux.Ref
	requests       float64 // per hour
}

// ExcessError says that shares cannot be kept, by how much, and what would do.
type ExcessError struct {
	message string
	// Longest has the longest interval that is allowed for each source that was to be fitted: what of these cannot be brought
	// about asks more yet.
	Longest *Fitting
}

// Error implements error.
func (e *ExcessError) Error() string { return e.message }

// explain says which shares cannot be kept, who asks what of them, and what would do. The free sources come first.
func (f *fitter) explain(err error, free int) error {
	var infeasible *InfeasibleError
	if !errors.As(err, &infeasible) {
		return fmt.Errorf("fitting intervals: %w", err)
	}
	var lines []string
	for _, x := range infeasible.Excesses {
		lines = append(lines, f.excess(x))
	}
	longest := make([]time.Duration, free)
	for i := range longest {
		longest[i] = f.problem.Sources[i].Max
	}
	return &ExcessError{message: strings.Join(lines, "; "), Longest: f.fitting(longest)}
}

// excess says of one share why it cannot be kept.
func (f *fitter) excess(x Excess) string {
	use := f.uses[x.Share]
	line := fmt.Sprintf("%g%% of the limit of %s are %s requests/h, and ", use.Percent, use.Share, amount(use.Allowed))
	remedy := "longer intervals in the policy"
	switch fitted := x.Least - use.Fixed; {
	case use.Fixed == 0:
		line += fmt.Sprintf("even with the longest intervals that the policy allows %s are asked, %s more", amount(x.Least), amount(x.Least-x.Allowed))
	case use.Fixed > use.Allowed:
		line += fmt.Sprintf("what is not fitted asks %s alone (%s), so that no interval of the policy is long enough", amount(use.Fixed), f.largest(x.Share))
		remedy = "longer intervals of these where they are set"
	default:
		line += fmt.Sprintf("even with the longest intervals that the policy allows %s are asked: %s by what is fitted, and %s by what is not (%s)",
			amount(x.Least), amount(fitted), amount(use.Fixed), f.largest(x.Share))
	}
	if needed := math.Ceil(x.Least / use.Limit * 100); needed <= 100 {
		return line + fmt.Sprintf(": it takes %g%%, or %s", needed, remedy)
	}
	return line + ": it takes " + remedy
}

// largest names what asks most of a share and is not fitted.
func (f *fitter) largest(share int) string {
	const most = 3
	all := slices.DeleteFunc(slices.Clone(f.fixtures), func(x fixture) bool { return x.share != share })
	slices.SortStableFunc(all, func(a, b fixture) int { return cmp.Compare(b.requests, a.requests) })
	var names []string
	for _, x := range all[:min(most, len(all))] {
		name := x.ref.String()
		if known := f.in.Clusters[x.cluster].Names; len(f.in.Clusters) > 1 && len(known) > 0 {
			name = flux.InCluster(known[0], name)
		}
		names = append(names, name+" "+amount(x.requests))
	}
	text := strings.Join(names, ", ")
	if n := len(all) - most; n > 0 {
		text += fmt.Sprintf(", and %d more", n)
	}
	return text
}

// amount writes requests for people: 1,240.
func amount(perHour float64) string {
	if perHour < 10 {
		return fmt.Sprintf("%.3g", perHour)
	}
	text := fmt.Sprintf("%.0f", perHour)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
