package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/fluxtune/kubectl-fluxtune/pkg/flux"
	"github.com/fluxtune/kubectl-fluxtune/pkg/policy"
	"github.com/fluxtune/kubectl-fluxtune/pkg/webhook"
)

func receiverList(t require.TestingT, objects ...flux.Object) ReceiverList {
	p, err := policy.Preset("per-environment")
	require.NoError(t, err)
	list, err := NewReceiverList(webhook.New(webhook.Input{Objects: objects}), nil, ReceiverPlans{Command: "kubectl fluxtune plan", Policy: p, Resolve: resolving(objects)})
	require.NoError(t, err)
	return list
}

// resolving tells the environments of objects under a policy.
func resolving(objects []flux.Object) func(policy.Policy) *policy.Resolver {
	return func(p policy.Policy) *policy.Resolver {
		return policy.NewResolver(p, flux.Snapshot{Objects: objects}, "")
	}
}

// What objects bear writes nothing to a terminal, and ends no comment: names of resources, labels and messages of a
// Receiver, and hosts of URLs, are anybody's.
func TestReceiversShowNoCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		evil := rapid.StringMatching("a(\x1b\\[31m|\u009b2J|\u202e|\u2028|\u2029|\u0085|\\n|\\r|\\t|;id|'| |---){0,4}z").Draw(t, "text")
		every := "1m"
		source := flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: "app"}, Interval: &every}
		source.Remote.URL = "https://" + evil + ".example.com/acme/app"
		r := flux.Object{Ref: flux.Ref{Group: "notification.toolkit.fluxcd.io", Kind: "Receiver", Namespace: "apps", Name: "hook"}}
		r.Hook = flux.Hook{Type: evil, Secret: "token"}
		r.Status = flux.Status{Ready: "False", ReadyMessage: evil}
		r.Targets = []flux.Target{
			{Kind: "GitRepository", Namespace: "apps", Name: evil}, {Kind: "GitRepository", Namespace: evil, Name: "x"},
			{Kind: "GitRepository", Namespace: "apps", Name: "*", MatchLabels: map[string]string{evil: evil}},
		}
		list := receiverList(t, source, r)
		var table strings.Builder
		if err := list.Draw(&table, time.Time{}, true, "", Layout{}); err != nil {
			t.Fatal(err)
		}
		if at := strings.IndexAny(table.String(), "\x1b\u009b\u202e\u2028\u2029\u0085\r\t"); at >= 0 {
			t.Fatalf("%q", table.String()[at:])
		}
		var manifests strings.Builder
		if err := list.WriteManifests(&manifests); err != nil {
			t.Fatal(err)
		}
		if len(list.Proposals) == 0 {
			return
		}
		comments, manifest, _ := strings.Cut(manifests.String(), "apiVersion:")
		for line := range strings.Lines(comments) {
			if !strings.HasPrefix(line, "#") || strings.ContainsAny(line, "\x1b\u009b\u202e\u2028\u2029\u0085\r") {
				t.Fatalf("%q is no comment", line)
			}
		}
		var got map[string]any
		if err := yaml.Unmarshal([]byte("apiVersion:"+manifest), &got); err != nil {
			t.Fatal(err)
		}
	})
}

// A host's name is written so that a shell takes it as it is.
func TestHostsAreQuoted(t *testing.T) {
	t.Parallel()
	assert.Contains(t, ReceiverProposal{Host: "a;id.example", HostType: "gitea", Guessed: true}.guess(), `--host-type 'a;id.example=TYPE'`)
	assert.Contains(t, ReceiverProposal{Host: "git.example.com:8443", HostType: "gitea", Guessed: true}.guess(), `--host-type git.example.com:8443=TYPE`)
}

// Plans name each source, so that they reach no other one, now or when they are run. Those for many are short: by their number; -o
// json has every command whole.
func TestReceiverPlansOfMany(t *testing.T) {
	t.Parallel()
	p, err := policy.Preset("per-environment")
	require.NoError(t, err)
	source := func(namespace string, i int) flux.Object {
		every := "1m"
		o := flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: namespace, Name: fmt.Sprintf("s%d", i)}, Interval: &every}
		o.Remote.URL, o.Remote.Ref = fmt.Sprintf("https://github.com/acme/r%d", i), flux.RemoteRef{Kind: flux.RefBranch, Value: "main"}
		return o
	}
	var objects []flux.Object
	for i := range 200 {
		objects = append(objects, source("one", i))
	}
	for i := range 15 {
		objects = append(objects, source(fmt.Sprintf("team-%02d", i), i))
	}
	draw := func() (ReceiverList, string) {
		list, err := NewReceiverList(webhook.New(webhook.Input{Objects: objects}), nil, ReceiverPlans{Command: "kubectl fluxtune plan", Policy: p, Resolve: resolving(objects)})
		require.NoError(t, err)
		var text strings.Builder
		require.NoError(t, list.Draw(&text, time.Time{}, true, "kubectl fluxtune receivers -o yaml", Layout{Width: 80}))
		_, text2, _ := strings.Cut(text.String(), "After the Receivers are called")
		return list, text2
	}
	list, text := draw()
	assert.Len(t, list.PlansLater, 16)
	assert.Contains(t, list.PlansLater[0], "kubectl fluxtune plan -n one GitRepository/s0 GitRepository/s1 ")
	assert.Equal(t, 200, strings.Count(list.PlansLater[0], "GitRepository/"))
	assert.True(t, strings.HasSuffix(list.PlansLater[0], " --set '*.GitRepository.interval=at least 10m' --default-env production"), list.PlansLater[0])
	assert.Contains(t, text, "  200 GitRepository objects in namespace one: -o json has the command")
	assert.Contains(t, text, "  and 6 more: -o json has all commands (plansLater)\n")
	for i := range objects[:200] { // an environment that the policy does not know is not one that is missing
		objects[i].Labels = map[string]string{"environment": "uat"}
	}
	list, _ = draw()
	assert.True(t, strings.HasSuffix(list.PlansLater[0], " --env-alias uat=staging"), list.PlansLater[0])
}

