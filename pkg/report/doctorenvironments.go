package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// EnvironmentsCheck is about which environments the objects of a snapshot have, and, where some have none that
// the policy knows, what would give them one, or who may say. Where is what commands take to look in the same place: -A, or -n.
func (a Access) EnvironmentsCheck(p policy.Policy, s flux.Snapshot, resolver *policy.Resolver, proposal Proposal, where string) Check {
	c := Check{Name: "environments", Status: CheckOK}
	if len(s.Objects) == 0 {
		c.Status, c.Message = CheckWarning, "no Flux objects found"
		if s.Incomplete() {
			c.Message = "unknown: the objects could not be read"
		}
		return c
	}
	parts, none, strange := proposal.found(p, s, resolver)
	c.Message = fmt.Sprintf("%s: %s", objectsOf(len(s.Objects)), strings.Join(parts, ", "))
	if s.Incomplete() {
		c.Status = CheckWarning
		c.Message += " (as far as you may read)"
	}
	c.Message += overruled(s, resolver)
	if none+strange > 0 {
		c.Status = CheckWarning
		c.Remedy, c.Run = remedies(p, s, resolver, proposal, none, where)
	}
	if names := calledOtherwise(p, s, resolver); names != "" {
		c.Message += "; " + names
		c.first("label these namespaces, or name them in spec.namespaces of the policy, which counts before spec.clusters", nil)
	}
	if proposal.Unread > 0 { // first: what follows is about what is known
		c.first(a.grantLabels(proposal.everywhere))
	}
	if proposal.UsersUnread > 0 {
		c.first(a.grantUsers(s))
	}
	return c
}

// found says how many objects have which environment. None have no environment, strange ones have one that the policy does not know.
func (proposal Proposal) found(p policy.Policy, s flux.Snapshot, resolver *policy.Resolver) (parts []string, none, strange int) {
	known := make(map[string]int)
	for _, o := range s.Objects {
		if e := resolver.Resolve(o); e.Known {
			known[e.Environment]++
		} else if e.Environment == "" && e.Unread == "" {
			none++
		}
	}
	var words []string
	for _, name := range p.EnvironmentNames() {
		if known[name] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", name, known[name]))
		}
	}
	for _, word := range proposal.Aliases {
		strange += word.Objects
		words = append(words, fmt.Sprintf("%s %d", word.Alias, word.Objects))
	}
	if strange > 0 {
		parts = append(parts, fmt.Sprintf("%d in environments that the policy %s does not know (%s)", strange, p.Name, strings.Join(words, ", ")))
	}
	if none > 0 {
		parts = append(parts, fmt.Sprintf("%d without", none))
	}
	if proposal.Unread > 0 {
		whose := "their namespaces"
		if proposal.everywhere {
			whose = "namespaces that count"
		}
		parts = append(parts, fmt.Sprintf("%d unknown, as you may not read the labels of %s", proposal.Unread, whose))
	}
	if proposal.UsersUnread > 0 {
		parts = append(parts, fmt.Sprintf("%d unknown, as what may use them could not all be read", proposal.UsersUnread))
	}
	return parts, none, strange
}

// overruled names the namespaces whose labels say something else than the patterns of the policy; "" where there are none.
func overruled(s flux.Snapshot, resolver *policy.Resolver) string {
	labels := make(map[string]string)
	for _, o := range s.Objects {
		a := resolver.Resolve(o)
		if a.Overruled == (policy.Pattern{}) {
			continue
		}
		namespace := o.Namespace
		if a.Source == policy.SourceTargetNamespace {
			namespace = o.TargetNamespace
		}
		labels[namespace] = fmt.Sprintf("%s: label %s, pattern %s", namespace, a.Environment, a.Overruled.Environment)
	}
	if len(labels) == 0 {
		return ""
	}
	return fmt.Sprintf("; the labels of %s say something else than the policy's patterns, and count (%s)", count(len(labels), "namespace"), firstOfThem(labels))
}

