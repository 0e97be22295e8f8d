package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
)

// AcceptOneMetadata asks for the metadata of one object only.
const AcceptOneMetadata = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"

// Cluster tells clusters apart, whatever they are called: the UID of the namespace kube-system, which lives as long as its
// cluster. Who may neither get that namespace nor list namespaces gets the API server's refusal.
func (c *Client) Cluster(ctx context.Context) (uid string, err error) {
	o, err := c.find(ctx, Witness{"/api/v1/namespaces", "kube-system"})
	if err != nil {
		return "", fmt.Errorf("reading the namespace kube-system: %w", err)
	}
	return o.uid, nil
}

// ErrLate is why a request was given up that nobody waits for any longer; it is a deadline that was exceeded.
var ErrLate error = late{}

type late struct{}

// Error implements error.
func (late) Error() string { return "no answer in time" }

// Is makes it the end of a deadline.
func (late) Is(target error) bool { return target == context.DeadlineExceeded }

// Sameness is what is known of two connections: whether they lead to one cluster. It is never guessed from addresses:
// some gateways serve many clusters at one, and one cluster may have several.
type Sameness int

// What can be known of two connections.
const (
	NotCompared Sameness = iota
	Untold               // nothing that may be read tells
	SameCluster
	OtherCluster
)

// absent is what an object says that is there for one, and not for the other.
const absent Sameness = -1

// Witness is an object that was read: the path of its collection, "/api/v1/nodes", and its name.
type Witness struct{ Collection, Name string }

// Seen is a cluster as one connection sees it.
type Seen struct {
	Client *Client
	// UID of the namespace kube-system; "" where that may not be read, or is not known for another reason, which Untold is.
	UID    string
	Untold error
	// Collections are the paths of those of which objects were read, in an order that does not change. Those of all
	// namespaces and those of single ones may stand beside each other.
	Collections []string
	// Witnesses names a few objects of a collection; it may ask for them.
	Witnesses func(ctx context.Context, collection string) []Witness
}

// Compare tells whether two connections lead to one cluster: by the UIDs of the namespace kube-system, or else by whether
// an object that one has seen is there for the other, with the same UID. Two users who share one collection only, of
// hundreds, are told by that one. That an object is not there is no proof: gateways say so of what a user may not see. Only
// where each of the two sees objects of a kind that the other does not are they of two clusters, or as good as that: nothing of
// theirs counts twice.
func Compare(ctx context.Context, a, b Seen) Sameness {
	if a.UID != "" && b.UID != "" {
		if a.UID == b.UID {
			return SameCluster
		}
		return OtherCluster
	}
	lacks := map[string]int{} // by the kind of objects, which of the two (1, 2) was not shown one that the other sees
	for which, pair := range [][2]Seen{{a, b}, {b, a}} {
		for _, collection := range promising(pair[0].Collections, pair[1].Collections) {
			for _, w := range pair[0].Witnesses(ctx, collection) {
				told, err := testify(ctx, w, pair[0].Client, pair[1].Client)
				if told == SameCluster || told == OtherCluster {
					return told
				}
				if told == absent {
					lacks[path.Base(w.Collection)] |= which + 1
				}
				if err != nil {
					break // the next of the collection would be refused as well
				}
			}
		}
	}
	for _, sides := range lacks {
		if sides == 1|2 {
			return OtherCluster
		}
	}
	return Untold
}

// fewCollections are asked for witnesses, of those that both have read and of the others: each costs some requests.
const fewCollections = 4

// promising are the collections of one whose objects the other may see: first those that the other has read, too, then
// others, of which it may read more than it has shown, such as single namespaces for who lists all at once.
func promising(one, other []string) []string {
	both := make(map[string]bool, len(other))
	for _, collection := range other {
		both[collection] = true
	}
	var shared, rest []string
	for _, collection := range one {
		if both[collection] {
			shared = append(shared, collection)
		} else {
			rest = append(rest, collection)
		}
	}
	return append(shared[:min(len(shared), fewCollections)], rest[:min(len(rest), fewCollections)]...)
}

// testify looks for an object through both connections. That it is not there for the other, or another one, only counts while
// it is still there for the one. The error is why one of them could not look.
func testify(ctx context.Context, w Witness, one, other *Client) (Sameness, error) {
	here, err := one.find(ctx, w)
	if err != nil || here.is != present {
		return Untold, err
	}
	there, err := other.find(ctx, w)
	switch {
	case err != nil || there.is == unlisted || there.is == unnamed:
		return Untold, err
	case there.uid == here.uid:
		return SameCluster, nil
	}
	if again, err := one.find(ctx, w); err != nil || again.uid != here.uid {
		return Untold, err
	}
	if there.is == missing {
		return absent, nil
	}
	return OtherCluster, nil
}

// Exists tells whether there is an object. Who may only list its collection is told by the list; who may do neither gets
// the API server's refusal.
func (c *Client) Exists(ctx context.Context, w Witness) (bool, error) {
	o, err := c.find(ctx, w)
	return o.is == present || o.is == unnamed, err
}

// found is what is known of an object: the UID where it is present.
type found struct {
	uid string
	is  presence
}

// presence is whether an object is there.
type presence int

const (
	unlisted presence = iota // a list does not have it
	missing                  // the server says that there is none
	present
	unnamed // it is there, and does not say its UID, as each object of an API server does
)

// find looks for an object. Who may only list the collection finds it there; then that it is not there is not sure: some
// gateways leave out of a list what the caller may not see.
func (c *Client) find(ctx context.Context, w Witness) (found, error) {
	var object struct{ Metadata struct{ UID string } }
	data, err := c.Object(ctx, Request{Path: w.Collection + "/" + url.PathEscape(w.Name), Accept: AcceptOneMetadata, Tries: 2})
	switch ReasonOf(err) {
	case "":
		if err := json.Unmarshal(data, &object); err != nil {
			return found{}, fmt.Errorf("reading the answer: %w", err)
		}
		return newFound(object.Metadata.UID), nil
	case NotFound:
		return found{is: missing}, nil
	case Forbidden:
	default:
		return found{}, err
	}
	items, _, listed := Items(ctx, c, Request{Path: w.Collection, Query: url.Values{"fieldSelector": {"metadata.name=" + w.Name}}, Accept: AcceptMetadata, Tries: 2},
		func(item []byte) (string, error) {
			err := json.Unmarshal(item, &object)
			return object.Metadata.UID, err
		})
	if listed != nil {
		return found{}, err // the first refusal tells more
	}
	if len(items) != 1 {
		return found{}, nil
	}
	return newFound(items[0]), nil
}

func newFound(uid string) found {
	if uid == "" {
		return found{is: unnamed}
	}
	return found{uid, present}
}
