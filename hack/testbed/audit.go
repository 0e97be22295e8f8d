package testbed

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Audit is the log of a kube-apiserver that writes down each request but watches.
type Audit struct{ dir string }

// NewAudit keeps the log in a directory. Its Flags belong into Options.APIServerFlags.
func NewAudit(dir string) (Audit, error) {
	a := Audit{dir}
	policy := `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, verbs: [watch]}
- {level: Metadata}
`
	if err := os.WriteFile(a.file("policy.yaml"), []byte(policy), 0o600); err != nil {
		return Audit{}, fmt.Errorf("writing the audit policy: %w", err)
	}
	return a, nil
}

func (a Audit) file(name string) string { return filepath.Join(a.dir, name) }

// Flags make kube-apiserver write the log.
func (a Audit) Flags() []string {
	return []string{"--audit-policy-file=" + a.file("policy.yaml"), "--audit-log-path=" + a.file("audit.log")}
}

// Asked is one request of the log.
type Asked struct {
	// Agent is the program that asked: "kustomize-controller".
	Agent string
	Verb  string
	// Resource is that of a request, with its subresource: "kustomizations/status"; "" for discovery.
	Resource string
	// Namespace and Name of the object; "" where it has none, or is one of many.
	Namespace, Name string
	// DryRun says that nothing was to be stored.
	DryRun bool
}

// Read gives the requests that were answered so far.
func (a Audit) Read() ([]Asked, error) {
	f, err := os.Open(a.file("audit.log"))
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	defer func() { _ = f.Close() }()
	var all []Asked
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event struct {
			Verb, RequestURI, UserAgent string
			ObjectRef                   struct{ Resource, Subresource, Namespace, Name string }
		}
		if json.Unmarshal(lines.Bytes(), &event) != nil {
			break // the last line, half written
		}
		agent, _, _ := strings.Cut(event.UserAgent, "/")
		o := event.ObjectRef
		all = append(all, Asked{
			Agent: agent, Verb: event.Verb, Resource: strings.TrimSuffix(o.Resource+"/"+o.Subresource, "/"),
			Namespace: o.Namespace, Name: o.Name, DryRun: strings.Contains(event.RequestURI, "dryRun="),
		})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return all, nil
}
