package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/kube"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// fleets are those of all clusters that a command looks at.
type fleets struct {
	all []fleet
	// missing are the clusters of which nothing could be read.
	missing []flux.Gap
	// refused are the values that were planned, and that no edit of the files brings about.
	// Unfitted are those that only a fitting wanted.
	refused, unfitted []manifest.Refusal
}

// readAll reads the fleets of all clusters, several at the same time. A cluster that does not answer is missing, and no
// error, unless there is no other.
func (o FleetOptions) readAll(ctx context.Context, r *root) (fleets, error) {
	if o.Files == nil {
		// What is read stays. A plan of 10,000 objects took 1.45 s and 216 MB so, and 1.64 s and 176 MB at 200 percent. Files need
		// their memory for what is built from them.
		defer r.collectAt(400)()
	}
	each := o.each()
	if len(each) == 1 && each[0].Cluster == "" {
		return o.readOnly(ctx, each, r)
	}
	if len(each) == 0 { // a state of a checkout that has no cluster yet
		return fleets{}, nil
	}
	read, ids, failed := readEach(ctx, each, r)
	if ctx.Err() != nil {
		return fleets{}, codeError{exitInterrupted, errors.New("interrupted while reading")}
	}
	var fs fleets
	var without []error // that serve no kind of Flux
	stands := oncePerFleet(ctx, each, read, ids, failed)
	if err := byAllNames(each, read, failed, stands); err != nil {
		return fleets{}, err
	}
	users := notLetIn(each, read, failed, stands) // are missing, and no clusters
	for i, one := range each {
		if failed[i] != nil && errors.Is(failed[i], cluster.ErrNoFlux) && len(each) > 1 {
			_, _ = fmt.Fprintf(r.ErrOut, "%s: %v.\n", one.Cluster, cluster.ErrNoFlux)
			without = append(without, failed[i])
			continue
		}
		if users[i] {
			continue
		}
		if failed[i] != nil {
			fs.miss(one.Cluster, explain(failed[i]))
			continue
		}
		if one.Files == nil {
			if at := each[stands[i]]; stands[i] != i {
				if err := sameNamespace(at, one); err != nil {
					return fleets{}, err
				}
				_, _ = fmt.Fprintln(r.ErrOut, sameClusterLine(one.Cluster, at.Cluster))
				continue
			}
			if read[i].nothingRead() {
				fs.miss(one.Cluster, strings.Join(gapWarnings(unnamed(read[i].snapshot.Gaps)), "; "))
				continue
			}
			read[i].place = len(fs.all)
		}
		fs.all = append(fs.all, read[i])
	}
	switch {
	case len(fs.all) > 0:
		fs.foundOnce(o.Selection.Names)
		return fs, o.knownEnvironments(fs)
	case len(fs.missing) == 0 && len(without) > 0:
		return fs, without[0]
	}
	var reasons []string
	for _, gap := range fs.missing {
		reasons = append(reasons, flux.InCluster(gap.Cluster, gap.Why))
	}
	return fs, fmt.Errorf("none of the clusters could be read: %s", strings.Join(reasons, "; "))
}

// sameNamespace is an error where two contexts of one cluster mean other namespaces.
func sameNamespace(a, b FleetOptions) error {
	if a.Selection.Namespace == b.Selection.Namespace {
		return nil
	}
	return fmt.Errorf("the contexts %s and %s are one cluster, with the namespaces %s and %s: say which with -n, or look at all with -A",
		a.Cluster, b.Cluster, cmp.Or(a.Selection.Namespace, "<all>"), cmp.Or(b.Selection.Namespace, "<all>"))
}

// unnamed are gaps of a cluster that is named before them.
func unnamed(gaps []flux.Gap) []flux.Gap {
	gaps = slices.Clone(gaps)
	for i := range gaps {
		gaps[i].Cluster = ""
	}
	return gaps
}

// miss notes that nothing of a cluster could be read, and why.
func (fs *fleets) miss(context, why string) {
	fs.missing = append(fs.missing, flux.Gap{Cluster: context, What: "the cluster", Why: why})
}

