package kube

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// scripted is a feed whose lists and watches a test brings about.
type scripted struct {
	follower *Follower
	feed     Feed
	watches  chan *watch.FakeWatcher // those that were opened
	slow     atomic.Int64            // how long a list takes
	end      func()
}

// follow follows what was listed as of version 1, within a bubble of synctest.
func follow(t *testing.T) *scripted {
	t.Helper()
	c := &Client{hearing: &hearing{made: time.Now()}}
	c.heard.Store(int64(time.Hour)) // the connection is alive
	s := &scripted{watches: make(chan *watch.FakeWatcher, 10)}
	s.feed.follow = true // before its first list
	s.follower = NewFollower(c, 0, 0, &sync.Mutex{}, func() {})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		s.follower.Follow(ctx, &s.feed, Stream{
			List: func(context.Context) (string, error) {
				time.Sleep(time.Duration(s.slow.Load()))
				return "1", nil
			},
			Open: func(context.Context, metav1.ListOptions) (watch.Interface, error) {
				w := watch.NewFake()
				s.watches <- w
				return w, nil
			},
			Apply: func(watch.Event) {},
		})
	})
	s.end = func() { cancel(); all.Wait() }
	return s
}

func at(version int) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{ResourceVersion: strconv.Itoa(version)}}
}

func (s *scripted) stale() bool {
	synctest.Wait()
	s.follower.lock.Lock()
	defer s.follower.lock.Unlock()
	_, why := s.follower.Stale(&s.feed)
	return why != nil
}

// While a watch brings what has happened before it was opened, what is shown is old, however fast that comes: until it brings
// nothing for a moment, or a bookmark.
func TestAWatchIsBehindUntilItHasCaughtUp(t *testing.T) {
	t.Parallel()
	for _, opened := range []string{"first", "again"} {
		for _, ends := range []string{"quiet", "bookmark"} {
			t.Run(opened+", "+ends, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := follow(t)
					defer s.end()
					w := <-s.watches
					if opened == "again" {
						time.Sleep(5 * time.Second)
						assert.False(t, s.stale(), "it is quiet")
						w.Stop()
						w = <-s.watches
					}
					for n := range 20 {
						time.Sleep(200 * time.Millisecond)
						w.Add(at(n + 2))
						assert.Equal(t, n >= 4, s.stale(), "event %d: a moment is told by nobody", n)
					}
					assert.True(t, s.stale(), "the events have not ended")
					if ends == "bookmark" {
						w.Action(watch.Bookmark, at(30))
					} else {
						time.Sleep(settled)
					}
					assert.False(t, s.stale())
					w.Modify(at(31))
					assert.False(t, s.stale(), "what comes from now on is new")
				})
			})
		}
	}
}

// A watch that begins again and has nothing to bring is told by nobody.
func TestAWatchThatBeginsAgainIsNotTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := follow(t)
		defer s.end()
		for range 5 {
			w := <-s.watches
			w.Action(watch.Bookmark, at(2))
			time.Sleep(time.Minute)
			w.Stop()
			<-s.watches // it brings nothing, and so all is listed anew after a while
			for range 700 {
				time.Sleep(100 * time.Millisecond)
				assert.False(t, s.stale())
				if len(s.watches) > 0 {
					break
				}
			}
		}
	})
}

// A server brings a bookmark each minute: where nothing comes for longer, all is listed anew, and until then what is shown is
// as of what came last.
func TestAWatchThatIsOverdueIsNone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := follow(t)
		defer s.end()
		assert.False(t, s.stale(), "it has just begun")
		w := <-s.watches
		s.slow.Store(int64(time.Minute))
		time.Sleep(time.Minute)
		w.Action(watch.Bookmark, at(2))
		heard := time.Now()
		time.Sleep(quiet - time.Second)
		assert.False(t, s.stale())
		s.follower.hear(time.Now()) // of another watch
		time.Sleep(2*time.Second + grace)
		assert.True(t, s.stale())
		asOf, _ := s.follower.Stale(&s.feed)
		assert.True(t, asOf.Equal(heard), "as of the bookmark, not of what another watch brought")
		time.Sleep(time.Minute)
		<-s.watches
		assert.False(t, s.stale(), "it was listed anew, at once")
	})
}
