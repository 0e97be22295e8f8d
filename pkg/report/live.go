package report

import (
	"fmt"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/check"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// Comparison is what get shows of files beside a cluster: where the cluster is not as Git has it.
type Comparison struct {
	Head
	// Root of the checkout that the cluster was compared with.
	Root  string           `json:"root"`
	Items []ComparisonItem `json:"items"`
	// Both counts the objects that Git and the cluster have.
	Both    int       `json:"both"`
	Missing []Missing `json:"missing,omitempty"`
}

// ComparisonItem is a field of an object that is another on the cluster; null is absent. Where only one side has the
// object there is no field, and the value is its interval.
type ComparisonItem struct {
	Ref   Ref     `json:"ref"`
	Field string  `json:"field,omitempty"`
	Git   *string `json:"git"`
	Live  *string `json:"live"`
	// State is pinned, undone, stays, behind, unknown, missing or extra.
	State   string `json:"state"`
	Message string `json:"message"`
}

// NewComparison reports differences.
func NewComparison(root string, differences []check.LiveDifference, both int, gaps []flux.Gap) Comparison {
	c := Comparison{Head: Head{APIVersion, "Comparison"}, Root: root, Both: both, Items: make([]ComparisonItem, 0, len(differences)), Missing: missing(gaps)}
	for _, d := range differences {
		ref := checkRef(d.Ref)
		ref.APIVersion += "/" + d.Version
		c.Items = append(c.Items, ComparisonItem{Ref: ref, Field: string(d.Field), Git: d.Git, Live: d.Live, State: string(d.State), Message: d.Why})
	}
	return c
}

// Names are the objects as kubectl -o name writes them, each once.
func (c Comparison) Names() []string {
	var names []string
	for i, item := range c.Items {
		if i == 0 || item.Ref != c.Items[i-1].Ref {
			names = append(names, resourceName(item.Ref))
		}
	}
	return names
}

// Table has a row for each difference.
func (c Comparison) Table() Table {
	t := Table{Columns: []Column{{Name: "NAMESPACE"}, {Name: "KIND"}, {Name: "NAME"}, {Name: "FIELD"}, {Name: "GIT", Right: true}, {Name: "LIVE", Right: true}, {Name: "STATE"}, {Name: "WHY", Below: true}}}
	for _, item := range c.Items {
		style := Changed
		if item.State == string(check.StateUndone) {
			style = Bad
		}
		git, live := valueText(item.Git), valueText(item.Live)
		switch item.State {
		case string(check.StateMissing):
			live = "-"
		case string(check.StateExtra):
			git = "-"
		}
		t.Rows = append(t.Rows, []Cell{
			Text(item.Ref.Namespace), Text(item.Ref.Kind), Text(item.Ref.Name), Text(strings.TrimPrefix(item.Field, "spec.")),
			Text(git), Text(live), {Text: item.State, Style: style}, Text(item.Message),
		})
	}
	return t
}

// Summary says how many objects were compared, and what was found.
func (c Comparison) Summary() string {
	if len(c.Items) == 0 {
		return fmt.Sprintf("The cluster is as %s has it: %s.", c.Root, count(c.Both, "object"))
	}
	return fmt.Sprintf("%s of %s and the cluster; %s.", count(c.Both, "object"), c.Root, count(len(c.Items), "difference"))
}
