package report

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/nodes"
)

// seenCluster is a cluster as it is, and how much of it somebody could read.
type seenCluster struct {
	truth, seen ClusterCount
}

// clusters draws clusters of a few nodes, and what is read of them: all, no nodes, some nodes, the pods of one of two
// namespaces, or nothing at all.
func clusters() *rapid.Generator[[]seenCluster] {
	return rapid.Custom(func(t *rapid.T) []seenCluster {
		n := rapid.IntRange(1, 3).Draw(t, "clusters")
		var all []seenCluster
		for i := range n {
			name := ""
			if n > 1 {
				name = fmt.Sprintf("c%d", i)
			}
			all = append(all, oneCluster(t, name))
		}
		return all
	})
}

func oneCluster(t *rapid.T, name string) seenCluster {
	truth := aCluster(t)
	return seenCluster{ClusterCount{Cluster: name, Count: truth}, ClusterCount{Cluster: name, Count: seenOf(t, truth)}}
}

// aCluster is one as it is.
func aCluster(t *rapid.T) nodes.Count {
	truth := nodes.Count{NodesKnown: true, NodesListed: true, Pods: map[string]nodes.Pods{}, PendingKnown: true, FluxKnown: true}
	for i := range rapid.IntRange(0, 4).Draw(t, "nodes") {
		n := nodes.Node{Name: fmt.Sprintf("n%d", i), Status: "Ready", Labels: map[string]string{"topology.kubernetes.io/zone": rapid.SampledFrom([]string{"a", "b"}).Draw(t, "zone")}}
		if pods := rapid.SampledFrom([]int{-1, 0, 1, 10, 200, 1000, 1<<63 - 1}).Draw(t, "allocatable"); pods >= 0 {
			n.Allocatable = &pods
		}
		if pods := rapid.SampledFrom([]int{-1, 0, 110, 1<<63 - 1}).Draw(t, "capacity"); pods >= 0 {
			n.Capacity = &pods
		}
		truth.Nodes = append(truth.Nodes, n)
	}
	for _, node := range podsOn {
		truth.Pods[node] = nodes.Pods{Total: rapid.SampledFrom([]int{0, 1, 3, 10, 199, 490}).Draw(t, "pods on "+node)}
	}
	return addedUp(truth)
}

// podsOn are the nodes that pods name: also one that is gone, and none.
var podsOn = []string{"n0", "n1", "n2", "n3", "gone", ""}

// addedUp is a count of which only Pods was filled in, with all that follows from that.
func addedUp(c nodes.Count) nodes.Count {
	for node, pods := range c.Pods {
		if c.Total += pods.Total; pods.Total == 0 {
			delete(c.Pods, node)
		}
	}
	c.Unscheduled = c.Pods[""]
	delete(c.Pods, "")
	return c
}

// outdated is what somebody knows of a cluster as it was once, with nodes and pods that are no more: what of it is older is
// marked.
func outdated(t *rapid.T, truth nodes.Count) nodes.Count {
	was := aCluster(t)
	was.Outdated, was.NodesOutdated = rapid.Bool().Draw(t, "pods are old"), rapid.Bool().Draw(t, "nodes are old")
	of := nodes.WhatNodes
	if !was.Outdated {
		was.Pods, was.Unscheduled, was.Total = truth.Pods, truth.Unscheduled, truth.Total
	} else if of = ""; !was.NodesOutdated {
		of = nodes.WhatPods
	}
	if was.NodesKnown = !was.NodesOutdated; was.NodesKnown {
		was.Nodes = truth.Nodes
	}
	was.NodesListed = was.NodesKnown
	if was.Outdated || was.NodesOutdated {
		was.Missing = []nodes.Missing{{What: nodes.WhatUpdates, Of: of, Reason: kube.Unavailable, Since: time.Now(), Err: fmt.Errorf("no watch")}}
	}
	if was.Outdated && rapid.Bool().Draw(t, "pods are missing, too") {
		was.AtLeast = true
		was.Missing = append(was.Missing, nodes.Missing{What: nodes.WhatPods, Namespace: "b", Reason: kube.Forbidden, Err: fmt.Errorf("no pods")})
	}
	return was
}

