package budget

import (
	"strings"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// supply is how a source gets what is pushed.
type supply struct {
	// source is what polls.
	source flux.Ref
	// latency from the push to the artifact.
	latency Pair[Latency]
	// receiver covers it; "" without one.
	receiver string
	// why the latency is not known.
	why string
	// pinned says that it is so since nothing that is pushed arrives.
	pinned bool
}

// maxLinks bounds how far a chain of artifacts made of artifacts is followed: longer ones, and circles,
// are cut.
const maxLinks = 10

// supplyOf is how a consumer's source gets what is pushed. A HelmRelease whose chart has one exact
// version waits for nothing: what is pushed under another version is none of its business.
func (f *fleet) supplyOf(s *subject) supply {
	ref := s.object.SourceRef
	if ref == (flux.Ref{}) {
		return supply{why: "it has no source"}
	}
	source := f.byRef[ref]
	if source == nil {
		return supply{why: ref.String() + " was not read"}
	}
	version, release := s.object.Polling.Version, s
	if source.object.Kind == "HelmChart" {
		version = source.object.Polling.Version
		release = source
		if from := f.byRef[source.object.SourceRef]; from != nil && !from.object.OCI {
			source = from
		}
	}
	if flux.ExactVersion(version) && (source.object.Kind == "HelmRepository" || source.object.Kind == "HelmChart") {
		return supply{source: source.object.Ref, why: "its chart has the exact version " + version}
	}
	if source.object.OCI { // nobody polls it: the chart made of the HelmRelease lists the tags itself
		return f.polled(source, release.chart, 0)
	}
	return f.polled(source, source.interval, 0)
}

// polled works out the latency of a source that is polled at an interval, or made of others:
//
//   - the wait for the next poll: half of the interval, and all of it with its jitter at worst. With a
//     Receiver nothing. The interval begins at the end of a poll (due), and a poll that has looked before the push, or that a
//     webhook calls during, goes on: how long polls take comes on top where that is known;
//   - fetching the artifact;
//   - what it includes: a GitRepository does not watch those that it includes (source-controller
//     gitrepository_controller.go SetupWithManagerAndOptions), so at worst a commit there waits for both
//     intervals, also where webhooks announce it.
func (f *fleet) polled(source *subject, every Pair[time.Duration], links int) supply {
	o := source.object
	sup := supply{source: o.Ref}
	switch {
	case o.Suspended:
		sup.why = o.Ref.String() + " is suspended"
	case o.Kind == flux.ExternalArtifactKind || o.Kind == flux.ArtifactGeneratorKind:
		return f.made(source, links)
	case source.failure != NoFailure:
		sup.why = o.Ref.String() + " fails: " + o.Status.ReadyReason
	case o.Unchanging() != "":
		sup.why, sup.pinned = o.Ref.String()+" is pinned to "+o.Unchanging(), true
	case every.Now <= 0 && !source.notice.Own():
		sup.why = o.Ref.String() + " is never polled"
	}
	if sup.why != "" {
		return sup
	}
	if source.notice.Own() {
		sup.receiver = source.notice.Receiver.String()
	}
	poll := f.observed[o.Ref].Mean
	fetched := max(fetch, poll)
	sup.latency = pair(func(m moment) Latency {
		wait := *every.at(m)
		if source.notice.Own() {
			return Latency{Typical: fetched, Worst: poll + fetched}
		}
		return Latency{Typical: wait/2 + poll/2 + fetched, Worst: min(poll+f.settings.longest(o, wait), never) + fetched}
	})
	f.include(source, every, poll, links, &sup)
	return sup
}

// include lets the worst latency count what a GitRepository includes.
func (f *fleet) include(source *subject, every Pair[time.Duration], poll time.Duration, links int, sup *supply) {
	for _, ref := range source.object.Polling.Includes {
		included := f.byRef[ref]
		if included == nil || links >= maxLinks {
			continue
		}
		theirs := f.polled(included, included.interval, links+1)
		if theirs.why != "" {
			continue
		}
		for _, m := range moments {
			own := poll + f.settings.longest(source.object, *every.at(m)) + max(fetch, poll)
			sup.latency.at(m).Worst = min(max(sup.latency.at(m).Worst, theirs.latency.at(m).Worst+own), never)
		}
	}
}

// disabledMark is the annotation by which an ArtifactGenerator makes nothing where it says "disabled", in any case (source-watcher
// api/v1beta1, IsDisabled).
const disabledMark = "source.extensions.fluxcd.io/reconcile"

// notMade is why an ArtifactGenerator makes nothing of what comes; "" where it does, and for others.
func notMade(o *flux.Object) string {
	switch {
	case o.Kind != flux.ArtifactGeneratorKind:
		return ""
	case strings.EqualFold(o.Annotations[disabledMark], "disabled"):
		return o.Ref.String() + " is disabled"
	case o.Status.Stalled || o.Status.Ready == "False":
		return o.Ref.String() + " fails: " + o.Status.ReadyReason
	default:
		return ""
	}
}

// made is the supply of what is made of other sources: it is made anew when one of them changes, since
// whoever makes it watches them (source-watcher artifactgenerator_manager.go), which takes about as long
// as fetching. The slowest of them counts.
func (f *fleet) made(s *subject, links int) supply {
	sup := supply{source: s.object.Ref}
	if links >= maxLinks {
		sup.why = s.object.Ref.String() + " is made of itself"
		return sup
	}
	if sup.why = notMade(s.object); sup.why != "" {
		return sup
	}
	if len(s.object.Polling.Made) == 0 {
		sup.why = "what makes " + s.object.Ref.String() + " is not known"
		return sup
	}
	first := true
	for _, ref := range s.object.Polling.Made {
		from := f.byRef[ref]
		if from == nil {
			return supply{source: s.object.Ref, why: ref.String() + " was not read"}
		}
		theirs := f.polled(from, from.interval, links+1)
		if theirs.pinned { // the others bring what is new
			sup.why, sup.pinned = theirs.why, true
			continue
		}
		if theirs.why != "" {
			return theirs
		}
		if first {
			sup.receiver, first = theirs.receiver, false
		} else if theirs.receiver == "" {
			sup.receiver = "" // a webhook brings the commits of all, or it does not count
		}
		for _, m := range moments {
			l, t := sup.latency.at(m), theirs.latency.at(m)
			l.Typical, l.Worst = max(l.Typical, t.Typical), max(l.Worst, t.Worst)
		}
	}
	if first {
		return sup
	}
	sup.why, sup.pinned = "", false
	if s.object.Kind == flux.ArtifactGeneratorKind {
		for _, m := range moments {
			l := sup.latency.at(m)
			l.Typical, l.Worst = l.Typical+fetch, min(l.Worst+fetch, never)
		}
	}
	return sup
}
