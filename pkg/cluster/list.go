package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
)

// query is one list request.
type query struct {
	path          []string
	kind          string // of its objects
	accept        string // "" = application/json
	labelSelector string
}

// list asks for a collection page by page, and makes of each item's JSON what decode does. The bytes are valid only
// during that call.
func list[T any](ctx context.Context, c *Client, q query, decode func([]byte) (T, error)) ([]T, error) {
	items, _, err := kube.Items(ctx, c.kube, q.request(), decode)
	return items, err
}

func (q query) request() kube.Request {
	r := kube.Request{Path: urlPath(q.path), Kind: q.kind, Accept: q.accept, Query: url.Values{}}
	if q.labelSelector != "" {
		r.Query.Set("labelSelector", q.labelSelector)
	}
	return r
}

func urlPath(segments []string) string {
	var path strings.Builder
	for _, segment := range segments {
		path.WriteString("/" + url.PathEscape(segment))
	}
	return path.String()
}

// objects lists a kind in a namespace ("" for all), and names what cannot be read of it. It is an error where nothing can.
func (c *Client) objects(ctx context.Context, k flux.Kind, version, namespace, selector string) ([]*flux.Object, []undecoded, error) {
	items, err := list(ctx, c, query{path: path(k, version, namespace), kind: k.Name, labelSelector: selector}, decodeItem)
	if err != nil {
		return nil, nil, err
	}
	objects, unread := decodedOf(items)
	if len(objects) == 0 && len(unread) > 0 {
		return nil, nil, unread[0].err
	}
	return objects, unread, nil
}

// item is an object of a list, or why it cannot be read. An object is more than a kilobyte, and a list that grows copies what it
// holds again and again: it holds pointers.
type item struct {
	object *flux.Object
	err    error
}

// undecoded is an object of a list that cannot be read, and why: it has a field in a form that is not known.
type undecoded struct {
	flux.Ref
	err error
}

func (u undecoded) gap() flux.Gap { return flux.Gap{What: u.Ref.String(), Why: u.err.Error()} }

func (u undecoded) place() flux.Place {
	return flux.Place{Kind: u.Kind, Namespace: u.Namespace, Name: u.Name}
}

// decodeItem makes an item of an object's JSON. It is an error where that does not even tell which object it is: then the whole
// list is in doubt.
func decodeItem(data []byte) (item, error) {
	o, err := flux.Decode(data)
	if err != nil && (o.Name == "" || !json.Valid(data)) {
		return item{}, err
	}
	return item{&o, err}, nil
}

// decodedOf are the objects of a list, and what of it cannot be read.
func decodedOf(items []item) (objects []*flux.Object, unread []undecoded) {
	objects = make([]*flux.Object, 0, len(items))
	for _, i := range items {
		if i.err == nil {
			objects = append(objects, i.object)
			continue
		}
		unread = append(unread, undecoded{i.object.Ref, i.err})
	}
	return objects, unread
}

// join makes one list of several.
func join(lists ...[]*flux.Object) []flux.Object {
	n := 0
	for _, list := range lists {
		n += len(list)
	}
	joined := make([]flux.Object, 0, n)
	for _, list := range lists {
		for _, o := range list {
			joined = append(joined, *o)
		}
	}
	return joined
}

// object reads one object.
func (c *Client) object(ctx context.Context, k flux.Kind, version, namespace, name string) (flux.Object, error) {
	data, err := c.one(ctx, k.Name, append(path(k, version, namespace), name))
	if err != nil {
		return flux.Object{}, err
	}
	return flux.Decode(data)
}

// one is the JSON of an object.
func (c *Client) one(ctx context.Context, kind string, path []string) ([]byte, error) {
	return c.kube.Object(ctx, kube.Request{Path: urlPath(path), Kind: kind})
}

// raw is what is no object: a version, a schema, metrics.
func (c *Client) raw(ctx context.Context, path []string) ([]byte, error) {
	return c.kube.Raw(ctx, kube.Request{Path: urlPath(path)})
}

// answer is an object that answers a write, or the error that the API server describes: Raw alone knows only the HTTP status.
func answer(kind string, r rest.Result) ([]byte, error) {
	data, err := r.Raw()
	if err != nil {
		return nil, cmp.Or(r.Error(), err)
	}
	err = kube.CheckObject(data, kube.Request{Kind: kind})
	if err != nil && !kube.Answered(err) {
		err = noAnswer{err}
	}
	return data, err
}

// noAnswer is that something else than the API server answered a write: whether it was carried out is not known, as where the
// connection broke.
type noAnswer struct{ error }

// Unwrap says what answered.
func (e noAnswer) Unwrap() error { return e.error }

// Is makes it the end of a connection.
func (noAnswer) Is(target error) bool { return target == io.EOF }

// Sleep waits, or returns why ctx ended first.
func Sleep(ctx context.Context, d time.Duration) error { return kube.Sleep(ctx, d) }

func sleep(ctx context.Context, d time.Duration) error { return kube.Sleep(ctx, d) }
