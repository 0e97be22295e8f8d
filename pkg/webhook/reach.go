package webhook

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// aimed is that a Receiver names an object.
type aimed struct {
	receiver, object *flux.Object
	target           flux.Target
	// host is what runs where the object is; "" where nobody knows. Guessed as in Source.
	host      HostType
	guessed   bool
	notifiers flux.Notifiers
	// read takes filters apart.
	read func(expr string) ([]string, error)
}

// answer is how a condition stands. The zero answer is that it is met.
type answer struct {
	// no says why it is not met, and then what becomes of the calls. remedy is what to do about it.
	no, then, remedy string
	// unsure says why it is not known whether it is met.
	unsure string
}

// condition is one thing that has to hold so that what is pushed reaches an object through a Receiver.
type condition struct {
	fault Fault
	// alone says that the Receiver decides it, whatever it names: then it is asked with no object.
	alone bool
	check func(aimed) answer
}

// conditions are all that can be told of it from objects, in the order in which notification-controller asks
// (internal/server/receiver_handlers.go, handlePayload). That a webhook reaches a source is said where all of them are met.
// What cannot be told: whether the host calls, with the right URL and token. The Secret is not read; that it has a token
// is told by Ready.
var conditions = []condition{
	{OtherNamespace, true, lookedAt},
	{Suspended, true, notSuspended},
	{NotReady, true, ready},
	{Invalid, true, valid},
	{WrongType, false, fittingType},
	{NoPushEvent, false, pushEvent},
	{OtherNamespace, false, allowedNamespace},
	{CannotBeNotified, false, namedRight},
	{FilteredOut, false, letThrough},
	{NotReady, false, whole},
	{NotReady, false, followed},
}

// verdict is how the conditions stand for a Receiver and an object.
type verdict struct {
	fault Fault // of the first condition that is not met; "" where all are, or may be
	answer
}

// reaches tells whether all conditions are known to be met.
func (v verdict) reaches() bool { return v.fault == "" && v.unsure == "" }

// judge asks the conditions. Of those that are not met the first counts, and before those of which it is not known.
func (a aimed) judge() verdict {
	var v verdict
	for _, c := range conditions {
		switch answer := c.check(a); {
		case answer.no != "":
			return verdict{c.fault, answer}
		case v.unsure == "":
			v.unsure = answer.unsure
		}
	}
	return v
}

func lookedAt(a aimed) answer {
	if a.notifiers.Look(a.receiver.Namespace) {
		return answer{}
	}
	return answer{no: "no notification-controller looks at its namespace (--watch-all-namespaces=false)", then: "each call is answered with 404", remedy: "have one look there, or take it out"}
}

func notSuspended(a aimed) answer {
	r := a.receiver
	if !r.Suspended {
		return answer{}
	}
	remedy := "take spec.suspend out of its manifest"
	if r.Served() {
		remedy = "flux resume receiver " + terminal.Quoted(r.Name) + " -n " + terminal.Quoted(r.Namespace)
	}
	then := "each call is answered with 503"
	if r.Served() && r.Status.Ready == "" { // it has no path yet
		then = "each call is answered with 404"
	}
	return answer{no: "it is suspended", then: then, remedy: remedy}
}

func ready(a aimed) answer {
	if a.receiver.Suspended || a.receiver.Delivers() {
		return answer{}
	}
	return answer{no: notReady(a.receiver), remedy: mend(a.receiver)}
}

func notReady(r *flux.Object) string {
	if r.Status.Ready == "" {
		return "it has no status yet: each call is answered with 404"
	}
	text := "it is not ready"
	if r.Status.ReadyMessage != "" {
		text += ": " + r.Status.ReadyMessage
	}
	return text
}

// whole asks of a Receiver of Google's type whether its Secret has what notification-controller asks for since 1.9, which its status
// does not tell (internal/server/receiver_handlers.go, validate): a call that came through does.
func whole(a aimed) answer {
	if a.notifiers.AllBefore(a.receiver.Namespace, "1.9.0") || a.receiver.Hook.Type != "gcr" || !a.receiver.Served() || !called(a.receiver, a.object).IsZero() {
		return answer{}
	}
	return answer{unsure: "whether its Secret has the email and the audience that notification-controller 1.9 asks for is not known, and no call is known that came through"}
}

// followed asks of a Receiver in files whether what they say of it reaches the one in the cluster.
func followed(a aimed) answer {
	if why := aside(a.receiver); why != "" {
		return answer{unsure: "whether the cluster has it so is not known: " + why}
	}
	return answer{}
}

// aside says why what files have of a Receiver does not reach the one in the cluster; "" where it does.
func aside(r *flux.Object) string {
	if r.Served() {
		return ""
	}
	return tune.Untouched(*r)
}

// maxFilter is the length in characters from which on an expression is refused (cel-go parser/options.go,
// expressionSizeCodePointLimit; fluxcd/pkg runtime/cel sets no other).
const maxFilter = 100_000

// invalidFilter is what becomes of calls then: a Receiver is not ready, but keeps the path that it had before, which a new one never
// gets (internal/controller/receiver_controller.go, reconcile).
const invalidFilter = "each call is answered with 503, or with 404 while the Receiver is new"

