package main

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"text/template"
)

// krewManifest fills in the template with a release's tag and checksums, as krew-release-bot does for krew-index. The
// template knows what that gives it: .TagName and addURIAndSha (github.com/rajatjindal/krew-release-bot,
// pkg/source/template.go). Where base is not empty, the archives are to be had below it.
func krewManifest(text string, all []archive, base string) ([]byte, error) {
	values := struct{ TagName string }{"v" + all[0].version}
	functions := template.FuncMap{"addURIAndSha": func(url, tag string) (string, error) {
		var uri bytes.Buffer
		inner, err := template.New("url").Option("missingkey=error").Parse(url)
		if err != nil {
			return "", err
		}
		if err := inner.Execute(&uri, values); err != nil {
			return "", err
		}
		file := path.Base(uri.String())
		i := slices.IndexFunc(all, func(a archive) bool { return a.file == file })
		if i < 0 {
			return "", fmt.Errorf("no checksum of %s", file)
		}
		found := uri.String()
		if base != "" {
			found = address(base, all[i].version, file)
		}
		return fmt.Sprintf("uri: %s\n    sha256: %s", found, all[i].sha256), nil
	}}
	outer, err := template.New("manifest").Funcs(functions).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	var out bytes.Buffer
	if err := outer.Execute(&out, values); err != nil {
		return nil, fmt.Errorf("filling in the template: %w", err)
	}
	// The comments at its top speak of the template.
	_, rendered, _ := strings.Cut(out.String(), "apiVersion:")
	return []byte("# Rendered from krew-manifest.yaml; each newest final release renders it anew.\napiVersion:" + rendered), nil
}
