package cmd

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mutate has the API server change each update of a namespace's sources and Kustomizations where a CEL condition holds.
const mutate = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules:
    - {apiGroups: ["source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io"], apiVersions: ["*"], operations: [UPDATE], resources: ["*"]}
  matchConditions:
  - {name: matters, expression: %[2]q}
  mutations:
  - patchType: JSONPatch
    jsonPatch: {expression: %[3]q}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s}
`

// What admission makes something else of, or takes the record from, could not be taken back as it was: it is taken back at
// once, and said.
func TestAdmissionThatChangesWhatIsWritten(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ when, change, why string }{
		"another value": {
			`object.spec.interval == '1m'`, `[JSONPatch{op: "replace", path: "/spec/interval", value: "90s"}]`,
			"spec.interval became 1m30s, not 1m: admission (a policy or webhook) changes what is written",
		},
		"no record": {
			`'fluxtune.github.io/original' in object.metadata.?annotations.orValue({})`, `[JSONPatch{op: "remove", path: "/metadata/annotations/fluxtune.github.io~1original"}]`,
			"the API server dropped the annotation fluxtune.github.io/original, which the way back needs",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFreeFleet(t)
			const all = "jsonpath={.spec}{.metadata.annotations}{.metadata.managedFields[*].manager}{.metadata.managedFields[*].fieldsV1}"
			state := func() string {
				return f.Kubectl(t, "get", "gitrepository", "app", "-n", f.apps, "--show-managed-fields", "-o", all)
			}
			before := state()
			f.Apply(t, fmt.Sprintf(mutate, f.apps, tc.when, tc.change))
			require.EventuallyWithT(t, func(c *assert.CollectT) { // it takes a moment to be enforced
				got, err := f.RunKubectl(context.Background(), "", "patch", "gitrepository", "app", "-n", f.apps, "--type=merge", "--dry-run=server", "-o",
					`jsonpath={.spec.interval}{.metadata.annotations}`, "-p", `{"metadata":{"annotations":{"fluxtune.github.io/original":"x"}},"spec":{"interval":"1m"}}`)
				assert.NoError(c, err)
				assert.NotContains(c, got, map[string]string{"another value": "1m{", "no record": "original"}[name])
			}, 20*time.Second, 100*time.Millisecond)

			o := on(f.Cluster).run(t.Context(), "apply", "-n", f.apps, "--dry-run=server")
			assert.Equal(t, exitFailed, o.code)
			assert.Contains(t, o.stderr, tc.why)
			for range 2 {
				o = on(f.Cluster).run(t.Context(), "apply", "-n", f.apps, "--yes")
				assert.Equal(t, exitFailed, o.code)
				assert.Contains(t, o.stderr, tc.why)
				assert.Contains(t, o.stderr, "it was taken back")
				assert.Contains(t, o.stderr, "0 configured, 0 unchanged, 0 left alone, 1 failed.")
				assert.NotContains(t, o.stderr, "Take it back with")
				assert.Equal(t, before, state())
			}
		})
	}
}

// The same for rules of a pin: without them nothing is changed, and nothing of them stays.
func TestAdmissionThatChangesRules(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ when, change, why string }{
		"no rule": {
			`has(object.spec.ignore)`, `[JSONPatch{op: "remove", path: "/spec/ignore"}]`,
			"the API server dropped rules from spec.ignore",
		},
		"no note": {
			`'fluxtune.github.io/pins' in object.metadata.?annotations.orValue({})`, `[JSONPatch{op: "remove", path: "/metadata/annotations/fluxtune.github.io~1pins"}]`,
			"the API server dropped the annotation fluxtune.github.io/pins",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newGitFleet(t)
			f.observe(t)
			f.Apply(t, fmt.Sprintf(mutate, f.flux, tc.when, tc.change))
			require.EventuallyWithT(t, func(c *assert.CollectT) { // it takes a moment to be enforced
				got, err := f.RunKubectl(context.Background(), "", "patch", "kustomization", "root", "-n", f.flux, "--type=merge", "--dry-run=server", "-o",
					`jsonpath={.spec.ignore}{.metadata.annotations}`, "-p", `{"metadata":{"annotations":{"fluxtune.github.io/pins":"{}"}},"spec":{"ignore":[{"paths":["/data"]}]}}`)
				assert.NoError(c, err)
				assert.NotContains(c, got, map[string]string{"no rule": "/data", "no note": "pins"}[name])
			}, 20*time.Second, 100*time.Millisecond)
			for range 2 {
				o := on(f.Cluster).run(t.Context(), "apply", "-n", f.apps, "--yes", pin, "--wait-timeout=20s")
				assert.Equal(t, exitFailed, o.code)
				assert.Contains(t, o.stderr, tc.why)
				assert.Contains(t, o.stderr, "0 configured, 0 unchanged, 0 left alone, 1 failed, 1 not attempted.")
				assert.Equal(t, "5m", f.interval(t), o.stderr)
				ignore, note := f.rules(t)
				assert.Empty(t, ignore)
				assert.Empty(t, note)
				assert.NotContains(t, f.owners(t, "kustomization", f.flux, "root"), "fluxtune")
			}
		})
	}
}

// While admission keeps the interval short, timeouts and retry intervals that follow it stay as they were, and a revert takes back
// the rest when it can.
func TestAdmissionThatKeepsTheIntervalShort(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: slow, namespace: %s, labels: {kept: short}}
spec: {interval: 10m, path: ./, prune: true, sourceRef: {kind: GitRepository, name: app}}
`, f.apps))
	f.Apply(t, fmt.Sprintf(mutate, f.apps, `has(object.metadata.labels) && 'kept' in object.metadata.labels && object.spec.interval != oldObject.spec.interval`,
		`[JSONPatch{op: "replace", path: "/spec/interval", value: "2m"}]`))
	require.EventuallyWithT(t, func(c *assert.CollectT) { // it takes a moment to be enforced
		got, err := f.RunKubectl(context.Background(), "", "patch", "kustomization", "slow", "-n", f.apps, "--type=merge", "--dry-run=server", "-o", `jsonpath={.spec.interval}`, "-p", `{"spec":{"interval":"9m"}}`)
		assert.NoError(c, err)
		assert.Equal(c, "2m", got)
	}, 20*time.Second, 100*time.Millisecond)
	spec := func() string {
		return f.Kubectl(t, "get", "kustomization", "slow", "-n", f.apps, "-o", "jsonpath={.spec.interval} {.spec.timeout} {.spec.retryInterval}")
	}
	o := on(f.Cluster).run(t.Context(), "apply", "ks/slow", "-n", f.apps, "--yes")
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "could not be taken back")
	assert.Equal(t, "2m 9m30s 10m", spec())
	f.Kubectl(t, "label", "kustomization", "slow", "-n", f.apps, "kept-")
	on(f.Cluster).must(t, "revert", "ks/slow", "-n", f.apps, "--yes")
	assert.Equal(t, "10m  ", spec())
}

