package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// Section is a table with a title and what is to be said below it.
type Section struct {
	Title string
	Table Table
	Below []string
}

// hostSection is the title of what each host gets.
const hostSection = "Requests by host"

// environmentSection is the title of what each environment costs and gets.
const environmentSection = "By environment"

// clusterSection is the title of what each cluster asks of each host.
const clusterSection = "By host and cluster"

// Sections show the budget in the order in which one asks: what it costs whom, and what it buys, and a row for each object
// last, since these are many. Wide leaves nothing out.
func (b Budget) Sections(wide bool) []Section {
	var sections []Section
	if len(b.Hosts) > 0 {
		sections = append(sections, Section{Title: hostSection, Table: b.HostTable()})
	}
	if t := b.clusterTable(); len(t.Rows) > 0 {
		sections = append(sections, Section{Title: clusterSection, Table: t})
	}
	if len(b.Repositories) > 0 {
		sections = append(sections, b.repositorySection())
	}
	if len(b.Credentials) > 0 && (wide || b.hasCredentials()) {
		sections = append(sections, Section{Title: "By credential (named by secretRef, never read)", Table: b.credentialTable()})
	}
	controllers := controllersTitle
	if !b.noOthers() {
		controllers += ", with what is not shown"
	}
	sections = append(sections,
		Section{Title: environmentSection, Table: EnvironmentTable(b.Environments), Below: b.unknownLatency()},
		Section{Title: controllers, Table: b.controllerTable(), Below: b.apiServerLine()},
	)
	if t := b.observedTable(); len(t.Rows) > 0 {
		sections = append(sections, Section{Title: "Observed beside predicted, reconciles per hour", Table: t,
			Below: []string{"Controllers also reconcile when something changes, so a little more than predicted is to be expected."}})
	}
	return append(sections, Section{Title: "By object", Table: b.Table(true)})
}

// Headline is the budget in a sentence.
func (b Budget) Headline() string {
	git := b.Summary.GitRequests
	each := func(f float64) string { return fmt.Sprintf("%s/h", rate(f)) }
	aDay := func(f float64) string { return fmt.Sprintf("(%s a day)", rate(f*24)) }
	if git.Now == git.Planned {
		return fmt.Sprintf("Git requests: %s %s, now and under policy %s.", each(git.Now), aDay(git.Now), b.Policy)
	}
	return fmt.Sprintf("Git requests: %s now %s, %s under policy %s %s%s.",
		each(git.Now), aDay(git.Now), each(git.Planned), b.Policy, aDay(git.Planned), Compare(git))
}

// Compare says how much more or less a rate becomes: ": 74% fewer", or ": about the same". "" where it stays as it is, or
// there was none before.
func Compare(r budget.Rates) string {
	if r.Now == 0 || r.Now == r.Planned {
		return ""
	}
	change := (r.Planned/r.Now - 1) * 100
	switch {
	case math.Abs(change) < 0.5: // percent: it would read as none at all
		return ": about the same"
	case change < 0:
		return fmt.Sprintf(": %.0f%% fewer", -change)
	default:
		return fmt.Sprintf(": %.0f%% more", change)
	}
}

// Line is GitHub's answer in a sentence; "" without one.
func (l *GitHubRateLimit) Line() string {
	if l == nil {
		return ""
	}
	return fmt.Sprintf("%s says of its REST API: %s of %s requests used by this token, until %s. Git traffic is not in it.",
		l.API, rate(float64(l.Used)), rate(float64(l.Limit)), l.Reset.Format("15:04 MST"))
}

// megabytes shows bytes in MB of 1,000,000.
func megabytes(r budget.Rates) Cell {
	if r == (budget.Rates{}) {
		return Cell{Text: "-", Style: Faint}
	}
	return rates(budget.Rates{Now: r.Now / 1e6, Planned: r.Planned / 1e6})
}

// line says what comes at once; "-" where nothing does.
func (b BudgetBurst) line() string {
	if b.Requests == 0 {
		return "-"
	}
	return fmt.Sprintf("%s/s on %s for %s", rate(b.PerSecond), count(b.Connections, "connection"), b.Lasts)
}

