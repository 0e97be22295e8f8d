package flux

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Target is what a Receiver notifies: one object by name, or all of a kind with certain labels.
type Target struct {
	// APIVersion as it is written; "" where the resource names none.
	APIVersion string
	Kind       string
	// Name of the object, or "*" for all that have the labels.
	Name      string
	Namespace string
	// MatchLabels of the name *. Without one of them all of the kind are meant; nil means none, and is refused.
	MatchLabels map[string]string
	// Filter is a filter of its own, in CEL (spec.resources[].filter, notification-controller 1.9); "" where it has none.
	Filter string
	// Unserved says why the version that it names cannot be asked for; "" where it can, and where nobody knows. See NoteServed.
	Unserved string
	// Unsure says why it is not known whether notification-controller lets a Receiver name it; "" where it is. See NoteUnsure.
	Unsure string
}

// group is that of the apiVersion as it is written; "" where it names none.
func (t Target) group() string {
	group, _, _ := strings.Cut(t.APIVersion, "/")
	return group
}

// mistyped says why Flux does not have the kind that it names, whatever the version; "" where it has, and where nobody of Flux
// is meant.
func (t Target) mistyped() string {
	group, version, _ := strings.Cut(t.APIVersion, "/")
	if m, wrong := Mistyped(group, version, t.Kind); t.APIVersion != "" && wrong && !m.Version {
		return m.Why
	}
	return ""
}

// means tells whether it is about a kind: it names its group, or none, or a group that Flux does not have, so that only that
// of the kind can be meant. A Bucket of another group is another thing.
func (t Target) means(group, kind string) bool {
	return t.Kind == kind && (t.APIVersion == "" || t.group() == group || t.mistyped() != "")
}

// Row is the kind that it is about, of those in the table of Kinds; false where it is about another one.
func (t Target) Row() (Kind, bool) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return t.means(k.Group, k.Name) })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}

// NoteServed notes which targets of a Receiver name a version that where ("the cluster", "Flux 2.9") does not serve:
// notification-controller asks for what is written. versions are those that are served of a kind, the best first; none where
// nobody knows.
func (o *Object) NoteServed(where string, versions func(Kind) []string) {
	for i := range o.Targets {
		t := &o.Targets[i]
		kind, known := t.Row()
		served := versions(kind)
		_, version, _ := strings.Cut(t.APIVersion, "/")
		if known && version != "" && len(served) > 0 && !slices.Contains(served, version) {
			t.Unserved = fmt.Sprintf("%s does not serve %s of this kind: it has %s", where, t.APIVersion, strings.Join(served, ", "))
		}
	}
}

// NoteUnserved notes which targets of a Receiver are of a kind that where does not serve at all, of those whose version
// notification-controller knows by itself.
func (o *Object) NoteUnserved(where string, served func(kind string) bool) {
	for i := range o.Targets {
		if t := &o.Targets[i]; t.APIVersion == "" && versionKnown(t.Kind) && !served(t.Kind) {
			t.Unserved = where + " does not serve this kind"
		}
	}
}

// NoteUnsure notes why it is not known whether a Receiver may name what is in another namespace than its own.
func (o *Object) NoteUnsure(why string) {
	for i := range o.Targets {
		if o.Targets[i].Namespace != o.Namespace {
			o.Targets[i].Unsure = why
		}
	}
}

// versionKnown tells whether notification-controller knows the version of a kind by itself
// (internal/server/receiver_handlers.go, defaultFluxAPIVersions).
func versionKnown(kind string) bool {
	switch kind {
	case "Bucket", "HelmChart", "HelmRepository", "GitRepository", "OCIRepository", "ImageRepository", ArtifactGeneratorKind:
		return true
	default:
		return false
	}
}

// Covers tells whether a target means an object. As in notification-controller
// (internal/server/receiver_handlers.go, notifyDynamicResources) the name * without matchLabels means none, and with
// empty ones all.
func (t Target) Covers(o Object) bool {
	if t.Namespace != o.Namespace || !t.means(o.Group, o.Ref.Kind) {
		return false
	}
	if t.Name != "*" {
		return t.Name == o.Name
	}
	for key, value := range t.MatchLabels {
		if o.Labels[key] != value {
			return false
		}
	}
	return t.MatchLabels != nil
}

// String writes what a target means for people: "GitRepository apps/web", "GitRepository apps/*".
func (t Target) String() string {
	return Ref{Kind: t.Kind, Namespace: t.Namespace, Name: t.Name}.String()
}

// Refusal says why those that look at the namespace of a Receiver cannot notify what a target names, whatever the cluster holds, and
// what to do about it; "" where one can. They know the versions of some kinds only, of ArtifactGenerators since
// notification-controller 1.8.0, and need the others written (internal/server/receiver_handlers.go, defaultFluxAPIVersions and
// requestReconciliation). A written version is asked for as it stands.
func (t Target) Refusal(by Notifiers, receiver string) (why, remedy string) {
	switch {
	case t.APIVersion == "" && t.Kind == ArtifactGeneratorKind && by.AllBefore(receiver, "1.8.0"):
		return "it has no apiVersion, which this kind needs before notification-controller 1.8", "write its apiVersion, or take it out"
	case t.APIVersion == "" && !versionKnown(t.Kind):
		return "it has no apiVersion, which this kind needs", "write its apiVersion, or take it out"
	case t.Name == "*" && t.MatchLabels == nil:
		return "the name * needs matchLabels", "write matchLabels ({} means all), or take it out"
	}
	why = cmp.Or(t.mistyped(), t.Unserved)
	switch {
	case why == "":
		return "", ""
	case t.APIVersion == "":
		return why, "take it out"
	default:
		return why, "correct its apiVersion, or take it out"
	}
}

