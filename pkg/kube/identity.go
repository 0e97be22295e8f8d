package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
)

// AcceptOneMetadata asks for the metadata of one object only.
const AcceptOneMetadata = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"

// Cluster tells clusters apart, whatever they are called: the UID of the namespace kube-system, which lives as long as its
// cluster. Who may neither get that namespace nor list namespaces gets the API server's refusal.
func (c *Client) Cluster(ctx context.Context) (uid string, err error) {
	uid, _, err = c.find(ctx, Witness{"/api/v1/namespaces", "kube-system"})
	if err != nil {
		return "", fmt.Errorf("reading the namespace kube-system: %w", err)
	}
	return uid, nil
}

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

// Witness is an object that was read: the path of its collection, "/api/v1/nodes", and its name.
type Witness struct{ Collection, Name string }

// Seen is a cluster as one connection sees it.
type Seen struct {
	Client *Client
	// UID of the namespace kube-system; "" where that may not be read.
	UID string
	// Witnesses names some objects that were read; it may ask for them.
	Witnesses func(context.Context) []Witness
}

// Compare tells whether two connections lead to one cluster: by the UIDs of the namespace kube-system, or else by whether
// an object that one has seen is there for the other, with the same UID.
func Compare(ctx context.Context, a, b Seen) Sameness {
	if a.UID != "" && b.UID != "" {
		if a.UID == b.UID {
			return SameCluster
		}
		return OtherCluster
	}
	for _, pair := range [][2]Seen{{a, b}, {b, a}} {
		for _, w := range pair[0].Witnesses(ctx) {
			if told := testify(ctx, w, pair[0].Client, pair[1].Client); told != Untold {
				return told
			}
		}
	}
	return Untold
}

// testify looks for an object through both connections. That it is not there for the other only counts while it is
// still there for the one.
func testify(ctx context.Context, w Witness, one, other *Client) Sameness {
	uid, _, err := one.find(ctx, w)
	if err != nil || uid == "" {
		return Untold
	}
	otherUID, sure, err := other.find(ctx, w)
	switch {
	case err != nil || otherUID == "" && !sure:
		return Untold
	case otherUID == uid:
		return SameCluster
	}
	if again, _, err := one.find(ctx, w); err != nil || again != uid {
		return Untold
	}
	return OtherCluster
}

// find is the UID of an object, "" where there is none. Who may only list the collection finds it there; then that it is
// not there is not sure: some gateways leave out of a list what the caller may not see.
func (c *Client) find(ctx context.Context, w Witness) (uid string, sure bool, err error) {
	var object struct{ Metadata struct{ UID string } }
	data, err := c.Raw(ctx, Request{Path: w.Collection + "/" + url.PathEscape(w.Name), Accept: AcceptOneMetadata, Tries: 2})
	switch ReasonOf(err) {
	case "":
		if err := json.Unmarshal(data, &object); err != nil {
			return "", false, fmt.Errorf("reading the answer: %w", err)
		}
		return object.Metadata.UID, true, nil
	case NotFound:
		return "", true, nil
	case Forbidden:
	default:
		return "", false, err
	}
	items, listed := Items(ctx, c, Request{Path: w.Collection, Query: url.Values{"fieldSelector": {"metadata.name=" + w.Name}}, Accept: AcceptMetadata, Tries: 2},
		func(item []byte) (string, error) {
			err := json.Unmarshal(item, &object)
			return object.Metadata.UID, err
		})
	if listed != nil {
		return "", false, err // the first refusal tells more
	}
	if len(items) != 1 {
		return "", false, nil
	}
	return items[0], true, nil
}
