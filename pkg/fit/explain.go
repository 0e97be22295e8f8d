package fit

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// fixture is what is not fitted and counts against a share.
type fixture struct {
	share, cluster int
	ref            flux.Ref
	requests       float64 // per hour
	// unasked says that it was not chosen, nor what it follows: it stays as it is, whatever the policy wants of it.
	unasked bool
}

// ExcessError says that shares cannot be kept, by how much, and what would do.
type ExcessError struct {
	message string
	// Shares that cannot be kept.
	Shares []policy.Share
	// Nearest is as near as intervals come to them: each source that counts to one of them has the longest that is allowed, and the
	// others are fitted to the other shares. What of these cannot be brought about asks more yet.
	Nearest *Fitting
	// Unasked says that something that was not chosen counts to one of them: chosen with the rest, it may leave room.
	Unasked bool
}

// Error implements error.
func (e *ExcessError) Error() string { return e.message }

// explain says which shares cannot be kept, who asks what of them, and what would do.
func (f *fitter) explain(excesses []Excess, nearest *Fitting) error {
	e := &ExcessError{Nearest: nearest}
	var lines []string
	for _, x := range excesses {
		lines = append(lines, f.excess(x))
		e.Shares = append(e.Shares, f.uses[x.Share].Share)
		e.Unasked = e.Unasked || f.unasked(x.Share) > 0
	}
	if f.in.Unread != "" {
		lines = append(lines, f.in.Unread+" could not be read, and what these poll comes on top")
	}
	e.message = strings.Join(lines, "; ")
	return e
}

// excess says of one share why it cannot be kept.
func (f *fitter) excess(x Excess) string {
	use := f.uses[x.Share]
	line := fmt.Sprintf("%g%% of the limit of %s are %s requests/h, and ", use.Percent, use.Share, amount(use.Allowed))
	remedy := "longer intervals in the policy"
	switch fitted := x.Least - use.Fixed; {
	case use.Fixed == 0:
		line += fmt.Sprintf("even with the longest intervals that the policy allows %s are asked, %s more", amount(x.Least), amount(x.Least-x.Allowed))
	case use.Fixed >= use.Allowed:
		line += fmt.Sprintf("what is not fitted asks %s alone (%s), so that no interval of the policy is long enough", amount(use.Fixed), f.largest(x.Share))
		remedy = "longer intervals of these where they are set"
	default:
		line += fmt.Sprintf("even with the longest intervals that the policy allows %s are asked: %s by what is fitted, and %s by what is not (%s)",
			amount(x.Least), amount(fitted), amount(use.Fixed), f.largest(x.Share))
	}
	takes := "it takes"
	if unasked := f.unasked(x.Share); unasked > 0 {
		line += fmt.Sprintf("; what was not chosen stays as it is, and asks %s", amount(unasked))
		takes = "with this choice it takes"
	}
	if needed := math.Ceil(x.Least / use.Limit * 100); needed <= 100 {
		if f.in.Unread != "" {
			return line + fmt.Sprintf(": %s at least %g%%, or %s", takes, needed, remedy)
		}
		return line + fmt.Sprintf(": %s %g%% (plan --fit %s), or %s", takes, needed, terminal.Quoted(fmt.Sprintf("%s=%g%%", use.Share, needed)), remedy)
	}
	return line + ": " + takes + " " + remedy
}

// unasked is what is asked of a share by what was not chosen, in requests an hour.
func (f *fitter) unasked(share int) float64 {
	sum := 0.0
	for _, x := range f.fixtures {
		if x.share == share && x.unasked {
			sum += x.requests
		}
	}
	return sum
}

// largest names what asks most of a share and is not fitted.
func (f *fitter) largest(share int) string {
	const most = 3
	all := slices.DeleteFunc(slices.Clone(f.fixtures), func(x fixture) bool { return x.share != share })
	sorting.By(all, func(a, b fixture) int { return cmp.Compare(b.requests, a.requests) })
	var names []string
	for _, x := range all[:min(most, len(all))] {
		names = append(names, f.called(x.cluster, x.ref)+" "+amount(x.requests))
	}
	text := strings.Join(names, ", ")
	if n := len(all) - most; n > 0 {
		text += fmt.Sprintf(", and %d more", n)
	}
	return text
}

// called names an object, and its cluster where there are several.
func (f *fitter) called(cluster int, ref flux.Ref) string {
	if known := f.in.Clusters[cluster].Names; len(f.in.Clusters) > 1 && len(known) > 0 {
		return flux.InCluster(known[0], ref.String())
	}
	return ref.String()
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
