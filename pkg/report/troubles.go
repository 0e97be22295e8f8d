package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Troubles are what is not as it was asked for, a line each: what failed, what is uncertain, what was left alone since it
// changed, what could not be taken back, what is not ready yet. Many objects with the same trouble share a line.
func (r Results) Troubles() []string {
	var troubles []trouble
	at := make(map[[2]string]int)
	add := func(item Result, what, why string) {
		name := nameOf(item)
		why = oneLine(why)
		// What the API server refuses it names.
		general := strings.ReplaceAll(why, `"`+item.Ref.Name+`"`, `"..."`)
		if i, same := at[[2]string{what, general}]; same {
			troubles[i].names, troubles[i].why = append(troubles[i].names, name), general
			return
		}
		at[[2]string{what, general}] = len(troubles)
		troubles = append(troubles, trouble{what, why, []string{name}})
	}
	for _, item := range slices.Concat(r.Rules, r.Items) {
		switch {
		case item.Action == string(cluster.Failed):
			add(item, "Failed", item.Error)
		case item.Action == string(cluster.Uncertain):
			add(item, "Uncertain, it may have been changed", item.Error)
		case item.Action == string(cluster.NotAttempted) && item.runEnded:
			// the same for many: counted, not named
		case item.Action == string(cluster.NotAttempted) && item.Error != "":
			add(item, "Not attempted", item.Error)
		case item.Action == string(cluster.NotAttempted) && item.Message != "": // by the plan
			add(item, "Not taken back", item.Message)
		case item.Error != "":
			add(item, "Not complete", item.Error)
		case item.Action == string(cluster.Skipped) && item.tried && item.Message != item.Kept:
			add(item, "Left alone", item.Message)
		}
		if item.Kept != "" && item.Action != string(cluster.NotAttempted) {
			add(item, "Not taken back", item.Kept)
		}
		if item.NotReady != "" {
			add(item, "Changed, and not ready yet", item.NotReady)
		}
	}
	var lines []string
	for _, t := range troubles {
		lines = append(lines, t.line())
	}
	return lines
}

// Beside are warnings of what admission changed besides, one for the objects of which it is the same fields.
func (r Results) Beside() []string {
	var lines []string
	names := make(map[string]*trouble)
	var order []string
	for _, item := range slices.Concat(r.Rules, r.Items) {
		what := item.beside()
		if what == "" {
			continue
		}
		if names[what] == nil {
			names[what] = &trouble{}
			order = append(order, what)
		}
		names[what].names = append(names[what].names, nameOf(item))
	}
	for _, what := range order {
		lines = append(lines, what+": "+names[what].named())
	}
	return lines
}

// NotAttempted counts and names what the end of the run kept from being tried, which no line of Troubles is about; "" where it
// came to all: "2 objects were not attempted: GitRepository apps/a, GitRepository apps/b".
func (r Results) NotAttempted() string {
	if r.Summary.NotAttempted == 0 {
		return ""
	}
	text := "1 object was not attempted"
	if n := r.Summary.NotAttempted; n > 1 {
		text = fmt.Sprintf("%d objects were not attempted", n)
	}
	var ended trouble
	for _, item := range r.Items {
		if item.Action == string(cluster.NotAttempted) && (item.runEnded || item.Error == "" && item.Message == "") {
			ended.names = append(ended.names, nameOf(item))
		}
	}
	if len(ended.names) == 0 {
		return text
	}
	if others := r.Summary.NotAttempted - len(ended.names); others > 0 {
		return fmt.Sprintf("%s: %d for what is said above, and %s", text, others, ended.named())
	}
	return text + ": " + ended.named()
}

// RunAgain tells whether the same command does what was not attempted. What a plan has put off says itself what it takes.
func (r Results) RunAgain() bool {
	return slices.ContainsFunc(r.Items, func(item Result) bool {
		return item.Action == string(cluster.NotAttempted) && (item.runEnded || item.Error != "" || item.Message == "")
	})
}

// nameOf is how a line calls the object of a result.
func nameOf(item Result) string {
	return flux.InCluster(item.Ref.Cluster, flux.Ref{Kind: item.Ref.Kind, Namespace: item.Ref.Namespace, Name: item.Ref.Name}.String())
}

// OthersChose tells whether all that is not as it was asked for is what others, or later sessions, have chosen since: to try
// again makes nothing else of it.
func (r Results) OthersChose() bool {
	if len(r.Troubles()) == 0 || r.Summary.NotAttempted > 0 {
		return false
	}
	r.Items = slices.Clone(r.Items)
	for i := range r.Items {
		r.Items[i].Kept = ""
	}
	return len(r.Troubles()) == 0
}

// trouble is what is not as it was asked for, and the objects of which that is so.
type trouble struct {
	what, why string
	names     []string
}

// namedInTrouble is how many objects with the same trouble are named before the rest is counted.
const namedInTrouble = 3

func (t trouble) line() string { return fmt.Sprintf("%s: %s: %s", t.what, t.named(), t.why) }

// named are the first names, and how many others there are.
func (t trouble) named() string {
	names := strings.Join(t.names[:min(len(t.names), namedInTrouble)], ", ")
	if more := len(t.names) - namedInTrouble; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return names
}