// readOnly reads the fleet of the only cluster that is looked at.
func (o FleetOptions) readOnly(ctx context.Context, each []FleetOptions, r *root) (fleets, error) {
	answered, stop := r.awaitClusters(each)
	began := r.Now()
	f, err := each[0].read(ctx)
	f.began = began
	answered(0)
	stop()
	if err != nil {
		return fleets{}, err
	}
	fs := fleets{all: []fleet{f}}
	return fs, o.knownEnvironments(fs)
}

// readEach reads the fleets of clusters, several at the same time, and how each cluster is told from others.
func readEach(ctx context.Context, each []FleetOptions, r *root) (read []fleet, ids []kube.Seen, failed []error) {
	read, ids, failed = make([]fleet, len(each)), make([]kube.Seen, len(each)), make([]error, len(each))
	answered, stop := r.awaitClusters(each)
	defer stop()
	const atOnce = 8 // what each has in memory adds up
	var wait sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for i, one := range each {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			began := r.Now()
			read[i], failed[i] = one.readNamed(ctx)
			if read[i].began = began; failed[i] == nil && one.Client != nil && len(one.clusters) > 0 {
				ids[i] = one.Client.Seen(ctx, read[i].snapshot.Objects)
			}
			answered(i)
		})
	}
	wait.Wait()
	return read, ids, failed
}

// oncePerFleet is, for each context that was read, the one that shows its cluster: the one with the fewest gaps, then the current one, then the first. Where
// nothing tells whether two contexts are one cluster, that is a gap.
func oncePerFleet(ctx context.Context, each []FleetOptions, read []fleet, seen []kube.Seen, failed []error) []int {
	stands := make([]int, len(each))
	var known []int
	for i := range each {
		if stands[i] = i; failed[i] == nil && seen[i].Client != nil {
			known = append(known, i)
		}
	}
	var same comparisons
	for n, i := range known {
		for _, j := range known[:n] {
			same.between(ctx, i, j, func(i int) kube.Seen { return seen[i] })
		}
	}
	g := group(known, same.of, func(i, j int) bool {
		if more := len(read[j].snapshot.Gaps) - len(read[i].snapshot.Gaps); more != 0 {
			return more > 0
		}
		return each[i].current() && !each[j].current()
	})
	unknown := make(map[int][]string) // the contexts that may not read what would tell, and those that they may be
	for n, i := range known {
		stands[i] = g.stands[n]
		for _, j := range g.doubtful[i] {
			if read[i].nothingRead() || read[j].nothingRead() {
				continue // it does not count
			}
			of, other := i, j
			if seen[i].UID != "" && seen[j].UID == "" {
				of, other = j, i
			}
			unknown[of] = append(unknown[of], each[other].Cluster)
		}
	}
	for _, i := range known {
		if names := unknown[i]; len(names) > 0 {
			read[i].snapshot.Gaps = append(read[i].snapshot.Gaps, flux.Gap{Cluster: each[i].Cluster, What: "which cluster this is", Why: doubt(names, "both count, and what is added up may be too high", seen[i].Untold)})
		}
	}
	return stands
}

// byAllNames gives each cluster the environment that the policy has for any of its contexts. It is an error where they tell
// different ones: which counts is for the user to say.
func byAllNames(each []FleetOptions, read []fleet, failed []error, stands []int) error {
	names, told := make(map[int][]policy.Named), make(map[int]int)
	for i, one := range each {
		if failed[i] != nil || len(one.clusters) != 1 {
			continue
		}
		at := stands[i]
		names[at] = append(names[at], one.clusters[0].root.clusterNames()...)
		mine := one.Policy.OfCluster()
		if mine.Environment == "" {
			continue
		}
		first, known := told[at]
		if !known {
			told[at] = i
			continue
		}
		if other := each[first].Policy.OfCluster(); other.Environment != mine.Environment {
			return fmt.Errorf("the contexts %s and %s are one cluster, and the policy says that it is %s (%s) and %s (%s): leave one out with --contexts, or change spec.clusters of the policy",
				each[first].Cluster, one.Cluster, other.Environment, other.Via, mine.Environment, mine.Via)
		}
	}
	for i, known := range names {
		o := read[i].options
		o.Policy = o.Policy.In(known...)
		again := o.fleetOf(read[i].snapshot)
		read[i].options, read[i].resolver, read[i].objects = o, again.resolver, again.objects
	}
	return nil
}

