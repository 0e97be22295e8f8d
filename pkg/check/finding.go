package check

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
)

// Rule is what a finding is about. The words are part of the output's contract.
type Rule string

// The rules.
const (
	RuleUnit      Rule = "unit"
	RuleKind      Rule = "unknown-kind"
	RuleSchema    Rule = "schema"
	RuleYAML      Rule = "invalid-yaml"
	RuleLost      Rule = "lost-cluster"
	RuleImmutable Rule = "immutable"
	RulePath      Rule = "missing-path"
	RuleVariable  Rule = "unset-variable"
	RuleTimeout   Rule = "timeout"
	RulePolicy    Rule = "policy"
	RuleDead      Rule = "dead"
	RuleDuplicate Rule = "duplicate-source"
	RuleSemver    Rule = "semver"
)

// Level is how bad it is, in the words of SARIF.
type Level string

// The levels.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
	LevelNote    Level = "note"
)

// RuleText describes a rule.
type RuleText struct {
	Rule  Rule
	Level Level
	// Short says in a sentence what is found, Help what to do about it.
	Short, Help string
}

// earlierStages is what a Kustomization does of which the API server refuses an object of Flux (fluxcd/pkg ssa, ApplyAllStaged).
const earlierStages = "applies nothing but what comes in earlier stages: CustomResourceDefinitions, Namespaces, ClusterRoles and classes, as StorageClass"

// Rules are all rules, in the order in which they are shown.
func Rules() []RuleText {
	return []RuleText{
		{RuleUnit, LevelError, "A duration that Flux refuses, or none where it wants one",
			"Flux takes ms, s, m and h, and in the timeouts of sources no h. The API server refuses the object, and its Kustomization then " + earlierStages + ". Write 24h for a day."},
		{RuleKind, LevelError, "A kind or apiVersion that Flux does not have",
			"It looks like a typing error in one of Flux's own. The API server has no such kind, so that its Kustomization " + earlierStages + ". It takes nothing away."},
		{RuleSchema, LevelError, "A field that the API server refuses",
			"The schema of the CRD, that of Flux 2.10, does not take what the object is built with, or wants a field that is not there. The API server refuses the object, so that its Kustomization " + earlierStages + ". It takes nothing away."},
		{RuleYAML, LevelError, "A file that cannot be read as YAML",
			"kustomize-controller cannot build what the file is a part of: it applies nothing of the Kustomization, and takes nothing away. Correct the file; what a template engine is to render belongs beside what Flux reads."},
		{RuleLost, LevelError, "A branch with which a cluster's Flux takes itself away",
			"Flux takes away what a Kustomization does not apply any more, also the Kustomization itself, and with it all that it applied. Have the folder that it reads include it: flux bootstrap writes it into flux-system/gotk-sync.yaml. To move it, have both folders include it, and change its path in both. Told only with --base."},
		{RuleImmutable, LevelError, "A change of an immutable ConfigMap",
			"The API server takes no other data of it, and does not make it mutable again, so that its Kustomization " + earlierStages + ". It takes nothing away. Give the ConfigMap another name, as a configMapGenerator does; with spec.force the Kustomization makes it anew. Told only with --base."},
		{RulePath, LevelError, "A Kustomization whose path is not in the checkout",
			"kustomize-controller finds no files for it: it applies nothing, and takes nothing away. Correct spec.path, or bring the folder back."},
		{RuleVariable, LevelError, "A variable without a value and without a default",
			"kustomize-controller then applies nothing of the Kustomization. Before version 1.9, or with the feature gate StrictPostBuildSubstitutions off, the variable is empty. Set it in spec.postBuild, or give it a default, as in ${poll:=5m}; $${poll} is left as ${poll}, and objects with the annotation kustomize.toolkit.fluxcd.io/substitute: disabled are passed over."},
		{RuleTimeout, LevelNote, "A timeout that is not shorter than the interval",
			"A reconcile that hangs then lasts until the next one is due, or longer, and keeps a worker of the controller busy for all that time. Not told where the policy wants both values, or keeps the timeout, since it shortens none unasked."},
		{RulePolicy, LevelWarning, "A value outside the policy",
			"kubectl fluxtune rewrite -f brings the files to what the policy wants."},
		{RuleDead, LevelNote, "A value that decides nothing",
			"A patch, a base or a variable takes its place in every cluster, also where that has the same text. Change what decides: kubectl fluxtune trace -f says where that is. It may be taken out, unless a patch replaces it (op: replace): that fails where it finds nothing."},
		{RuleDuplicate, LevelWarning, "Two sources of a namespace for one repository",
			"Each polls for itself. They differ in nothing but their names and how often they poll, so that one would do for both."},
		{RuleSemver, LevelNote, "A range of versions at a short interval",
			"A GitRepository with ref.semver clones the repository at each interval, whether or not there is a new version. Take a longer interval, or a Receiver."},
	}
}

