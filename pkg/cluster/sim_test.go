package cluster_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// command is one call of the plugin.
type command struct {
	verb      string // apply, revert, forget
	policy    int
	shorten   bool
	managed   tune.Managed
	namespace string // "" is all
	name      string // "" is all
	session   string // of an apply, or the one that a revert takes back; "" is all
	force     bool
	tenant    bool // may read and write namespace a only
}

func (c command) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s policy=%d shorten=%t managed=%s -n %q %s session=%q force=%t tenant=%t",
		c.verb, c.policy, c.shorten, c.managed, c.namespace, c.name, c.session, c.force, c.tenant))
}

func policies() []policy.Policy {
	var list []policy.Policy
	for i, s := range []policy.Settings{
		{Interval: "1m"},
		{Interval: "30s", Timeout: "2m"},
		{Interval: "at least 8m"},
		{Interval: "at most 2m", Timeout: "2m", RetryInterval: "1m"},
		{Timeout: "6m"},
	} {
		list = append(list, policy.Policy{Name: fmt.Sprint(i), Environments: []policy.Environment{
			{Name: "development", Kinds: map[string]policy.Settings{"Kustomization": s}},
		}})
	}
	return list
}

var thePolicies = policies()

// snapshot is what a command reads first.
func (w *world) snapshot(c command) (flux.Snapshot, map[string]bool) {
	forbidden := map[string]bool{}
	if c.tenant {
		forbidden["flux-system"], forbidden["b"] = true, true
	}
	var s flux.Snapshot
	for _, ref := range w.refs() {
		e := w.entities[ref]
		switch {
		case forbidden[ref.Namespace]:
		case ref.Namespace == "flux-system":
			s.Related = append(s.Related, e.object())
		case (c.namespace == "" || c.namespace == ref.Namespace) && (c.name == "" || c.name == ref.Name):
			s.Objects = append(s.Objects, e.object())
		default:
			s.Related = append(s.Related, e.object())
		}
	}
	return s, forbidden
}

// run carries a command out as the command line does.
func (w *world) run(c command, s *server) cluster.Outcomes {
	snapshot, forbidden := w.snapshot(c)
	s.world, s.forbidden, s.command = w, forbidden, c
	s.written, s.seen = make(map[flux.Ref]int), make(map[flux.Ref]map[flux.Field]string)
	for ref, e := range w.entities {
		s.seen[ref] = maps.Clone(e.fields)
	}
	all := slices.Concat(snapshot.Objects, snapshot.Related)
	run := cluster.Run{PinTimeout: time.Minute}
	for _, o := range all {
		if tune.Pinning(o) {
			run.Owners = append(run.Owners, o)
		}
	}
	switch c.verb {
	case "apply":
		p := thePolicies[c.policy]
		p.ShortenTimeouts = c.shorten
		resolver := policy.NewResolver(p, snapshot, "development")
		opts := tune.Options{Judge: tune.NewJudge(snapshot), Graph: tune.NewGraph(all), Managed: c.managed}
		plan := tune.NewPlan(snapshot.Objects, p, resolver, opts)
		run.Pins = plan.Pins
		for _, item := range plan.Changed() {
			run.Writes = append(run.Writes, tune.ApplyWrite{
				Item: item, Stamp: tune.Stamp{Session: c.session, Policy: p.Name, Manager: tune.DefaultManager},
				Decide: func(o flux.Object) tune.Item { return tune.Decide(o, p, resolver.Resolve(o), opts) },
			})
		}
	case "revert":
		opts := tune.RestoreOptions{Session: c.session, Force: c.force}
		for _, r := range tune.Restores(snapshot.Objects, opts) {
			if r.Action == tune.ActionChange {
				run.Writes = append(run.Writes, tune.RestoreWrite{Restore: r, Decide: func(o flux.Object) tune.Restore { return tune.DecideRestore(o, opts) }})
			}
		}
	default:
		for _, o := range snapshot.Objects {
			if tune.Tuned(o) {
				run.Writes = append(run.Writes, tune.ForgetWrite{Object: o})
			}
		}
	}
	clock := cluster.Clock{
		Now:     func() time.Time { return s.clock },
		Sleep:   func(_ context.Context, d time.Duration) error { s.clock = s.clock.Add(d); w.observe(); return nil },
		Workers: 1,
	}
	return cluster.Carry(context.Background(), s, run, cluster.WriteOptions{Graph: tune.NewGraph(all), FieldManager: tune.DefaultManager}, clock)
}

// machine is one sequence: the world that fluxtune works on, and the one that it never touched.
type machine struct {
	touched, untouched *world
	sessions           []string
	log                []string
	editCounts         bool
}

func (m *machine) both(what string, event func(*world)) {
	m.log = append(m.log, what)
	event(m.touched)
	event(m.untouched)
}

