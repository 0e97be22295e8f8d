package testbed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// project is one project in one namespace of a fleet.
type project struct {
	opts      FleetOptions
	number    int // from 1
	name      string
	namespace string
	sha       string    // of the commit that runs
	now       time.Time // when it was last reconciled
	created   time.Time
	changed   time.Time // when that commit arrived
}

// fluxObject is what the kinds of a fleet differ in.
type fluxObject struct {
	apiVersion, kind, controller string
	spec, status                 map[string]any
}

func (o FleetOptions) project(namespace string, i int, now time.Time) project {
	name := fmt.Sprintf("project-%02d", i+1)
	sum := sha256.Sum256([]byte(namespace + "/" + name))
	return project{
		opts: o, number: i + 1, name: name, namespace: namespace,
		sha:     hex.EncodeToString(sum[:20]),
		now:     now,
		created: now.Add(-60*24*time.Hour - time.Duration(i)*time.Minute),
		// Between one and 25 hours ago, so that `get` has something to show.
		changed: now.Add(-time.Hour - time.Duration(sum[0])*24*time.Hour/256),
	}
}

func (p project) revision() string { return "main@sha1:" + p.sha }

func (p project) gitRepository() fluxObject {
	path := fmt.Sprintf("gitrepository/%s/%s/%s.tar.gz", p.namespace, p.name, p.sha)
	message := fmt.Sprintf("stored artifact for revision '%s'", p.revision())
	return fluxObject{
		apiVersion: "source.toolkit.fluxcd.io/v1",
		kind:       "GitRepository",
		controller: "source-controller",
		spec: map[string]any{
			"interval": "5m",
			"timeout":  "5m",
			"url":      "https://github.com/acme/" + p.name,
			"ref":      map[string]any{"branch": "main"},
		},
		status: map[string]any{
			"observedGeneration": int64(1),
			"artifact": map[string]any{
				"digest":         "sha256:" + strings.Repeat(p.sha, 2)[:64],
				"lastUpdateTime": stamp(p.changed),
				"path":           path,
				"revision":       p.revision(),
				"size":           int64(4096 + 97*p.number),
				"url":            "http://source-controller.flux-system.svc.cluster.local./" + path,
			},
			"conditions": []any{
				p.condition("Ready", "Succeeded", message),
				p.condition("ArtifactInStorage", "Succeeded", message),
			},
		},
	}
}

func (p project) kustomization() fluxObject {
	message := "Applied revision: " + p.revision()
	return fluxObject{
		apiVersion: "kustomize.toolkit.fluxcd.io/v1",
		kind:       "Kustomization",
		controller: "kustomize-controller",
		spec: map[string]any{
			"interval":  "5m",
			"timeout":   "3m",
			"path":      "./deploy/" + p.namespace,
			"prune":     true,
			"sourceRef": map[string]any{"kind": "GitRepository", "name": p.name},
		},
		status: map[string]any{
			"observedGeneration":    int64(1),
			"lastAppliedRevision":   p.revision(),
			"lastAttemptedRevision": p.revision(),
			"conditions":            []any{p.condition("Ready", "ReconciliationSucceeded", message)},
			"history":               p.history(),
			"inventory":             map[string]any{"entries": p.inventory()},
		},
	}
}

func (p project) condition(kind, reason, message string) map[string]any {
	return map[string]any{
		"type":               kind,
		"status":             "True",
		"reason":             reason,
		"message":            message,
		"lastTransitionTime": stamp(p.changed),
		"observedGeneration": int64(1),
	}
}

// history holds the running revision and the two before it, newest first, with
// reconciles of a second or two: far below any sensible timeout.
func (p project) history() []any {
	var entries []any
	first, last := p.changed, p.now
	for i := range 3 {
		digest := sha256.Sum256([]byte(p.sha + fmt.Sprint(i)))
		took := time.Duration(1000+37*p.number+100*i) * time.Millisecond
		entries = append(entries, map[string]any{
			"digest":                 "sha256:" + hex.EncodeToString(digest[:]),
			"firstReconciled":        stamp(first),
			"lastReconciled":         stamp(last),
			"lastReconciledDuration": took.String(),
			"lastReconciledStatus":   "ReconciliationSucceeded",
			"totalReconciliations":   max(1, int64(last.Sub(first)/(5*time.Minute))),
			"metadata":               map[string]any{"revision": p.revision()},
		})
		first, last = first.Add(-26*time.Hour), first
	}
	return entries
}

// inventory lists the objects that the Kustomization manages: between four and
// thirteen, as NAMESPACE_NAME_GROUP_KIND.
func (p project) inventory() []any {
	var entries []any
	add := func(name, groupKind string) {
		entries = append(entries, map[string]any{"id": p.namespace + "_" + name + "_" + groupKind, "v": "v1"})
	}
	for _, kind := range []string{"_ServiceAccount", "_Service", "apps_Deployment", "networking.k8s.io_Ingress"} {
		add(p.name, kind)
	}
	for i := range p.number % 10 {
		add(fmt.Sprintf("%s-config-%d", p.name, i), "_ConfigMap")
	}
	return entries
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
