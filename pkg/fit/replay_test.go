package fit_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/fit"
)

// stream is when one source changed, within days.
type stream struct {
	environment string
	born        time.Duration   // 0 where it was there before
	commits     []time.Duration // since the beginning
}

const (
	replayed = 180 * 24 * time.Hour
	learned  = replayed / 2 // of the first half the fit knows, by the second it is judged
)

// recorded are the commit times of a public repository.
func recorded(t *testing.T, file string) []stream {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	var streams []stream
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		s := stream{environment: words[1]}
		for _, word := range words[3:] {
			minute, err := strconv.Atoi(word)
			require.NoError(t, err)
			s.commits = append(s.commits, time.Duration(minute)*time.Minute)
		}
		if words[2] == "+" {
			s.born = s.commits[0]
		}
		streams = append(streams, s)
	}
	return streams
}

// made are streams of our own: rates over three orders of magnitude, and after each commit another follows within minutes
// with the given probability, as when somebody tries until it works.
func made(seed uint64, follows float64) []stream {
	r := rand.New(rand.NewPCG(seed, seed))
	streams := make([]stream, 120)
	for i := range streams {
		s := &streams[i]
		s.environment = []string{"development", "staging", "production"}[i%3]
		perHour := math.Pow(10, -3.5+3*r.Float64()) * (1 - follows)
		for at := time.Duration(0); ; {
			if at += time.Duration(r.ExpFloat64() / perHour * float64(time.Hour)); at >= replayed {
				break
			}
			for burst := at; burst < replayed; burst += time.Duration(r.ExpFloat64() * float64(6*time.Minute)) {
				s.commits = append(s.commits, burst)
				if r.Float64() >= follows {
					break
				}
			}
		}
		slices.Sort(s.commits)
	}
	return streams
}

// replay polls every source at its interval with Flux's jitter of 5%, and returns the mean wait of the commits behind
// learned until the next poll, and the requests per hour. The intervals may change from week to week; 0 is not polled.
// The commit that made a source waits for nothing of its own.
func replay(streams []stream, interval func(week, source int) time.Duration) (mean time.Duration, perHour float64) {
	r := rand.New(rand.NewPCG(8, 8))
	var waited time.Duration
	n, polls := 0, 0
	for i, s := range streams {
		pending := s.commits
		at := learned + time.Duration(r.Float64()*float64(5*time.Minute))
		for at < replayed {
			every := interval(int((at-learned)/week), i)
			if every == 0 {
				at = learned + ((at-learned)/week+1)*week
				continue
			}
			polls++
			for ; len(pending) > 0 && pending[0] <= at; pending = pending[1:] {
				if pending[0] >= learned && pending[0] > s.born {
					waited += min(at-pending[0], every)
					n++
				}
			}
			at += time.Duration(float64(every) * (0.95 + 0.1*r.Float64()))
		}
	}
	return waited / time.Duration(max(1, n)), float64(polls) / (replayed - learned).Hours()
}

const (
	week  = 7 * 24 * time.Hour
	weeks = int((replayed-learned)/week) + 1
	per5m = 12.0 // requests an hour for each source there is: 5m
)

// fitted are the intervals of each week: fitted at its beginning to what the 90 days before showed.
func fitted(t *testing.T, streams []stream) (intervals [][]time.Duration, expected time.Duration) {
	t.Helper()
	for w := range weeks {
		now := learned + time.Duration(w)*week
		p, sources := fit.Problem{Shares: []float64{0}}, []int{}
		var known []float64
		for i, s := range streams {
			if s.born > now {
				continue
			}
			n := 0
			for _, at := range s.commits {
				if at > now-learned && at < now && at > s.born {
					n++
				}
			}
			a := fit.Observed(fit.FromGit, n, min(learned, now-s.born))
			if a.PerHour > 0 {
				known = append(known, a.PerHour)
			}
			if a.From == fit.FromNothing {
				a.PerHour = -1
			}
			p.Sources = append(p.Sources, fit.Source{Loads: []fit.Load{{Share: 0, Requests: 1}}, Activity: a.PerHour, Min: 30 * time.Second, Max: 30 * time.Minute})
			sources = append(sources, i)
			p.Shares[0] += per5m
		}
		for i := range p.Sources {
			if p.Sources[i].Activity < 0 {
				p.Sources[i].Activity = fit.Guess(known)
			}
		}
		s, err := fit.Solve(p)
		require.NoError(t, err)
		of := make([]time.Duration, len(streams))
		rounded := p.Round(s)
		for j, i := range sources {
			of[i] = rounded[j]
		}
		intervals = append(intervals, of)
		expected += p.Wait(rounded) / time.Duration(weeks)
	}
	return intervals, expected
}

// scaled are the intervals of a policy by environment, stretched each week so that all ask as many requests.
func scaled(streams []stream, of map[string]time.Duration) (intervals [][]time.Duration) {
	for w := range weeks {
		now := learned + time.Duration(w)*week
		asked, perHour := 0.0, 0.0
		for _, s := range streams {
			if s.born <= now {
				asked += float64(time.Hour) / float64(of[s.environment])
				perHour += per5m
			}
		}
		row := make([]time.Duration, len(streams))
		for i, s := range streams {
			if s.born <= now {
				row[i] = time.Duration(float64(of[s.environment]) * asked / perHour)
			}
		}
		intervals = append(intervals, row)
	}
	return intervals
}

// TestReplay: at equal requests, intervals that are fitted anew each week to the commits of the 90 days before find the
// commits of the second 90 days sooner than one interval for all, and than intervals by environment.
func TestReplay(t *testing.T) {
	t.Parallel()
	for name, streams := range map[string][]stream{
		"hmcts/sds-flux-config": recorded(t, "hmcts-sds-flux-config.txt"),
		"onedr0p/home-ops":      recorded(t, "onedr0p-home-ops.txt"),
		"Poisson":               made(1, 0),
		"bursts":                made(2, 0.7),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := func(rows [][]time.Duration) func(week, source int) time.Duration {
				return func(week, source int) time.Duration { return rows[week][source] }
			}
			rows, expected := fitted(t, streams)
			found, requests := replay(streams, at(rows))
			uniform, same := replay(streams, at(scaled(streams, map[string]time.Duration{"development": 1, "staging": 1, "production": 1})))
			byEnvironment, alike := replay(streams, at(scaled(streams, map[string]time.Duration{
				"development": time.Minute, "staging": 3 * time.Minute, "production": 5 * time.Minute,
			})))
			once, _ := replay(streams, func(week, source int) time.Duration { // what is new since has 5m
				if rows[0][source] == 0 {
					return min(rows[week][source], 1) * 5 * time.Minute
				}
				return rows[0][source]
			})
			t.Logf("%s: fitted %s (expected %s; fitted once and left %s) at %.0f requests/h; by environment %s; one interval %s",
				name, found.Round(time.Second), expected.Round(time.Second), once.Round(time.Second), requests, byEnvironment.Round(time.Second), uniform.Round(time.Second))
			assert.LessOrEqual(t, requests, same*1.01, "equal requests")
			assert.InEpsilon(t, same, alike, 0.01, "equal requests")
			assert.Less(t, found, uniform*9/10)
			assert.Less(t, found, byEnvironment*9/10)
		})
	}
}

// TestMadeIsDeterministic: the same seed gives the same streams, or the numbers above mean nothing.
func TestMadeIsDeterministic(t *testing.T) {
	t.Parallel()
	assert.Equal(t, fmt.Sprint(made(3, 0.5)), fmt.Sprint(made(3, 0.5)))
}
