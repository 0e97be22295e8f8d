package report

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// NewObjectList reports objects with their environments. The snapshot is where their sources are
// looked up.
func NewObjectList(objects []flux.Object, s flux.Snapshot, r *policy.Resolver) ObjectList {
	judge := tune.NewJudge(s)
	changed := make(map[flux.Ref]time.Time)
	for o := range s.All() {
		if o.KindRow().Source {
			changed[o.Ref] = o.Status.SourceChanged
		}
	}
	list := ObjectList{Head: Head{APIVersion, "ObjectList"}, Items: make([]Object, 0, len(objects)), Missing: missing(s.Gaps)}
	for _, o := range objects {
		a := r.Resolve(o)
		item := newObject(o, a)
		item.Lasting = newLasting(judge.Judge(o, []flux.Field{flux.Interval}))
		at := o.Status.SourceChanged
		if o.SourceRef.Name != "" {
			at = changed[o.SourceRef]
		}
		if !at.IsZero() {
			item.SourceChanged = &at
		}
		list.Items = append(list.Items, item)
		list.Warnings = append(list.Warnings, a.Warnings...)
	}
	list.Warnings = uniqueSorted(list.Warnings)
	return list
}

func newObject(o flux.Object, a policy.Assignment) Object {
	record, _ := tune.ReadRecord(o) // an unreadable record is revert's to report
	return Object{
		Ref:               NewRef(o),
		Environment:       a.Environment,
		EnvironmentSource: string(a.Source),
		EnvironmentVia:    a.Via,
		Interval:          o.Interval,
		Timeout:           o.Timeout,
		RetryInterval:     o.RetryInterval,
		ChartInterval:     o.ChartInterval,
		Effective: Effective{
			Interval:      effective(o, flux.Interval),
			Timeout:       effective(o, flux.Timeout),
			RetryInterval: effective(o, flux.RetryInterval),
			ChartInterval: effective(o, flux.ChartInterval),
		},
		Suspended: o.Suspended,
		Ready:     o.Status.Ready,
		Message:   o.Status.ReadyMessage,
		Session:   record.LastSession(),
	}
}

// NewRef names an object with the API version that it was read in.
func NewRef(o flux.Object) Ref {
	return Ref{APIVersion: o.GroupVersion(), Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Cluster: o.Cluster}
}

func effective(o flux.Object, f flux.Field) string {
	if !o.Has(f) {
		return ""
	}
	d := o.Effective(f)
	interval, _ := o.KindRow().Tunable(flux.Interval)
	if unknown := o.Undecided(flux.Interval) || o.Refused(interval) != ""; d == 0 && (o.Value(f) != nil || unknown) {
		return "" // a file's: Flux refuses it, or a variable whose value is elsewhere decides it
	}
	return flux.FormatDuration(d)
}

// Table shows the objects. Values in parentheses are what Flux uses where the field is unset. Now
// tells how long ago sources changed; withNamespace adds the namespaces.
func (l ObjectList) Table(now time.Time, withNamespace bool) Table {
	where, cells := whereColumns(l.Items, func(o Object) Ref { return o.Ref }, withNamespace)
	t := Table{Columns: append(where, []Column{
		{Name: "KIND", Key: true}, {Name: "NAME", Key: true, Shrink: terminal.Middle}, {Name: "ENVIRONMENT", Shrink: terminal.Middle}, {Name: "FROM", Spare: 6},
		{Name: "INTERVAL"}, {Name: "TIMEOUT"}, {Name: "RETRY", Spare: 4},
		{Name: "SUSPENDED", Spare: 3}, {Name: "READY", Spare: 2}, {Name: "SOURCE-CHANGED", Spare: 5, Aging: true},
		{Name: "VIA", Wide: true}, {Name: "CHART-INTERVAL", Wide: true}, {Name: "STICKS", Wide: true}, {Name: "SESSION", Wide: true}, {Name: "MESSAGE", Wide: true, Shrink: terminal.End},
	}...)}
	for _, o := range l.Items {
		row := append(cells(o.Ref),
			Text(o.Ref.Kind), Text(o.Ref.Name), environmentCell(o.Environment), Cell{Text: from(o), Style: Faint},
			setOrEffective(o.Interval, o.Effective.Interval),
			setOrEffective(o.Timeout, o.Effective.Timeout),
			setOrEffective(o.RetryInterval, o.Effective.RetryInterval),
			suspendedCell(o.Suspended), readyCell(o.Ready), ageCell(o.SourceChanged, now), Cell{Text: o.EnvironmentVia, Style: Faint},
			setOrEffective(o.ChartInterval, o.Effective.ChartInterval), o.cell(), Cell{Text: o.Session, Style: Faint}, Text(oneLine(o.Message)),
		)
		t.Rows = append(t.Rows, row)
	}
	return t
}

