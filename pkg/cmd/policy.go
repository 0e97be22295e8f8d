package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/budget"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
)

func newPolicy(r *root) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy [NAME | FILE]",
		Short: "List the policies that come with fluxtune, print one, or check one of your own",
		Long: long(`
			List the policies that come with fluxtune, or print one as YAML: a start for a policy of your
			own, which --policy takes as a file. Of a FILE (or - for stdin) it tells what is wrong, or what it wants of each
			environment; no cluster is asked. policy schema prints the JSON Schema for editors.

			What a policy wants is exact (1m) or a bound: at most 1m, at least 5m, 1m to 3m. What lies
			inside a bound is left as it is, what lies outside is set to the nearest end. --set takes
			the same.

			A policy of your own may say more: clusters: and namespaces: give environments to names by pattern,
			labelKeys: and aliases name other labels and words, limits: hosts what they allow, and fit: a share of
			that. The schema tells all of it.`),
		Example: examples(`
			# The policies that come with fluxtune
			kubectl fluxtune policy

			# Start a policy of your own
			kubectl fluxtune policy per-environment > policy.yaml
			kubectl fluxtune plan -A --policy policy.yaml

			# Is it valid, and what does it say?
			kubectl fluxtune policy policy.yaml

			# Change one value of it
			kubectl fluxtune plan -A --set 'development.GitRepository.interval=at most 30s'

			# The JSON Schema of policies, for editors
			kubectl fluxtune policy schema > policy.schema.json`),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("policy takes one policy at a time: leave out %s", strings.Join(args[1:], " "))
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return append(slices.Clone(policy.PresetNames()), "schema"), cobra.ShellCompDirectiveDefault
		},
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return r.listPolicies()
			case args[0] == "schema":
				_, err := r.Out.Write(policy.JSONSchema())
				return err
			case !slices.Contains(policy.PresetNames(), args[0]):
				return r.checkPolicy(args[0])
			default:
				data, err := policy.PresetYAML(args[0])
				if err != nil {
					return err
				}
				_, err = r.Out.Write(data)
				return err
			}
		},
	}
	return cmd
}

func (r *root) listPolicies() error {
	color, err := r.wantsColor()
	if err != nil {
		return err
	}
	t := report.Table{Columns: []report.Column{{Name: "NAME"}, {Name: "DESCRIPTION", Shrink: terminal.End, Below: true}}}
	for _, p := range policy.Presets() {
		name := p.Name
		if name == policy.DefaultName {
			name += " (default)"
		}
		t.Rows = append(t.Rows, []report.Cell{report.Text(name), report.Text(p.Description)})
	}
	if err := t.Draw(r.Out, report.Layout{Whole: "a wider window", Color: color, Width: r.StdoutWidth}); err != nil {
		return fmt.Errorf("listing policies: %w", err)
	}
	return nil
}

// checkPolicy reads a policy of the user's own, and says what it wants; the error says what is wrong with it.
func (r *root) checkPolicy(name string) error {
	p, err := loadPolicy(name, r.In)
	if err != nil {
		return err
	}
	color, err := r.wantsColor()
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(r.Out, "Policy %s is valid.\n\n", p.Name)
	if err := report.PolicyTable(p).Draw(r.Out, report.Layout{Whole: "a wider window", Color: color, Width: r.StdoutWidth}); err != nil {
		return fmt.Errorf("showing the policy: %w", err)
	}
	if names := report.PolicyNames(p, r.StdoutWidth); names != "" {
		_, _ = fmt.Fprint(r.Out, "\n"+terminal.Printable(names))
	}
	for _, s := range p.Fit {
		_, _ = fmt.Fprintf(r.Out, "What polls %s is fitted to %g%% of its limit.\n", s, s.Percent)
	}
	limits := budget.NewLimits(p.Limits, nil)
	for _, s := range p.Fit {
		if _, ok := limits.Of(s.Host); !ok {
			_, _ = fmt.Fprintf(r.ErrOut, "Warning: spec.fit has a share of %s, which has no limit: say what it should get in spec.limits, or each time with --limit %s; without it plan refuses the policy where that is polled\n", s, terminal.Quoted(s.Host+"=5000/h"))
		}
	}
	everywhere := func(_, _ string) bool { return true }
	r.warn(p.Warnings(everywhere, everywhere), nil)
	return nil
}