// seenOf is what somebody reads of a cluster.
func seenOf(t *rapid.T, truth nodes.Count) nodes.Count {
	if rapid.IntRange(0, 3).Draw(t, "updates are interrupted") == 0 {
		return outdated(t, truth)
	}
	seen := nodes.Count{NodesKnown: true, NodesListed: true, Pods: map[string]nodes.Pods{}, PendingKnown: true, FluxKnown: true}
	seen.AtLeast = rapid.Bool().Draw(t, "pods are missing")
	lacksNodes := rapid.SampledFrom([]string{"none", "none", "none", "updates", "some", "all"}).Draw(t, "nodes that are missing")
	seen.NodesKnown = lacksNodes == "none"
	seen.NodesListed = seen.NodesKnown || lacksNodes == "updates"
	if rapid.IntRange(0, 5).Draw(t, "nothing is read") == 0 {
		seen.AtLeast, seen.NodesKnown, seen.NodesListed, lacksNodes = true, false, false, "all"
	}
	nothing := lacksNodes == "all" && seen.AtLeast
	for _, n := range truth.Nodes {
		if seen.NodesListed || lacksNodes == "some" && rapid.Bool().Draw(t, "node is read") {
			seen.Nodes = append(seen.Nodes, n)
		}
	}
	for _, node := range podsOn {
		pods := truth.Pods[node].Total
		if node == "" {
			pods = truth.Unscheduled.Total
		}
		if seen.AtLeast && pods > 0 {
			pods = rapid.IntRange(0, pods).Draw(t, "pods seen on "+node)
		}
		if !nothing || rapid.Bool().Draw(t, "some pods are seen") {
			seen.Pods[node] = nodes.Pods{Total: pods}
		}
	}
	seen = addedUp(seen)
	switch {
	case lacksNodes == "updates":
		if rapid.Bool().Draw(t, "a later list does not have it") {
			seen.Gone = map[string]bool{"gone": true}
		}
		seen.Missing = append(seen.Missing, nodes.Missing{What: nodes.WhatUpdates, Of: nodes.WhatNodes, Reason: kube.Forbidden, Since: time.Now(), Err: fmt.Errorf("no watch")})
	case !seen.NodesKnown:
		m := nodes.Missing{What: nodes.WhatNodes, Reason: kube.Forbidden, Err: fmt.Errorf("no nodes")}
		if lacksNodes == "some" && rapid.Bool().Draw(t, "they were listed once") {
			m.Since = time.Now()
		}
		seen.Missing = append(seen.Missing, m)
	}
	if seen.AtLeast {
		seen.Missing = append(seen.Missing, nodes.Missing{What: nodes.WhatPods, Namespace: "b", Reason: kube.Forbidden, Err: fmt.Errorf("no pods")})
	}
	return seen
}

// shownAs is what one way to ask shows of what was counted.
type shownAs struct {
	list  NodeList
	rows  map[string]map[string]string // by the names in their keys, then by column
	order []string
	total map[string]string
	line  string
}

func showNodes(t *rapid.T, counts []ClusterCount, o NodeOptions) shownAs {
	if counts = slices.Clone(counts); o.GroupBy == ByCluster && counts[0].Cluster == "" {
		counts[0].Cluster = "one" // they have names then
	}
	list, err := NewNodeList(counts, o)
	if err != nil {
		t.Fatal(err)
	}
	s := shownAs{list: list, rows: map[string]map[string]string{}, line: list.Summary.Line()}
	table := list.Table(time.Now(), Layout{Wide: true})
	if o.GroupBy != "" {
		groups := list.Groups("", 0)
		table = groups.Table(time.Now(), Layout{Wide: true})
	}
	for _, row := range table.Rows {
		cells, name := map[string]string{}, ""
		for i, c := range table.Columns {
			if cells[c.Name] = row[i].Text; c.Key {
				name += row[i].Text + "/"
			}
		}
		if strings.Contains(name, totalRow) {
			s.total = cells
			continue
		}
		if s.rows[name] != nil {
			t.Fatalf("two rows %q", name)
		}
		s.rows[name] = cells
		s.order = append(s.order, name)
	}
	return s
}

// shownNumber reads what is shown: an exact number, a lower bound or one of an earlier time, or nothing.
func shownNumber(t *rapid.T, text string) (n float64, exact, known bool) {
	if text == "?" || text == "" || text == "<none>" {
		return 0, false, false
	}
	digits, more := strings.CutSuffix(text, "+")
	digits, old := strings.CutPrefix(digits, "~")
	if more = more || old; digits == "over" {
		return 1e6, !more, true
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		t.Fatalf("%q is no number", text)
	}
	return n, !more, true
}

// holds: an exact number is the true one, a lower bound is one, and a number of an earlier time and a question mark claim
// nothing.
func holds(t *rapid.T, where, seen, truth string) {
	n, exact, known := shownNumber(t, seen)
	if !known || strings.HasPrefix(seen, "~") {
		return
	}
	want, _, trueKnown := shownNumber(t, truth)
	if !trueKnown || exact && n != want || !exact && n > want {
		t.Fatalf("%s is shown as %s, and is %s", where, seen, truth)
	}
}