func (b Budget) repositorySection() Section {
	s := Section{Title: "By repository", Table: Table{Columns: []Column{
		{Name: "REPOSITORY", Shrink: terminal.Middle}, {Name: "OBJECTS", Right: true}, {Name: "PER HOUR", Right: true}, {Name: "SAVED IN ONE NAMESPACE", Right: true}, {Name: "REF", Spare: 1, Shrink: terminal.End},
		{Name: "OBJECT-NAMES", Wide: true},
	}}}
	var saving, across budget.Rates
	for _, r := range b.Repositories {
		saving = budget.Rates{Now: saving.Now + r.Saving.Now, Planned: saving.Planned + r.Saving.Planned}
		across = budget.Rates{Now: across.Now + r.SavingAcross.Now, Planned: across.Planned + r.SavingAcross.Planned}
		s.Table.Rows = append(s.Table.Rows, []Cell{
			Text(r.Address), number(len(r.Objects)), rates(r.Requests), rates(r.Saving), Text(strings.Join(r.Refs, ", ")), Cell{Text: strings.Join(r.Objects, ", "), Style: Faint},
		})
	}
	if saving != (budget.Rates{}) {
		s.Below = append(s.Below, fmt.Sprintf("Sharing one source in each namespace, where nothing but the interval differs, would save %s requests/h in all.", rates(saving).Text))
	}
	if across != saving {
		s.Below = append(s.Below, fmt.Sprintf("Sharing across namespaces would save %s requests/h, where Flux allows references across namespaces.", rates(across).Text))
	}
	return s
}

func (b Budget) hasCredentials() bool {
	for _, c := range b.Credentials {
		if c.Secret != "" || c.Provider != "" {
			return true
		}
	}
	return false
}

func (b Budget) credentialTable() Table {
	t := Table{Columns: []Column{{Name: "HOST", Shrink: terminal.Middle}, {Name: "CREDENTIAL", Shrink: terminal.Middle}, {Name: "NAMESPACES", Right: true}, {Name: "SOURCES", Right: true}, {Name: "PER HOUR", Right: true}}}
	for _, c := range b.Credentials {
		credential := Cell{Text: "none", Style: Faint}
		switch {
		case c.Secret != "":
			credential = Text("secret " + c.Secret)
		case c.Provider != "":
			credential = Text("provider " + c.Provider)
		}
		namespaces := number(c.Namespaces)
		if c.Clusters > 1 {
			namespaces.Text += fmt.Sprintf(" in %d clusters", c.Clusters)
		}
		t.Rows = append(t.Rows, []Cell{Text(c.Host), credential, namespaces, number(c.Sources), rates(c.Requests)})
	}
	return t
}

// EnvironmentTable shows what each environment costs and gets; plan shows it too.
func EnvironmentTable(environments []BudgetEnvironment) Table {
	t := Table{Columns: []Column{
		{Name: "ENVIRONMENT", Shrink: terminal.Middle}, {Name: "GIT REQUESTS/H", Right: true}, {Name: "COMMIT TO APPLIED"}, {Name: "AT WORST", Spare: 1}, {Name: "DRIFT CORRECTED WITHIN", Spare: 2},
		{Name: "API REQUESTS/H", Right: true, Wide: true}, {Name: "BY WEBHOOK", Right: true, Wide: true},
	}}
	for _, e := range environments {
		typical, worst, drift := Cell{Text: "-", Style: Faint}, Cell{Text: "-", Style: Faint}, Cell{Text: "-", Style: Faint}
		if e.Latency != nil {
			typical, worst = texts(e.Latency.Typical), texts(e.Latency.Worst)
		}
		if e.DriftCorrection != nil {
			drift = texts(*e.DriftCorrection)
		}
		t.Rows = append(t.Rows, []Cell{environmentCell(e.Environment), rates(e.GitRequests), typical, worst, drift, rates(e.APIRequests), number(e.Webhooks)})
	}
	return t
}

func (b Budget) unknownLatency() []string {
	unknown := 0
	for _, e := range b.Environments {
		unknown += e.Unknown
	}
	if unknown == 0 {
		return nil
	}
	return []string{fmt.Sprintf("From commit to applied is not known for %s: sources were not read, fail or are suspended, or charts have one exact version (-o wide says which).", count(unknown, "object"))}
}

func (b Budget) controllerTable() Table {
	t := Table{Columns: []Column{
		{Name: "CONTROLLER", Shrink: terminal.Middle}, {Name: "KIND"}, {Name: "WORKERS", Spare: 3}, {Name: "RECONCILES/H", Right: true, Spare: 1}, {Name: "EACH", Spare: 2, Shrink: terminal.End}, {Name: "BUSY", Right: true},
	}}
	for _, w := range b.Controllers {
		workers := Text(fmt.Sprint(w.Concurrent))
		if w.Default {
			workers = Cell{Text: fmt.Sprintf("(%d)", w.Concurrent), Style: Faint}
		}
		t.Rows = append(t.Rows, []Cell{
			Text(flux.InCluster(w.Cluster, strings.TrimSpace(w.Controller+" "+w.Shard))), Text(w.Kind), workers, rates(w.Reconciles), Text(w.Duration + " " + w.DurationFrom), percentCell(w.BusyPercent, 70, 100),
		})
	}
	return t
}

