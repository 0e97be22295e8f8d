package flux

import (
	"fmt"
	"slices"
)

// Notifier is a notification-controller, as far as its flags tell what becomes of the calls of Receivers. The zero value has the
// defaults.
type Notifier struct {
	// OneNamespace says that it refuses to notify what is in another namespace than its Receiver (--no-cross-namespace-refs;
	// fluxcd/pkg runtime/acl).
	OneNamespace bool
	// Namespace is the only one that it reads, Receivers as well as what they name (--watch-all-namespaces=false: all that it
	// asks for goes through a cache of that namespace, main.go); "" for all.
	Namespace string
	// Version of it, as the tag of its image tells: "1.9.2"; "" where that tells none.
	Version string
}

// Notifiers are all of a cluster, each with its own flags. None stand for one with the defaults.
type Notifiers []Notifier

// Look tells whether one of them looks at the Receivers of a namespace: else each call is answered with 404.
func (n Notifiers) Look(namespace string) bool {
	return len(n) == 0 || slices.ContainsFunc(n, func(one Notifier) bool { return one.looks(namespace) })
}

// Refused says why none of those that look at the Receivers of a namespace notifies what is in another, or in the same; "" where
// one does: else each call is answered with 500.
func (n Notifiers) Refused(receiver, target string) string {
	why := ""
	for _, one := range n {
		switch {
		case !one.looks(receiver):
		case one.Namespace != "" && one.Namespace != target:
			why = fmt.Sprintf("notification-controller reads namespace %s alone (--watch-all-namespaces=false), and it names another", one.Namespace)
		case one.OneNamespace && receiver != target:
			why = "notification-controller runs with --no-cross-namespace-refs, and it names another namespace"
		default:
			return ""
		}
	}
	return why
}

// Cross tells whether one of them lets a Receiver notify what is in another namespace.
func (n Notifiers) Cross() bool {
	return len(n) == 0 || slices.ContainsFunc(n, func(one Notifier) bool { return !one.OneNamespace && one.Namespace == "" })
}

// Before is the version of one of those that look at a namespace which is older than a version ("1.8.3"), by the tag of its image; ""
// where none is known to be.
func (n Notifiers) Before(namespace, than string) string {
	for _, one := range n {
		if older, _ := olderThan(one.Version, than); older && one.looks(namespace) {
			return one.Version
		}
	}
	return ""
}

// AllBefore tells whether all of those that look at a namespace are known to be older than a version.
func (n Notifiers) AllBefore(namespace, than string) bool {
	newer := slices.ContainsFunc(n, func(one Notifier) bool {
		older, _ := olderThan(one.Version, than)
		return one.looks(namespace) && !older
	})
	return !newer && n.Before(namespace, than) != ""
}

func (one Notifier) looks(namespace string) bool {
	return one.Namespace == "" || one.Namespace == namespace
}
