package cluster_test

import (
	"maps"
	"slices"

	"github.com/fluxtune/kubectl-fluxtune/hack/sim"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// taken is what a command that takes back, or forgets, has written to an object.
type taken struct {
	// from and to are the values of fields that it changed; absent is unset.
	from, to map[flux.Field]string
	changed  map[flux.Field]bool
	// after is how the object was with its last patch, and by who set each field.
	after map[flux.Field]string
	by    map[flux.Field]sim.Writer
}

// take notes a patch, and holds the record that it leaves against the one that the plan knew: what it drops, somebody has said yes to.
func (m *machine) take(r *sim.Resource, values map[sim.Path]*string) {
	if m.command.Verb == sim.VerbApply {
		return
	}
	t := m.took[r.Ref]
	if t == nil {
		t = &taken{from: make(map[flux.Field]string), to: make(map[flux.Field]string), changed: make(map[flux.Field]bool)}
		m.took[r.Ref] = t
	}
	t.after, t.by = maps.Clone(r.Fields), maps.Clone(r.LastWriter)
	for _, f := range sim.Tunables {
		value, touched := values[sim.Path(f)]
		if !touched {
			continue
		}
		if from, set := r.Fields[f]; set && !t.changed[f] {
			t.from[f] = from
		}
		t.changed[f], t.by[f] = true, sim.ByUs
		delete(t.to, f)
		delete(t.after, f)
		if value != nil {
			t.to[f], t.after[f] = *value, *value
		}
	}
	if text, named := values[sim.AnnotationPath(tune.RecordAnnotation)]; named && r.Annotations[tune.PinsAnnotation] == "" {
		m.checkDropped(r, text)
	}
}

// checkDropped: no session goes out of a record that was not in it when the plan was made.
func (m *machine) checkDropped(r *sim.Resource, text *string) {
	var planned, left *tune.Record
	if had := m.records[r.Ref]; had != "" {
		planned, _ = m.recordOf(r, had)
	}
	if text != nil {
		left, _ = m.recordOf(r, *text)
	}
	is, _ := m.record(r)
	for _, session := range is.Sessions("") {
		if !planned.HasSession(session) && !left.HasSession(session) {
			m.complaint("%s: session %s goes out of the record, and the plan knew nothing of it", r.Ref, session)
		}
	}
}

// checkTold: what is told of each object is what was written to it, and what was promised and stays is named.
func (m *machine) checkTold(t failing, s *sim.Store, planned sim.Planned, out cluster.Outcomes) {
	if m.command.Verb != sim.VerbRevert || admission[s.Fault] {
		return
	}
	told := report.NewResults("", cluster.Restored, report.PlannedRestores(planned.Restores)).With(out, nil)
	for i, restore := range planned.Restores {
		item, ref := told.Items[i], restore.Object.Ref
		took := m.took[ref]
		if slices.Contains([]string{string(cluster.Uncertain), string(cluster.Failed), string(cluster.NotAttempted)}, item.Action) {
			continue
		}
		r := m.touched.Resources[ref]
		for _, c := range item.Changes {
			f := flux.Field(c.Field)
			if r != nil && c.To == nil && r.Fields[f] == "" && m.seen[ref][f] != "" && r.LastWriter[f] != sim.ByUs && s.Fault == sim.Meanwhile {
				continue // somebody else has removed it: what is not there has no owner, and nothing tells that it was not us
			}
			if took == nil || !took.changed[f] || text(c.To) != took.to[f] || text(c.From) != took.from[f] {
				m.fail(t, "%s: %s is told as %s, %s %s -> %s, and that was not written", m.command, ref, item.Action, f, text(c.From), text(c.To))
			}
		}
		if took != nil && r != nil && item.Error == "" {
			for f := range took.changed {
				is := slices.ContainsFunc(item.Changes, func(c report.Change) bool { return c.Field == string(f) })
				if !is && r.Fields[f] == took.to[f] {
					m.fail(t, "%s: %s is told as %s, and %s was set to %q", m.command, ref, item.Action, f, took.to[f])
				}
			}
		}
		named := item.Kept != "" || item.Error != "" || item.Action == string(cluster.Skipped)
		for _, c := range restore.Changes {
			from := text(c.From)
			switch {
			case named || from == text(c.To) || restore.Action != tune.ActionChange:
			case took != nil && took.after[c.Field] == from && took.by[c.Field] == sim.ByUs:
				m.fail(t, "%s: %s is told as %s, was to get %s %s -> %s, and still has what we set", m.command, ref, item.Action, c.Field, from, text(c.To))
			case took == nil && r != nil && r.Fields[c.Field] == from && r.LastWriter[c.Field] == sim.ByUs && r.Annotations[tune.RecordAnnotation] == "":
				m.fail(t, "%s: %s is told as %s, was to get %s %s -> %s, and keeps what we set without a record", m.command, ref, item.Action, c.Field, from, text(c.To))
			}
		}
	}
}

func text(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}
