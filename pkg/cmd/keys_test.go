package cmd

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

func TestKeysOfATerminal(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string][]string{
		"q":                         {"q"},
		"\x1b[A\x1b[B":              {keyUp, keyDown},
		"\x1bOA\x1bOB":              {keyUp, keyDown}, // with cursor keys in application mode
		"\x1b[5~\x1b[6~":            {keyPageUp, keyPageDown},
		"\x1b[H\x1b[1~\x1b[7~":      {keyHome, keyHome, keyHome},
		"\x1b[F\x1b[4~\x1b[8~":      {keyEnd, keyEnd, keyEnd},
		"\x1b[1;5A\x1b[5;2~":        {keyUp, keyPageUp}, // held down: Ctrl, Shift
		"\x1bq":                     {"q"},
		"\x1b\x1b[B":                {keyDown},
		"\x1b[3~\x1b[15~j":          {"j"}, // Delete, F5
		"\x1b[\x03":                 {keyInterrupt},
		"\x1b[1\x1aq":               {keyStop, "q"},
		"\x1b[999999999999999999~k": {"k"},
	} {
		var keys []string
		var reader keyReader
		for _, b := range []byte(sent) {
			if key := reader.next(b); key != "" {
				keys = append(keys, key)
			}
		}
		assert.Equal(t, want, keys, "%q", sent)
	}
}

// Ctrl-C, and q after any key that is whole, are never taken for a part of another.
func TestNoKeySwallowsTheEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var reader keyReader
		for _, b := range rapid.SliceOf(rapid.Byte()).Draw(t, "typed") {
			reader.next(b)
		}
		assert.Equal(t, keyInterrupt, reader.next(3))
		assert.Equal(t, "q", reader.next('q'))
	})
}

// escapes are what a picture has besides its text.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

// manyNodes are nodes, the last of which are gone.
func manyNodes(there, gone int) []report.ClusterCount {
	c := nodes.Count{NodesKnown: true, NodesListed: true, Pods: map[string]nodes.Pods{}}
	for i := range there + gone {
		name := fmt.Sprintf("n%03d", i)
		if i < there {
			c.Nodes = append(c.Nodes, nodes.Node{Name: name, Status: "Ready", Allocatable: new(10), Capacity: new(10)})
		}
		c.Pods[name] = nodes.Pods{Total: 1}
		c.Total++
	}
	return []report.ClusterCount{{Count: c}}
}

// watched is a screen of some nodes on a terminal, and what it shows.
func watched(t require.TestingT, there, gone int, width, height *int) (*terminalScreen, func() string) {
	list, err := report.NewNodeList(manyNodes(there, gone), report.NodeOptions{})
	require.NoError(t, err)
	var out bytes.Buffer
	s := &terminalScreen{out: &out, size: func() (int, int) { return *width, *height }, title: "prod", quit: "q ends", scrolls: true}
	return s, func() string {
		out.Reset()
		require.NoError(t, s.show(list, nil, noon.Add(time.Second)))
		return escapes.ReplaceAllString(out.String(), "")
	}
}

func TestArrowsScroll(t *testing.T) {
	t.Parallel()
	width, height := 80, 14
	s, picture := watched(t, 30, 2, &width, &height)
	rows := func() []string {
		return regexp.MustCompile(`n\d\d\d`).FindAllString(strings.SplitN(picture(), "TOTAL", 2)[0], -1)
	}
	assert.Contains(t, picture(), "prod   12:00:01   q ends, arrows scroll\r\n")
	first := rows()
	require.Equal(t, "n000", first[0])
	assert.Contains(t, picture(), "(gone nodes)")
	s.scroll.move(keyDown)
	assert.Equal(t, "n001", rows()[0])
	assert.Contains(t, picture(), "... 1 above, ")
	assert.Contains(t, picture(), "(gone nodes)", "the rows add up to the total")
	assert.Contains(t, picture(), "TOTAL")
	s.scroll.move(keyUp)
	s.scroll.move("k")
	assert.Equal(t, first, rows())
	s.scroll.move(keyPageDown)
	assert.Equal(t, first[len(first)-1], rows()[0], "one row of the page before")
	s.scroll.move("G")
	last := rows()
	assert.Equal(t, "n031", last[len(last)-1])
	assert.NotContains(t, picture(), "(gone nodes)", "each has its row")
	assert.Contains(t, picture(), " above, 0 below")
	s.scroll.move(keyPageDown)
	assert.Equal(t, last, rows(), "there is no more")
	s.scroll.move(keyUp)
	assert.Equal(t, "n030", rows()[len(rows())-1], "at once")
	height = 60
	assert.Len(t, rows(), 32)
	assert.NotContains(t, picture(), "scroll")
	assert.NotContains(t, picture(), " above, ")
	height = 14
	assert.Equal(t, first, rows(), "after all were shown")
	width = 20
	assert.NotContains(t, picture(), "scroll", "there is no room for that")
}

// Wherever one has scrolled to, on whichever terminal: a picture fits, each node can be reached, and none is shown twice.
func TestScrollingReachesAllNodes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(40, 100).Draw(t, "width"), rapid.IntRange(8, 30).Draw(t, "height")
		there, gone := rapid.IntRange(1, 60).Draw(t, "nodes"), rapid.SampledFrom([]int{0, 1, 3}).Draw(t, "gone")
		s, picture := watched(t, there, gone, &width, &height)
		seen := map[string]bool{}
		look := func() {
			text := picture()
			require.Equal(t, text, picture(), "it stays when it is drawn again")
			require.LessOrEqual(t, strings.Count(text, "\r\n"), height-1, text)
			names := regexp.MustCompile(`(?m)^n\d\d\d +[A-Z\d]`).FindAllString(text, -1) // not those of the summary
			for i, name := range names {
				seen[name[:4]] = true
				require.True(t, i == 0 || name > names[i-1], text)
			}
			if strings.Contains(text, "(gone nodes)") && len(names) > 0 {
				require.Less(t, names[len(names)-1][:4], fmt.Sprintf("n%03d", there), "a node that is gone is there twice:\n%s", text)
			}
		}
		for look(); len(seen) < there+gone; look() {
			before := s.scroll.first()
			s.scroll.move(rapid.SampledFrom([]string{keyDown, keyPageDown, "j"}).Draw(t, "key"))
			require.Greater(t, s.scroll.first(), before)
			require.Less(t, before, there+gone, "it ends")
		}
		for range 5 {
			s.scroll.move(rapid.SampledFrom([]string{keyUp, keyDown, keyPageUp, keyPageDown, keyHome, keyEnd}).Draw(t, "key"))
			width, height = rapid.IntRange(40, 100).Draw(t, "width"), rapid.IntRange(3, 30).Draw(t, "height")
			look()
		}
	})
}
