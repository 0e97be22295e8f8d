package check

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// shortForSemver is below what a clone at every interval is told of. Nobody releases more often than every few
// minutes, and a clone moves the whole repository.
const shortForSemver = 5 * time.Minute

// linter looks at the objects of one side.
type linter struct {
	policy    policy.Policy
	side      Side
	decisions manifest.Decisions
	locator   *manifest.Locator
	// moved are the folders that the other side calls otherwise.
	moved moves
	// timeouts are those of the base, by cluster and object; nil where there is nothing to compare with.
	timeouts map[Object]time.Duration
	// unassigned are the objects of the base that have no environment there which the policy knows, by cluster.
	unassigned map[Object]flux.Object
	facts      []fact
}

// lint finds what is wrong with each object. Without decisions the places are those of the objects' documents; the base is
// nil where a side has none, and the pairs tell which objects that one does not tell of.
func lint(in Input, side Side, base *Side, pairs []pairing, moved moves, decisions manifest.Decisions) []fact {
	l := &linter{moved: moved, policy: in.Policy, side: side, decisions: decisions, locator: manifest.NewLocator(side.Tree)}
	if base != nil {
		l.timeouts, l.unassigned = map[Object]time.Duration{}, map[Object]flux.Object{}
		for _, p := range pairs {
			for _, item := range p.was.items() {
				l.timeouts[Object{p.name, item.Object.Ref}] = item.Object.Effective(flux.Timeout)
				if _, known := in.Policy.Lookup(item.Assignment.Environment); !known {
					l.unassigned[Object{p.name, item.Object.Ref}] = item.Object
				}
			}
			unknown := p.unknownRefs()
			for _, item := range p.is.items() {
				if unknown[item.Object.Ref] { // nobody knows that the branch chose it
					l.timeouts[Object{p.name, item.Object.Ref}] = item.Object.Effective(flux.Timeout)
				}
			}
		}
	}
	for _, cluster := range side.Clusters {
		for _, item := range cluster.Plan.Items {
			l.units(cluster, item)
			l.timeout(cluster, item)
			l.outside(cluster, item)
			l.semver(cluster, item)
		}
		l.duplicates(cluster)
		l.variables(cluster)
		l.kinds(cluster)
		l.unfit(cluster)
		l.broken(cluster)
		l.paths(cluster, base, pairs)
	}
	l.unbuiltUnits()
	return l.facts
}

// add notes a fact about a field: at the scalar that decides it, or where its object is written.
func (l *linter) add(rule Rule, c Cluster, o flux.Object, field flux.Field, says, tail string) {
	l.facts = append(l.facts, fact{
		rule: rule, at: l.place(c, o, field), says: says, tail: tail, cluster: c.Name, ref: o.Ref,
		id: fmt.Sprintf("%s %s %s %s %s%s", rule, l.home(c, o.Ref), o.Ref, field, says, tail),
	})
}

// home is where an object is written, whichever clusters have it: a finding there is not new because one more has it. It is
// the cluster's name where no file is known.
func (l *linter) home(c Cluster, ref flux.Ref) string {
	return cmp.Or(l.moved.file(l.locator.Locate(l.side.Fleets[c.Root], ref).File), c.Name)
}

func (l *linter) place(c Cluster, o flux.Object, field flux.Field) manifest.Position {
	if s, ok := l.decisions.Scalar(manifest.Target{Root: c.Root, Ref: o.Ref, Field: field}); ok {
		return s.Position()
	}
	return l.locator.Locate(l.side.Fleets[c.Root], o.Ref, field.Path()...)
}

// units finds what Flux refuses. Variables whose values are elsewhere are none of that.
func (l *linter) units(c Cluster, item tune.Item) {
	o := item.Object
	for _, t := range o.KindRow().Tunables {
		if why := o.Refused(t); why != "" {
			l.add(RuleUnit, c, o, t.Field, fmt.Sprintf("%s of %s: %s", name(t.Field), who, why), "")
		}
	}
}

// unbuiltUnits finds them in the manifests of what is not built, too, of which there are no objects.
func (l *linter) unbuiltUnits() {
	told := map[string]bool{}
	for _, f := range l.facts {
		told[string(f.rule)+f.at.String()] = true
	}
	for _, v := range l.side.Tree.RefusedValues(l.side.Fleets) {
		if told[string(RuleUnit)+v.Position.String()] {
			continue
		}
		l.facts = append(l.facts, fact{
			rule: RuleUnit, at: v.Position, says: fmt.Sprintf("%s of %s: %s", name(v.Field), v.Object, v.Why),
			id: fmt.Sprintf("%s %s %s %s %s", RuleUnit, l.moved.file(v.File), v.Object, v.Field, v.Why),
		})
	}
}

