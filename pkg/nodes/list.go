package nodes

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// unfinished is evaluated by the server: pods that have ended occupy no place on their node.
const unfinished = "status.phase!=Succeeded,status.phase!=Failed"

// lister lists pods as rows.
type lister struct {
	q        *requester
	scope    []string // namespaces, nil for all
	fallback string   // the namespace to count when no list of more is allowed
	wide     bool
	keyed    bool // collect the pods, not only their number
	plain    atomic.Bool
}

// listing is what a keyed run collects.
type listing struct {
	mu       sync.Mutex
	pods     []*Pod
	versions map[string]string // resourceVersion by namespace; "" for a list of all
	scope    []string          // when narrowed to what is allowed
	extras   *extras
}

func (all *listing) add(namespace, version string, pods []*Pod) {
	for _, p := range pods {
		p.resourceVersion = version
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	all.pods = append(all.pods, pods...)
	all.versions[namespace] = version
}

// oldest is the resourceVersion from which a watch misses nothing of any list.
func (all *listing) oldest() string {
	first := ""
	for _, version := range all.versions {
		if first == "" || newer(first, version) {
			first = version
		}
	}
	return first
}

// newer reports whether resourceVersion a is younger than b. Versions that cannot be compared (no
// real API server has them) are not.
func newer(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order > 0
}

// list counts the pods of a job's namespace, page by page, and begins again when the server has
// forgotten the page to go on with.
func (l *lister) list(ctx context.Context, led *ledger, j *job, all *listing) error {
	for restarts := 0; ; restarts++ {
		pods, version, err := l.pages(ctx, led, j)
		switch {
		case err == nil:
			if l.keyed {
				all.add(j.namespace, version, pods)
			}
			return nil
		case apierrors.IsResourceExpired(err) && restarts < l.q.limits.Tries:
		default:
			return err
		}
		led.restart(j)
	}
}

func (l *lister) pages(ctx context.Context, led *ledger, j *job) ([]*Pod, string, error) {
	rows := collector{namespace: j.namespace, keyed: l.keyed}
	query := url.Values{"fieldSelector": {unfinished}, "includeObject": {"None"}}
	size := 0 // the list of one namespace is one request
	if j.namespace == "" {
		size = firstPage
		if l.keyed {
			query.Set("includeObject", "Metadata")
		}
	}
	for {
		if size > 0 {
			query.Set("limit", strconv.Itoa(size))
		}
		kept, read := len(rows.pods), page{}
		err := l.get(ctx, podsPath(j.namespace), query, func(body io.Reader) (err error) {
			rows.pods, rows.tally = rows.pods[:kept], led.startPage(j)
			read, err = decodeList(body, rows.row)
			return err
		})
		if err != nil {
			return nil, "", err
		}
		led.keepPage(j)
		if read.next == "" {
			return rows.pods, read.resourceVersion, nil
		}
		query.Set("continue", read.next)
		size = min(size*4, 32*firstPage)
	}
}

// firstPage is the size of the first page of a list of all pods. Pages grow fourfold, for the first
// should show something soon and 100 ms of round trip for each of 300 pages would be 30 s.
const firstPage = 1000

// get asks for a Table, or for plain objects once a Table came without the columns that count.
func (l *lister) get(ctx context.Context, path string, query url.Values, read func(io.Reader) error) error {
	if !l.plain.Load() {
		err := l.q.get(ctx, path, query, acceptTable, read)
		if !errors.Is(err, errNoNode) {
			return err
		}
		l.plain.Store(true)
	}
	return l.q.get(ctx, path, query, acceptPlain, read)
}

func podsPath(namespace string) string {
	if namespace == "" {
		return "/api/v1/pods"
	}
	return "/api/v1/namespaces/" + url.PathEscape(namespace) + "/pods"
}

// collector turns the rows of a list into counts and, when keyed, into pods.
type collector struct {
	tally     *tally
	namespace string
	keyed     bool
	pods      []*Pod
}

func (c *collector) row(r row) {
	if r.finished {
		return // only a server without Tables and a proxy without selectors sends these
	}
	node := c.tally.addRow(r)
	if !c.keyed {
		return
	}
	if len(r.namespace) > 0 && string(r.namespace) != c.namespace {
		c.namespace = string(r.namespace) // lists are sorted, so few strings are made
	}
	c.pods = append(c.pods, &Pod{Namespace: c.namespace, Name: string(r.name), Node: node, Terminating: r.terminating})
}
