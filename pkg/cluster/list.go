package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
)

// chunkSize is how many objects one request asks for, as kubectl get does: a page that fails is asked
// for again, not the whole list.
const chunkSize = 500

// readAttempts is how often a page is asked for when the connection breaks or the server is busy.
const readAttempts = 4

// query is one list request.
type query struct {
	path          []string
	accept        string // "" = application/json
	labelSelector string
}

// list asks for a collection page by page and hands each item's JSON over as it arrives. The bytes are
// valid only during the call. An expired continue token starts the list again: restart is called so
// that the caller can forget what it had.
func (c *Client) list(ctx context.Context, q query, restart func(), each func([]byte) error) error {
	token := ""
	for {
		next, err := c.page(ctx, q, token, each)
		switch {
		case apierrors.IsResourceExpired(err) && token != "":
			token = ""
			restart()
			continue
		case err != nil:
			return err
		case next == "":
			return nil
		}
		token = next
	}
}

// page asks for one page. It reads the whole page before it hands items over, so that a page that
// breaks half way can be asked for again.
func (c *Client) page(ctx context.Context, q query, token string, each func([]byte) error) (next string, err error) {
	for attempt := 1; ; attempt++ {
		var items [][]byte
		items, next, err = c.fetchPage(ctx, q, token)
		if err == nil {
			for _, item := range items {
				if err := each(item); err != nil {
					return "", err
				}
			}
			return next, nil
		}
		if attempt == readAttempts || !transient(err) {
			return "", err
		}
		if err := sleep(ctx, backoff(attempt, err)); err != nil {
			return "", err
		}
	}
}

func (c *Client) fetchPage(ctx context.Context, q query, token string) ([][]byte, string, error) {
	request := c.rest.Get().AbsPath(q.path...).Param("limit", strconv.Itoa(chunkSize))
	if token != "" {
		request.Param("continue", token)
	}
	if q.labelSelector != "" {
		request.Param("labelSelector", q.labelSelector)
	}
	if q.accept != "" {
		request.SetHeader("Accept", q.accept)
	}
	body, err := request.Stream(ctx)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = body.Close() }()
	return decodeList(body)
}

// decodeList splits the JSON of a list into its items and the token of the next page, while it
// arrives.
func decodeList(r io.Reader) (items [][]byte, next string, err error) {
	d := json.NewDecoder(r)
	if err := expect(d, json.Delim('{')); err != nil {
		return nil, "", err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, "", err
		}
		switch key {
		case "items":
			if items, err = decodeItems(d); err != nil {
				return nil, "", err
			}
		case "metadata":
			var meta struct {
				Continue string `json:"continue"`
			}
			if err := d.Decode(&meta); err != nil {
				return nil, "", err
			}
			next = meta.Continue
		default:
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return nil, "", err
			}
		}
	}
	// The closing brace: without it the answer was cut short.
	if err := expect(d, json.Delim('}')); err != nil {
		return nil, "", err
	}
	return items, next, nil
}

func decodeItems(d *json.Decoder) ([][]byte, error) {
	token, err := d.Token()
	if err != nil || token == nil { // an empty list may be null
		return nil, err
	}
	var items [][]byte
	for d.More() {
		var item json.RawMessage
		if err := d.Decode(&item); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, expect(d, json.Delim(']'))
}

func expect(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("the API server's answer has %v where %v was expected", token, want)
	}
	return nil
}

// objects lists a kind in a namespace ("" for all).
func (c *Client) objects(ctx context.Context, k flux.Kind, version, namespace, selector string) ([]flux.Object, error) {
	var objects []flux.Object
	q := query{path: path(k, version, namespace), labelSelector: selector}
	err := c.list(ctx, q, func() { objects = nil }, func(data []byte) error {
		o, err := flux.Decode(data)
		if err != nil {
			return err
		}
		objects = append(objects, o)
		return nil
	})
	return objects, err
}

// object reads one object.
func (c *Client) object(ctx context.Context, k flux.Kind, version, namespace, name string) (flux.Object, error) {
	data, err := c.raw(ctx, append(path(k, version, namespace), name))
	if err != nil {
		return flux.Object{}, err
	}
	return flux.Decode(data)
}

func (c *Client) raw(ctx context.Context, path []string) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		data, err := answer(c.rest.Get().AbsPath(path...).Do(ctx))
		if err == nil || attempt == readAttempts || !transient(err) {
			return data, err
		}
		if err := sleep(ctx, backoff(attempt, err)); err != nil {
			return nil, err
		}
	}
}

// answer is the body of an answer, or the error that the API server describes in it: Raw alone knows
// only the HTTP status.
func answer(r rest.Result) ([]byte, error) {
	data, err := r.Raw()
	if err != nil {
		return nil, cmp.Or(r.Error(), err)
	}
	return data, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