// timeout finds timeouts, set in a file, that are not shorter than the interval. Where the policy has the interval as it is,
// it says what it wants of the timeout, too: nobody is told of one that it wants, or keeps because it shortens none unasked. A
// branch that makes one longer is told.
func (l *linter) timeout(c Cluster, item tune.Item) {
	o := item.Object
	if o.Timeout == nil || !o.Has(flux.Timeout) || o.Suspended {
		return
	}
	timeout, interval := o.Effective(flux.Timeout), o.Effective(flux.Interval)
	if _, err := time.ParseDuration(*o.Timeout); err != nil || interval <= 0 || timeout < interval {
		return
	}
	if e, known := l.policy.Lookup(item.Assignment.Environment); known && item.Action != tune.ActionChange {
		wants, every := e.Value(o.Kind, flux.TimeoutSetting), e.Value(o.Kind, flux.IntervalSetting)
		was, before := l.timeouts[Object{c.Name, o.Ref}]
		chosen := l.timeouts != nil && (!before || timeout > was)
		kept := !l.policy.ShortenTimeouts && timeout > wants.Max && !chosen
		if !wants.IsZero() && (wants.Contains(timeout) || kept) && !every.IsZero() && every.Contains(interval) {
			return
		}
	}
	l.add(RuleTimeout, c, o, flux.Timeout, fmt.Sprintf("timeout %s of %s is not shorter than the interval of %s",
		flux.FormatDuration(timeout), who, flux.FormatDuration(interval)), "")
}

// outside finds what the policy would change.
func (l *linter) outside(c Cluster, item tune.Item) {
	if item.Action != tune.ActionChange {
		return
	}
	o := item.Object
	for _, change := range item.Changes {
		if t, _ := o.KindRow().Tunable(change.Field); o.Refused(t) != "" {
			continue // that is told already
		}
		l.add(RulePolicy, c, o, change.Field, l.wanted(o, change), fmt.Sprintf("%s in %s", flux.ShortDuration(*change.To), item.Assignment.Environment))
		if was, before := l.unassigned[Object{c.Name, o.Ref}]; before && flux.SameDuration(was.Value(change.Field), o.Value(change.Field)) {
			l.facts[len(l.facts)-1].old = true
		}
	}
}

// wanted says that a value gets another one, up to that one.
func (l *linter) wanted(o flux.Object, change tune.Change) string {
	today := flux.FormatDuration(o.Effective(change.Field))
	switch {
	case change.From != nil:
		return fmt.Sprintf("%s %s of %s: policy %s makes it ", name(change.Field), flux.ShortDuration(*change.From), who, l.policy.Name)
	case change.Field != flux.Interval && flux.SameDuration(change.To, &today): // not the policy's wish: what it is now is kept
		return fmt.Sprintf("%s of %s is not set and would follow the interval of policy %s: it is set to what Flux uses now, ", name(change.Field), who, l.policy.Name)
	default:
		return fmt.Sprintf("%s of %s is not set: policy %s makes it ", name(change.Field), who, l.policy.Name)
	}
}

// semver finds GitRepositories that clone often.
func (l *linter) semver(c Cluster, item tune.Item) {
	o := item.Object
	every := o.Effective(flux.Interval)
	if o.Kind != "GitRepository" || o.Remote.Ref.Kind != flux.RefSemver || o.Suspended || every <= 0 || every >= shortForSemver {
		return
	}
	l.add(RuleSemver, c, o, flux.Interval, fmt.Sprintf("%s clones its repository every %s, as ref.semver does: %.0f times an hour",
		who, flux.FormatDuration(every), float64(time.Hour)/float64(every)), "")
}

// duplicates finds sources of one namespace that differ only in their names and in how often they poll.
func (l *linter) duplicates(c Cluster) {
	type poll struct {
		flux.Address
		namespace, kind string
		ref             flux.RemoteRef
		secret          string
		provider        string
		fingerprint     uint64
	}
	first := map[poll]flux.Ref{}
	items := slices.Clone(budget.New(c.Costs).Items)
	sorting.By(items, func(a, b budget.Item) int { return a.Object.Ref.Compare(b.Object.Ref) })
	for _, item := range items {
		o := item.Object
		if row := o.KindRow(); !row.Source || o.Kind == "HelmChart" || o.Suspended || item.Requests == (budget.Rates{}) {
			continue
		}
		k := poll{item.Address, o.Namespace, o.Kind, item.Remote.Ref, item.Remote.Secret, item.Remote.Provider, item.Remote.Fingerprint}
		other, twice := first[k]
		if !twice {
			first[k] = o.Ref
			continue
		}
		l.facts = append(l.facts, fact{
			rule: RuleDuplicate, cluster: c.Name, ref: o.Ref,
			at:   l.locator.Locate(l.side.Fleets[c.Root], o.Ref, "spec", "url"),
			says: fmt.Sprintf("%s polls %s as %s does: one of them would do", who, item.Address, other),
			id:   fmt.Sprintf("%s %s %s %s", RuleDuplicate, l.home(c, o.Ref), o.Ref, other),
		})
	}
}

