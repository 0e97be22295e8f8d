package testbed

import (
	"context"
	"fmt"
)

// Chart is the files of a tiny Helm chart, by the names that they have in its
// archive: one ConfigMap named after the release, with the chart's version in
// it, and what templates adds, path in templates/ to contents.
func Chart(name, version string, templates map[string]string) map[string]string {
	files := map[string]string{
		name + "/Chart.yaml": fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", name, version),
		name + "/templates/config.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {version: {{ .Chart.Version | quote }}}
`,
	}
	for path, contents := range templates {
		files[name+"/templates/"+path] = contents
	}
	return files
}

// PushChart stores a Chart in the registry, as `helm push` does: the chart's
// name is the last part of the repository, its version the tag.
func (r *Registry) PushChart(ctx context.Context, repository, name, version string, templates map[string]string) error {
	config := fmt.Sprintf(`{"apiVersion":"v2","name":%q,"version":%q}`, name, version)
	return r.Push(ctx, repository+"/"+name, version, HelmArtifact, HelmConfig, config, Chart(name, version, templates))
}