// valid finds what of a manifest notification-controller or the API server refuses. Of a Receiver in a cluster its status
// tells it.
func valid(a aimed) answer {
	r := a.receiver
	if r.Unfit != "" {
		return answer{no: "the API server refuses it: " + r.Unfit, remedy: "correct the manifest"}
	}
	if r.Hook.Type != "" && r.Hook.Type != "generic-oidc" && r.Hook.Secret == "" {
		return answer{no: fmt.Sprintf("its type %s needs a Secret, and it has no secretRef", r.Hook.Type), remedy: "write spec.secretRef, and create the Secret"}
	}
	filters := []string{r.Hook.Filter}
	for _, t := range r.Targets {
		filters = append(filters, t.Filter)
	}
	for _, filter := range filters {
		if n := utf8.RuneCountInString(filter); n > maxFilter {
			return answer{no: fmt.Sprintf("its filter has %d characters, and an expression in CEL at most %d", n, maxFilter), then: invalidFilter, remedy: "make several Receivers of it"}
		}
		if _, err := a.read(filter); err != nil {
			return answer{no: fmt.Sprintf("its filter is no expression in CEL: %v", err), then: invalidFilter, remedy: "correct the filter"}
		}
	}
	return answer{}
}

func allowedNamespace(a aimed) answer {
	why := a.notifiers.Refused(a.receiver.Namespace, a.target.Namespace)
	switch {
	case why != "":
		return answer{no: why}
	case a.target.Namespace == a.receiver.Namespace:
		return answer{}
	case called(a.receiver, a.object).IsZero():
		return answer{unsure: a.target.Unsure}
	default:
		return answer{}
	}
}

func namedRight(a aimed) answer {
	why, _ := a.target.Refusal(a.notifiers, a.receiver.Namespace)
	return answer{no: why}
}

// fittingType asks whether what runs at the host proves who it is in the way that the type verifies. Where somebody is
// known to call, somebody else than the host does.
func fittingType(a aimed) answer {
	t, known := receiverTypes[a.receiver.Hook.Type]
	if !known || a.host == "" || a.host == GenericHMAC || !called(a.receiver, a.object).IsZero() {
		return answer{}
	}
	lacks := ""
	switch {
	case !slices.Contains(t.proving, a.host):
		lacks = t.proof
	case len(a.receiver.Hook.Events) > 0 && t.event != "" && !slices.Contains(t.naming, a.host):
		lacks = t.event
	default:
		return answer{}
	}
	does := fmt.Sprintf("its type is %s, and %s sends no %s", a.receiver.Hook.Type, a.host.Title(), lacks)
	if len(t.proving) == 0 || a.host.made().registry && slices.ContainsFunc(t.proving, func(of HostType) bool { return !of.made().registry && of.Receiver() == a.receiver.Hook.Type }) {
		return answer{unsure: does + ": it is for somebody else to call, as a pipeline does, and no call is known that came through"}
	}
	if a.guessed {
		return answer{unsure: fmt.Sprintf("%s (is %s that? --host-type says what it is)", does, flux.ParseAddress(a.object.Remote.URL, a.object.Kind == "ImageRepository").Host)}
	}
	return answer{no: does, then: "each of its calls is answered with 400", remedy: "write type: " + a.host.Receiver() + ", or name it in a Receiver of that type"}
}

// pushEvent asks whether spec.events has what a push is called. Only some types look at it. What a Git host sends where a pipeline
// has pushed to a registry is anything.
func pushEvent(a aimed) answer {
	events := a.receiver.Hook.Events
	if len(events) == 0 || receiverTypes[a.receiver.Hook.Type].event == "" || a.object.Kind != "GitRepository" && (a.guessed || a.host == "" || a.host == GenericHMAC || a.host.Receiver() != a.receiver.Hook.Type) {
		return answer{}
	}
	var names []string
	for _, m := range a.callers() {
		names = append(names, m.announces(a.object)...)
	}
	for _, name := range names {
		if slices.ContainsFunc(events, func(event string) bool { return strings.EqualFold(event, name) }) {
			return answer{}
		}
	}
	if len(names) == 0 {
		return answer{}
	}
	return answer{
		no: fmt.Sprintf("its events (%s) leave out %q", strings.Join(events, ", "), names[0]), then: "what is pushed is answered with 400",
		remedy: fmt.Sprintf("add %q to spec.events", names[0]),
	}
}

// letThrough asks whether the filters let a push through. One that cannot be told to is trusted once a call came through.
func letThrough(a aimed) answer {
	if a.receiver.Hook.Filter == "" && a.target.Filter == "" {
		return answer{}
	}
	k := a.known()
	judge := func(filter string) truth {
		ts, err := a.read(filter)
		if err != nil {
			return no
		}
		return k.judge(ts)
	}
	switch min(judge(a.receiver.Hook.Filter), judge(a.target.Filter)) {
	case no:
		what := "what is pushed there"
		if w := wants(a.object); w.value != "" && !w.prefix {
			what = "what is pushed to " + w.value
		}
		return answer{no: "its filter leaves out " + what, then: "the answer is 200, and nothing is notified", remedy: "correct the filter"}
	case maybe:
		if called(a.receiver, a.object).IsZero() {
			return answer{unsure: "whether its filter lets a push through cannot be told, and no call is known that it let through"}
		}
	}
	return answer{}
}

// callers are the makes that can call a Receiver for an object: what runs at its host, or all that the type is for.
func (a aimed) callers() []hostMake {
	if a.host.Receiver() == a.receiver.Hook.Type && a.host != "" {
		return []hostMake{a.host.made()}
	}
	var callers []hostMake
	for _, m := range makes {
		if m.receiver == a.receiver.Hook.Type && m.registry == (a.object.Kind != "GitRepository") {
			callers = append(callers, m)
		}
	}
	return callers
}
