package kube

import (
	"context"
	"io"
	"maps"
	"net/url"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// Step is what a page meant for its collection.
type Step int

// The steps of a walk.
const (
	More Step = iota // there are further pages
	Last             // that was all
	Anew             // the server has forgotten where to go on: forget all pages, the next one is the first
)

// Pages walks through a collection. Make it with Client.Pages.
type Pages struct {
	client  *Client
	request Request
	limit   int
	most    int
	began   int // how often
}

// Pages prepares a walk through a collection in pages of first items, each four times the one before up to
// most: the first should show something soon, and 100 ms of round trip for each of 300 pages would be 30 s.
// With first 0 all is one page.
func (c *Client) Pages(r Request, first, most int) *Pages {
	query := url.Values{}
	maps.Copy(query, r.Query)
	r.Query = query
	return &Pages{client: c, request: r, limit: first, most: most}
}

// Next asks for the next page. It calls read for each try of it; read forgets what the try before brought,
// and returns the token of the page behind.
func (p *Pages) Next(ctx context.Context, read func(io.Reader) (next string, err error)) (Step, error) {
	if p.limit > 0 {
		p.request.Query.Set("limit", strconv.Itoa(p.limit))
	}
	var next string
	err := p.client.Get(ctx, p.request, func(body io.Reader) (err error) {
		next, err = read(body)
		return err
	})
	switch {
	case err == nil && next == "":
		return Last, nil
	case err == nil:
		p.request.Query.Set("continue", next)
		p.limit = min(4*p.limit, max(p.limit, p.most))
		return More, nil
	case ReasonOf(err) == Expired && p.request.Query.Has("continue") && p.began < p.client.limits.Tries:
		p.began++
		p.request.Query.Del("continue")
		return Anew, nil
	default:
		return Last, err
	}
}

// The pages of Items: 10,000 Flux objects are three requests.
const (
	firstItems = 500
	mostItems  = 8000
)

// Items hands the JSON of a collection's items over, page by page, each page only when all of it has
// arrived, while the next one is asked for. The bytes are valid only during the call. Restart tells the caller to forget
// what it had: the list begins anew.
func (c *Client) Items(ctx context.Context, r Request, restart func(), each func([]byte) error) error {
	group, ctx := errgroup.WithContext(ctx)
	arrived := make(chan page, 1)
	group.Go(func() error {
		defer close(arrived)
		return c.fetch(ctx, r, arrived)
	})
	group.Go(func() error {
		for p := range arrived {
			if p.anew {
				restart()
			}
			for _, item := range p.items {
				if err := each(item); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return group.Wait()
}

// page is a part of a collection as it arrived; or, anew, word that the list begins again.
type page struct {
	items [][]byte
	anew  bool
}

func (c *Client) fetch(ctx context.Context, r Request, arrived chan<- page) error {
	for pages := c.Pages(r, firstItems, mostItems); ; {
		var p page
		step, err := pages.Next(ctx, func(body io.Reader) (next string, err error) {
			p.items, next, err = decodeItems(body)
			return next, err
		})
		if err != nil {
			return err
		}
		if step == Anew {
			p = page{anew: true}
		}
		select {
		case arrived <- p:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if step == Last {
			return nil
		}
	}
}

// decodeItems splits the JSON of a list into its items and the token of the next page.
func decodeItems(r io.Reader) (items [][]byte, next string, err error) {
	s := NewScanner(r)
	for key := range s.Document {
		switch string(key) {
		case "items":
			for range s.Elements {
				items = append(items, s.Raw())
			}
		case "metadata":
			next = ListMeta(s).Continue
		default:
			s.Skip()
		}
	}
	if err := s.Err(); err != nil {
		return nil, "", err
	}
	return items, next, nil
}

// Meta is what a list says of itself.
type Meta struct {
	ResourceVersion, Continue string
	Remaining                 int // items behind this page; 0 also where the server does not say
}

// ListMeta reads a list's metadata, where the scanner stands before it.
func ListMeta(s *Scanner) Meta {
	var meta Meta
	for key := range s.Fields {
		switch string(key) {
		case "resourceVersion":
			meta.ResourceVersion = s.Text()
		case "continue":
			meta.Continue = s.Text()
		case "remainingItemCount":
			meta.Remaining, _ = strconv.Atoi(string(s.Raw()))
		default:
			s.Skip()
		}
	}
	return meta
}