// hooked are sources of an environment that poll at some intervals, and the Receiver that notifies all of them.
func hooked(environment string, intervals ...string) []flux.Object {
	r := flux.Object{Ref: flux.Ref{Group: receiverGroup, Kind: "Receiver", Namespace: "apps", Name: "hook"}, Status: flux.Status{Ready: "True"}, Hook: flux.Hook{Type: "github", Secret: "token"}}
	objects := []flux.Object{}
	for i, every := range intervals {
		o := flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: fmt.Sprintf("s%d", i)}, Interval: &every}
		o.Remote.URL, o.Labels = fmt.Sprintf("https://github.com/acme/r%d", i), map[string]string{"environment": environment}
		r.Targets = append(r.Targets, flux.Target{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name})
		objects = append(objects, o)
	}
	return append(objects, r)
}

// What the policy has to be changed by is told before the sources are polled less often, and for as long as a plan would undo it.
func TestPolicySetsStay(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		environment string
		intervals   []string
		want        []string
	}{
		{"development", []string{"1m"}, []string{"development.GitRepository.interval=at most 10m"}},
		{"development", []string{"10m", "10m"}, []string{"development.GitRepository.interval=at most 10m"}},
		{"staging", []string{"1m", "20m", "10m"}, []string{"staging.GitRepository.interval=3m to 20m"}},
		{"production", []string{"20m"}, []string{}},
	} {
		list := receiverList(t, hooked(tc.environment, tc.intervals...)...)
		assert.Equal(t, tc.want, list.PolicySets, "%s %v", tc.environment, tc.intervals)
		var text strings.Builder
		require.NoError(t, list.Draw(&text, time.Time{}, true, "", Layout{}))
		assert.Equal(t, len(tc.want) > 0, strings.Contains(text.String(), "To keep them long, change the policy"), text.String())
	}
	objects := hooked("development", "10m")
	objects[0].Remote.URL = "https://github.com/acme/x"
	assert.Empty(t, receiverList(t, objects[0]).PolicySets, "no Receiver: the plan is right")
}

// What is opted out stays as it is under any plan: none is proposed for it.
func TestNoPlansForWhatIsOptedOut(t *testing.T) {
	t.Parallel()
	objects := hooked("development", "1m", "10m")
	for i := range objects {
		objects[i].Annotations = map[string]string{"fluxtune.github.io/tune": "disabled"}
	}
	list := receiverList(t, objects...)
	assert.Empty(t, list.Plans)
	assert.Empty(t, list.PolicySets)
	assert.Empty(t, receiverList(t, objects[0]).PlansLater)
}

// A line feed in what an object says begins no line of its own.
func TestReceiversHaveNoLinesOfOthers(t *testing.T) {
	t.Parallel()
	every := "1m"
	source := flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: "app"}, Interval: &every}
	source.Remote.URL = "https://github.com/foo%0Aapiversion: v1%0A%0Akind: ConfigMap/app"
	list := receiverList(t, source)
	require.Len(t, list.Proposals, 1)
	var text strings.Builder
	require.NoError(t, list.Draw(&text, time.Time{}, true, "", Layout{}))
	assert.Contains(t, text.String(), "of foo apiversion: v1 kind: configmap (1)\n")
}

// What is not known of Receivers is not well: who may not list them all is told so.
func TestWebhooksCheck(t *testing.T) {
	t.Parallel()
	every := "1m"
	source := flux.Object{Ref: flux.Ref{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository", Namespace: "apps", Name: "app"}, Interval: &every}
	source.Remote.URL = "https://github.com/acme/app"
	filtered := flux.Object{Ref: flux.Ref{Group: receiverGroup, Kind: "Receiver", Namespace: "apps", Name: "hook"}, Status: flux.Status{Ready: "True"}}
	filtered.Hook = flux.Hook{Type: "github", Secret: "token", Filter: "req.sender.login.size() > 3"}
	filtered.Targets = []flux.Target{{Kind: "GitRepository", Namespace: "apps", Name: "app"}}
	for name, tc := range map[string]struct {
		in   webhook.Input
		want Check
	}{
		"none": {webhook.Input{Objects: []flux.Object{source}}, Check{
			Status: CheckWarning, Message: "1 source: 0 with a webhook, 1 without one",
			Remedy: "a webhook brings a commit at once, and polling becomes the safety net; this shows the Receivers to create:", Run: []string{"kubectl fluxtune receivers -A"},
		}},
		"not read": {webhook.Input{Objects: []flux.Object{source}, Unread: func(string) string { return "the Receivers could not be read" }}, Check{
			Status: CheckWarning, Message: "1 source: 0 with a webhook, 1 of which it is not known; the Receivers could not be read",
			Remedy: "ask somebody who may list receivers in all namespaces",
		}},
		"not told": {webhook.Input{Objects: []flux.Object{source, filtered}}, Check{
			Status: CheckWarning, Message: "1 source: 0 with a webhook, 1 of which it is not known",
			Remedy: "this shows why it is not known:", Run: []string{"kubectl fluxtune receivers -A"},
		}},
	} {
		tc.want.Name = "webhooks"
		got, found := WebhooksCheck(webhook.New(tc.in), "-A")
		assert.True(t, found, name)
		assert.Equal(t, tc.want, got, name)
	}
}
