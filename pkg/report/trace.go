package report

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// TraceList is what trace shows: which scalar of which file decides each value of a checkout.
type TraceList struct {
	Head
	// Items are the values that are set, in the order of clusters and objects.
	Items []TraceItem `json:"items"`
	// Dead are values in manifests of Flux objects that decide nothing; Undecided those of which that is not known, since
	// something that is not built may use their files.
	Dead      []TraceScalar `json:"dead"`
	Undecided []TraceScalar `json:"undecided"`
	Missing   []Missing     `json:"missing,omitempty"`
}

// TraceItem is one value of an object.
type TraceItem struct {
	Ref   Ref    `json:"ref"`
	Field string `json:"field"` // "spec.interval"
	Value string `json:"value"` // as it stands there
	// DecidedBy is the scalar that decides it, and FollowedBy how many values follow that one in all clusters; absent where
	// nobody knows, and Why says what is in the way.
	DecidedBy  *TracePlace `json:"decidedBy,omitempty"`
	FollowedBy int         `json:"followedBy,omitempty"`
	Why        string      `json:"why,omitempty"`
	// Held says why the cluster does not follow it; absent where it does.
	Held string `json:"held,omitempty"`

	cluster string
}

// TracePlace is where a scalar stands, in a file of the checkout. Line and column count from 1, columns in characters.
type TracePlace struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// TraceScalar is a scalar that no value follows.
type TraceScalar struct {
	TracePlace
	Value string `json:"value"`
}

// String is the place as compilers write it.
func (p TracePlace) String() string {
	return fmt.Sprintf("%s:%d:%d", terminal.FileName(p.File), p.Line, p.Column)
}

// NewTraceList is a list without values yet, with what no value follows.
func NewTraceList(dead, undecided []manifest.Scalar, gaps []flux.Gap) TraceList {
	return TraceList{Head: Head{APIVersion, "TraceList"}, Items: []TraceItem{}, Dead: traceScalars(dead), Undecided: traceScalars(undecided), Missing: missing(gaps)}
}

func traceScalars(scalars []manifest.Scalar) []TraceScalar {
	list := make([]TraceScalar, 0, len(scalars))
	for _, s := range scalars {
		list = append(list, TraceScalar{tracePlace(s), s.Text})
	}
	return list
}

func tracePlace(s manifest.Scalar) TracePlace { return TracePlace{s.File, s.Line, s.Column} }

// Add adds the values of an object that are set. Name is that of its cluster, and several says that there are others. Of says
// which value of the checkout a field has, and held why the cluster does not follow that.
func (l *TraceList) Add(name string, several bool, o flux.Object, decisions manifest.Decisions, of func(flux.Field) manifest.Target, held func(manifest.Target) string) {
	ref := NewRef(o)
	if several {
		ref.Cluster = name
	}
	for _, tunable := range o.KindRow().Tunables {
		value := o.Value(tunable.Field)
		if value == nil {
			continue
		}
		target := of(tunable.Field)
		item := TraceItem{Ref: ref, Field: string(tunable.Field), Value: *value, Held: held(target), cluster: name}
		if s, ok := decisions.Scalar(target); ok {
			place := tracePlace(s)
			item.DecidedBy, item.FollowedBy = &place, len(decisions.Reach(target))
		} else if item.Why = decisions.Unknown(target); target.Ref == o.Ref && tunable.Field == flux.Interval {
			item.Why = cmp.Or(tune.MadeBy(o), item.Why)
		}
		l.Items = append(l.Items, item)
	}
}

// HeldLines are the values that the cluster does not follow, in a line for each.
func (l TraceList) HeldLines() []string {
	var lines []string
	for _, item := range l.Items {
		if item.Held != "" {
			lines = append(lines, fmt.Sprintf("%s of %s in %s: %s", item.field(), flux.Ref{Kind: item.Ref.Kind, Namespace: item.Ref.Namespace, Name: item.Ref.Name}, item.cluster, item.Held))
		}
	}
	return lines
}

// Names are the objects that have values, each once.
func (l TraceList) Names() []string {
	var names []string
	for _, item := range l.Items {
		if name := resourceName(item.Ref); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// place is the scalar that decides a value, or why that is not known.
func (i TraceItem) place() string {
	if i.DecidedBy == nil {
		return i.Why
	}
	return i.DecidedBy.String()
}

func (i TraceItem) field() string { return strings.TrimPrefix(i.Field, "spec.") }

// Table shows a line for each value.
func (l TraceList) Table() Table {
	table := Table{Columns: []Column{
		{Name: "CLUSTER", Shrink: terminal.Middle}, {Name: "NAMESPACE", Shrink: terminal.Middle}, {Name: "KIND"}, {Name: "NAME", Shrink: terminal.Middle},
		{Name: "FIELD"}, {Name: "VALUE"}, {Name: "DECIDED BY", Shrink: terminal.Middle, Floor: 24, Below: true, Lead: "decided by "}, {Name: "FOLLOWED BY", Right: true, Spare: 1},
	}}
	for _, item := range l.Items {
		by, followed := Cell{Text: item.Why, Style: Bad}, ""
		if item.DecidedBy != nil {
			by, followed = Text(item.place()), strconv.Itoa(item.FollowedBy)
		}
		table.Rows = append(table.Rows, []Cell{
			Text(item.cluster), Text(item.Ref.Namespace), Text(item.Ref.Kind), Text(item.Ref.Name), Text(item.field()), Text(item.Value), by, Text(followed),
		})
	}
	return table
}

// Groups has each scalar, in whole so that an editor can be pointed at it, and below it whose values it decides: those
// with the farthest reach first. It says whether names were left out.
func (l TraceList) Groups(width int) (text string, short bool) {
	groups := make(map[string][]TraceItem)
	var places []string
	for _, item := range l.Items {
		place := item.place()
		if groups[place] == nil {
			places = append(places, place)
		}
		groups[place] = append(groups[place], item)
	}
	sorting.By(places, func(a, b string) int { return cmp.Compare(len(groups[b]), len(groups[a])) })
	var b strings.Builder
	for _, place := range places {
		line, some := groupLine(groups[place])
		short = short || some
		_, _ = fmt.Fprintf(&b, "%s   %s\n  %s\n", place, groups[place][0].Value, strings.ReplaceAll(terminal.WrapLine(line, max(20, width-2)), "\n", "\n  "))
	}
	return b.String(), short
}

// groupLine says whose values a scalar decides: "interval of Kustomization apps/web in clusters/staging".
func groupLine(group []TraceItem) (line string, short bool) {
	const most = 3
	fields, clusters, names := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for _, item := range group {
		fields[item.field()], clusters[item.cluster] = true, true
		names[flux.Ref{Kind: item.Ref.Kind, Namespace: item.Ref.Namespace, Name: item.Ref.Name}.String()] = true
	}
	who := someOf(names, most)
	if len(names) > 1 {
		who = fmt.Sprintf("%d objects (%s)", len(names), who)
	}
	line = fmt.Sprintf("%s of %s in %s", someOf(fields, most), who, someOf(clusters, most))
	if item := group[0]; item.FollowedBy > len(group) {
		line += fmt.Sprintf("; %d values in all clusters follow it", item.FollowedBy)
	}
	return line, len(names) > most || len(clusters) > most
}

func someOf(set map[string]bool, most int) string {
	names := slices.Sorted(maps.Keys(set))
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
