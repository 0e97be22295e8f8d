package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/manifest"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// FileFlags have a command read files instead of a cluster.
type FileFlags struct {
	Filename string
	Roots    []string

	// everyRoot has all clusters of the checkout read, also where Roots names some: what is written for these
	// must not change the others.
	everyRoot bool
	// places says that the command asks where values stand.
	places bool
	// before are the clusters of the state that what is read comes after.
	before []manifest.Root
	// live has a cluster compared with the files where --context names one.
	live bool
}

// addFiles registers the flags; only commands that can do without a cluster have them.
func (f *FileFlags) addFiles(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.VarP(single{&f.Filename}, "filename", "f", "Read a Git checkout (a folder), manifests (a file) or stdin (-) instead of a cluster; no kubeconfig is read.")
	f.addRoots(cmd)
	_ = cmd.RegisterFlagCompletionFunc("filename", completeFiles)
}

func (f *FileFlags) addRoots(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.Roots, "root", nil, "The clusters of the checkout to look at, by the folders that their Flux reads first: clusters/staging. "+
		"Without it all that are found: from gotk-sync.yaml, FluxInstances, and Kustomizations that apply themselves; where there are none of these, Kustomizations that nothing else deploys.")
	_ = cmd.RegisterFlagCompletionFunc("root", completeFiles)
}

// checkout is what was read from files.
type checkout struct {
	name   string         // as it was given with -f
	tree   *manifest.Tree // nil where it is no folder
	fleets []manifest.Fleet
	// chosen are the indices of the fleets that were asked for, and root the one that a command is about.
	chosen []int
	root   int
	// decide tells which scalar decides each value, once however often it is asked; nil where the checkout is no folder.
	decide func() manifest.Decisions
	// named says that --root named them, and that there are others.
	named bool
}

func (c *checkout) fleet() manifest.Fleet { return c.fleets[c.root] }

// open reads what -f names.
func (f FileFlags) open(stdin io.Reader) (*checkout, error) {
	info, err := os.Stat(f.Filename)
	if f.Filename == "-" || err == nil && !info.IsDir() {
		return f.openStream(stdin)
	}
	if err != nil {
		return nil, fmt.Errorf("-f: %w", err)
	}
	tree, err := manifest.Open(f.Filename)
	if err != nil {
		return nil, fmt.Errorf("-f: %w", err)
	}
	if path, above := tree.Outside(); path != "" {
		return nil, fmt.Errorf("-f %s: it is a folder of a Git repository, and Flux reads %q, which is not in it: name the repository's top with -f %s",
			f.Filename, path, terminal.Quoted(filepath.Join(f.Filename, above)))
	}
	c, err := f.chosen(tree)
	if err != nil {
		return nil, err
	}
	if len(c.chosen) == 0 {
		return nil, fmt.Errorf("-f %s: no cluster was found in it (gotk-sync.yaml, a FluxInstance, Kustomizations of Flux): name the folder that Flux reads first with --root", f.Filename)
	}
	return c, nil
}

// chosen reads the clusters of a tree that --root names, or all that are found.
func (f FileFlags) chosen(tree *manifest.Tree) (*checkout, error) {
	found, _ := tree.Successors(tree.Roots(), f.before)
	roots, asked, part := found, len(found), false
	if len(f.Roots) > 0 {
		named, err := f.named(tree)
		if err != nil {
			return nil, err
		}
		asked = len(named)
		every := withOthers(slices.Clone(named), found)
		part = len(every) > asked
		if f.everyRoot {
			named = every
		}
		roots = named
	}
	c := &checkout{name: f.Filename, tree: tree, named: part}
	for i := range asked {
		c.chosen = append(c.chosen, i)
	}
	read := tree.ReadValues
	if f.places {
		read = tree.Read
	}
	c.fleets = read(roots)
	c.decide = sync.OnceValue(func() manifest.Decisions { return tree.Decide(c.fleets) })
	return c, nil
}

// named are the roots that --root names, each once.
func (f FileFlags) named(tree *manifest.Tree) ([]manifest.Root, error) {
	var roots []manifest.Root
	for _, folder := range f.Roots {
		root, err := tree.RootAt(folder)
		if err != nil {
			return nil, fmt.Errorf("--root: %w", err)
		}
		if i := slices.IndexFunc(f.before, func(r manifest.Root) bool { return r.Path == root.Path }); i >= 0 && !root.Known() {
			root = f.before[i]
		}
		roots = withOthers(roots, []manifest.Root{root})
	}
	return roots, nil
}

// withOthers adds the roots that are not there yet.
func withOthers(roots, others []manifest.Root) []manifest.Root {
	for _, other := range others {
		if !slices.ContainsFunc(roots, func(r manifest.Root) bool { return r.Path == other.Path }) {
			roots = append(roots, other)
		}
	}
	return roots
}

func (f FileFlags) openStream(stdin io.Reader) (*checkout, error) {
	if len(f.Roots) > 0 {
		return nil, errors.New("--root is for a checkout: -f names a file")
	}
	name, in := f.Filename, stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("-f: %w", err)
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	content, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("-f: %w", err)
	}
	fleet, err := manifest.ReadStream(name, content)
	if err != nil {
		return nil, fmt.Errorf("-f: %w", err)
	}
	return &checkout{name: f.Filename, fleets: []manifest.Fleet{fleet}, chosen: []int{0}}, nil
}