// Hook is how a Receiver is called.
type Hook struct {
	// Type is spec.type: "github", "generic-hmac". "" for kinds that are not called.
	Type string
	// Secret is the name of the Secret with the token, in the Receiver's namespace. It is never read.
	Secret string
	// Events are those that it takes (spec.events), of the types that look at it; none for all.
	Events []string
	// Filter decides for each call and object whether it is notified (spec.resourceFilter), in CEL; "" for all.
	Filter string
}

// Delivers tells whether a Receiver takes calls: notification-controller answers 503 for one that is suspended or not
// ready, and 404 for one whose status has no path, since it was never ready or its token is not found
// (internal/server/receiver_handlers.go, handlePayload; internal/controller/receiver_controller.go, reconcile). One of files, where no object has a status, counts as ready.
func (o Object) Delivers() bool {
	inFiles := o.Status.Ready == "" && !o.Served()
	return o.Kind == "Receiver" && !o.Suspended && !o.Deleting && (inFiles || o.Status.Ready == "True")
}

// NotificationController is what sets the annotation reconcile.fluxcd.io/requestedAt for a webhook.
const NotificationController = "notification-controller"

// Request is a request to reconcile an object before it is due: the annotation reconcile.fluxcd.io/requestedAt.
type Request struct {
	// By is the field manager that set it: NotificationController for a webhook, "flux" for flux reconcile. "" where
	// nobody has.
	By string
	// At is when that manager last changed the object, in whole seconds; the annotation is all that
	// notification-controller changes of a source.
	At time.Time
	// Before says that it came before the last change by who owns the object's address (spec.url and its like): it may have been for
	// another repository.
	Before bool
}

// Called is when a webhook last had the object reconciled; the zero time where none has, where it may have been another repository
// then, or where somebody else has asked for it since: who sets the annotation takes its place in metadata.managedFields.
func (r Request) Called() time.Time {
	if r.By != NotificationController || r.Before {
		return time.Time{}
	}
	return r.At
}

// requested finds who owns the annotation. The newest counts where several do.
func requested(entries []managedEntry) Request {
	var newest Request
	for _, e := range entries {
		if e.Subresource == "" && e.Fields.Metadata.Annotations.RequestedAt != nil && !e.Time.Before(newest.At) {
			newest = Request{By: e.Manager, At: e.Time}
		}
	}
	newest.Before = slices.ContainsFunc(entries, func(e managedEntry) bool {
		return e.Subresource == "" && e.Fields.Spec.addresses() && newest.By != "" && e.Time.After(newest.At)
	})
	return newest
}

// documentTarget is one of a Receiver's spec.resources.
type documentTarget struct {
	APIVersion  string            `json:"apiVersion"`
	Kind        string            `json:"kind"`
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	MatchLabels map[string]string `json:"matchLabels"`
	Filter      string            `json:"filter"`
}

func (d document) targets() []Target {
	if d.Kind != "Receiver" {
		return nil
	}
	var targets []Target
	for _, r := range d.Spec.Resources {
		targets = append(targets, Target{
			APIVersion: r.APIVersion, Kind: r.Kind, Name: r.Name, Namespace: cmp.Or(r.Namespace, d.Metadata.Namespace),
			MatchLabels: r.MatchLabels, Filter: r.Filter,
		})
	}
	return targets
}

func (d document) hook() Hook {
	if d.Kind != "Receiver" {
		return Hook{}
	}
	h := Hook{Type: d.Spec.Type, Events: d.Spec.Events, Filter: d.Spec.ResourceFilter}
	if d.Spec.SecretRef != nil {
		h.Secret = d.Spec.SecretRef.Name
	}
	return h
}

// hookPath is the path of a Receiver's webhook, which its controller tells in a message and which can be all the secret there is
// (notification-controller, internal/controller/receiver_controller.go: "Receiver initialized for path: /hook/...").
var hookPath = regexp.MustCompile(`/hook/[^\s"']+`)

// urlPassword is that of a URL in a message, urlToken is what HTTP takes in place of a user and a password, and urlParameter is
// one of a query or fragment by whose name its value is a secret.
var (
	urlPassword  = regexp.MustCompile(`(://[^/\s@'":]*):[^/\s"]*@`)
	urlToken     = regexp.MustCompile(`(https?://)[^/\s@'":]+@`)
	urlParameter = regexp.MustCompile(`(?i)([?&#][\w.-]*(?:token|secret|passw|pwd|key|sig|auth|cred|code)[\w.-]*=)[^&#\s"']+`)
)

// WithoutSecrets is a text, as a message of a controller, without the secrets that it may name: passwords of URLs, and paths of
// webhooks.
func WithoutSecrets(message string) string {
	message = urlToken.ReplaceAllString(urlPassword.ReplaceAllString(message, "$1:...@"), "$1...@")
	message = urlParameter.ReplaceAllString(message, "$1...")
	return hookPath.ReplaceAllString(message, "/hook/...")
}

// ShownURL is a URL that somebody typed or wrote, as texts name it: without the secrets that it may have. Of one that cannot be read
// all before the last @ may be a password, but for the user by which Git is asked over SSH.
func ShownURL(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return WithoutSecrets(raw)
	}
	scheme, rest, found := strings.Cut(raw, "://")
	if !found {
		scheme, rest = "", raw
	} else {
		scheme += "://"
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 && rest[:at] != "git" {
		rest = "..." + rest[at:]
	}
	return WithoutSecrets(scheme + rest)
}
