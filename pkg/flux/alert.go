package flux

import (
	"cmp"
	"regexp"
	"slices"
)

// Notify is which events an Alert sends to its Provider.
type Notify struct {
	Sources []EventSource
	// ErrorsOnly says that only errors are sent (spec.eventSeverity).
	ErrorsOnly bool
	// Include and Exclude are regular expressions on an event's message: what none of Include meets is not sent, where there
	// are any, nor what one of Exclude meets.
	Include, Exclude []string
}

// EventSource is whose events an Alert sends: those of an object, or of all of a kind in a namespace.
type EventSource struct {
	Kind, Namespace string
	// Name of the object, or "*".
	Name string
	// MatchLabels are labels that it has to have; none for any.
	MatchLabels map[string]string
}

// Means tells whether the events of an object are among those of a source. As notification-controller does, it looks at the
// kind alone, whatever its group (internal/server/event_handlers.go, eventMatchesAlertSource).
func (e EventSource) Means(o *Object) bool {
	if e.Kind != o.Kind || e.Namespace != o.Namespace || e.Name != "*" && e.Name != o.Name {
		return false
	}
	for key, value := range e.MatchLabels {
		if has, ok := o.Labels[key]; !ok || has != value {
			return false
		}
	}
	return true
}

// Sends tells whether an Alert sends an event of an object: an error or not, with a message. A pattern that cannot be read
// meets nothing.
func (n Notify) Sends(o *Object, isError bool, message string) bool {
	meets := func(pattern string) bool {
		r, err := regexp.Compile(pattern)
		return err == nil && r.MatchString(message)
	}
	switch {
	case n.ErrorsOnly && !isError:
		return false
	case len(n.Include) > 0 && !slices.ContainsFunc(n.Include, meets), slices.ContainsFunc(n.Exclude, meets):
		return false
	}
	return slices.ContainsFunc(n.Sources, func(e EventSource) bool { return e.Means(o) })
}

// WritesStatuses tells whether a type of Provider writes commit statuses (notification-controller
// internal/server/provider_commit_status.go, isCommitStatusProvider). Those that comment on requests want a key that only some
// events have, and githubdispatch does neither.
func WritesStatuses(provider string) bool {
	switch provider {
	case "github", "gitlab", "gitea", "bitbucket", "bitbucketserver", "azuredevops":
		return true
	default:
		return false
	}
}

// alertSpec is the part of a spec that an Alert or a Provider has.
type alertSpec struct {
	Address      string     `json:"address"`
	ProviderRef  *reference `json:"providerRef"`
	EventSources []struct {
		reference
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"eventSources"`
	EventSeverity string   `json:"eventSeverity"`
	InclusionList []string `json:"inclusionList"`
	ExclusionList []string `json:"exclusionList"`
}

func (s alertSpec) notify(namespace string) *Notify {
	n := &Notify{ErrorsOnly: s.EventSeverity == "error", Include: s.InclusionList, Exclude: s.ExclusionList}
	for _, e := range s.EventSources {
		n.Sources = append(n.Sources, EventSource{Kind: e.Kind, Namespace: cmp.Or(e.Namespace, namespace), Name: e.Name, MatchLabels: e.MatchLabels})
	}
	return n
}
