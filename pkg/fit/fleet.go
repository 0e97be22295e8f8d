package fit

import (
	"fmt"
	"slices"
	"time"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// Cluster is what was read of one cluster.
type Cluster struct {
	// Names by which rules may name it: those of its policy (policy.Names).
	Names []string
	// Budget of a plan that gives each source of Probe another interval than it has. So it tells what each costs, and
	// which of them are left alone whatever is wanted: their planned interval is the present one.
	Budget budget.Budget
	// Free are the sources that may get another interval: those of Probe that this plan changes.
	Free map[flux.Ref]policy.Bound
	// Undone is what objects ask an hour once what keeps setting their fields has undone what is planned of them, and what was changed
	// before, and sessions that end have ended; those of which that is as planned need not be there.
	Undone map[flux.Ref]float64
	// Left are why the others of Probe may not.
	Left map[flux.Ref]tune.Left
	// Chosen are the objects that were asked for, whether they are free or not: the others only take their part of the shares.
	Chosen map[flux.Ref]bool
	// Objects are all that were read: the users of sources are among them.
	Objects []*flux.Object
	// Commits is what a checkout knows of its own source; nil without one.
	Commits map[flux.Ref]Commits
}

// Commits are those that touched what is deployed from a source, in a window of time.
type Commits struct {
	Count  int
	Window time.Duration
}

// Input is what a fitting is made from.
type Input struct {
	Clusters []Cluster
	Shares   []policy.Share
	Limits   budget.Limits
	Rules    []Rule
	Now      time.Time
	// Unread names what could not be read and may poll the hosts: what is told to be needed is the least then. "" where all was.
	Unread string
	// Missing are the names of the clusters that could not be read.
	Missing []string
}

// Choice is what was chosen for one source.
type Choice struct {
	Interval time.Duration // before anything is chosen, what is there
	Min, Max time.Duration // the ends between which it was chosen
	Activity Activity
	// Of names another source with the same URL and ref whose activity it is; "" where it is its own.
	Of string
	// Uncalled says that a Receiver notifies it, which does not count since no call is known.
	Uncalled bool
	// Exact says that all who use it name exact versions.
	Exact bool
}

// Why says for people how often a source changes, and how that is known: "4 commits in 12d (status.history), as GitRepository a/b".
func (c Choice) Why() string {
	why := c.Activity.String()
	if c.Of != "" {
		why += ", as " + c.Of
	}
	if c.Exact && c.Activity.From == FromPin {
		why += ", of which one that is new waits for the next poll"
	}
	if c.Uncalled {
		why += "; not known whether its webhook is called"
	}
	return why
}

// Fitting is what came of it.
type Fitting struct {
	Shares []ShareUse
	// Choices of each cluster, in the order of the input.
	Choices []map[flux.Ref]Choice
	// Left are why other sources that poll a host with a share were not fitted, as the choices.
	Left []map[flux.Ref]tune.Left
	// Sources is how many were fitted, and Requests what they ask per hour.
	Sources  int
	Requests float64
	// Wait is the mean wait from a commit to the poll that finds it, Before that with the intervals that are there, UniformWait that with one interval for all at which no
	// share gets more: Uniform, as far as bounds allow it. That is 0 where each share allows another.
	Wait, Before, UniformWait, Uniform time.Duration
	// Kept says that what is there stays, since the best intervals wait hardly less (Margin): Best, on average. Then only what
	// nobody waits for changes, and what has not the interval of its equals. Changed is how many sources change.
	Kept    bool
	Changed int
	Best    time.Duration
	// Evidence counts the sources by where their activity is known from; Quiet are those that nobody waits for.
	Evidence map[Evidence]int
	Quiet    int
	// Failing counts what fails and counts to the shares with what it asks once it is mended, which a budget does not count.
	Failing int
	// Undone counts what counts to the shares with what it asks once its changes are undone, which a budget counts as planned.
	Undone int
	// Unfitted counts what asks hosts and was not fitted, by why.
	Unfitted map[tune.Reason]int
	// Mistaken says of rules that they are about nothing, whatever was read, and Unmatched that they are about no source that was.
	// Unpolled are the shares that nothing counts to.
	Mistaken, Unmatched []string
	Unpolled            []policy.Share
}

// Why something that asks hosts is not fitted although no plan leaves it alone.
const (
	KindNotFitted tune.Reason = "KindNotFitted" // no source
	NoShare       tune.Reason = "NoShare"       // it counts to none
	NotAskedFor   tune.Reason = "NotAskedFor"   // it was only read to count what it asks
)

// Bounds are the choices for one cluster as a plan takes them.
func (f *Fitting) Bounds(cluster int) map[flux.Ref]policy.Bound {
	bounds := make(map[flux.Ref]policy.Bound, len(f.Choices[cluster]))
	for ref, c := range f.Choices[cluster] {
		bounds[ref] = exactly(c.Interval)
	}
	return bounds
}

// fitter puts a problem together. Its first sources are the fitted ones, as in names; those that only take their part of
// the shares follow.
type fitter struct {
	in       Input
	problem  Problem
	uses     []ShareUse
	names    []named
	fixed    []Source
	fixtures []fixture
	left     []map[flux.Ref]tune.Left
	unfitted map[tune.Reason]int
	failing  int
	undone   int
	unpolled []policy.Share
	// told is the best that is known of each content that something polls.
	told map[content]telling
	// known is until when activities are counted: lastChange.
	known time.Time
}

type named struct {
	cluster int
	ref     flux.Ref
	content content
	Choice
}

// New fits. The error says which share there is no limit for, or which cannot be kept, and by how much: an ExcessError. A share that no
// source counts against is not there, and one that nothing that was chosen counts to keeps nobody from its interval: what is said of
// these is the caller's to decide.
func New(in Input) (*Fitting, error) {
	f := fitter{in: in, known: lastChange(in), unfitted: map[tune.Reason]int{}, told: map[content]telling{}}
	if err := f.open(); err != nil {
		return nil, err
	}
	for i := range in.Clusters {
		f.add(i)
	}
	f.weigh()
	free := len(f.problem.Sources)
	f.problem.Sources = append(f.problem.Sources, f.fixed...)
	there := f.there()
	for _, s := range f.fixed {
		there = append(there, s.Max)
	}
	excesses, _ := f.problem.excesses()
	problem, there := f.problem.reduced(excesses, there)
	chosen, err := problem.Choose(there)
	if err != nil {
		return nil, fmt.Errorf("fitting intervals: %w", err)
	}
	out := f.fitting(chosen.Intervals[:free])
	out.Kept, out.Best = chosen.Kept, chosen.Best
	for i, n := range f.names {
		if chosen.Intervals[i] != n.Interval {
			out.Changed++
		}
	}
	excesses = slices.DeleteFunc(excesses, func(x Excess) bool { return f.uses[x.Share].Idle })
	if len(excesses) > 0 {
		return nil, f.explain(excesses, out)
	}
	return out, nil
}

// add adds what one cluster polls.
func (f *fitter) add(cluster int) {
	c := &f.in.Clusters[cluster]
	known := knowledge{restarted: flux.NewRestarts(c.Objects)}
	known.users, known.pinned = usersOf(c.Objects)
	f.left = append(f.left, map[flux.Ref]tune.Left{})
	for i := range c.Budget.Items {
		item := &c.Budget.Items[i]
		free, isFree := c.Free[item.Object.Ref]
		cost := item.PerPoll()
		s := Source{Min: free.Min, Max: free.Max}
		var activity Activity
		if item.Object.KindRow().Source {
			activity = f.activity(c, item, known)
			f.tell(cluster, item, activity)
		}
		if !isFree { // once an hour, what it asks in an hour
			cost, s.Min, s.Max = c.asks(item), time.Hour, time.Hour
		}
		s.Loads = f.loads(cluster, item, cost, isFree)
		if item.Failure != budget.NoFailure && len(s.Loads) > 0 && (isFree || item.Planned() != item.Requests.Planned) {
			f.failing++
		}
		if !isFree && len(s.Loads) > 0 && cost > item.Planned() {
			f.undone++
		}
		if !isFree || len(s.Loads) == 0 {
			f.leave(c, cluster, item, len(s.Loads) > 0)
		}
		switch {
		case len(s.Loads) == 0:
		case isFree:
			f.problem.Sources = append(f.problem.Sources, s)
			polls, _ := contentOf(item)
			f.names = append(f.names, named{cluster, item.Object.Ref, polls, Choice{Interval: item.Interval.Now, Min: s.Min, Max: s.Max, Activity: activity, Uncalled: item.Uncalled, Exact: known.pinned[item.Object.Ref]}})
		default:
			f.fixed = append(f.fixed, s)
		}
	}
}

// asks is what an object that is not fitted asks an hour: as planned, or once that is undone, whichever is more.
func (c *Cluster) asks(item *budget.Item) float64 {
	return max(item.Planned(), c.Undone[item.Object.Ref])
}

// leave notes why something is not fitted, if it asks hosts.
func (f *fitter) leave(c *Cluster, cluster int, item *budget.Item, shared bool) {
	o := &item.Object
	left, known := c.Left[o.Ref]
	switch kind := o.KindRow(); {
	case !kind.AsksHosts() || !known && c.asks(item) == 0:
	case !kind.Source:
		f.unfitted[KindNotFitted]++
	case known:
		f.unfitted[left.Reason]++
		if shared && left.Reason != tune.ReasonNotRewritable { // whoever rewrites tells of that by itself
			f.left[cluster][o.Ref] = left
		}
	case !shared:
		f.unfitted[NoShare]++
	default:
		f.unfitted[NotAskedFor]++
	}
}

// knowledge is what the objects of a cluster tell of how often its sources change.
type knowledge struct {
	users     map[flux.Ref][]*flux.Object
	pinned    map[flux.Ref]bool
	restarted flux.Restarts
}

// activity is the best that is known of how often a source changes.
func (f *fitter) activity(c *Cluster, item *budget.Item, known knowledge) Activity {
	o := &item.Object
	for _, r := range f.in.Rules {
		if r.matches(c.Names, o.Ref) {
			return Activity{From: FromFile, PerHour: r.PerHour}
		}
	}
	switch {
	case item.AtOnce:
		return Activity{From: FromWebhook}
	case o.Unchanging() != "", known.pinned[o.Ref]:
		return Activity{From: FromPin}
	}
	if commits, ok := c.Commits[o.Ref]; ok {
		if a := observed(FromGit, commits.Count, commits.Window); a.From != FromNothing {
			return a
		}
	}
	if a := fromHistory(o, known.users[o.Ref], f.known, f.in.Now); a.From != FromNothing {
		return a
	}
	return fromArtifact(o, known.restarted, f.known, f.in.Now)
}

// weigh gives each source its activity. Of which nothing is known, that has what is known of another with the same content, or else
// a guess.
func (f *fitter) weigh() {
	var known []float64
	for _, n := range f.names {
		if n.Activity.PerHour > 0 {
			known = append(known, n.Activity.PerHour)
		}
	}
	typical := guess(known)
	for i := range f.names {
		n := &f.names[i]
		if n.Activity.From == FromNothing {
			n.Activity.PerHour = typical
			if told, there := f.told[n.content]; there {
				n.Activity, n.Of = told.Activity, told.of
			}
		}
		f.problem.Sources[i].Activity = n.Activity.PerHour
	}
}

func (f *fitter) fitting(intervals []time.Duration) *Fitting {
	out := &Fitting{Shares: f.uses, Choices: make([]map[flux.Ref]Choice, len(f.in.Clusters)), Sources: len(f.names), Evidence: map[Evidence]int{}, Left: f.left, Unfitted: f.unfitted, Failing: f.failing, Undone: f.undone, Unpolled: f.unpolled}
	out.Mistaken, out.Unmatched = Unmatched(f.in.Rules, f.in.Clusters, f.in.Missing)
	for i := range out.Choices {
		out.Choices[i] = map[flux.Ref]Choice{}
	}
	for i, n := range f.names {
		n.Interval = intervals[i]
		out.Choices[n.cluster][n.ref] = n.Choice
		out.Evidence[n.Activity.From]++
		if n.Activity.PerHour == 0 {
			out.Quiet++
		}
		out.Requests += f.problem.Sources[i].most() * perHour(intervals[i])
	}
	free := Problem{Shares: f.problem.Shares, Sources: f.problem.Sources[:len(f.names)]}
	for k, used := range free.Used(intervals) {
		out.Shares[k].Used = used + out.Shares[k].Fixed
	}
	var uniform []time.Duration
	out.Uniform, uniform = free.Uniform(intervals)
	out.Wait, out.Before, out.UniformWait = free.Wait(intervals), free.Wait(f.there()), free.Wait(uniform)
	return out
}
