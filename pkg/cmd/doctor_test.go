package cmd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/report"
)

func doctorCases() []golden {
	return []golden{
		{name: "doctor/table", args: "doctor"},
		{name: "doctor/json", args: "doctor -o json"},
		{name: "doctor/color", args: "doctor -n golden-prod --color always"},
		{name: "doctor/namespace", args: "doctor -n golden-qa"},
		{name: "doctor/empty", args: "doctor -n golden-empty"},
		{name: "doctor/forbidden", args: "doctor --as nobody"},
		{name: "doctor/forbidden-namespace", args: "doctor -n golden-dev --as nobody"},
		{name: "doctor/terminal-80", args: "doctor --color never", with: onTerminal(80)},
		{name: "doctor/terminal-100", args: "doctor -n golden-dev --as nobody --color never", with: onTerminal(100)},
		{name: "doctor/env-alias", args: "doctor -n golden-qa --env-alias qa=stg"},
		{name: "doctor/policy-file", args: "doctor -n golden-dev --policy testdata/policies/words.yaml"},
		{name: "doctor/policy-stdin", args: "doctor -n golden-flux --policy -", with: typing("testdata/policies/words.yaml")},
		{name: "doctor/context", args: "doctor -n golden-flux", with: connecting(calledProd)},
		{name: "doctor/help", args: "doctor --help"},
		{name: "doctor/no-flux", args: "doctor", with: connecting(withoutFlux)},
	}
}

func TestDoctorOptionsFromEveryFlag(t *testing.T) {
	t.Parallel()
	flags := DoctorFlags{OutputFlags: OutputFlags{formats: []string{"json", "yaml"}}}
	r := testRoot()
	namespace := "team-a"
	r.config.Namespace = &namespace
	parseEvery(t, newDoctor(testRoot()), func(cmd *cobra.Command) {
		flags.PolicyFlags.add(cmd)
		flags.addFormat(cmd)
		flags.addClusters(cmd, r, "")
		cmd.Flags().BoolVarP(&flags.AllNamespaces, "all-namespaces", "A", false, "")
	}, clusterValues(map[string]string{"all-namespaces": "true", "policy": "fast", "set": "dev.gitrepo.interval=31s", "default-env": "stg", "env-alias": "uat=stg", "output": "json"}))
	flags.ClusterFlags.checkAndClear(t)
	o, err := flags.toOptions(r)
	require.NoError(t, err)
	fast, err := policy.Preset("fast")
	require.NoError(t, err)
	fast, err = fast.WithAlias("uat=staging")
	require.NoError(t, err)
	fast, err = fast.Set("development.GitRepository.interval=31s")
	require.NoError(t, err)
	require.NotNil(t, o.Client)
	o.Client = nil
	assert.Equal(t, &DoctorOptions{
		Policy: fast, DefaultEnvironment: "staging", root: r, again: " --policy fast --set dev.gitrepo.interval=31s --default-env stg --env-alias uat=stg",
		proposedFile: "policy.yaml",
		own:          " --policy policy.yaml --set dev.gitrepo.interval=31s --default-env stg --env-alias uat=stg",
		printer:      &printer{format: "json", layout: report.Layout{Whole: "-o json", Color: true, Width: 99}, out: r.Out, document: r.Out},
	}, o)
	flags.AllNamespaces = false
	o, err = flags.toOptions(r)
	require.NoError(t, err)
	assert.Equal(t, "team-a", o.Namespace)
	flags.Policy = "testdata/policies/patterns.yaml"
	flags.Set = nil
	o, err = flags.toOptions(r)
	require.NoError(t, err)
	assert.Equal(t, flags.Policy, o.policyFile)
}

// What doctor has written takes the place of no file that is there.
func TestDoctorWritesOverNoFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "policy")
	for _, want := range []string{".yaml", "-2.yaml", "-3.yaml"} {
		free := freeFile(name, ".yaml")
		assert.Equal(t, name+want, free)
		require.NoError(t, os.WriteFile(free, nil, 0o600))
	}
}
