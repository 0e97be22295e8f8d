package report

import (
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
	list, err := NewReceiverList(webhook.New(webhook.Input{Objects: objects}), policy.NewResolver(p, flux.Snapshot{Objects: objects}, ""), nil, ReceiverPlans{Command: "kubectl fluxtune plan", Environment: "production"})
	require.NoError(t, err)
	return list
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
