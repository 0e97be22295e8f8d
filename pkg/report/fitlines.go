package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// fitLines say what fitting buys, and how much is known of what it counts with. Where there is little room, the lines about
// costs have to do for the hosts; they do not know credentials. OnTop says what is not counted.
func fitLines(f *fit.Fitting, limits limits, onTop string) []string {
	if f == nil {
		return nil
	}
	if f.Sources == 0 {
		lines := append([]string{"there is no source whose interval could be fitted"}, shareLines(f.Shares, onTop)...)
		if f.Undone > 0 {
			lines = append(lines, undoneLine(f.Undone))
		}
		return lines
	}
	sources := count(f.Sources, "source")
	if clusters := len(slices.DeleteFunc(slices.Clone(f.Choices), func(c map[flux.Ref]fit.Choice) bool { return len(c) == 0 })); clusters > 1 {
		sources += fmt.Sprintf(" of %d clusters", clusters)
	}
	if limits.cuts() {
		return append(shortFitLines(f), few(shareLines(ofCredentials(f.Shares), ""), limits.hosts, "more shares of credentials")...)
	}
	lines := []string{waitLine(f, sources)}
	if f.Failing > 0 {
		lines = append(lines, failingLine(f.Failing))
	}
	if f.Undone > 0 {
		lines = append(lines, undoneLine(f.Undone))
	}
	lines = append(lines, unchosenLines(f.Unfitted[fit.NotAskedFor])...)
	if limits.summed() {
		lines = append(lines, few(shareLines(ofCredentials(f.Shares), ""), limits.hosts, "more shares of credentials")...)
		if f.Evidence[fit.FromNothing] == f.Sources {
			return append(lines, "nobody knows how often they change")
		}
		known := fmt.Sprintf("how often they change is known of %d of them", f.Sources-f.Evidence[fit.FromNothing])
		switch {
		case f.Quiet == 1:
			known += "; 1 gets no commits"
		case f.Quiet > 1:
			known += fmt.Sprintf("; %d get no commits", f.Quiet)
		}
		return append(lines, known)
	}
	lines = append(lines, shareLines(f.Shares, onTop)...)
	return append(append(lines, "how often they change is "+evidence(f)), unfittedLines(f)...)
}

// ofCredentials are the shares that the lines about hosts do not tell of.
func ofCredentials(shares []fit.ShareUse) []fit.ShareUse {
	return slices.DeleteFunc(slices.Clone(shares), func(s fit.ShareUse) bool { return s.Credential == "" })
}

// shortFitLines say what decides, in a line each: what sources ask is said with the costs.
func shortFitLines(f *fit.Fitting) []string {
	line := fmt.Sprintf("a commit waits %s on average (%s)", longer(f), waitNow(f))
	switch {
	case f.Wait == 0:
		line = "nobody waits: each has its longest interval"
	case f.Kept && f.Changed == 0:
		line = fmt.Sprintf("what is there fits: a commit waits %s on average", wait(f.Wait))
	case f.Kept:
		line = fmt.Sprintf("what is there fits, but for %s: %s", count(f.Changed, "source"), line)
	}
	lines := []string{line}
	if f.Failing > 0 {
		lines = append(lines, count(f.Failing, "failing object")+" counted as if mended")
	}
	if f.Undone > 0 {
		lines = append(lines, count(f.Undone, "object")+" counted as if undone")
	}
	if n := f.Unfitted[fit.NotAskedFor]; n > 0 {
		lines = append(lines, count(n, "source")+" not chosen: a plan of all may differ")
	}
	return lines
}

// waitLine says how long a commit waits, and compares that with now, and with what would be without the fit. What decides comes first:
// a screen may cut its end.
func waitLine(f *fit.Fitting, sources string) string {
	switch {
	case f.Wait == 0:
		return fmt.Sprintf("nobody waits for the %s: each has its longest interval", sources)
	case f.Kept:
		return keptLine(f, sources)
	}
	one := "one interval for all that count to the same shares"
	with := one
	if f.Uniform > 0 {
		one = fmt.Sprintf("one interval for all, %s or the nearest allowed,", wait(f.Uniform))
		with = fmt.Sprintf("one interval for all: %s, or the nearest allowed", wait(f.Uniform))
	}
	if f.Wait.Round(time.Second) >= f.UniformWait.Round(time.Second) { // rounded to what people write, it may take a second more
		return fmt.Sprintf("a commit waits %s on average (%s), at %s requests/h of %s; %s would be as good", longer(f), waitNow(f), rate(f.Requests), sources, one)
	}
	return fmt.Sprintf("a commit waits %s on average (%s; %s with %s), at %s requests/h of %s", longer(f), waitNow(f), wait(f.UniformWait), with, rate(f.Requests), sources)
}

// longer is how long a commit will wait, and says where that is longer than it does.
func longer(f *fit.Fitting) string {
	if f.Wait.Round(time.Second) > f.Before.Round(time.Second) && f.Before > 0 {
		return "longer, " + wait(f.Wait)
	}
	return wait(f.Wait)
}

func waitNow(f *fit.Fitting) string {
	if f.Wait.Round(time.Second) == f.Before.Round(time.Second) {
		return "as now"
	}
	return wait(f.Before) + " now"
}