// toFileSelection reads which objects are asked for, without a kubeconfig: all namespaces unless -n names
// one.
func (f SelectionFlags) toFileSelection(config *genericclioptions.ConfigFlags, args []string) (cluster.Selection, error) {
	sel := cluster.Selection{LabelSelector: f.Selector}
	if !f.AllNamespaces && config.Namespace != nil {
		sel.Namespace = *config.Namespace
	}
	if err := oneNamespace(sel.Namespace); err != nil {
		return sel, err
	}
	if _, err := selector(f.Selector); err != nil {
		return sel, err
	}
	for _, name := range f.Kinds {
		k, err := parseKind(name)
		if err != nil {
			return sel, fmt.Errorf("--kind: %w", err)
		}
		sel.Kinds = append(sel.Kinds, k)
	}
	if err := parsePositional(&sel, args); err != nil {
		return sel, err
	}
	sel.Names = unique(sel.Names)
	if len(sel.Names) > 0 && f.Selector != "" {
		return sel, errors.New("names and --selector cannot be used together")
	}
	return sel, nil
}

// readFiles is read for files: the objects of one root that were asked for, and the others as what explains
// them.
func (o FleetOptions) readFiles() (fleet, error) {
	whole := o.Files.fleet().Snapshot
	whole.Objects = flux.WithCharts(whole.Objects) // as a cluster has them: they poll, too
	snapshot, err := selected(whole, o.Selection)
	if err != nil {
		return fleet{}, err
	}
	o.name(snapshot.Objects)
	o.name(snapshot.Related)
	o.Policy = o.Policy.InCheckout(o.Files.fleet().Root.Path)
	f := fleet{options: o, place: o.Files.root, snapshot: snapshot, resolver: policy.NewResolver(o.Policy, snapshot, o.DefaultEnvironment), objects: snapshot.Objects}
	if len(o.Environments) > 0 {
		f.objects = slices.DeleteFunc(slices.Clone(snapshot.Objects), func(object flux.Object) bool {
			return !o.inEnvironments(f.resolver.Resolve(object).Environment)
		})
	}
	return f, nil
}

// readRoot reads the cluster at a place of the checkout.
func (o FleetOptions) readRoot(place int) (fleet, error) {
	one := *o.Files
	one.root = place
	o.Files = &one
	return o.readFiles()
}

// beside is what the clusters of a checkout ask that --root does not name, as far as they were read: hosts do not tell clusters
// apart.
func (o FleetOptions) beside(now time.Time) ([]budget.Budget, error) {
	if o.Files == nil {
		return nil, nil
	}
	var all []budget.Budget
	for i := range o.Files.fleets {
		if slices.Contains(o.Files.chosen, i) {
			continue
		}
		f, err := o.readRoot(i)
		if err != nil {
			return nil, err
		}
		all = append(all, f.budget(tune.Plan{}, now))
	}
	return all, nil
}

// selected splits a snapshot into what was asked for and the rest.
func selected(s flux.Snapshot, sel cluster.Selection) (flux.Snapshot, error) {
	matches, err := selector(sel.LabelSelector)
	if err != nil {
		return s, err
	}
	wanted := func(o flux.Object) bool {
		switch {
		case sel.Namespace != "" && o.Namespace != sel.Namespace, !matches(o.Labels):
			return false
		case len(sel.Names) > 0:
			return slices.ContainsFunc(sel.Names, func(n cluster.Name) bool { return n.Kind.Name == o.Ref.Kind && n.Name == o.Name })
		default:
			return len(sel.Kinds) == 0 || slices.ContainsFunc(sel.Kinds, func(k flux.Kind) bool { return k.Name == o.Ref.Kind })
		}
	}
	out := flux.Snapshot{Namespaces: s.Namespaces, Gaps: slices.Clone(s.Gaps), Related: slices.Clone(s.Related)}
	for _, o := range s.Objects {
		if wanted(o) {
			out.Objects = append(out.Objects, o)
		} else {
			out.Related = append(out.Related, o)
		}
	}
	for _, n := range sel.Names {
		if !slices.ContainsFunc(out.Objects, func(o flux.Object) bool { return n.Kind.Name == o.Ref.Kind && n.Name == o.Name }) {
			out.Gaps = append(out.Gaps, cluster.NotFound(n, sel.Namespace))
		}
	}
	return out, nil
}

// inFiles tells of what the checkout does not hold, where somebody may look for it.
func (r *root) inFiles(gaps []flux.Gap) {
	const most = 5
	in := map[string]map[string]bool{} // the clusters of each
	for _, g := range gaps {
		note := fmt.Sprintf("%s: %s", g.What, g.Why)
		if !g.Harmless {
			continue
		}
		if in[note] == nil {
			in[note] = map[string]bool{}
		}
		in[note][g.Cluster] = true
	}
	var notes []string
	for note, clusters := range in {
		notes = append(notes, flux.InCluster(fewNames(clusters), note))
	}
	slices.Sort(notes)
	for i, note := range notes {
		if i == most {
			_, _ = fmt.Fprintf(r.ErrOut, "Note: and %d more like these\n", len(notes)-most)
			return
		}
		_, _ = fmt.Fprintf(r.ErrOut, "Note: %s\n", terminal.Printable(note))
	}
}

// planFiles plans objects of files: whoever writes them decides, so that nothing is undone.
func (f fleet) planFiles(opts *tune.Options) tune.Plan {
	opts.Judge, opts.Managed = nil, tune.ManagedPatch
	files := f.options.Files.fleets[f.place]
	opts.NotRewritable = f.kept
	opts.HeldFromGit = func(o flux.Object, field flux.Field) string { return files.Held(o.Ref, field) }
	return tune.NewPlan(f.objects, f.options.Policy, f.resolver, *opts)
}