// calledOtherwise names the namespaces of which a word says another environment than the policy says of the cluster, which counts; ""
// where there are none.
func calledOtherwise(p policy.Policy, s flux.Snapshot, resolver *policy.Resolver) string {
	names := make(map[string]string)
	for _, o := range s.Objects {
		a := resolver.Resolve(o)
		if by, ok := patternOf(p, o.Namespace); ok && a.Source == policy.SourceCluster && by.Environment != a.Environment {
			names[o.Namespace] = fmt.Sprintf("%s gets %s", o.Namespace, a.Environment)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("%s called after another environment than the policy gives the cluster (%s)", are(len(names), "namespace"), firstOfThem(names))
}

// firstOfThem are the first texts, by their keys, and how many more there are.
func firstOfThem(texts map[string]string) string {
	const most = 3
	var list []string
	for _, key := range sortedKeys(texts) {
		list = append(list, texts[key])
	}
	if more := len(list) - most; more > 0 {
		list = append(list[:most], fmt.Sprintf("%d more", more))
	}
	return strings.Join(list, "; ")
}

// first makes of a check a warning with a remedy before those that it has.
func (c *Check) first(remedy string, run []string) {
	c.Status = CheckWarning
	c.Remedy, c.Run = strings.Trim(remedy+"; "+c.Remedy, "; "), append(run, c.Run...)
}

// grantUsers is what an administrator runs so that the user may list what may use sources; nothing where a list failed for another
// reason.
func (a Access) grantUsers(s flux.Snapshot) (remedy string, run []string) {
	forbidden := slices.DeleteFunc(s.UnreadUsers(), func(k flux.Kind) bool {
		return !slices.ContainsFunc(s.Gaps, func(g flux.Gap) bool { return g.Forbidden && strings.HasPrefix(g.What, k.Resource+" ") })
	})
	if len(forbidden) == 0 {
		return "", nil
	}
	if a.Rights.User == "" {
		return fmt.Sprintf("ask an administrator for the right to list %s in all namespaces", flux.Resources(forbidden)), nil
	}
	const role = "fluxtune-users"
	resources := make([]string, len(forbidden))
	for i, k := range forbidden {
		resources[i] = k.Resource + "." + k.Group
	}
	return "an administrator grants the right to list what may use sources so", []string{
		"kubectl create clusterrole " + role + " --verb=list --resource=" + terminal.Quoted(strings.Join(resources, ",")), Access{Rights: a.Rights}.binding(role)}
}

// grantLabels is what an administrator runs so that the user may read the labels of namespaces: where the commands look, or everywhere.
func (a Access) grantLabels(everywhere bool) (remedy string, run []string) {
	const role = "fluxtune-namespaces"
	if everywhere {
		a.Namespace = ""
	}
	if a.Rights.User == "" {
		return "ask an administrator for the right to get and list namespaces", nil
	}
	return "an administrator grants the right to read the labels of namespaces so", []string{"kubectl create clusterrole " + role + " --verb=get,list --resource=namespaces", a.binding(role)}
}

// remedies are what gives environments to objects without, as a sentence, and as commands that work as they stand.
func remedies(p policy.Policy, s flux.Snapshot, resolver *policy.Resolver, proposal Proposal, none int, where string) (remedy string, run []string) {
	var sentences []string
	if len(proposal.Aliases) > 0 {
		sentences = append(sentences, "say which environments the words mean, with --env-alias or as aliases in a policy of your own")
		run = append(run, "kubectl fluxtune plan "+where+proposal.Flags())
	}
	if none == 0 {
		return strings.Join(sentences, "; "), run
	}
	if len(proposal.Lines()) > 0 {
		sentences = append(sentences, "names tell the environments: see the lines for a policy below")
	}
	if proposal.Without > 0 {
		whose, them := fmt.Sprintf("the namespaces of the %d others", proposal.Without), "all of them"
		switch {
		case proposal.Without == none:
			whose = "the namespaces of those without"
		case proposal.Without == 1:
			whose, them = "the namespace of the other one", "it"
		}
		sentences = append(sentences, fmt.Sprintf("label %s (%s), or give %s one environment with --default-env", whose, strings.Join(p.EnvironmentNames(), ", "), them))
		sentence, command := labelStep(p, s, resolver, proposal)
		if sentence != "" {
			sentences = append(sentences, sentence)
		}
		if command != "" {
			run = append(run, command)
		}
	}
	return strings.Join(sentences, "; "), run
}

// environmentPlaceholder stands for what somebody has to choose.
const environmentPlaceholder = "ENVIRONMENT"

// oneOf lists words of which one counts: "a, b or c".
func oneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// labelStep labels the namespace with the most objects that nothing gives an environment: by a command where the environment is
// told, since all other objects have the same one, and by a sentence where it is not. One that something applies is to be labelled
// there: kustomize-controller takes back what kubectl has set (internal/controller/kustomization_controller.go, apply,
// fieldManagers). What bears the label already, if with an empty value, is overwritten: kubectl refuses to do so unasked.
func labelStep(p policy.Policy, s flux.Snapshot, resolver *policy.Resolver, proposal Proposal) (sentence, command string) {
	counts, others := make(map[string]int), make(map[string]bool)
	for _, o := range s.Objects {
		if a := resolver.Resolve(o); a.Known {
			others[a.Environment] = true
		}
		if _, read := s.Namespaces[o.Namespace]; read && resolver.Resolve(o).Environment == "" && !proposal.covers(o) {
			counts[o.Namespace]++
		}
	}
	namespace := ""
	for _, name := range sortedKeys(counts) {
		if namespace == "" || counts[name] > counts[namespace] {
			namespace = name
		}
	}
	if namespace == "" {
		return "", ""
	}
	environment, which := environmentPlaceholder, fmt.Sprintf(", where %s is %s", environmentPlaceholder, oneOf(p.EnvironmentNames()))
	if len(others) == 1 {
		environment, which = sortedKeys(others)[0], ""
	}
	key, overwrite := environmentKey(p), ""
	if owner, owned := (flux.Object{Labels: s.Namespaces[namespace]}).Owner(); owned {
		return fmt.Sprintf("namespace %q comes from %s: label it there with %s=%s%s", namespace, owner, key, environment, which), ""
	}
	if _, there := s.Namespaces[namespace][key]; there {
		overwrite = " --overwrite"
	}
	command = fmt.Sprintf("kubectl label namespace %s %s%s", terminal.Quoted(namespace), terminal.Quoted(key+"="+environment), overwrite)
	if which != "" {
		return command + which, ""
	}
	return "", command
}

// environmentKey is the label to recommend: the plainest that the policy reads.
func environmentKey(p policy.Policy) string {
	for _, key := range p.LabelKeys {
		if !strings.Contains(key, "/") {
			return key
		}
	}
	return p.LabelKeys[0]
}
