package report

import (
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/check"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// NewCheck reports a comparison. The base is nil where there is none; prefix is the checkout's folder in its
// repository, with a slash at its end.
func NewCheck(c check.Check, policyName string, base *CheckBase, prefix string, gaps []flux.Gap, warnings []string) BranchCheck {
	r := BranchCheck{
		Head: Head{APIVersion, "Check"}, Policy: policyName, Base: base, prefix: prefix,
		Summary: CheckSummary{
			GitRequests: rounded2(c.Git), Requests: rounded2(c.Requests), APIRequests: rounded2(c.APIRequests), Incomplete: c.Incomplete,
		},
		Clusters:    make([]CheckCluster, 0, len(c.Clusters)),
		Hosts:       make([]CheckHost, 0, len(c.Hosts)),
		Credentials: make([]CheckCredential, 0, len(c.Credentials)),
		Findings:    make([]CheckFinding, 0, len(c.Findings)),
		Missing:     missing(gaps), Warnings: uniqueSorted(warnings),
	}
	for _, cluster := range c.Clusters {
		one := newCheckCluster(cluster)
		r.Clusters = append(r.Clusters, one)
		r.Summary.Changed += changedObjects(one)
		r.Summary.Added += len(one.Added)
		r.Summary.Removed += len(one.Removed)
		r.Summary.Unknown += len(one.Unknown)
		r.Summary.Kept += keptObjects(one)
	}
	for _, h := range c.Hosts {
		r.Hosts = append(r.Hosts, newCheckHost(h))
	}
	for _, l := range c.Credentials {
		r.Credentials = append(r.Credentials, CheckCredential{l.Host, l.Secret, l.Provider, l.Sources, rounded2(l.Requests), percentMore(l.Requests)})
	}
	for _, f := range c.Findings {
		r.Findings = append(r.Findings, newCheckFinding(f))
		r.Summary.count(f)
	}
	return r
}

func (s *CheckSummary) count(f check.Finding) {
	switch {
	case f.Known:
		s.Known++
	case f.Level == check.LevelError:
		s.Errors++
	case f.Level == check.LevelWarning:
		s.Warnings++
	default:
		s.Notes++
	}
}

func newCheckCluster(c check.ClusterChange) CheckCluster {
	r := CheckCluster{
		Cluster: c.Name, From: c.From, New: c.New, Gone: c.Gone, folderGone: c.FolderGone, Added: checkRefs(c.Added), Removed: checkRefs(c.Removed),
		Changes:      make([]CheckChange, 0, len(c.Changes)),
		Environments: make([]CheckEnvironment, 0, len(c.Environments)),
		Controllers:  make([]CheckController, 0, len(c.Controllers)),
		Unknown:      make([]CheckUnknown, 0, len(c.Unknown)),
		Kept:         make([]CheckKept, 0, len(c.Kept)),
		Missing:      check.Delta[[]Missing]{Before: notNull(missing(c.Gaps.Before)), After: notNull(missing(c.Gaps.After))},
	}
	for _, u := range c.Unknown {
		on := onBranch
		if u.OnBase {
			on = onBase
		}
		r.Unknown = append(r.Unknown, CheckUnknown{checkRef(u.Ref), on, u.Gap.What, u.Gap.Why})
	}
	for _, k := range c.Kept {
		r.Kept = append(r.Kept, CheckKept{checkRef(k.Ref), string(k.Difference), k.Why})
	}
	for _, change := range c.Changes {
		r.Changes = append(r.Changes, CheckChange{
			Ref: checkRef(change.Ref), Environment: change.Environment, Field: string(change.Field),
			Before: change.Delta.Before, After: change.Delta.After, DecidedBy: change.At.String(),
		})
	}
	for _, e := range c.Environments {
		r.Environments = append(r.Environments, CheckEnvironment{
			Environment: e.Environment, GitRequests: rounded2(e.Git), Latency: durations(e.Typical), WorstLatency: durations(e.Worst), DriftCorrection: durations(e.Drift),
		})
	}
	for _, l := range c.Controllers {
		r.Controllers = append(r.Controllers, CheckController{l.Controller, l.Kind, rounded2(l.Reconciles), rounded2(l.Busy)})
	}
	return r
}

// changedObjects counts the objects of which something changes.
func changedObjects(c CheckCluster) int {
	changed := map[Ref]bool{}
	for _, change := range c.Changes {
		changed[change.Ref] = true
	}
	return len(changed)
}

func newCheckHost(h check.HostLoad) CheckHost {
	r := CheckHost{Host: h.Host, Sources: h.Sources, Requests: rounded2(h.Requests), Clones: rounded2(h.Clones), more: percentMore(h.Requests)}
	if h.Limit != nil {
		used := rounded2(h.Used)
		r.UsedPercent = &used
		r.Limit = &BudgetLimit{PerHour: h.Limit.PerHour, From: string(h.Limit.From), Yardstick: budget.IsYardstick(h.Host, *h.Limit)}
	}
	return r
}

func newCheckFinding(f check.Finding) CheckFinding {
	r := CheckFinding{
		Rule: string(f.Rule), Level: string(f.Level), Message: f.Message, Known: f.Known,
		File: f.At.File, Line: f.At.Line, Column: f.At.Column, Length: f.At.Length,
	}
	for _, o := range f.Objects {
		r.Objects = append(r.Objects, CheckObject{o.Cluster, o.Ref.Kind, o.Ref.Namespace, o.Ref.Name})
	}
	return r
}

func checkRefs(refs []flux.Ref) []Ref {
	list := make([]Ref, 0, len(refs))
	for _, ref := range refs {
		list = append(list, checkRef(ref))
	}
	return list
}

// checkRef names an object without a version: the two sides may have it in different ones.
func checkRef(ref flux.Ref) Ref {
	return Ref{APIVersion: ref.Group, Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
}

func rounded2(d check.Delta[float64]) check.Delta[float64] {
	return check.Delta[float64]{Before: round(d.Before), After: round(d.After)}
}

func durations(d check.Delta[time.Duration]) check.Delta[string] {
	text := func(d time.Duration) string {
		if d <= 0 {
			return ""
		}
		return about(d)
	}
	return check.Delta[string]{Before: text(d.Before), After: text(d.After)}
}
