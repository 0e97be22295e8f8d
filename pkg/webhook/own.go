package webhook

import (
	"regexp"
	"slices"
	"strings"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// own is a Receiver that was proposed here once, as its form tells: it can be written again with other sources, and keeps its
// name, its Secret and so its path. All others are somebody's own work, which nothing here changes.
type own struct {
	receiver *flux.Object
	// host is the name of the one that it is called after, or else that most of what it names is at, and hostType the make that
	// it was written for.
	host     string
	hostType HostType
	// conditions are those of its filter, by kind and name; nil where it has no filter.
	conditions map[[2]string]string
}

// numbered is what free adds to a name that is taken.
var numbered = regexp.MustCompile(`-[0-9]+$`)

// named tells whether a Receiver bears the name that is proposed for a host, also with what kustomizations put before and behind it.
// Its Secret is anybody's to rename.
func (o own) named(host string) bool {
	return strings.Contains("-"+strings.ReplaceAll(o.receiver.Name, ".", "-")+"-", "-"+label(host)+"-")
}

// exactly tells whether it bears that name alone.
func (o own) exactly(host string) bool {
	name := o.receiver.Name
	return name == label(host) || numbered.ReplaceAllString(name, "") == label(host)
}

// signed tells whether its Secret has the name that is proposed with the Receiver's, whatever its host was then.
func (o own) signed() bool {
	base, is := strings.CutSuffix(o.receiver.Hook.Secret, secretName(""))
	return is && base != "" && strings.Contains(o.receiver.Name, base)
}

// tells says of a source that a Receiver was written for its make: a pipeline stands in for any make, and so tells only what it
// names.
func (o *own) tells(source *flux.Object) bool {
	named := func(t flux.Target) bool { return t.Kind == source.Kind && t.Name == source.Name }
	return o.hostType.Serves(source.Kind) && (o.hostType != GenericHMAC || slices.ContainsFunc(o.receiver.Targets, named))
}

// recognize finds the Receivers that have the form of what is proposed here.
func (f *fleet) recognize() {
	f.own, f.ownTypes = map[flux.Ref]*own{}, map[place][]*own{}
	f.hosts = map[string][]string{}
	for _, o := range f.sources {
		if host := address(o).Name(); host != "" && !slices.Contains(f.hosts[o.Namespace], host) {
			f.hosts[o.Namespace] = append(f.hosts[o.Namespace], host)
		}
	}
	for _, r := range f.receivers {
		o := f.ownForm(r)
		if o == nil {
			continue
		}
		f.own[r.Ref] = o
		if o.host != "" && o.named(o.host) {
			at := place{namespace: r.Namespace, host: o.host}
			f.ownTypes[at] = append(f.ownTypes[at], o)
		}
	}
}

// ownForm is what a Receiver tells if it has the form of those that are proposed: each resource by its name in its own
// namespace, type and events of a make, and a filter as it is written here. One without a filter is known by its name, or by that of its
// Secret. Of one that names nothing which is there the host is not known.
func (f *fleet) ownForm(r *flux.Object) *own {
	o := own{receiver: r, host: f.commonHost(r)}
	if !o.exactly(o.host) {
		if host := f.hostNamed(o); host != "" && (!o.named(o.host) || len(label(host)) > len(label(o.host))) {
			o.host = host
		}
	}
	plain := func(t flux.Target) bool {
		return t.APIVersion == "" && t.Namespace == r.Namespace && t.Name != "*" && t.MatchLabels == nil && t.Filter == ""
	}
	there := func(t flux.Target) bool { return f.target(t) != nil }
	if o.host == "" && (r.Hook.Filter == "" || slices.ContainsFunc(r.Targets, there)) || !operand(r.Hook.Secret) || !operand(r.Name) || !slices.ContainsFunc(r.Targets, plain) || slices.ContainsFunc(r.Targets, func(t flux.Target) bool { return !plain(t) }) {
		return nil
	}
	for _, m := range makes {
		if m.receiver != r.Hook.Type || !slices.Equal(r.Hook.Events, m.events) && !slices.Equal(r.Hook.Events, slices.Concat(m.events, m.tagEvents)) {
			continue
		}
		o.hostType = m.name
		if is, told := f.runsAt(r, o.host); is != m.name && is.made().receiver == m.receiver && is.made().registry == m.registry {
			if !told {
				continue // somebody has changed its events
			}
			o.hostType = is // which takes the same calls
		}
		if r.Hook.Filter == "" && (o.named(o.host) || o.signed()) {
			return &o
		}
		if clauses, reads := m.filter.read(r.Hook.Filter, r.Targets); reads {
			o.conditions = map[[2]string]string{}
			for _, c := range clauses {
				o.conditions[[2]string{c.kind, c.name}] = c.condition
			}
			return &o
		}
	}
	return nil
}

// hostNamed is the host of a namespace's sources that a Receiver is called after, the longest name of those that fit; "" where none
// does. What differs by - and . makes one name: the host is one then at which something is that the Receiver names.
func (f *fleet) hostNamed(o own) (longest string) {
	for _, host := range f.hosts[o.receiver.Namespace] {
		if !o.named(host) || len(label(host)) <= len(label(longest)) && longest != "" {
			continue
		}
		others := slices.ContainsFunc(f.hosts[o.receiver.Namespace], func(other string) bool { return other != host && label(other) == label(host) })
		has := func(t flux.Target) bool { at := f.target(t); return at != nil && address(at).Name() == host }
		if !others && !strings.Contains(host, "-") || slices.ContainsFunc(o.receiver.Targets, has) {
			longest = host
		}
	}
	return longest
}

// runsAt is the make at a host of what a Receiver names there, as far as the user says it or the host's name alone; "" where
// neither does.
func (f *fleet) runsAt(r *flux.Object, host string) (is HostType, told bool) {
	for _, t := range r.Targets {
		o := f.target(t)
		if o == nil || address(o).Name() != host {
			continue
		}
		if t, told := f.chosen(o, address(o)); told {
			return t, true
		}
		if tellsMake(o, host) {
			t, _ := hostedBy(o, address(o))
			return t, false
		}
	}
	return "", false
}

// commonHost is the host at which most of what a Receiver names is; "" where that is not known of any.
func (f *fleet) commonHost(r *flux.Object) string {
	most, at := "", map[string]int{}
	for _, t := range r.Targets {
		if o := f.target(t); o != nil {
			host := address(o).Name()
			if at[host]++; host != "" && at[host] > at[most] {
				most = host
			}
		}
	}
	return most
}

// target is the object that a target names; nil where it is not there.
func (f *fleet) target(t flux.Target) *flux.Object {
	kind, known := t.Row()
	if !known {
		return nil
	}
	if o := f.byRef[flux.Ref{Group: kind.Group, Kind: kind.Name, Namespace: t.Namespace, Name: t.Name}]; o != nil && !o.Deleting {
		return o
	}
	return nil
}