// A revert whose interval admission keeps short leaves what follows it as long as it was.
func TestAdmissionThatKeepsARestoredIntervalShort(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: slow, namespace: %s}
spec: {interval: 10m, path: ./, prune: true, sourceRef: {kind: GitRepository, name: app}}
`, f.apps))
	spec := func() string {
		return f.Kubectl(t, "get", "kustomization", "slow", "-n", f.apps, "-o", "jsonpath={.spec.interval} {.spec.timeout} {.spec.retryInterval}")
	}
	on(f.Cluster).must(t, "apply", "ks/slow", "-n", f.apps, "--yes")
	assert.Equal(t, "1m 9m30s 10m", spec())
	f.Apply(t, fmt.Sprintf(mutate, f.apps, `object.spec.interval == '10m'`, `[JSONPatch{op: "replace", path: "/spec/interval", value: "2m"}]`))
	require.EventuallyWithT(t, func(c *assert.CollectT) { // it takes a moment to be enforced
		got, err := f.RunKubectl(context.Background(), "", "patch", "kustomization", "slow", "-n", f.apps, "--type=merge", "--dry-run=server", "-o", `jsonpath={.spec.interval}`, "-p", `{"spec":{"interval":"10m"}}`)
		assert.NoError(c, err)
		assert.Equal(c, "2m", got)
	}, 20*time.Second, 100*time.Millisecond)
	for range 2 {
		o := on(f.Cluster).run(t.Context(), "revert", "ks/slow", "-n", f.apps, "--yes")
		assert.Equal(t, exitFailed, o.code)
		assert.Contains(t, o.stderr+o.stdout, "spec.interval became 2m, not 10m")
		assert.Equal(t, "2m 9m30s 10m", spec())
	}
	f.Kubectl(t, "delete", "mutatingadmissionpolicybinding", f.apps)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		got, err := f.RunKubectl(context.Background(), "", "patch", "kustomization", "slow", "-n", f.apps, "--type=merge", "--dry-run=server", "-o", `jsonpath={.spec.interval}`, "-p", `{"spec":{"interval":"10m"}}`)
		assert.NoError(c, err)
		assert.Equal(c, "10m", got)
	}, 20*time.Second, 100*time.Millisecond)
	on(f.Cluster).must(t, "revert", "ks/slow", "-n", f.apps, "--yes")
	assert.Equal(t, "10m  ", spec())
}

// What a revert says it changed is what the API server holds, also where admission fills in a field that was removed.
func TestAdmissionThatFillsInARestoredField(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, fmt.Sprintf(`
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: slow, namespace: %s}
spec: {interval: 5m, timeout: 1m, path: ./, prune: true, sourceRef: {kind: GitRepository, name: app}}
`, f.apps))
	on(f.Cluster).must(t, "apply", "ks/slow", "-n", f.apps, "--yes")
	f.Apply(t, fmt.Sprintf(mutate, f.apps, `object.kind == 'Kustomization' && !has(object.spec.retryInterval)`, `[JSONPatch{op: "add", path: "/spec/retryInterval", value: "77s"}]`))
	require.EventuallyWithT(t, func(c *assert.CollectT) { // it takes a moment to be enforced
		got, err := f.RunKubectl(context.Background(), "", "patch", "kustomization", "slow", "-n", f.apps, "--type=merge", "--dry-run=server", "-o", `jsonpath={.spec.retryInterval}`, "-p", `{"spec":{"retryInterval":null}}`)
		assert.NoError(c, err)
		assert.Equal(c, "77s", got)
	}, 20*time.Second, 100*time.Millisecond)
	o := on(f.Cluster).run(t.Context(), "revert", "ks/slow", "-n", f.apps, "--yes", "-o", `jsonpath={range .items[*]}{.action}{range .changes[*]} {.field} {.from} {.to}{end}{end}`)
	assert.Equal(t, exitFailed, o.code)
	assert.Contains(t, o.stderr, "spec.retryInterval became 1m17s, not <unset>")
	assert.Equal(t, "restored spec.interval 1m 5m spec.retryInterval 5m 77s spec.timeout 2m 1m", o.stdout)
}

// What admission changes beside what is sent is named, on the way there and back: no record has it.
func TestAdmissionThatChangesSomethingElse(t *testing.T) {
	t.Parallel()
	f := newFreeFleet(t)
	f.Apply(t, fmt.Sprintf(mutate, f.apps, `object.spec.interval != oldObject.spec.interval`,
		`[JSONPatch{op: "replace", path: "/spec/url", value: "https://git.example/" + object.spec.interval}, JSONPatch{op: "replace", path: "/spec/timeout", value: "3m"}]`))
	require.EventuallyWithT(t, func(c *assert.CollectT) { // it takes a moment to be enforced
		got, err := f.RunKubectl(context.Background(), "", "patch", "gitrepository", "app", "-n", f.apps, "--type=merge", "--dry-run=server", "-o", `jsonpath={.spec.url}`, "-p", `{"spec":{"interval":"9m"}}`)
		assert.NoError(c, err)
		assert.Equal(c, "https://git.example/9m", got)
	}, 20*time.Second, 100*time.Millisecond)
	const there = "Warning: admission (a policy or webhook) also changes spec.timeout, spec.url, which revert does not take back: GitRepository "
	o := on(f.Cluster).must(t, "apply", "-n", f.apps, "--dry-run=server")
	assert.Contains(t, o.stderr, there+f.apps+"/app\n")
	o = on(f.Cluster).must(t, "apply", "-n", f.apps, "--yes", "-o", "json")
	assert.Contains(t, o.stderr, there+f.apps+"/app\n")
	assert.Contains(t, o.stdout, `"alsoChanged": [`)
	o = on(f.Cluster).must(t, "revert", "-n", f.apps, "--yes")
	assert.Contains(t, o.stderr, "Warning: admission (a policy or webhook) also changes spec.url, which revert does not take back: GitRepository "+f.apps+"/app\n")
	f.Kubectl(t, "delete", "mutatingadmissionpolicybinding", f.apps)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		got, err := f.RunKubectl(context.Background(), "", "patch", "gitrepository", "app", "-n", f.apps, "--type=merge", "--dry-run=server", "-o", `jsonpath={.spec.url}`, "-p", `{"spec":{"interval":"9m"}}`)
		assert.NoError(c, err)
		assert.Equal(c, "https://git.example/5m", got)
	}, 20*time.Second, 100*time.Millisecond)
	assert.NotContains(t, on(f.Cluster).must(t, "apply", "-n", f.apps, "--yes").stderr, "also changes")
}