func (b Budget) apiServerLine() []string {
	a := b.APIServer
	var who []string
	if a.Kustomizations > 0 {
		who = append(who, count(a.Kustomizations, "Kustomization"))
	}
	if a.HelmReleases > 0 {
		who = append(who, count(a.HelmReleases, "HelmRelease")+" with drift detection")
	}
	if a.Requests == (budget.Rates{}) {
		return nil
	}
	line := fmt.Sprintf("kube-apiserver: %s requests/h", rates(a.Requests).Text)
	if a.Managed > 0 {
		objects := budget.Rates{Now: a.Requests.Now - a.Own.Now, Planned: a.Requests.Planned - a.Own.Planned}
		line += fmt.Sprintf(": %s for the %s of %s (a GET and a dry run for each, every time; more with wait, healthChecks and substituteFrom), %s",
			rates(objects).Text, count(a.Managed, "object"), strings.Join(who, " and "), rates(a.Own).Text)
	}
	line += " for status, events and dependencies of all that is reconciled."
	if a.WithoutInventory > 0 {
		line += fmt.Sprintf(" %d have no inventory: their objects count nothing.", a.WithoutInventory)
	}
	if a.Elsewhere > 0 {
		line += fmt.Sprintf(" %d apply to other clusters (spec.kubeConfig): their objects are not counted.", a.Elsewhere)
	}
	return []string{line}
}

// observedTable compares by kind what is known of the same objects.
func (b Budget) observedTable() Table {
	t := Table{Columns: []Column{{Name: "KIND"}, {Name: "OBJECTS", Right: true}, {Name: "PREDICTED", Right: true}, {Name: "OBSERVED", Right: true}, {Name: "RATIO", Right: true}}}
	for _, kind := range append(flux.KindNames(), flux.ImagePolicyKind) {
		n, predicted, observed := 0, 0.0, 0.0
		for _, item := range b.Items {
			if item.Ref.Kind == kind && item.Observed != nil {
				n++
				predicted += item.Reconciles.Now
				observed += item.Observed.Reconciles
			}
		}
		if n == 0 {
			continue
		}
		ratio := Cell{Text: "-", Style: Faint}
		if predicted > 0 {
			ratio = Text(fmt.Sprintf("%.2f", observed/predicted))
		}
		t.Rows = append(t.Rows, []Cell{Text(kind), number(n), Text(rate(predicted)), Text(rate(observed)), ratio})
	}
	return t
}

// Table has a row for each object.
func (b Budget) Table(withNamespace bool) Table {
	where, cells := whereColumns(b.Items, func(item BudgetItem) Ref { return item.Ref }, withNamespace)
	t := Table{Columns: append(where, []Column{
		{Name: "KIND"}, {Name: "NAME", Shrink: terminal.Middle}, {Name: "ENVIRONMENT", Spare: 2, Shrink: terminal.Middle}, {Name: "INTERVAL"}, {Name: "REQUESTS/H", Right: true}, {Name: "API/H", Right: true, Spare: 3},
		{Name: "COMMIT TO APPLIED", Spare: 4}, {Name: "AT WORST", Spare: 5}, {Name: "OBSERVED/H", Right: true, Spare: 7}, {Name: "ASKS", Spare: 6, Shrink: terminal.End}, {Name: "WHERE", Spare: 1, Shrink: terminal.Middle},
	}...)}
	for _, item := range b.Items {
		typical, worst, observed := Cell{Text: "-", Style: Faint}, Cell{Text: "-", Style: Faint}, Cell{Text: "-", Style: Faint}
		if item.Latency != nil {
			typical, worst = texts(item.Latency.Typical), texts(item.Latency.Worst)
		}
		if item.Observed != nil {
			observed = Text(rate(item.Observed.Reconciles))
		}
		where := item.Address
		if item.LatencyUnknown != "" {
			where = item.LatencyUnknown
		}
		if item.Receiver != "" {
			where = strings.TrimSpace(where + " (webhook: " + item.Receiver + ")")
		}
		t.Rows = append(t.Rows, append(cells(item.Ref),
			Text(item.Ref.Kind), Text(item.Ref.Name), environmentCell(item.Environment), texts(item.Interval), rates(item.Requests), rates(item.APIRequests),
			typical, worst, observed, Text(item.Asks), Text(where)))
	}
	return t
}

// Names are the objects as kubectl -o name writes them.
func (b Budget) Names() []string {
	names := make([]string, 0, len(b.Items))
	for _, item := range b.Items {
		names = append(names, resourceName(item.Ref))
	}
	return names
}
