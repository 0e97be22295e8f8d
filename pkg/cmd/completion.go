package cmd

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fluxtune/kubectl-fluxtune/pkg/cluster"
	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/terminal"
	"github.com/fluxtune/kubectl-fluxtune/pkg/tune"
)

// completionTimeout bounds what a press of Tab asks of the cluster.
const completionTimeout = 3 * time.Second

const noFiles = cobra.ShellCompDirectiveNoFileComp

// completeFleet completes what commands about Flux objects take.
func (r *root) completeFleet(cmd *cobra.Command) {
	cmd.ValidArgsFunction = r.completeObjects
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(kindNames(), noFiles))
	_ = cmd.RegisterFlagCompletionFunc("env", completeEnvironments)
	_ = cmd.RegisterFlagCompletionFunc("default-env", completeEnvironments)
	_ = cmd.RegisterFlagCompletionFunc("env-alias", completeAliases)
	_ = cmd.RegisterFlagCompletionFunc("policy", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return policy.PresetNames(), cobra.ShellCompDirectiveDefault // or a file
	})
	_ = cmd.RegisterFlagCompletionFunc("set", completeSettings)
}

// completeConfigFlags completes the connection flags of kubectl.
func (r *root) completeConfigFlags(cmd *cobra.Command) {
	// Files only where a flag takes one.
	cmd.CompletionOptions.SetDefaultShellCompDirective(noFiles)
	for _, flag := range []string{"kubeconfig", "cache-dir", "certificate-authority", "client-certificate", "client-key"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, completeFiles)
	}
	_ = cmd.RegisterFlagCompletionFunc("namespace", r.completeNamespaces)
	_ = cmd.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, noFiles))
	fromKubeconfig := func(names func() []string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			found := names()
			slices.Sort(found)
			return found, noFiles
		}
	}
	_ = cmd.RegisterFlagCompletionFunc("context", fromKubeconfig(func() (names []string) {
		if raw, err := r.config.ToRawKubeConfigLoader().RawConfig(); err == nil {
			for name := range raw.Contexts {
				names = append(names, name)
			}
		}
		return names
	}))
	_ = cmd.RegisterFlagCompletionFunc("cluster", fromKubeconfig(func() (names []string) {
		if raw, err := r.config.ToRawKubeConfigLoader().RawConfig(); err == nil {
			for name := range raw.Clusters {
				names = append(names, name)
			}
		}
		return names
	}))
	_ = cmd.RegisterFlagCompletionFunc("user", fromKubeconfig(func() (names []string) {
		if raw, err := r.config.ToRawKubeConfigLoader().RawConfig(); err == nil {
			for name := range raw.AuthInfos {
				names = append(names, name)
			}
		}
		return names
	}))
}

func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// completeObjects completes TYPE, then the names of that type's objects; or TYPE/NAME.
func (r *root) completeObjects(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		if kind, _, named := strings.Cut(typed, "/"); named {
			return r.objectNames(cmd, kind, kind+"/"), noFiles
		}
		return kindNames(), noFiles
	}
	kind, _, named := strings.Cut(args[0], "/")
	if !named {
		return without(r.objectNames(cmd, kind, ""), args[1:]), noFiles
	}
	if kind, _, named = strings.Cut(typed, "/"); named {
		return without(r.objectNames(cmd, kind, kind+"/"), args), noFiles
	}
	return kindNames(), noFiles
}

// kindNames are the kinds in the form that kubectl users type.
func kindNames() []string {
	var names []string
	for _, k := range flux.Kinds() {
		names = append(names, strings.ToLower(k.Name))
	}
	return names
}

func without(names, taken []string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return slices.Contains(taken, n) })
}

func (r *root) objectNames(cmd *cobra.Command, kind, prefix string) []string {
	k, err := flux.ParseKind(kind)
	if err != nil {
		return nil
	}
	s, err := r.completionRead(cmd, cluster.Selection{Kinds: []flux.Kind{k}})
	if err != nil {
		return nil
	}
	var names []string
	for _, o := range s.Objects {
		names = append(names, prefix+o.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// completionRead reads from the namespace that the command line names so far.
func (r *root) completionRead(cmd *cobra.Command, sel cluster.Selection) (flux.Snapshot, error) {
	namespace, _, err := r.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return flux.Snapshot{}, err
	}
	if all, err := cmd.Flags().GetBool("all-namespaces"); err != nil || !all {
		sel.Namespace = namespace
	}
	client, err := r.client()
	if err != nil {
		return flux.Snapshot{}, err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	return client.Read(ctx, sel)
}

func (r *root) completeNamespaces(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	client, err := r.client()
	if err != nil {
		return nil, noFiles
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	names, err := client.Namespaces(ctx)
	if err != nil {
		return nil, noFiles
	}
	return names, noFiles
}

func (r *root) completeSessions(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	s, err := r.completionRead(cmd, cluster.Selection{})
	if err != nil {
		return nil, noFiles
	}
	return recordedSessions(s.Objects), noFiles
}

// recordedSessions are the ids of the sessions of records, sorted, but for those that a shell would read otherwise: not every shell
// quotes what is completed, and whoever may write an annotation chooses what is in it.
func recordedSessions(objects []flux.Object) []string {
	var sessions []string
	for _, o := range objects {
		if record, err := tune.ReadRecord(o); err == nil && record != nil {
			for _, step := range record.Steps {
				if terminal.Quoted(step.Session) == step.Session {
					sessions = append(sessions, step.Session)
				}
			}
		}
	}
	slices.Sort(sessions)
	return slices.Compact(sessions)
}

// completeEnvironments completes the environments of the policy on the command line.
func completeEnvironments(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	name, _ := cmd.Flags().GetString("policy")
	p, err := loadPolicy(name, strings.NewReader("")) // completion does not wait for a policy on stdin
	if err != nil {
		return nil, noFiles
	}
	return p.EnvironmentNames(), noFiles
}

// completeAliases completes the right side of --env-alias: uat=staging.
func completeAliases(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	alias, _, found := strings.Cut(typed, "=")
	if !found {
		return nil, noFiles | cobra.ShellCompDirectiveNoSpace
	}
	environments, _ := completeEnvironments(cmd, args, typed)
	for i, e := range environments {
		environments[i] = alias + "=" + e
	}
	return environments, noFiles
}

// completeSettings completes the left side of --set: environment.Kind.setting=.
func completeSettings(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	environments, _ := completeEnvironments(cmd, args, typed)
	var settings []string
	for _, e := range environments {
		for _, k := range flux.Kinds() {
			for _, t := range k.Tunables {
				if t.PolicyKind == "" {
					settings = append(settings, e+"."+k.Name+"."+string(t.Setting)+"=")
				}
			}
		}
	}
	return settings, noFiles | cobra.ShellCompDirectiveNoSpace
}
