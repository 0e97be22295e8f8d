package sim

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// The verbs of commands.
const (
	VerbApply  = "apply"
	VerbRevert = "revert"
	VerbForget = "forget"
)

// Command is one call of the plugin.
type Command struct {
	Verb      string
	Policy    int // of Policies
	Shorten   bool
	Managed   tune.Managed
	Namespace string // "" is all
	Name      string // "" is all
	Session   string // of an apply, or the one that a revert takes back; "" is all
	Force     bool
	Tenant    bool // may read and write one namespace only
	Lends     bool // an apply that is to be taken back later
	// Manager is the field manager; "" is that of fluxtune.
	Manager string
	// Time is when it begins.
	Time time.Time

	back int // a revert takes back the apply that is so many ago; 0 is all
}

// String is the command in one line, for the report of a history that failed.
func (c Command) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s policy=%d shorten=%t managed=%s -n %q %s session=%q force=%t tenant=%t lends=%t by %s",
		c.Verb, c.Policy, c.Shorten, c.Managed, c.Namespace, c.Name, c.Session, c.Force, c.Tenant, c.Lends, c.manager()))
}

// Managers are the field managers by which commands are called.
var Managers = []string{tune.DefaultManager, "bob", "cron"}

func (c Command) manager() string { return cmp.Or(c.Manager, tune.DefaultManager) }

// policies are what commands apply. A resolver changes nothing of them.
var policies = makePolicies()

func makePolicies() []policy.Policy {
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

func drawCommand(t *rapid.T, l Layout) Command {
	c := Command{
		Verb:      rapid.SampledFrom([]string{VerbApply, VerbApply, VerbApply, VerbRevert, VerbRevert, VerbForget}).Draw(t, "verb"),
		Namespace: rapid.SampledFrom([]string{"", "", l.A, l.B}).Draw(t, "namespace"),
		Managed:   tune.ManagedSkip,
	}
	if rapid.IntRange(0, 5).Draw(t, "tenant") == 0 {
		c.Tenant, c.Namespace = true, l.A
	}
	if c.Namespace == l.A && rapid.Bool().Draw(t, "one") {
		c.Name = rapid.SampledFrom([]string{"web", "db", "own"}).Draw(t, "name")
	}
	switch c.Verb {
	case VerbApply:
		c.Policy = rapid.IntRange(0, len(policies)-1).Draw(t, "policy")
		c.Shorten = rapid.Bool().Draw(t, "shorten")
		c.Managed = rapid.SampledFrom([]tune.Managed{tune.ManagedSkip, tune.ManagedPatch, tune.ManagedPin, tune.ManagedPin}).Draw(t, "managed")
	case VerbRevert:
		c.back = max(0, rapid.IntRange(-3, 3).Draw(t, "session"))
		c.Force = rapid.IntRange(0, 7).Draw(t, "force") == 0
	}
	return c
}

// Forbidden are the namespaces that the user of a command may not see.
func (c Command) Forbidden(l Layout) map[string]bool {
	return map[string]bool{l.System: c.Tenant, l.B: c.Tenant}
}

// Snapshot is what a command knows of all objects.
func (c Command) Snapshot(l Layout, all []flux.Object) flux.Snapshot {
	var s flux.Snapshot
	forbidden := c.Forbidden(l)
	for _, o := range all {
		switch {
		case forbidden[o.Namespace]:
		case o.Namespace != l.System && (c.Namespace == "" || c.Namespace == o.Namespace) && (c.Name == "" || c.Name == o.Name):
			s.Objects = append(s.Objects, o)
		default:
			s.Related = append(s.Related, o)
		}
	}
	return s
}

// Planned is a command that is about to be carried out.
type Planned struct {
	Run cluster.Run
	// Restores are all that a revert found, also what it leaves alone.
	Restores []tune.Restore
	options  cluster.WriteOptions
}

// Plan plans a command as the command line does.
func (c Command) Plan(s flux.Snapshot) Planned {
	all := slices.Concat(s.Objects, s.Related)
	graph := tune.NewGraph(flux.Each(all))
	p := Planned{Run: cluster.Run{PinTimeout: time.Minute}, options: cluster.WriteOptions{Graph: graph, FieldManager: c.manager()}}
	for _, o := range all {
		if tune.Pinning(o) {
			p.Run.Owners = append(p.Run.Owners, o)
		}
	}
	switch c.Verb {
	case VerbApply:
		chosen := policies[c.Policy]
		chosen.ShortenTimeouts = c.Shorten
		resolver := policy.NewResolver(chosen, s, "development")
		opts := tune.Options{Judge: tune.NewJudge(s), Graph: graph, Managed: c.Managed}
		stamp := tune.Stamp{Session: c.Session, Policy: chosen.Name, Manager: c.manager(), Time: c.Time}
		if c.Lends {
			stamp.Until = time.Unix(0, 0).Add(time.Hour)
			opts.Until = stamp.Until
		}
		plan := tune.NewPlan(s.Objects, chosen, resolver, opts)
		p.Run.Pins = plan.Pins
		for _, item := range plan.Changed() {
			if item.Repins() {
				continue // only rules are written
			}
			p.Run.Writes = append(p.Run.Writes, tune.ApplyWrite{
				Item: item, Stamp: stamp,
				Decide: func(o flux.Object) tune.Item { return tune.Decide(o, chosen, resolver.Resolve(o), opts) },
			})
		}
	case VerbRevert:
		opts := tune.RestoreOptions{Session: c.Session, Force: c.Force}
		p.Restores = tune.Restores(s.Objects, opts)
		for _, r := range p.Restores {
			if r.Action == tune.ActionChange {
				p.Run.Writes = append(p.Run.Writes, tune.RestoreWrite{Restore: r, Decide: func(o flux.Object) tune.Restore { return tune.DecideRestore(o, opts) }})
			}
		}
	default:
		for _, o := range s.Objects {
			if tune.Tuned(o) {
				p.Run.Writes = append(p.Run.Writes, tune.ForgetWrite{Object: o})
			}
		}
	}
	return p
}

// Carry carries a plan out on a store.
func (p Planned) Carry(ctx context.Context, s *Store) cluster.Outcomes {
	s.Written = make(map[flux.Ref]int)
	return cluster.Carry(ctx, s, p.Run, p.options, s.Clock())
}