// variables finds those that nothing sets, in whatever object.
func (l *linter) variables(c Cluster) {
	fleet := l.side.Fleets[c.Root]
	for _, v := range fleet.Unset() {
		at := v.At
		if at.File == "" {
			at = l.locator.Locate(fleet, v.Kustomization, "spec", "postBuild")
		}
		l.facts = append(l.facts, fact{
			rule: RuleVariable, at: at, cluster: c.Name, ref: v.Kustomization,
			says: fmt.Sprintf("variable %s has no value and no default in %s: Flux applies nothing of it, or, before kustomize-controller 1.9, takes it for empty", v.Name, who),
			id:   fmt.Sprintf("%s %s %s %s %s", RuleVariable, l.home(c, v.Kustomization), v.Kustomization, v.Object, v.Name),
		})
	}
}

// kinds finds objects that Flux does not have, and that look as if it had.
func (l *linter) kinds(c Cluster) {
	fleet := l.side.Fleets[c.Root]
	for _, m := range fleet.Mistyped() {
		at := m.At
		if at.File == "" {
			at = l.locator.Locate(fleet, m.Ref, m.Key)
		}
		l.facts = append(l.facts, fact{
			rule: RuleKind, at: at, cluster: c.Name, ref: m.Ref,
			says: fmt.Sprintf("%s: %s", who, m.Why),
			id:   fmt.Sprintf("%s %s %s %s", RuleKind, cmp.Or(l.moved.file(m.At.File), l.home(c, m.Ref)), m.Ref, m.Why),
		})
	}
}

// unfit finds what the API server refuses by the schema of a CRD.
func (l *linter) unfit(c Cluster) {
	fleet := l.side.Fleets[c.Root]
	for _, u := range fleet.Unfit() {
		l.facts = append(l.facts, fact{
			rule: RuleSchema, at: l.locator.Locate(fleet, u.Ref, u.Path...), cluster: c.Name, ref: u.Ref,
			says: strings.TrimPrefix(strings.TrimPrefix(u.Field(), "spec.")+" of ", " of ") + who + ": " + u.Why,
			id:   fmt.Sprintf("%s %s %s %s", RuleSchema, l.home(c, u.Ref), u.Ref, u.Fault),
		})
	}
}

// paths finds Kustomizations whose path is not in the checkout: where Flux looks there, or where the base had it.
func (l *linter) paths(c Cluster, base *Side, pairs []pairing) {
	fleet := l.side.Fleets[c.Root]
	root := fleet.Root.Path // on the base
	for _, p := range pairs {
		if p.name == c.Name && p.was != nil {
			root = base.Fleets[p.was.Root].Root.Path
		}
	}
	for _, m := range fleet.MissingPaths() {
		had := base != nil && slices.ContainsFunc(base.Fleets, func(f manifest.Fleet) bool {
			return f.Root.Path == root && f.Builds(m.Kustomization)
		})
		if m.Sure || had {
			l.facts = append(l.facts, fact{
				rule: RulePath, at: l.locator.Locate(fleet, m.Kustomization, "spec", "path"), cluster: c.Name, ref: m.Kustomization,
				says: fmt.Sprintf("path %q of %s is not in the checkout", m.Path, who),
				id:   fmt.Sprintf("%s %s %s %s", RulePath, l.home(c, m.Kustomization), m.Kustomization, m.Path),
			})
		}
	}
}

// deadFacts are the values in files that decide nothing. They are of no object. What nobody is to change by hand is patched
// beside, by rewrite too: that its own value decides nothing asks nothing of anybody.
func deadFacts(side Side, moved moves, decisions manifest.Decisions) []fact {
	var facts []fact
	for _, s := range side.Tree.Dead(side.Fleets, decisions, side.Chosen) {
		if side.Tree.Untouchable(s.File) != "" {
			continue
		}
		facts = append(facts, fact{
			rule: RuleDead, at: s.Position(), says: s.Text + " decides nothing: every object that is made of it gets its value from elsewhere",
			id: fmt.Sprintf("%s %s %s", RuleDead, moved.file(s.File), s.Text),
		})
	}
	return facts
}

func name(f flux.Field) string { return strings.TrimPrefix(string(f), "spec.") }
