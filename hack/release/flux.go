package main

import (
	"bytes"
	"errors"
	"fmt"
)

// What Flux's CLI shows of the plugin: `flux plugin search`.
const (
	fluxName        = "tune"
	fluxBin         = "flux-tune"
	fluxDescription = "Tune how often Flux polls, by environment"
	projectPage     = "https://github.com/fluxtune/kubectl-fluxtune"
)

// fluxManifest describes a release to `flux plugin install tune`: a Plugin of cli.fluxcd.io/v1beta1, as fluxcd/plugins
// keeps them (schemas/plugin-cli-v1beta1.json there). Versions bear no v; the program in each archive is called as
// `bin` says, with .exe on Windows. Flux's own catalogue takes it as plugins/tune.yaml.
func fluxManifest(all []archive, base string) ([]byte, error) {
	var out bytes.Buffer
	_, _ = fmt.Fprintf(&out, "apiVersion: cli.fluxcd.io/v1beta1\nkind: Plugin\nname: %s\ndescription: %s\nhomepage: %s\nsource: %s\nbin: %s\n",
		fluxName, fluxDescription, projectPage, projectPage, fluxBin)
	_, _ = fmt.Fprintf(&out, "versions:\n  - version: %s\n    platforms:\n", all[0].version)
	found := false
	for _, a := range all {
		if a.program != fluxBin {
			continue
		}
		found = true
		_, _ = fmt.Fprintf(&out, "      - os: %s\n        arch: %s\n        url: %s\n        checksum: sha256:%s\n",
			a.os, a.arch, address(base, a.version, a.file), a.sha256)
	}
	if !found {
		return nil, errors.New("the checksums name no archive of " + fluxBin)
	}
	return out.Bytes(), nil
}

// fluxCatalog is the list that `flux plugin search` reads: with it, each release is a catalogue of its own for
// FLUXCD_PLUGIN_CATALOG. Flux's own catalogue takes its entry.
func fluxCatalog() []byte {
	return fmt.Appendf(nil, "apiVersion: cli.fluxcd.io/v1beta1\nkind: PluginCatalog\nplugins:\n"+
		"  - name: %s\n    description: %s\n    homepage: %s\n    source: %s\n    license: Apache-2.0\n",
		fluxName, fluxDescription, projectPage, projectPage)
}
