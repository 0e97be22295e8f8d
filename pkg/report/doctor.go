package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

// Diagnosis is what doctor shows: what is there for fluxtune to work with, and what to do next.
type Diagnosis struct {
	Head
	Checks []Check `json:"checks"`
	// Next are commands that are worth running now, the most useful first.
	Next []string `json:"next"`
}

// Check is one thing that was looked at.
type Check struct {
	Name   string      `json:"name"`
	Status CheckStatus `json:"status"`
	// Message says what was found.
	Message string `json:"message"`
	// Remedy says what helps; empty where all is well.
	Remedy string `json:"remedy,omitempty"`
}

// CheckStatus says how good what was found is. The words are part of the JSON contract.
type CheckStatus string

// The statuses. With a warning, something works less well; with a failure, something does not work.
const (
	CheckOK      CheckStatus = "ok"
	CheckWarning CheckStatus = "warning"
	CheckFailed  CheckStatus = "failed"
)

// NewDiagnosis makes the document.
func NewDiagnosis(checks []Check, next []string) Diagnosis {
	return Diagnosis{Head: Head{APIVersion: APIVersion, Kind: "Diagnosis"}, Checks: checks, Next: next}
}

// Failed tells whether something does not work.
func (d Diagnosis) Failed() bool {
	return slices.ContainsFunc(d.Checks, func(c Check) bool { return c.Status == CheckFailed })
}

// Draw writes the checks for people, each with its remedy, and what to do next.
func (d Diagnosis) Draw(w io.Writer, l Layout) error {
	l.NoHeaders, l.Width = true, 0
	styles := map[CheckStatus]Style{CheckOK: Good, CheckWarning: Changed, CheckFailed: Bad}
	table := Table{Columns: []Column{{Name: "STATUS"}, {Name: "CHECK"}, {Name: "FOUND", Shrink: terminal.End}}}
	for _, c := range d.Checks {
		table.Rows = append(table.Rows, []Cell{{Text: string(c.Status), Style: styles[c.Status]}, {Text: c.Name, Style: Strong}, Text(c.Message)})
		if c.Remedy != "" {
			table.Rows = append(table.Rows, []Cell{Text(""), Text(""), {Text: "-> " + c.Remedy, Style: Changed}})
		}
	}
	if err := table.Draw(w, l); err != nil {
		return err
	}
	if len(d.Next) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\nNext:\n  %s\n", strings.Join(d.Next, "\n  "))
	return err
}

// KindsCheck is about the Flux kinds that a cluster serves, by name, with their versions.
func KindsCheck(served map[string]string, version string) Check {
	c := Check{Name: "Flux", Status: CheckOK}
	var missing []string
	for _, k := range flux.Kinds() {
		if served[k.Name] == "" {
			missing = append(missing, k.Name)
		}
	}
	all := len(flux.Kinds())
	if len(missing) == all {
		c.Status, c.Message = CheckFailed, "the cluster serves none of Flux's kinds"
		c.Remedy = "install Flux (flux install), or choose another --context"
		return c
	}
	if version == "" {
		version = "of unknown version (no Deployment of its controllers tells)"
	}
	if len(missing) == 0 {
		c.Message = fmt.Sprintf("%s, with all %d kinds that have an interval", version, all)
	} else {
		c.Message = fmt.Sprintf("%s, with %d of %d kinds that have an interval; not installed: %s", version, all-len(missing), all, strings.Join(missing, ", "))
	}
	return c
}

