package webhook

import (
	"github.com/fluxtune/kubectl-fluxtune/pkg/sorting"

	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Input is what a coverage is worked out from.
type Input struct {
	// Objects are all that was read: sources, Receivers, and what uses the sources.
	Objects []flux.Object
	// Shown tells which of them are asked for; nil for all. Receivers count wherever they are.
	Shown func(*flux.Object) bool
	// Read tells whether all objects of a kind in a namespace were read, so that what is not there does not exist; nil
	// for all.
	Read func(kind, namespace string) bool
	// Unread says why it is not known which Receivers name what is in a namespace: some could not be read; "" where all
	// were, and nil where all were of all.
	Unread func(namespace string) string
	// HostTypes are the makes of hosts that the user knows better, by host.
	HostTypes map[string]HostType
	// Notifiers are the notification-controllers, whose flags say what Receivers may notify.
	Notifiers flux.Notifiers
	// Nowhere says that the cluster has no Receivers: nothing there could take a call.
	Nowhere bool
	// Origin says what applies an object again and again, and where that has it from; "" where nothing does. Nil where nobody
	// asks.
	Origin func(flux.Object) string
	// Owners are those of whose sources Receivers are proposed, in lower case; none for all. See Source.Owner.
	Owners []string
	// NoFilter says that Receivers have no spec.resourceFilter (notification-controller before 1.5): none is proposed. Filter
	// gives one to those, too, that were written without.
	NoFilter, Filter bool
}

// State says whether a webhook reaches a source. The strings are part of the JSON output.
type State string

// The states of a source.
const (
	Covered   State = "covered"   // a Receiver that takes calls notifies it
	Broken    State = "broken"    // a Receiver names it, and what is pushed does not reach it
	Unknown   State = "unknown"   // it cannot be told whether a Receiver notifies it
	Uncovered State = "uncovered" // no Receiver names it, and its host can call
	Nothing   State = "nothing"   // there is nothing to call for
)

// Source is a source, and which Receivers notify it.
type Source struct {
	Object   flux.Object
	Host     string // "" where its URL does not tell
	HostType HostType
	// Guessed says that the make is taken from a part of the host's name, or from nothing.
	Guessed bool
	State   State
	// Owner is whose it is at its host, as its address tells: the account, group or project; in lower case.
	Owner string
	// Receivers that name it, those that notify it first.
	Receivers []flux.Ref
	// Why it is broken, or there is nothing to call for.
	Why string
	// Notes are what else to know of it.
	Notes []string
	// Relax says that its interval can be longer, and RelaxLater that it can once calls are seen to come: see Relaxed. IsRelaxed
	// says that it is so long already, and that what is new comes by a webhook.
	Relax, RelaxLater, IsRelaxed bool
	// Called is when a webhook last had it reconciled, of the Receivers that name it now; the zero time where that is not known.
	Called time.Time
	// Suspect says that calls may not arrive; Why says what tells.
	Suspect bool

	address flux.Address
	notice  Notice
	// foreign says that it is none of those for which Receivers are asked for.
	foreign bool
}

// Coverage is what a fleet has and lacks in webhooks.
type Coverage struct {
	Sources   []Source
	Receivers []Receiver
	// Proposals are the Receivers that are missing, and those of the same form that should be other than they are. Kept are
	// the others of that form.
	Proposals, Kept []Proposal
	// Gone are those of that form that are asked for and name nothing which is there any more: they are not written again.
	Gone []flux.Ref
	// Untaken says why nothing could take a call for some sources; "" where something can.
	Untaken string
	// Unread says why it is not known of some sources which Receivers notify them; "" where it is.
	Unread string
}

// Manifests are all Receivers as they should be, of those that are written here: what is proposed and what is kept.
func (c Coverage) Manifests() []Proposal {
	all := slices.Concat(c.Proposals, c.Kept)
	sorting.By(all, Proposal.compare)
	return all
}

// Relaxed is the interval that a source with a webhook does with: it is how long a commit waits at most whose call got
// lost (hack/docs/tuning.md).
const Relaxed = 10 * time.Minute

// kinds are those that ask a host for something new, beside charts: see isSource.
var kinds = []string{"GitRepository", "OCIRepository", "Bucket", "HelmRepository", "ImageRepository"}

// New works out which sources Receivers cover, what is wrong with the Receivers, and which are missing.
func New(in Input) Coverage {
	objects := make([]*flux.Object, 0, len(in.Objects))
	for i := range in.Objects {
		objects = append(objects, &in.Objects[i])
	}
	f := newFleet(in, objects)
	var c Coverage
	for _, o := range f.sources {
		if in.Shown == nil || in.Shown(o) {
			c.Sources = append(c.Sources, f.source(o))
		}
	}
	sorting.By(c.Sources, func(a, b Source) int { return a.Object.Ref.Compare(b.Object.Ref) })
	f.include(c.Sources)
	c.Proposals, c.Kept, c.Gone = f.propose(c.Sources)
	for i := range c.Sources {
		s := &c.Sources[i]
		s.relax()
		if s.State == Unknown && len(s.Receivers) == 0 {
			c.Unread = s.Why
		} else if s.State == Nothing && s.HostType != "" && unneeded(&s.Object) == "" {
			c.Untaken = s.Why
		}
	}
	c.Receivers = f.judge(c)
	return c
}

// relax tells whether a source can be polled less often now, since what is pushed is announced to it, or later, or is already. Who
// polls less often before waits for each commit. What is opted out stays as it is.
func (s *Source) relax() {
	every := s.Object.Effective(flux.Interval)
	if s.notice.Includes || every <= 0 || s.Object.MadeChart() || tune.OptedOut(s.Object) { // a chart that is made has the interval of its HelmRelease
		return
	}
	long := every >= Relaxed
	s.Relax, s.IsRelaxed = !long && s.notice.Everything(), long && s.notice.Promised()
	s.RelaxLater = !long && !s.Relax && (s.notice.Promised() || s.State == Uncovered && !s.foreign)
}

// fleet is everything that was read, indexed.
type fleet struct {
	in        Input
	byRef     map[flux.Ref]*flux.Object
	sources   []*flux.Object
	receivers []*flux.Object
	// hits are what Receivers name, by object, in the order of the Receivers.
	hits map[flux.Ref][]hit
	// consumers are what uses a source and has a history.
	consumers map[flux.Ref][]*flux.Object
	restarts  flux.Restarts
	// filters are those that were taken apart: each is asked of all that its Receiver names.
	filters map[string]filterTokens
	// own are the Receivers of the form that is proposed here, and ownTypes those that tell what runs at a host of a namespace.
	own      map[flux.Ref]*own
	ownTypes map[place][]*own
	// hosts are the names of those at which sources are, by namespace.
	hosts map[string][]string
}

func newFleet(in Input, objects []*flux.Object) *fleet {
	f := &fleet{in: in, byRef: make(map[flux.Ref]*flux.Object, len(objects)), hits: map[flux.Ref][]hit{}, filters: map[string]filterTokens{}, consumers: map[flux.Ref][]*flux.Object{}}
	for _, o := range objects {
		f.byRef[o.Ref] = o
	}
	for _, o := range objects {
		o = f.located(o)
		f.byRef[o.Ref] = o
		switch {
		case o.Deleting:
		case o.Kind == "Receiver":
			f.receivers = append(f.receivers, o)
		case f.isSource(o):
			f.sources = append(f.sources, o)
		case len(o.Status.Changes) > 0:
			f.consumers[o.SourceRef] = append(f.consumers[o.SourceRef], o)
		}
	}
	sorting.By(f.receivers, func(a, b *flux.Object) int { return a.Ref.Compare(b.Ref) })
	if len(f.receivers) > 0 {
		f.restarts = flux.NewRestarts(objects)
		f.recognize()
		f.aim()
	}
	return f
}

// source tells what reaches a source.
func (f *fleet) source(o *flux.Object) Source {
	s := Source{Object: *o, address: address(o), notice: f.notice(o)}
	s.HostType, s.Guessed = f.hostType(o)
	s.Host, s.Owner = s.address.Host, owner(s.address, s.HostType)
	s.foreign = len(f.in.Owners) > 0 && !slices.ContainsFunc(f.in.Owners, s.Of)
	var unsure, broken []hit
	if s.Called = o.Requested.Called(); len(f.hits[o.Ref]) > 0 {
		s.Called = time.Time{}
	}
	for _, h := range f.hits[o.Ref] {
		s.Called = later(s.Called, called(h.receiver, o))
		switch {
		case h.reaches():
			s.Receivers = append(s.Receivers, h.receiver.Ref)
		case h.fault == "":
			unsure = append(unsure, h)
		default:
			broken = append(broken, h)
		}
	}
	unread := f.unread(o)
	nothing := unneeded(o)
	switch {
	case nothing != "":
		s.State, s.Why = Nothing, nothing
	case s.notice.Receiver != (flux.Ref{}):
		s.State, s.Suspect, s.Why = Covered, s.notice.Doubt != "", s.notice.Doubt
	case len(unsure) > 0:
		s.State, s.Why = Unknown, fmt.Sprintf("%s: %s", unsure[0].receiver.Ref, unsure[0].unsure)
	case len(broken) > 0:
		s.State, s.Why = Broken, fmt.Sprintf("%s: %s", broken[0].receiver.Ref, broken[0].no)
	case unread != "":
		s.State, s.Why = Unknown, unread
	case s.HostType == "":
		s.State, s.Why = Nothing, silent(o)
	case f.in.Nowhere:
		s.State, s.Why = Nothing, "the cluster does not serve Receivers: notification-controller is not installed"
	case !f.in.Notifiers.Look(o.Namespace):
		s.State, s.Why = Nothing, "no notification-controller looks at its namespace (--watch-all-namespaces=false), so that no Receiver can notify it"
	default:
		s.State = Uncovered
	}
	s.Notes = f.remarks(&s)
	for _, h := range append(unsure, broken...) {
		s.Receivers = append(s.Receivers, h.receiver.Ref)
	}
	return s
}

// remarks are what else to know of a source whose Receivers are those that notify it.
func (f *fleet) remarks(s *Source) (notes []string) {
	if n := len(s.Receivers); n > 1 {
		notes = append(notes, fmt.Sprintf("%d Receivers notify it: a push that all of them are called for polls it %d times", n, n))
	}
	if i := slices.IndexFunc(f.hits[s.Object.Ref], hit.reaches); i >= 0 && f.releasesAlone(s, f.hits[s.Object.Ref][i:]) {
		notes = append(notes, "its Receiver takes no event of a tag but that of a release: a tag that nobody makes a release of waits for its interval")
	}
	said := cmp.Or(f.in.HostTypes[s.address.Host], f.in.HostTypes[s.address.Name()])
	if said != "" && s.HostType != "" && !said.Serves(s.Object.Kind) {
		notes = append(notes, fmt.Sprintf("--host-type says %s, which is nothing for the kind %s: the host's name decides for this one", said, s.Object.Kind))
	}
	return notes
}

// origin says what applies an object again and again; "" where nothing does, and where nobody asks.
func (f *fleet) origin(o *flux.Object) string {
	if f.in.Origin == nil {
		return ""
	}
	return f.in.Origin(*o)
}

// unread says why it is not known which Receivers notify a source; "" where it is.
func (f *fleet) unread(o *flux.Object) string {
	if f.in.Unread == nil {
		return ""
	}
	return f.in.Unread(o.Namespace)
}

// hostType is what runs at a source's host: what the user says, or what its name tells; "" where nothing there announces
// what is new.
func (f *fleet) hostType(o *flux.Object) (t HostType, guessed bool) {
	at := address(o)
	if unannounced(o, at) != "" {
		return "", false
	}
	if t, chosen := f.chosen(o, at); chosen {
		return t, false
	}
	if at.Host == "" || !calls(o.Kind) || strings.Contains(o.Remote.URL, "$") {
		return "", false
	}
	t, guessed = hostedBy(o, at)
	once := f.ownTypes[place{namespace: o.Namespace, host: at.Name()}]
	for i := len(once) - 1; i >= 0; i-- { // what was said last stands in the one of the highest number
		if was := once[i]; was.tells(o) && (guessed || was.hostType == GenericHMAC || was.hostType == t) {
			return was.hostType, guessed && was.hostType == t // somebody said so when its Receiver was written
		}
	}
	return t, guessed
}

// chosen is the make that the user knows better: of a host with its port, or of its name, which holds for all its ports. A
// make that has nothing of a kind is not meant for it.
func (f *fleet) chosen(o *flux.Object, at flux.Address) (HostType, bool) {
	for _, host := range []string{at.Host, at.Name()} {
		if t := f.in.HostTypes[host]; t.Serves(o.Kind) {
			return t, true
		}
	}
	return "", false
}

// calls tells whether what a kind is about announces what is new there.
func calls(kind string) bool {
	return kind == "GitRepository" || kind == "OCIRepository" || kind == "ImageRepository" || kind == "HelmChart"
}

// unneeded says why no call could bring anything; "" where one could.
func unneeded(o *flux.Object) string {
	switch {
	case o.Suspended:
		return "suspended"
	case o.OCI:
		return "nothing new comes to a HelmRepository of type oci: its charts list their tags themselves"
	case o.Pinned() != "":
		return "pinned to " + o.Pinned()
	default:
		return ""
	}
}

// include tells those that include others what a webhook does not bring them.
func (f *fleet) include(sources []Source) {
	for i := range sources {
		s := &sources[i]
		for _, ref := range s.Object.Polling.Includes {
			included := f.byRef[ref]
			note := fmt.Sprintf("it includes %s, which Flux does not watch: a commit there waits for the interval of this one, too", ref)
			if included != nil && s.State != Covered && f.notice(included).Receiver != (flux.Ref{}) {
				note = fmt.Sprintf("a Receiver notifies %s, which it includes; that does not reach this one: a commit there waits for the interval of this one", ref)
			}
			s.Notes = append(s.Notes, note)
		}
	}
}
