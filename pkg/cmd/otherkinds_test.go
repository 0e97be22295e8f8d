package cmd

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Where kinds were chosen, that nothing of them was tuned says nothing about others.
func TestOtherKindsAreTold(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.tuned(t, "one", "--set", "*.GitRepository.interval=4m")
	scope := " --kubeconfig " + f.Kubeconfig() + " -n " + f.apps + "\n"
	for command, does := range map[string]string{"revert --yes": "taken back", "forget --yes": "forgotten", "sessions": "shown"} {
		for _, choice := range []string{"ks", "--kind ks"} {
			o := on(f.Cluster).must(t, words(command+" -n "+f.apps+" "+choice)...)
			assert.Contains(t, o.stderr, `none of 0 Flux objects of kind Kustomization in namespace "`+f.apps+`" was tuned by fluxtune (-A looks in all namespaces).`, command)
			assert.Contains(t, o.stderr, "1 object of other kinds that fluxtune has tuned stays. That is "+does+" with: kubectl fluxtune "+strings.Fields(command)[0]+scope, command)
		}
	}
	on(f.Cluster).must(t, "revert", "-n", f.apps, "--yes")
	assert.NotContains(t, on(f.Cluster).must(t, "revert", "-n", f.apps, "--yes", "ks").stderr, "other kinds")
}

// A plan that leaves most alone for want of an environment goes on with the doctor.
func TestWithoutEnvironmentsTheDoctorIsNext(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Kubectl(t, "label", "namespace", f.apps, "environment-")
	plan := on(f.Cluster).must(t, "plan", "-n", f.apps, "gitrepo", "--policy", "fast")
	assert.Contains(t, plan.stdout, "Next         kubectl fluxtune doctor ")
	assert.NotContains(t, plan.stdout, "doctor gitrepo")
	assert.Contains(t, plan.stdout, " --policy fast")
}

// What is no manifest is not taken for a fleet in which there is nothing to do.
func TestInputWithoutObjects(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"get", "plan", "plan --exit-code", "budget"} {
		for _, in := range []string{"", "hello\n", "- a\n", "a: b\n", "---\n# nothing\n"} {
			o := invocation{stdin: strings.NewReader(in)}.run(t.Context(), append(words(command), "-f", "-")...)
			assert.NotZero(t, o.code, "%s: %q", command, in)
			assert.Contains(t, o.stderr, "it holds no Kubernetes object", "%s: %q", command, in)
		}
		for _, in := range []string{"apiVersion: v1\nkind: List\nitems: []\n", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"} {
			assert.Zero(t, invocation{stdin: strings.NewReader(in)}.run(t.Context(), append(words(command), "-f", "-")...).code, "%s: %q", command, in)
		}
	}
}

func TestTraceOfNothingSaysSo(t *testing.T) {
	t.Parallel()
	o := invocation{}.must(t, "trace", "-f", writeCheckout(t), "-n", "nosuch")
	assert.Contains(t, o.stderr, `No Flux objects found in namespace "nosuch"`)
}
