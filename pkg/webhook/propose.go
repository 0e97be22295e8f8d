package webhook

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// place is what one Receiver is for: what a host has for a namespace. A webhook comes from a server, at whichever port.
type place struct {
	namespace, host string
	hostType        HostType
}

func (s *Source) place() place {
	return place{s.Object.Namespace, s.address.Name(), s.HostType}
}

// member is what a Receiver of a draft names: a source, or what is known of no more than what its filter says.
type member struct {
	ref    flux.Ref
	source *Source // nil where it was not read
	clause clause
}

// draft is a Receiver as it is going to be written.
type draft struct {
	place
	own     *own // what is there of it; nil of a new one
	members []member
	// shown says that something of it is asked for.
	shown bool
}

// outlived tells of what a Receiver names that it is at another host, or that something else runs there, than the Receiver was
// written for. It stays in there as long as somebody has not taken the Receiver out, since whoever calls it may go on, and has a
// place in another one.
func (d draft) outlived(m member) bool {
	return m.source != nil && (m.source.HostType != d.hostType || m.source.address.Name() != d.host)
}

// propose makes a Receiver for each host and namespace that has uncovered sources, beside them, so that it works with
// --no-cross-namespace-refs, too. One that is there already, and has the form of what is proposed here, takes them up. What
// is not named, or not rightly, is in the proposals; the rest of those are kept, but for those with nothing left to name.
func (f *fleet) propose(sources []Source) (proposals, kept []Proposal, gone []flux.Ref) {
	drafts, placed := f.standing(sources)
	drafts = append(drafts, f.place(sources, drafts, placed)...)
	taken := map[[2]string]bool{}
	var written []Proposal
	for _, r := range f.receivers {
		taken[[2]string{r.Namespace, r.Name}] = true
	}
	for _, d := range drafts {
		if d.own != nil && d.shown && len(d.members) == 0 {
			gone = append(gone, d.own.receiver.Ref)
		}
		sorting.By(d.members, func(a, b member) int { return a.ref.Compare(b.ref) })
		for i, members := range f.filtered(d, d.members) {
			part := draft{d.place, d.own, members, d.shown}
			if i > 0 {
				part.own = nil
			}
			written = append(written, f.write(part, taken))
		}
	}
	sorting.By(written, Proposal.compare)
	succeed(written)
	for _, p := range written {
		if p.Existing && !p.changed {
			kept = append(kept, p)
		} else {
			proposals = append(proposals, p)
		}
	}
	return proposals, kept, gone
}

// succeed notes which Receivers are written in the place of which: for all of its sources, or it would be missed.
func succeed(written []Proposal) {
	for i := range written {
		for j := range written {
			old, heir := &written[i], &written[j]
			if old.HostType == heir.HostType || len(old.outlived) < len(old.Sources) || old.Manifest.Metadata.Namespace != heir.Manifest.Metadata.Namespace {
				continue
			}
			if !slices.ContainsFunc(old.outlived, func(r flux.Ref) bool { return !slices.Contains(heir.Sources, r) || slices.Contains(heir.outlived, r) }) {
				old.ReplacedBy, heir.Replaces = heir.Manifest.Metadata.Name, old.Manifest.Metadata.Name
			}
		}
	}
}

// standing are the Receivers of the own form that are asked for, each with those of its sources that still belong to it, and
// the sources that have found their place so.
func (f *fleet) standing(sources []Source) (drafts []*draft, placed map[flux.Ref]bool) {
	read := map[flux.Ref]*Source{}
	for i := range sources {
		read[sources[i].Object.Ref] = &sources[i]
	}
	placed = map[flux.Ref]bool{}
	for _, r := range f.receivers {
		o := f.own[r.Ref]
		if o == nil {
			continue
		}
		d := &draft{place: place{r.Namespace, o.host, o.hostType}, own: o, shown: f.in.Shown == nil || f.in.Shown(r)}
		var away []member
		for _, t := range r.Targets {
			m, belongs := f.member(d, t, read)
			d.shown = d.shown || read[m.ref] != nil // also where what is shown moved away
			switch {
			case belongs:
				placed[m.ref] = placed[m.ref] || !d.outlived(m)
				d.members = append(d.members, m)
			case m.source != nil:
				away = append(away, m)
			}
		}
		if len(d.members) == 0 {
			d.members = away // who moves the file over the old one has what is not in it deleted
		}
		if o.host == "" && len(d.members) > 0 { // they were not read
			continue
		}
		drafts = append(drafts, d)
	}
	return drafts, placed
}

