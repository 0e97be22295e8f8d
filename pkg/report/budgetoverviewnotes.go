package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// overviewNotes are what is said below the tables, what matters most first: what stands out, what the numbers leave out, and the rest. As
// many as kept matter more than that a table has all its rows.
func (b Budget) overviewNotes(l Layout) (notes []labelledTexts, kept int) {
	costliest, stands := b.costliest()
	cost, busy := labelledTexts{"Costliest", optional(costliest)}, labelledTexts{"Busiest", optional(b.busiest())}
	var first, last []labelledTexts
	add := func(n labelledTexts, matters bool) {
		switch {
		case len(n.texts) == 0:
		case matters:
			first = append(first, n)
		default:
			last = append(last, n)
		}
	}
	add(labelledTexts{"Clusters", b.clusters(l)}, false)
	if b.overloaded() {
		add(busy, true)
	}
	add(cost, stands)
	if !b.overloaded() {
		add(busy, false)
	}
	add(labelledTexts{noteLabel, slices.Concat(b.onTop(), b.alone(), b.forOwners())}, true)
	add(labelledTexts{"Sharing", optional(b.sharing())}, false)
	add(labelledTexts{"Webhooks", b.webhooks()}, false)
	return append(first, last...), max(1, len(first))
}

// alone says how much of its limit a host gets by what is shown, where the tables count more.
func (b Budget) alone() []string {
	ranked, _ := b.rankedHosts()
	for _, h := range ranked {
		if h.Others > 0 && h.Limit != nil {
			return []string{h.aloneLine()}
		}
	}
	return nil
}

// onTop says in few words what is not counted in what hosts get; nothing where all is.
func (b Budget) onTop() []string {
	switch {
	case slices.Contains(b.Notes, partialNote):
		return []string{"what was not read comes on top of what hosts get"}
	case slices.Contains(b.Notes, beyondNote):
		return []string{"what other clusters ask comes on top of what hosts get"}
	default:
		return nil
	}
}

// forOwners says why what is planned is not what plan says; nothing where it is.
func (b Budget) forOwners() []string {
	if slices.Contains(b.Notes, plannedNote) {
		return []string{plannedNote}
	}
	return nil
}

// costliest is the repository that gets most requests, and whether there is one that stands out.
func (b Budget) costliest() (says string, stands bool) {
	if len(b.Repositories) == 0 {
		return "", false
	}
	r := slices.MaxFunc(b.Repositories, func(a, b BudgetRepository) int {
		return cmp.Or(cmp.Compare(a.Requests.Now, b.Requests.Now), cmp.Compare(b.Address, a.Address))
	})
	ties, each := 0, rates(r.Requests).Text
	for _, other := range b.Repositories {
		if rates(other.Requests).Text == each {
			ties++
		}
	}
	if ties == len(b.Repositories) && ties > 1 {
		return fmt.Sprintf("none: each of %d repositories gets %s requests/h", ties, each), false
	}
	by := strings.Join(r.Objects, ", ")
	if len(r.Objects) > 1 {
		by = fmt.Sprintf("%s and %d more", r.Objects[0], len(r.Objects)-1)
	}
	same := ""
	if ties > 1 {
		same = ", as " + count(ties-1, "other")
	}
	return fmt.Sprintf("%s: %s requests/h%s, by %s", r.Address, each, same, by), true
}

// clusters say of the first hosts (rankedHosts) which cluster asks how much of it.
func (b Budget) clusters(l Layout) []string {
	const hosts, most = 2, 3
	names := make(map[string]bool)
	for _, h := range b.Hosts {
		for _, c := range h.Clusters {
			names[c.Cluster] = true
		}
	}
	short := func(name string) string { return name }
	if l.Width > 0 {
		apart := shortClusters(slices.Collect(maps.Keys(names)))
		short = func(name string) string { return apart[name] }
	}
	var lines []string
	ranked, _ := b.rankedHosts()
	for _, h := range ranked {
		if len(lines) == hosts || len(h.Clusters) == 0 {
			continue
		}
		var parts []string
		for i, c := range h.Clusters {
			if i == most && len(h.Clusters) > most+1 {
				parts = append(parts, fmt.Sprintf("%d more (--rows)", len(h.Clusters)-i))
				break
			}
			part := fmt.Sprintf("%s %s/h", short(c.Cluster), rates(c.Requests).Text)
			if c.UsedPercent != nil {
				part += fmt.Sprintf(" (%s)", percentCell(*c.UsedPercent, 80, 100).Text)
			}
			parts = append(parts, part)
		}
		lines = append(lines, cmp.Or(h.Host, "<no host>")+": "+strings.Join(parts, ", "))
	}
	return lines
}

// overloaded tells whether workers of some controller have more to do than time.
func (b Budget) overloaded() bool {
	return slices.ContainsFunc(b.Controllers, func(w BudgetWorkers) bool { return max(w.BusyPercent.Now, w.BusyPercent.Planned) > 100 })
}

// busiest is the controller with the least time left.
func (b Budget) busiest() string {
	if len(b.Controllers) == 0 {
		return ""
	}
	w := slices.MaxFunc(b.Controllers, func(a, b BudgetWorkers) int { return cmp.Compare(a.BusyPercent.Planned, b.BusyPercent.Planned) })
	text := fmt.Sprintf("%s: its %s for %s are busy %s of the time", flux.InCluster(w.Cluster, strings.TrimSpace(w.Controller+" "+w.Shard)), count(w.Concurrent, "worker"), w.Kind, percentCell(w.BusyPercent, 70, 100).Text)
	switch {
	case slices.Contains(b.Notes, partialNote):
		text += ", by what was read"
	case !b.noOthers():
		text += ", with what is not shown"
	}
	if w.Advice != "" {
		text += "; " + w.Advice
	}
	return text
}

// sharing is the repository that most is asked for more often than needed.
func (b Budget) sharing() string {
	var most BudgetRepository
	for _, r := range b.Repositories {
		if len(r.Objects) > 1 && r.Saving.Now > most.Saving.Now {
			most = r
		}
	}
	if most.Saving.Now == 0 {
		return ""
	}
	return fmt.Sprintf("%d objects poll %s, each for itself: sharing one would save %s requests/h", len(most.Objects), most.Address, rates(most.Saving).Text)
}

func (b Budget) webhooks() []string {
	if b.Summary.Webhooks.Sources == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s announced by a Receiver: polling them (%s requests/h) can be relaxed", are(b.Summary.Webhooks.Sources, "source"), rates(b.Summary.Webhooks.Requests).Text)}
}