func levelOf(r Rule) Level {
	for _, text := range Rules() {
		if text.Rule == r {
			return text.Level
		}
	}
	return LevelWarning
}

// Finding is what is wrong at one place.
type Finding struct {
	Rule    Rule
	Level   Level
	Message string
	At      manifest.Position
	// Objects that it is about; of a value that decides nothing none.
	Objects []Object
	// Known says that the base has it, too.
	Known bool
}

// Object is an object of a cluster.
type Object struct {
	Cluster string
	Ref     flux.Ref
}

// fact is one object's share in a finding.
type fact struct {
	rule Rule
	at   manifest.Position
	// id tells whether the base has it, too: it does not change when lines move.
	id string
	// says is the message, with who in the place of the object; tails are told together behind it.
	says, tail string
	cluster    string
	ref        flux.Ref
	// old says that the base has it, too: in another file, or the same value, only without an environment that would tell what is
	// wrong with it.
	old bool
}

// who stands for the objects that a message is about.
const who = "\x00"

// findings are what is wrong on the branch. What the base has, too, is known.
func findings(in Input, pairs []pairing, moved moves, decisions manifest.Decisions) []Finding {
	facts := lint(in, in.Head, in.Base, pairs, nil, decisions)
	dead := deadFacts(in.Head, nil, decisions)
	known, same := map[string]int{}, map[string]bool{}
	if in.Base != nil {
		for _, f := range lint(in, *in.Base, nil, nil, moved, manifest.Decisions{}) {
			known[f.id] = len(facts) // in however many clusters
			if i := slices.IndexFunc(pairs, func(p pairing) bool { return cmp.Or(p.from, p.name) == f.cluster }); i >= 0 {
				same[f.about(pairs[i].name)] = true
			}
		}
		if len(dead) > 0 {
			for _, f := range deadFacts(*in.Base, moved, in.Base.Tree.Decide(in.Base.Fleets)) {
				known[f.id]++
			}
		}
	}
	for i := range facts { // of an object that is written in another file now
		facts[i].old = facts[i].old || facts[i].cluster != "" && same[facts[i].about(facts[i].cluster)]
	}
	return group(slices.Concat(facts, dead, branchFacts(in, pairs)), known)
}

// about tells apart what is said of an object of a cluster, wherever it is written.
func (f fact) about(cluster string) string {
	return fmt.Sprint(f.rule, "\x00", cluster, "\x00", f.ref, "\x00", f.says, "\x00", f.tail)
}

// group makes one finding of the facts of one rule at one place.
func group(facts []fact, known map[string]int) []Finding {
	type key struct {
		rule Rule
		at   manifest.Position
		id   string // where nobody knows the place, each stands for itself
	}
	members := map[key][]fact{}
	for _, f := range facts {
		k := key{rule: f.rule, at: f.at}
		if f.at.File == "" {
			k.id = f.id
		}
		members[k] = append(members[k], f)
	}
	list := make([]Finding, 0, len(members))
	for k, facts := range members {
		finding := Finding{Rule: k.rule, Level: levelOf(k.rule), At: k.at, Message: message(facts), Known: true}
		for _, f := range facts {
			if f.cluster != "" {
				finding.Objects = append(finding.Objects, Object{f.cluster, f.ref})
			}
			known[f.id]--
			if known[f.id] < 0 && !f.old {
				finding.Known = false
			}
		}
		sorting.By(finding.Objects, func(a, b Object) int {
			return cmp.Or(strings.Compare(a.Cluster, b.Cluster), a.Ref.Compare(b.Ref))
		})
		finding.Objects = slices.Compact(finding.Objects)
		list = append(list, finding)
	}
	sorting.By(list, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.At.File, b.At.File), a.At.Line-b.At.Line, a.At.Column-b.At.Column, strings.Compare(string(a.Rule), string(b.Rule)), strings.Compare(a.Message, b.Message))
	})
	return list
}

// message says it once for all facts that say the same, and whom it concerns.
func message(facts []fact) string {
	concerned := map[string][]fact{}
	for _, f := range facts {
		concerned[f.says] = append(concerned[f.says], f)
	}
	lines := make([]string, 0, len(concerned))
	for says, list := range concerned {
		var tails []string
		for _, f := range list {
			if f.tail != "" && !slices.Contains(tails, f.tail) {
				tails = append(tails, f.tail)
			}
		}
		slices.Sort(tails)
		lines = append(lines, strings.ReplaceAll(says, who, whom(list))+strings.Join(tails, ", "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

func whom(facts []fact) string {
	refs, clusters := map[flux.Ref]bool{}, map[string]bool{}
	for _, f := range facts {
		refs[f.ref], clusters[f.cluster] = true, true
	}
	text := facts[0].ref.String()
	if len(refs) > 1 {
		text = fmt.Sprintf("%d objects", len(refs))
	}
	if len(clusters) > 1 {
		text += fmt.Sprintf(" in %d clusters", len(clusters))
	}
	return text
}