// EnvironmentsCheck is about which environments the objects of a snapshot have, and, where some have
// none, which labels their namespaces do bear.
func EnvironmentsCheck(p policy.Policy, s flux.Snapshot, resolver *policy.Resolver) Check {
	c := Check{Name: "environments", Status: CheckOK}
	counts := make(map[string]int)
	without, unknown := make(map[string]bool), make(map[string]bool)
	var none int
	for _, o := range s.Objects {
		a := resolver.Resolve(o)
		switch {
		case a.Environment == "":
			none++
			without[o.Namespace] = true
		default:
			counts[a.Environment]++
			if !a.Known {
				unknown[a.Environment] = true
			}
		}
	}
	var parts []string
	for _, name := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	if none > 0 {
		parts = append(parts, fmt.Sprintf("without %d", none))
	}
	c.Message = fmt.Sprintf("%s: %s", objects(len(s.Objects)), strings.Join(parts, ", "))
	if s.Incomplete() {
		c.Status = CheckWarning
		c.Message += " (as far as you may read)"
	}
	switch {
	case len(s.Objects) == 0 && s.Incomplete():
		c.Status, c.Message = CheckWarning, "unknown: the objects could not be read"
	case len(s.Objects) == 0:
		c.Status, c.Message = CheckWarning, "no Flux objects found"
	case none > 0:
		c.Status = CheckWarning
		namespaces := sortedKeys(without)
		c.Message += fmt.Sprintf("; labels of the namespaces without: %s", labelsOf(namespaces, s.Namespaces))
		c.Remedy = fmt.Sprintf("kubectl label namespace %s %s=%s (one of %s; any of the labels %s counts), or --default-env",
			namespaces[0], environmentKey(p), p.EnvironmentNames()[0], strings.Join(p.EnvironmentNames(), ", "), strings.Join(p.LabelKeys, ", "))
	case len(unknown) > 0:
		c.Status = CheckWarning
		c.Remedy = fmt.Sprintf("the policy %s does not know %s: add them as environments or aliases of a policy of your own (kubectl fluxtune policy %s > policy.yaml)",
			p.Name, strings.Join(sortedKeys(unknown), ", "), p.Name)
	}
	return c
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

// labelsOf lists the labels of namespaces, a few of them, without those that Kubernetes sets.
func labelsOf(names []string, namespaces map[string]map[string]string) string {
	const most = 8
	found := make(map[string]bool)
	for _, name := range names {
		for key, value := range namespaces[name] {
			if key != "kubernetes.io/metadata.name" {
				found[key+"="+value] = true
			}
		}
	}
	all := sortedKeys(found)
	switch {
	case len(all) == 0:
		return "none"
	case len(all) > most:
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", len(all)-most)
	default:
		return strings.Join(all, ", ")
	}
}

// OwnersCheck is about what applies the objects of a snapshot: Git undoes changes of those.
func OwnersCheck(s flux.Snapshot, ignore bool) Check {
	c := Check{Name: "owners", Status: CheckOK}
	counts := make(map[string]int)
	var owned int
	for _, o := range s.Objects {
		if owner, ok := o.Owner(); ok {
			owned++
			counts[owner.Kind]++
		}
	}
	var parts []string
	for _, kind := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%d by a %s", counts[kind], kind))
	}
	if owned == 0 {
		c.Message = "nothing applies these objects from elsewhere: changes stick"
		return c
	}
	c.Status = CheckWarning
	c.Message = fmt.Sprintf("%d of %s applied by something: %s; what it sets comes back", owned, objects(len(s.Objects)), strings.Join(parts, ", "))
	c.Remedy = "kubectl fluxtune get -A -o wide shows for each whether a change sticks; change the values in Git"
	if ignore {
		c.Remedy += ", or pin them with kubectl fluxtune apply --managed=pin"
	}
	return c
}

// IgnoreCheck is about spec.ignore, on which pins stand.
func IgnoreCheck(supported bool) Check {
	if supported {
		return Check{Name: "spec.ignore", Status: CheckOK, Message: "Kustomizations have it: --managed=pin can hold changes against Git"}
	}
	return Check{Name: "spec.ignore", Status: CheckWarning, Message: "Kustomizations do not have it: --managed=pin does not work",
		Remedy: "kustomize-controller 1.9 brings it (Flux 2.9); until then change in Git what is set there"}
}

func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