// ownersEvent is something that an owner, Git or a controller does, in both worlds.
func (m *machine) ownersEvent(t *rapid.T) (string, func(*world)) {
	values := []string{"1m", "2m", "5m", "7m", "9m"}
	children := slices.Concat(inGit, free)
	switch rapid.IntRange(0, 9).Draw(t, "event") {
	case 0, 1:
		ref := rapid.SampledFrom(children).Draw(t, "object")
		f := rapid.SampledFrom(tunables).Draw(t, "field")
		value := rapid.SampledFrom(values).Draw(t, "value")
		gone := f != flux.Interval && rapid.Bool().Draw(t, "remove")
		return fmt.Sprintf("edit %s %s=%s (remove %t)", ref, f, value, gone), func(w *world) { m.edit(w, ref, f, value, gone) }
	case 2:
		ref := rapid.SampledFrom(free).Draw(t, "object")
		value := rapid.SampledFrom(values).Draw(t, "value")
		return fmt.Sprintf("acme-sync applies %s interval=%s", ref, value), func(w *world) {
			if e := w.entities[ref]; e != nil {
				e.apply("acme-sync", map[path]string{path(flux.Interval): value})
			}
		}
	case 3, 4:
		return m.commit(t, values)
	case 5:
		parent := rapid.SampledFrom(parents).Draw(t, "parent")
		kind := rapid.IntRange(0, 2).Draw(t, "ignore")
		ours := tune.OurRules(m.touched.entities[parent].object())
		return fmt.Sprintf("commit spec.ignore of %s: %d", parent, kind), func(w *world) {
			w.git[root][parent].ignore = [][]flux.IgnoreRule{nil, {theirs}, append([]flux.IgnoreRule{theirs}, ours...)}[kind]
			for _, rule := range ours { // what Git leaves to others from now on may be what our rule has kept from it
				for _, ref := range tune.Targets(rule) {
					w.forced[ref] = w.forced[ref] || kind == 2
				}
			}
		}
	case 6:
		parent := rapid.SampledFrom(parents).Draw(t, "parent")
		return fmt.Sprintf("suspend or resume %s", parent), func(w *world) {
			e := w.entities[parent]
			e.suspended = !e.suspended
			e.version++
			e.generation++
			w.observe()
		}
	case 7:
		ref := rapid.SampledFrom(children).Draw(t, "object")
		value := rapid.SampledFrom([]string{"enabled", "disabled", "false"}).Draw(t, "tune")
		return fmt.Sprintf("annotate %s tune=%s", ref, value), func(w *world) {
			if e := w.entities[ref]; e != nil {
				e.update("kubectl-annotate", map[path]*string{annotationPath(tune.OptOutAnnotation): &value}, byOwner)
			}
		}
	default:
		parent := rapid.SampledFrom([]flux.Ref{root, apps, infra}).Draw(t, "parent")
		return fmt.Sprintf("reconcile %s", parent), func(w *world) { w.reconcile(parent); w.observe() }
	}
}

// edit is somebody's kubectl edit. One that would change nothing in the world that was touched leaves no trace there,
// so it counts for nothing.
func (m *machine) edit(w *world, ref flux.Ref, f flux.Field, value string, gone bool) {
	e, there := m.touched.entities[ref]
	now, set := "", false
	if there {
		now, set = e.fields[f]
	}
	if w == m.touched {
		if there && ((gone && set) || (!gone && now != value)) {
			m.editCounts = true
			m.change(e, f, value, gone)
		} else {
			m.editCounts = false
		}
		return
	}
	if e := w.entities[ref]; m.editCounts && e != nil {
		m.change(e, f, value, gone)
	}
}

func (m *machine) change(e *entity, f flux.Field, value string, gone bool) {
	v := &value
	if gone {
		v = nil
		delete(e.fromGit, f) // nothing tells now that Git sets it, until it does again
	}
	e.update("kubectl-edit", map[path]*string{path(f): v}, byOwner)
	e.lastWriter[f] = byOwner
}

func (m *machine) commit(t *rapid.T, values []string) (string, func(*world)) {
	ref := rapid.SampledFrom(inGit).Draw(t, "object")
	f := rapid.SampledFrom(tunables).Draw(t, "field")
	value := rapid.SampledFrom(values).Draw(t, "value")
	what := rapid.IntRange(0, 3).Draw(t, "commit")
	return fmt.Sprintf("commit %s %s=%s (%d)", ref, f, value, what), func(w *world) {
		objects := w.git[parentOf[ref]]
		switch {
		case what == 0 && objects[ref] != nil: // and pruned at the next reconcile
			delete(objects, ref)
		case objects[ref] == nil:
			objects[ref] = &manifest{fields: map[flux.Field]string{flux.Interval: value}}
		case what == 1 && f != flux.Interval:
			delete(objects[ref].fields, f)
		default:
			objects[ref].fields[f] = value
		}
	}
}