// member is what a target of a Receiver of the own form becomes when that is written again; false where it does not belong to
// it any more: it is gone, or is at another host, which cannot call a Receiver of that type. See outlived, too.
func (f *fleet) member(d *draft, t flux.Target, read map[flux.Ref]*Source) (member, bool) {
	kind, _ := t.Row()
	ref := flux.Ref{Group: kind.Group, Kind: t.Kind, Namespace: t.Namespace, Name: t.Name}
	m := member{ref: ref, clause: clause{t.Kind, t.Name, d.own.conditions[[2]string{t.Kind, t.Name}]}}
	o := f.target(t)
	if o == nil {
		return m, f.in.Read != nil && !f.in.Read(t.Kind, t.Namespace)
	}
	if !f.isSource(o) {
		return m, true
	}
	if m.source = read[ref]; m.source == nil {
		s := f.source(o)
		m.source = &s
	}
	if m.source.HostType != "" { // else it is asked for nothing at present
		m.clause.condition = d.hostType.made().condition(m.source)
	}
	if m.source.address.Name() == d.host {
		return m, true
	}
	return m, fittingType(aimed{receiver: d.own.receiver, object: o, host: m.source.HostType, guessed: m.source.Guessed}).no == ""
}

// place finds a place for the sources that nothing notifies as it should: in the first Receiver of their host whose filter
// still has room for them, or in a new one.
func (f *fleet) place(sources []Source, standing []*draft, placed map[flux.Ref]bool) (added []*draft) {
	groups := map[place]*draft{}
	var places []place
	for i := range sources {
		s := &sources[i]
		if placed[s.Object.Ref] || !f.lacks(s) {
			continue
		}
		at := s.place()
		if groups[at] == nil {
			groups[at] = &draft{place: at, shown: true}
			places = append(places, at)
		}
		groups[at].members = append(groups[at].members, member{s.Object.Ref, s, clause{s.Object.Kind, s.Object.Name, s.HostType.made().condition(s)}})
	}
	sorting.By(places, place.compare)
	for _, at := range places {
		all := groups[at]
		i := slices.IndexFunc(standing, func(d *draft) bool {
			return d.place == at && aside(d.own.receiver) == "" && f.fits(d, slices.Concat(d.members, all.members))
		})
		if i < 0 {
			added = append(added, all)
			continue
		}
		standing[i].members, standing[i].shown = append(standing[i].members, all.members...), true
	}
	return added
}

// lacks tells whether a source is to be named in a Receiver that is proposed: where somebody's own names it, that is to be
// mended, unless it can never notify what is in this namespace.
func (f *fleet) lacks(s *Source) bool {
	if s.HostType == "" || s.State == Nothing || s.foreign || f.in.Nowhere || !f.in.Notifiers.Look(s.Object.Namespace) || f.unread(&s.Object) != "" {
		return false
	}
	return !slices.ContainsFunc(f.hits[s.Object.Ref], func(h hit) bool {
		return f.own[h.receiver.Ref] == nil && h.fault != OtherNamespace
	})
}

// fits tells whether the filter of a Receiver for some objects is short enough.
func (f *fleet) fits(d *draft, members []member) bool {
	return !f.hasFilter(d.own) || utf8.RuneCountInString(d.hostType.made().filter.expression(clauses(members))) <= maxFilter
}

// hasFilter tells whether a Receiver has a filter where its make has one. One that is there without stays so, unless all are to
// have one.
func (f *fleet) hasFilter(o *own) bool {
	return !f.in.NoFilter && (f.in.Filter || o == nil || o.conditions != nil)
}

// filtered are members in groups, each of which has a filter that is short enough: an expression that is too long makes the
// Receiver fail for all.
func (f *fleet) filtered(d *draft, members []member) [][]member {
	half := len(members) / 2
	switch {
	case len(members) == 0 || !d.shown:
		return nil
	case half == 0 || f.fits(d, members):
		return [][]member{members}
	}
	return slices.Concat(f.filtered(d, members[:half]), f.filtered(d, members[half:]))
}

func clauses(members []member) []clause {
	var all []clause
	for _, m := range members {
		all = append(all, m.clause)
	}
	return all
}

// condition is what has to be true of a body for a source; "" where the make's bodies do not tell.
func (m hostMake) condition(s *Source) string {
	if m.filter == nil {
		return ""
	}
	return m.filter.condition(&s.Object, s.address)
}

func (p place) compare(q place) int {
	return cmp.Or(strings.Compare(p.namespace, q.namespace), strings.Compare(p.host, q.host), strings.Compare(string(p.hostType), string(q.hostType)))
}

// compare orders proposals by namespace, host and type, and numbered names by their numbers.
func (p Proposal) compare(q Proposal) int {
	name := func(p Proposal) string { return p.Manifest.Metadata.Name }
	at := func(p Proposal) place { return place{p.Manifest.Metadata.Namespace, p.Host, p.HostType} }
	return cmp.Or(at(p).compare(at(q)), len(name(p))-len(name(q)), strings.Compare(name(p), name(q)))
}