func choices() *rapid.Generator[NodeOptions] {
	return rapid.Custom(func(t *rapid.T) NodeOptions {
		o := NodeOptions{Selected: rapid.IntRange(0, 4).Draw(t, "selected") == 0}
		if rapid.Bool().Draw(t, "by name") {
			o.Names = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"n0", "n1", "gone", "never"}), 1, 3, func(s string) string { return s }).Draw(t, "names")
		}
		if rapid.IntRange(0, 2).Draw(t, "groups") == 0 {
			o.GroupBy = rapid.SampledFrom([]string{"zone", ByCluster}).Draw(t, "group by")
		}
		return o
	})
}

var numbers = []string{"NODES", "PODS", "ALLOCATABLE", "USE%", "CAPACITY", "TERMINATING", "UNSCHEDULED", "GONE"}

// Rows add up to the total, and the total is what the summary says, whatever is chosen.
func TestNodeRowsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := choices().Draw(t, "choice")
		var counts []ClusterCount
		for _, c := range clusters().Draw(t, "clusters") {
			counts = append(counts, c.seen)
		}
		s := showNodes(t, counts, o)
		for _, column := range []string{"NODES", "PODS", "ALLOCATABLE", "CAPACITY", "UNSCHEDULED", "GONE", "UNKNOWN"} {
			sum, exact := 0.0, true
			for _, row := range s.rows {
				text, there := row[column]
				if !there || text == "" || text == "<none>" {
					continue
				}
				n, sure, _ := shownNumber(t, text)
				sum, exact = sum+n, exact && sure
			}
			if _, there := s.total[column]; !there {
				continue
			}
			got, sure, _ := shownNumber(t, s.total[column])
			// Of which group the pods of unlisted nodes are is not known, how many there are may be.
			ofGroups := column == "PODS" && o.GroupBy == "zone"
			if sum < 1<<62 && got != sum || sure && !exact && !ofGroups {
				t.Fatalf("%s: the rows add up to %v (exact: %v), the total is %s", column, sum, exact, s.total[column])
			}
		}
		pods := s.total["PODS"] + " pods"
		if one := s.total["PODS"]; one == "1" || one == "~1" {
			pods = one + " pod"
		}
		if !strings.Contains(s.line+" ·", " "+pods+" ·") && !strings.HasPrefix(s.line, pods) {
			t.Fatalf("the total is %s, the summary says %q", s.total["PODS"], s.line)
		}
		data, err := json.Marshal(s.list.Summary)
		if err != nil {
			t.Fatal(err)
		}
		var summary struct{ Pods *int }
		if err := json.Unmarshal(data, &summary); err != nil {
			t.Fatal(err)
		}
		n, _, known := shownNumber(t, s.total["PODS"])
		if known != (summary.Pods != nil) || known && int(n) != *summary.Pods {
			t.Fatalf("the total is %s, JSON says %s", s.total["PODS"], data)
		}
	})
}

// What is shown of a part is true of the whole: no number is wrong without a mark.
func TestNodeNumbersAreTrueOrMarked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := choices().Draw(t, "choice")
		if o.Selected {
			o.Names = nil
		}
		var truth, seen []ClusterCount
		for _, c := range clusters().Draw(t, "clusters") {
			truth, seen = append(truth, c.truth), append(seen, c.seen)
		}
		whole, part := showNodes(t, truth, o), showNodes(t, seen, o)
		for _, column := range numbers {
			holds(t, "the total of "+column, part.total[column], whole.total[column])
			for name, row := range part.rows {
				if want, there := whole.rows[name]; there {
					if row["STATUS"] == gone && want["STATUS"] != gone {
						t.Fatalf("%s is shown as gone, and is %s", name, want["STATUS"])
					}
					holds(t, column+" of "+name, row[column], want[column])
				}
			}
		}
		holds(t, "pods on gone nodes", part.list.Summary.onGone.String(), whole.list.Summary.onGone.String())
		for _, word := range []string{"median ", "p99 "} {
			holds(t, word, after(part.line, word), after(whole.line, word))
		}
		if !strings.Contains(part.line, "fullest known ") && after(part.line, "fullest ") != after(whole.line, "fullest ") && after(part.line, "fullest ") != "" {
			t.Fatalf("the fullest is %q, and is %q", part.line, whole.line)
		}
		incomplete := slices.ContainsFunc(seen, func(c ClusterCount) bool { return c.Count.Partial() }) ||
			slices.ContainsFunc(part.list.Items, func(i NodeItem) bool { return i.Status == "Ready" && (i.Allocatable == nil || i.Capacity == nil) }) ||
			strings.HasSuffix(part.total["ALLOCATABLE"], "+") || strings.HasSuffix(part.total["CAPACITY"], "+")
		if got := part.list.Partial; incomplete && !got || got && !incomplete && len(o.Names) == 0 || got != (len(part.list.Gaps()) > 0) {
			t.Fatalf("partial is %v, gaps are %q", part.list.Partial, part.list.Gaps())
		}
	})
}