func (m *machine) drawCommand(t *rapid.T) command {
	c := command{
		verb:      rapid.SampledFrom([]string{"apply", "apply", "apply", "revert", "revert", "forget"}).Draw(t, "verb"),
		namespace: rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(t, "namespace"),
		managed:   tune.ManagedSkip,
	}
	if rapid.IntRange(0, 5).Draw(t, "tenant") == 0 {
		c.tenant, c.namespace = true, "a"
	}
	if c.namespace == "a" && rapid.Bool().Draw(t, "one") {
		c.name = rapid.SampledFrom([]string{"web", "db", "own"}).Draw(t, "name")
	}
	switch c.verb {
	case "apply":
		c.policy = rapid.IntRange(0, len(thePolicies)-1).Draw(t, "policy")
		c.shorten = rapid.Bool().Draw(t, "shorten")
		c.managed = rapid.SampledFrom([]tune.Managed{tune.ManagedSkip, tune.ManagedPatch, tune.ManagedPin, tune.ManagedPin}).Draw(t, "managed")
		c.session = fmt.Sprintf("s%d", len(m.sessions)+1)
		m.sessions = append(m.sessions, c.session)
	case "revert":
		if len(m.sessions) > 0 && rapid.Bool().Draw(t, "by session") {
			c.session = rapid.SampledFrom(m.sessions).Draw(t, "session")
		}
		c.force = rapid.IntRange(0, 7).Draw(t, "force") == 0
	}
	return c
}

// step is a command, perhaps with something that goes wrong in it.
func (m *machine) step(t *rapid.T) {
	c := m.drawCommand(t)
	s := &server{clock: time.Unix(0, 0)}
	s.fault = rapid.SampledFrom([]fault{faultNone, faultNone, faultLost, faultRefused, faultKilled, faultForbidden, faultMeanwhile}).Draw(t, "fault")
	if s.fault != faultNone {
		s.at = rapid.IntRange(1, 8).Draw(t, "request")
	}
	if s.fault == faultMeanwhile {
		what, event := m.ownersEvent(t)
		s.meanwhile = func() {
			m.both("meanwhile: "+what, event)
		}
	}
	m.log = append(m.log, fmt.Sprintf("%s (fault %d at %d)", c, s.fault, s.at))
	out := m.touched.run(c, s)
	if s.killed {
		return // nobody reads what it would have said
	}
	m.checkReport(t, s, out)
	// What happens after the records were read is for the next command.
	if !c.tenant && s.fault != faultForbidden && s.fault != faultMeanwhile {
		m.checkRules(t, out)
	}
}

// checkReport holds what is said against what the server holds.
func (m *machine) checkReport(t *rapid.T, s *server, out cluster.Outcomes) {
	for _, r := range out.Objects {
		ref := r.Write.Target().Ref
		written := s.written[ref] > 0
		if r.Outcome == cluster.Uncertain && (s.fault == faultLost || s.fault == faultRefused) {
			continue
		}
		if r.Err != nil && strings.Contains(r.Err.Error(), "does not become") {
			m.fail(t, "%s: %s: %v", s.command, ref, r.Err)
		}
		if said := r.Outcome == cluster.Configured; said != written {
			m.fail(t, "%s: %s is reported %s (%s %v), and was written %d times", s.command, ref, r.Outcome, r.Why, r.Err, s.written[ref])
		}
	}
	for _, parent := range parents {
		listed := slices.ContainsFunc(out.Owners, func(r cluster.Result) bool { return r.Write.Target().Ref == parent })
		if s.written[parent] > 0 && !listed {
			m.fail(t, "%s: the rules of %s were written, and nothing says so", s.command, parent)
		}
	}
}

// checkRules: a rule of ours is there if and only if a record needs it, and those of others are as they put them.
func (m *machine) checkRules(t *rapid.T, out cluster.Outcomes) {
	var objects []flux.Object
	for _, ref := range m.touched.refs() {
		objects = append(objects, m.touched.entities[ref].object())
	}
	needs := tune.Needs(objects)
	for _, parent := range parents {
		if slices.ContainsFunc(out.Owners, func(r cluster.Result) bool { return r.Write.Target().Ref == parent && r.Outcome != cluster.Configured }) {
			continue // it says that they could not be brought in order
		}
		e := m.touched.entities[parent]
		have, want := pairs(tune.OurRules(e.object())), pairs(tune.Rules(needs[parent]))
		for pair := range have {
			if !want[pair] {
				m.fail(t, "%s has a rule of ours that no record needs: %s", parent, pair)
			}
		}
		adopted := len(e.object().OwnersOf(flux.IgnoreField)) > 0 && e.owners[ownerKey{"kustomize-controller", true}][path(flux.IgnoreField)]
		for pair := range want {
			if !have[pair] && !adopted && tune.Pinning(e.object()) {
				m.fail(t, "%s lacks a rule that a record needs: %s", parent, pair)
			}
		}
		theirs := m.untouched.entities[parent].ignore
		if !adopted && !slices.EqualFunc(theirRules(e), theirs, flux.IgnoreRule.Equal) {
			m.fail(t, "%s has rules of others %v, and they wrote %v", parent, theirRules(e), theirs)
		}
	}
}