// unfittedLines say why what asks hosts beside the fitted sources is not fitted.
func unfittedLines(f *fit.Fitting) []string {
	var parts, said []string
	counts := map[string]int{}
	for _, reason := range slices.Sorted(maps.Keys(f.Unfitted)) {
		if reason == fit.NotAskedFor { // unchosenLines
			continue
		}
		why := unfitted(reason)
		if counts[why] += f.Unfitted[reason]; !slices.Contains(said, why) {
			said = append(said, why)
		}
	}
	for _, why := range said {
		parts = append(parts, fmt.Sprintf("%d %s", counts[why], why))
	}
	if len(parts) == 0 {
		return nil
	}
	return []string{"not fitted, of what asks hosts: " + strings.Join(parts, ", ")}
}

// unfitted says why some are not fitted, in few words: the plan's lines about what is left alone have the remedies.
func unfitted(reason tune.Reason) string {
	switch reason {
	case fit.KindNotFitted:
		return "of kinds that are no sources"
	case fit.NoShare:
		return "that count to no share"
	case tune.ReasonSuspended:
		return "suspended"
	case tune.ReasonOptedOut:
		return "opted out"
	case tune.ReasonSetInGit, tune.ReasonOwnerUnknown:
		return "that something else applies"
	case tune.ReasonNoEnvironment:
		return "without environment"
	case tune.ReasonKindNotInPolicy, tune.ReasonOtherEnvironment:
		return "that the policy says nothing about"
	case tune.ReasonIntervalIgnored:
		return "with intervals that nothing waits for, or that a HelmRelease sets"
	case tune.ReasonNotRewritable:
		return "that no edit of the files changes"
	case tune.ReasonCannotPin:
		return "that cannot be pinned"
	case tune.ReasonRefused:
		return "with values that Flux refuses"
	default:
		return "left alone (--rows says why)"
	}
}

// unchosenLines say how what was left out of a choice counts, and why a plan of all may want something else of what was chosen: then
// all have the share together.
func unchosenLines(n int) []string {
	switch n {
	case 0:
		return nil
	case 1:
		return []string{"1 source that was not chosen stays as it is; a plan of all may give other intervals, also to what was chosen"}
	default:
		return []string{fmt.Sprintf("%d sources that were not chosen stay as they are; a plan of all may give other intervals, also to what was chosen", n)}
	}
}

// keptLine says why hardly any interval is changed, or none.
func keptLine(f *fit.Fitting, sources string) string {
	stays, more := "what is there fits", ""
	if f.Changed > 0 { // before that it may have been above a share
		more = " else"
		gets := "sources get"
		if f.Changed == 1 {
			gets = "source gets"
		}
		stays = fmt.Sprintf("only %d %s another interval (the longest where nobody waits, or that of most equal sources), and the rest fits as it is", f.Changed, gets)
	}
	waits := wait(f.Wait) + " on average"
	if f.Changed > 0 {
		waits = fmt.Sprintf("%s on average (%s)", longer(f), waitNow(f))
	}
	line := fmt.Sprintf("%s: a commit waits %s, ", stays, waits)
	at := fmt.Sprintf("at %s requests/h of %s", rate(f.Requests), sources)
	if f.Wait.Round(time.Second) <= f.Best.Round(time.Second) {
		return line + "as with the best intervals, " + at
	}
	return line + fmt.Sprintf("%s with the best intervals, %s: nothing%s is changed for less than %d%%", wait(f.Best), at, more, fit.Margin)
}

// failingLine says how what fails counts, since the costs on the same screen count it in another way.
func failingLine(n int) string {
	if n == 1 {
		return "1 object that fails counts to its share as if it was mended; in the costs with the requests that it makes while it fails"
	}
	return fmt.Sprintf("%d objects that fail count to their shares as if they were mended; in the costs with the requests that they make while they fail", n)
}

// undoneLine says how what does not last counts, since the costs on the same screen count it as planned.
func undoneLine(n int) string {
	if n == 1 {
		return "1 object whose changes do not last, or may not, counts to its share with what it asks when they are undone; in the costs as planned"
	}
	return fmt.Sprintf("%d objects whose changes do not last, or may not, count to their shares with what they ask when they are undone; in the costs as planned", n)
}

// shareLines say what each share gets. OnTop says what is not counted in that.
func shareLines(shares []fit.ShareUse, onTop string) []string {
	var lines []string
	for _, s := range shares {
		line := fmt.Sprintf("%s gets %s/h of %s/h, which are %g%% of %s/h", s.Share, rate(s.Used), rate(s.Allowed), s.Percent, rate(s.Limit))
		switch {
		case s.Idle:
			line += "; nothing that was chosen counts to it"
		case s.Fixed > 0:
			line += fmt.Sprintf("; %s/h of them are not fitted", rate(s.Fixed))
		}
		lines = append(lines, line+onTop)
	}
	return lines
}

// evidence says where it is known from how often sources change, the best first.
func evidence(f *fit.Fitting) string {
	words := []struct {
		from fit.Evidence
		says string
	}{
		{fit.FromFile, "said by --activity of %d"}, {fit.FromGit, "known from Git of %d"}, {fit.FromHistory, "known from status.history of %d"},
		{fit.FromArtifact, "guessed from the last change of %d"}, {fit.FromWebhook, "of no matter for %d with a webhook"}, {fit.FromPin, "never for %d that are pinned"},
		{fit.FromNothing, "unknown of %d"},
	}
	var parts []string
	for _, w := range words {
		if n := f.Evidence[w.from]; n > 0 {
			parts = append(parts, fmt.Sprintf(w.says, n))
		}
	}
	text := strings.Join(parts, ", ")
	if f.Quiet > 0 {
		text += fmt.Sprintf("; %s as seldom as the policy allows", quietly(f.Quiet))
	}
	return text
}

func quietly(n int) string {
	if n == 1 {
		return "1 without commits polls"
	}
	return fmt.Sprintf("%d without commits poll", n)
}