// readNamed reads the fleet of a cluster among several.
func (o FleetOptions) readNamed(ctx context.Context) (fleet, error) {
	if len(o.clusters) == 1 && o.clusters[0].err != nil {
		return fleet{}, o.clusters[0].err
	}
	f, err := o.read(ctx)
	if err != nil {
		return f, err
	}
	o.nameGaps(f.snapshot.Gaps)
	return f, nil
}

// gaps are what could not be read of all clusters.
func (fs fleets) gaps() []flux.Gap {
	gaps := slices.Clone(fs.missing)
	for _, f := range fs.all {
		gaps = append(gaps, f.snapshot.Gaps...)
	}
	return gaps
}

// where names how many clusters were looked at, for a title, and of how many; "" where there is one, and it was.
func (fs fleets) where(o FleetOptions) string {
	switch n := len(fs.all); {
	case len(fs.missing) > 0:
		return fmt.Sprintf("in %d of %d clusters", n, n+len(fs.missing))
	case n > 1:
		return fmt.Sprintf("in %d clusters", n)
	case n == 1 && len(o.each()) > 1:
		return "in 1 cluster"
	default:
		return o.whereShort()
	}
}

// place says where was looked, in a sentence.
func (fs fleets) place(o FleetOptions) string { return o.whereIn(len(fs.all) + len(fs.missing)) }

// objects counts those that were asked for.
func (fs fleets) objects() int {
	n := 0
	for _, f := range fs.all {
		n += len(f.objects)
	}
	return n
}

// complete is an error when something that was asked for is not there, or could not be read.
func (fs fleets) complete() error { return complete(fs.gaps()) }

// incomplete tells whether something that may matter could not be read.
func (fs fleets) incomplete() bool { return flux.Snapshot{Gaps: fs.gaps()}.Incomplete() }

// notes tells what the files do not hold, where files were read, and more of them.
func (fs fleets) notes(ctx context.Context, r *root, more ...flux.Gap) {
	if len(fs.all) > 0 && fs.all[0].options.Files != nil {
		r.inFiles(slices.Concat(fs.gaps(), fs.all[0].options.Files.filtered(ctx), more))
	}
}

// eachCluster runs what writes for one cluster after the other, below a heading where there are several, and returns the
// worst that happened. After Ctrl-C the rest is not begun, which is said.
func (fs fleets) eachCluster(ctx context.Context, o OutputOptions, run func(fleet, OutputOptions) error) error {
	if len(fs.all) == 1 && len(fs.missing) == 0 {
		o.root = fs.all[0].options.inCluster(o.root)
		return run(fs.all[0], o)
	}
	var failed []error
	var silent error
	for i, f := range fs.all {
		one := o
		one.root = f.options.inCluster(o.root)
		if ctx.Err() != nil {
			var rest []string
			for _, f := range fs.all[i:] {
				rest = append(rest, f.options.Cluster)
			}
			_, _ = fmt.Fprintf(o.root.ErrOut, "Interrupted: not begun in %s.\n", strings.Join(rest, ", "))
			silent = silentError{exitInterrupted}
			break
		}
		if o.printer.tables() && !o.printer.layout.NoHeaders {
			if i > 0 {
				_, _ = fmt.Fprintln(o.root.Out)
			}
			_, _ = fmt.Fprintf(o.root.Out, "# %s\n", f.options.Cluster)
		}
		err := run(f, one)
		var quiet silentError
		switch {
		case errors.As(err, &quiet):
			silent = err
		case err != nil:
			if !strings.HasPrefix(err.Error(), f.options.Cluster+": ") {
				err = ofCluster{f.options.Cluster, err}
			}
			failed = append(failed, err)
		}
	}
	if len(fs.missing) > 0 {
		failed = append(failed, errors.New("not all clusters could be read: see the warnings above"))
	}
	switch {
	case len(failed) > 0 && ctx.Err() != nil:
		return codeError{exitInterrupted, errors.Join(failed...)}
	case len(failed) > 0:
		return errors.Join(failed...)
	default:
		return silent
	}
}