// contexts are several connections to a few clusters, of which it is known of some two, or not, whether they lead to one.
func contexts(t *rapid.T) (truth, seen []ClusterCount) {
	n := rapid.IntRange(2, 5).Draw(t, "contexts")
	leads := make([]int, n)
	for i := range n {
		leads[i] = rapid.IntRange(0, len(truth)).Draw(t, "leads to")
		if leads[i] == len(truth) {
			truth = append(truth, ClusterCount{Cluster: fmt.Sprint("truth", i), Count: aCluster(t)})
		}
		c := ClusterCount{Cluster: fmt.Sprint("c", i), Count: seenOf(t, truth[leads[i]].Count)}
		for j := range i {
			if leads[i] == leads[j] || rapid.Bool().Draw(t, "nothing tells") {
				c.MaybeSame = append(c.MaybeSame, seen[j].Cluster)
			}
		}
		seen = append(seen, c)
	}
	return truth, seen
}

// Of contexts that may be one cluster nothing counts twice: what is exact is the truth, and what has a plus no more.
func TestWhatMayBeOneClusterCountsOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := choices().Draw(t, "choice")
		if o.Selected {
			o.Names = nil
		}
		truth, seen := contexts(t)
		whole, part := showNodes(t, truth, o), showNodes(t, seen, o)
		for _, column := range numbers {
			holds(t, "the total of "+column, part.total[column], whole.total[column])
		}
		is, shown := asDocument(t, whole.list.Summary), asDocument(t, part.list.Summary)
		for _, f := range [][2]string{
			{"nodes", "nodesAtLeast"}, {"pods", "atLeast"}, {"unscheduled", "atLeast"}, {"onGoneNodes", "atLeast"},
			{"allocatable", "allocatableAtLeast"}, {"capacity", "capacityAtLeast"}, {"use", "atLeast"}, {"median", "atLeast"}, {"p99", "atLeast"},
		} {
			if f[0] == "onGoneNodes" && (shown["nodesAtLeast"] == true || shown["nodesOutdated"] == true) {
				shown["atLeast"] = true // then it is not known which are gone
			}
			if slices.Contains([]string{"use", "median", "p99"}, f[0]) && shown["nodesOutdated"] == true {
				shown["outdated"] = true // they are those of the nodes that there were
			}
			holds(t, f[0]+" in JSON", marked(shown, f[0], f[1]), marked(is, f[0], f[1]))
		}
		for _, bound := range []float64{0, 50, 90, 100} {
			above, really := part.list.Above(bound), whole.list.Above(bound).Nodes
			if above.Nodes > really || above.Nodes < really && !above.More {
				t.Fatalf("%d nodes (or more: %v) are above %v%%, and %d are", above.Nodes, above.More, bound, really)
			}
			if f := above.Fullest; (f != nil) != (above.Nodes > 0) || f != nil && (f.Outdated || float64(f.Use) <= bound) {
				t.Fatalf("%d nodes are certainly above %v%%, the fullest is %+v", above.Nodes, bound, f)
			}
		}
	})
}

// marked is a number of a document as the table writes it: from its field, the one that says that it may be too low, and the
// one that says that it is that of an earlier time.
func marked(document map[string]any, field, atLeast string) string {
	n, known := document[field].(json.Number)
	low, old := document[atLeast] == true, document[strings.NewReplacer("AtLeast", "Outdated", "atLeast", "outdated").Replace(atLeast)] == true
	switch {
	case !known:
		return "?"
	case old:
		return "~" + n.String()
	case low:
		return n.String() + "+"
	}
	return n.String()
}

// asDocument is a value as JSON has it.
func asDocument(t *rapid.T, v any) map[string]any {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	var document map[string]any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&document))
	return document
}