func from(o Object) string {
	if o.EnvironmentSource == "consumer" {
		return o.EnvironmentVia
	}
	return o.EnvironmentSource
}

// And adds the objects of another cluster.
func (l ObjectList) And(other ObjectList) ObjectList {
	l.Items = append(l.Items, other.Items...)
	l.Missing = append(l.Missing, other.Missing...)
	l.Warnings = uniqueSorted(append(l.Warnings, other.Warnings...))
	return l
}

// Names are the objects as kubectl -o name writes them: kind.group/name; after the name of their cluster, where there are
// several.
func (l ObjectList) Names() []string {
	names := make([]string, 0, len(l.Items))
	for _, o := range l.Items {
		names = append(names, resourceName(o.Ref))
	}
	return names
}

func resourceName(r Ref) string {
	group, _, _ := strings.Cut(r.APIVersion, "/")
	return flux.InCluster(r.Cluster, strings.ToLower(r.Kind)+"."+group+"/"+r.Name)
}

func setOrEffective(set *string, effective string) Cell {
	switch {
	case set != nil:
		return Text(flux.ShortDuration(*set))
	case effective != "":
		return Cell{Text: "(" + effective + ")", Style: Faint}
	default:
		return Cell{Text: "-", Style: Faint}
	}
}

func environmentCell(name string) Cell {
	if name == "" {
		return Cell{Text: "<none>", Style: Faint}
	}
	return Text(name)
}

func suspendedCell(suspended bool) Cell {
	if suspended {
		return Cell{Text: "True", Style: Changed}
	}
	return Text("False")
}

func readyCell(ready string) Cell {
	switch ready {
	case "True":
		return Cell{Text: ready, Style: Good}
	case "":
		return Cell{Text: "-", Style: Faint}
	case "False":
		return Cell{Text: ready, Style: Bad}
	default:
		return Cell{Text: ready, Style: Changed}
	}
}

func ageCell(at *time.Time, now time.Time) Cell {
	if at == nil {
		return Cell{Text: "-", Style: Faint}
	}
	return Text(duration.HumanDuration(now.Sub(*at)) + " ago")
}

// whereColumns are the columns that say where objects are: the cluster where there are several, and the namespace.
func whereColumns[T any](items []T, ref func(T) Ref, withNamespace bool) (columns []Column, cells func(Ref) []Cell) {
	withCluster := slices.ContainsFunc(items, func(item T) bool { return ref(item).Cluster != "" })
	if withCluster {
		columns = append(columns, Column{Name: "CLUSTER", Key: true, Shrink: terminal.Middle})
	}
	if withNamespace {
		columns = append(columns, Column{Name: "NAMESPACE", Key: true, Shrink: terminal.Middle})
	}
	return columns, func(r Ref) (cells []Cell) {
		if withCluster {
			cells = append(cells, Text(r.Cluster))
		}
		if withNamespace {
			cells = append(cells, Text(r.Namespace))
		}
		return cells
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
