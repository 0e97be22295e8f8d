package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
)

// SelectionFlags choose objects, as kubectl get does, and by environment.
type SelectionFlags struct {
	AllNamespaces bool
	Selector      string
	Kinds         []string
	Environments  []string
}

const selectionUsage = "[TYPE[,TYPE...] [NAME...] | TYPE/NAME...]"

func (f *SelectionFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVarP(&f.AllNamespaces, "all-namespaces", "A", false, "Look in all namespaces.")
	flags.StringVarP(&f.Selector, "selector", "l", "", "Label selector, as kubectl takes it: -l team=web,tier!=cache.")
	flags.StringSliceVar(&f.Kinds, "kind", nil, "Only these kinds of Flux objects: GitRepository, ks, hr ... (comma-separated or repeated).")
	flags.StringSliceVar(&f.Environments, "env", nil, "Only objects of these environments, by name or alias (comma-separated or repeated).")
}

// toSelection reads flags and positional arguments into what to read from the cluster.
func (f SelectionFlags) toSelection(config *genericclioptions.ConfigFlags, args []string) (cluster.Selection, error) {
	var sel cluster.Selection
	namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return sel, kubeconfigError(err)
	}
	if !f.AllNamespaces {
		if err := oneNamespace(namespace); err != nil {
			return sel, err
		}
		sel.Namespace = namespace
	}
	if _, err := labels.Parse(f.Selector); err != nil {
		return sel, fmt.Errorf("--selector %q: %w", f.Selector, err)
	}
	sel.LabelSelector = f.Selector
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
	return sel, checkSelection(sel, f)
}

// oneNamespace refuses what is no name of a namespace, a list of them above all: it would be asked for as it
// stands, and nothing found.
func oneNamespace(name string) error {
	switch problems := validation.IsDNS1123Label(name); {
	case name == "" || len(problems) == 0:
		return nil
	case strings.Contains(name, ","):
		return fmt.Errorf("-n %q: one namespace at a time: run it for each, or take -A and choose with -l, --env or --kind (nodes takes several)", name)
	default:
		return fmt.Errorf("-n %q is no name of a namespace: use lower case letters, digits and '-', with a letter or digit at both ends", name)
	}
}

// unique leaves out what is named twice, so that nothing is counted or patched twice.
func unique(names []cluster.Name) []cluster.Name {
	var once []cluster.Name
	for _, n := range names {
		same := func(o cluster.Name) bool { return o.Name == n.Name && o.Kind.Name == n.Kind.Name }
		if !slices.ContainsFunc(once, same) {
			once = append(once, n)
		}
	}
	return once
}

// parseKind finds a kind by its name or a short one. The error lists both.
func parseKind(name string) (flux.Kind, error) {
	k, err := flux.ParseKind(name)
	if err == nil {
		return k, nil
	}
	var short []string
	for _, k := range flux.Kinds() {
		short = append(short, k.Short...)
	}
	return k, fmt.Errorf("%w (short: %s)", err, strings.Join(short, ", "))
}

// parsePositional reads TYPE[,TYPE] [NAME...] or TYPE/NAME...
func parsePositional(sel *cluster.Selection, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if len(sel.Kinds) > 0 {
		return fmt.Errorf("--kind and the argument %q both name kinds: give one of them", args[0])
	}
	if !strings.Contains(args[0], "/") {
		return parseTypeNames(sel, args)
	}
	for _, arg := range args {
		kind, name, found := strings.Cut(arg, "/")
		if !found || name == "" {
			return fmt.Errorf("argument %q: give either TYPE NAME... or TYPE/NAME..., not both", arg)
		}
		k, err := parseKind(kind)
		if err != nil {
			return err
		}
		sel.Names = append(sel.Names, cluster.Name{Kind: k, Name: name})
	}
	return nil
}

func parseTypeNames(sel *cluster.Selection, args []string) error {
	for _, kind := range strings.Split(args[0], ",") {
		k, err := parseKind(kind)
		if err != nil {
			return fmt.Errorf("%w; before an object's name goes its type: ks NAME, or ks/NAME", err)
		}
		if !slices.ContainsFunc(sel.Kinds, func(o flux.Kind) bool { return o.Name == k.Name }) {
			sel.Kinds = append(sel.Kinds, k)
		}
	}
	for _, name := range args[1:] {
		if strings.Contains(name, "/") {
			return fmt.Errorf("argument %q: give either TYPE NAME... or TYPE/NAME..., not both", name)
		}
		for _, k := range sel.Kinds {
			sel.Names = append(sel.Names, cluster.Name{Kind: k, Name: name})
		}
	}
	return nil
}

func checkSelection(sel cluster.Selection, f SelectionFlags) error {
	switch {
	case len(sel.Names) > 0 && f.AllNamespaces:
		return fmt.Errorf("an object cannot be found by name in all namespaces: name its namespace with -n, and leave out -A")
	case len(sel.Names) > 0 && f.Selector != "":
		return fmt.Errorf("names and --selector cannot be used together")
	default:
		return nil
	}
}

// PolicyFlags choose the policy and where environments come from.
type PolicyFlags struct {
	Policy             string
	Set                []string
	DefaultEnvironment string
	EnvironmentAliases []string
}

func (f *PolicyFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.Policy, "policy", policy.DefaultName, "The policy: a preset's name (see kubectl fluxtune policy), a file, or - for stdin.")
	flags.StringArrayVar(&f.Set, "set", nil, "Override a value of the policy: --set development.GitRepository.interval=30s (may be repeated).")
	flags.StringVar(&f.DefaultEnvironment, "default-env", "", "The environment of objects that nothing else gives one.")
	flags.StringArrayVar(&f.EnvironmentAliases, "env-alias", nil, "Another word for an environment of the policy: --env-alias uat=staging (may be repeated).")
}