// Every mark of a number in a table is in the documents, too: of the total, and of each group, also in its CSV.
func TestNodeDocumentsBearTheMarksOfTheTable(t *testing.T) {
	t.Parallel()
	fields := [][3]string{
		{"NODES", "nodes", "nodesAtLeast"}, {"PODS", "pods", "atLeast"}, {"ALLOCATABLE", "allocatable", "allocatableAtLeast"},
		{"CAPACITY", "capacity", "capacityAtLeast"},
	}
	rapid.Check(t, func(t *rapid.T) {
		o := choices().Draw(t, "choice")
		var counts []ClusterCount
		for _, c := range clusters().Draw(t, "clusters") {
			counts = append(counts, c.seen)
		}
		s := showNodes(t, counts, o)
		summary := asDocument(t, s.list.Summary)
		for _, f := range fields {
			if want, there := s.total[f[0]]; there {
				require.Equal(t, want, marked(summary, f[1], f[2]), "the total of %s, JSON: %v", f[0], summary)
			}
		}
		if o.GroupBy == "" {
			return
		}
		groups := s.list.Groups("", 0)
		var out bytes.Buffer
		require.NoError(t, groups.CSV(&out, false))
		lines, err := csv.NewReader(&out).ReadAll()
		require.NoError(t, err)
		for i, g := range groups.Items {
			group, line := asDocument(t, g), map[string]any{}
			for column, name := range lines[0] {
				if text := lines[i+1][column]; text == "true" || text == "false" {
					line[name] = text == "true"
				} else if text != "" {
					line[name] = json.Number(text)
				}
			}
			row := s.rows[g.Cluster+"/"+cmp.Or(g.Name, unnamedGroup)+"/"]
			if row == nil {
				row = s.rows[cmp.Or(g.Name, unnamedGroup)+"/"]
			}
			for _, f := range fields {
				require.Equal(t, row[f[0]], marked(group, f[1], f[2]), "%s of group %q, JSON: %v", f[0], g.Name, group)
				require.Equal(t, row[f[0]], marked(line, f[1], f[2]), "%s of group %q, CSV: %v", f[0], g.Name, line)
			}
		}
	})
}

// after is the word behind another.
func after(line, word string) string {
	_, rest, _ := strings.Cut(line, word)
	rest, _, _ = strings.Cut(rest, " ")
	return strings.Trim(rest, ",")
}

// What may be more is never written as more than is known of it.
func TestALowerBoundIsRoundedDown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pods, room  int
		bound, full string
	}{{26, 15416, "0+", "1"}, {1, 6, "16+", "17"}, {199, 200, "99+", "99"}, {201, 200, "100+", "101"}, {50, 100, "50+", "50"}, {29, 50, "58+", "58"}} {
		room := amount{n: test.room}
		assert.Equal(t, test.bound, shareOf(amount{n: test.pods, more: true}, room).String(), "%d of %d", test.pods, test.room)
		assert.Equal(t, test.full, shareOf(amount{n: test.pods}, room).String(), "%d of %d", test.pods, test.room)
	}
}

func TestSharesAreRoundedByOneRule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		room := rapid.IntRange(1, 5000).Draw(t, "allocatable")
		pods := rapid.IntRange(0, 2*room).Draw(t, "pods")
		s := showNodes(t, []ClusterCount{{Count: nodes.Count{
			NodesKnown: true, NodesListed: true, Nodes: []nodes.Node{{Name: "n", Allocatable: &room, Capacity: &room}}, Pods: map[string]nodes.Pods{"n": {Total: pods}}, Total: pods,
		}}}, NodeOptions{})
		shown := s.rows["n/"]["USE%"]
		if named := strings.Contains(s.line, "fullest"); named != (pods > 0) || named != (s.list.Summary.Fullest != nil) {
			t.Fatalf("with %d pods the summary is %q", pods, s.line) // a node without pods is not full
		}
		if (shown == "100" && pods < room) || (shown == "0" && pods > 0) || pods > 0 && !strings.Contains(s.line, "("+shown+"%)") {
			t.Fatalf("%d of %d is %s in the row, %q in the summary", pods, room, shown, s.line)
		}
		data, err := json.Marshal(s.list.Items[0].Use)
		require.NoError(t, err)
		if (string(data) == "100" && pods < room) || (string(data) == "0" && pods > 0) {
			t.Fatalf("%d of %d is %s in JSON", pods, room, data)
		}
		var csv bytes.Buffer
		require.NoError(t, s.list.CSV(&csv, true))
		if strings.Contains(csv.String(), ",100.0,") && pods < room {
			t.Fatalf("%d of %d in CSV: %s", pods, room, csv.String())
		}
	})
}