func pairs(rules []flux.IgnoreRule) map[string]bool {
	set := make(map[string]bool)
	for _, r := range rules {
		for _, ref := range tune.Targets(r) {
			for _, p := range r.Paths {
				set[ref.String()+p] = true
			}
		}
	}
	return set
}

func (m *machine) fail(t *rapid.T, format string, args ...any) {
	t.Helper()
	t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(m.log, "\n"))
}

// checkWayBack takes everything back, and compares with the world in which fluxtune never was.
func (m *machine) checkWayBack(t *rapid.T) {
	end := &machine{touched: m.touched.clone(), untouched: m.untouched.clone(), log: m.log}
	for _, c := range []command{{verb: "revert"}, {verb: "forget"}} {
		end.log = append(end.log, "at the end: "+c.String())
		s := &server{clock: time.Unix(0, 0)}
		out := end.touched.run(c, s)
		end.checkReport(t, s, out)
		end.checkRules(t, out)
	}
	for range 2 {
		for _, parent := range []flux.Ref{root, apps, infra} {
			for _, w := range []*world{end.touched, end.untouched} {
				w.entities[parent].suspended = false
				w.reconcile(parent)
			}
		}
	}
	if len(end.touched.complaints) > 0 {
		end.fail(t, "%s", end.touched.complaints[0])
	}
	for _, ref := range end.untouched.refs() {
		got, want := end.touched.entities[ref], end.untouched.entities[ref]
		switch {
		case got == nil:
			end.fail(t, "%s is gone", ref)
		case end.touched.forced[ref]: // an owner's choice was taken back on purpose
		default:
			if a, b := got.lasting(), want.lasting(); a != b {
				end.fail(t, "after everything was taken back %s is\n%s\nand would be\n%s", ref, a, b)
			}
		}
	}
}

// lasting is what is left of an object when nobody works on it: all but versions.
func (e *entity) lasting() string {
	owners := make(map[string][]string)
	for k, set := range e.owners {
		key := fmt.Sprint(k)
		if strings.HasPrefix(k.manager, "kubectl") {
			key = "kubectl" // an edit back to the original leaves no trace where nothing had changed it
		}
		for p := range set {
			// Beside one that keeps applying a field it does not matter whose hand set it before.
			if !slices.Contains(owners[key], string(p)) && !(key == "kubectl" && e.applied(p)) {
				owners[key] = append(owners[key], string(p))
			}
			slices.Sort(owners[key])
		}
	}
	data, err := json.Marshal([]any{e.fields, e.ignore, e.annotations, owners})
	if err != nil {
		panic(err)
	}
	return string(data)
}

func (e *entity) applied(p path) bool {
	return slices.ContainsFunc(e.ownerKeys(), func(k ownerKey) bool { return k.apply && e.owners[k][p] })
}

// sequence is a random history of owners, faults and commands.
func sequence(t *rapid.T) {
	m := &machine{touched: newWorld(), untouched: newWorld()}
	for range rapid.IntRange(1, 9).Draw(t, "steps") {
		if rapid.IntRange(0, 2).Draw(t, "who") == 0 {
			what, event := m.ownersEvent(t)
			m.both(what, event)
		} else {
			m.step(t)
		}
		if len(m.touched.complaints) > 0 {
			m.fail(t, "%s", m.touched.complaints[0])
		}
	}
	m.checkWayBack(t)
}

// TestSequences looks for histories in which a promise does not hold: 20,000 of them, the same in every run. Others are
// looked at with -rapid.seed=N.
func TestSequences(t *testing.T) {
	for i := range 2 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				for range i { // other histories from the same seed
					rapid.Uint64().Draw(t, "offset")
				}
				sequence(t)
			})
		})
	}
}

func TestMain(m *testing.M) {
	flag.Parse()
	for name, value := range map[string]string{"rapid.checks": "10000", "rapid.seed": "20261125"} {
		if !isSet(name) {
			_ = flag.Set(name, value)
		}
	}
	os.Exit(m.Run())
}

func isSet(name string) bool {
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}
