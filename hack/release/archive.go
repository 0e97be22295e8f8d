package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// archive is one packed program of a release, as checksums.txt lists it.
type archive struct {
	program  string // kubectl-fluxtune or flux-tune
	version  string // without the v
	os, arch string // Go's names
	file     string
	sha256   string // hexadecimal
}

// archiveName takes PROGRAM_VERSION_OS_ARCH apart, the pattern of .goreleaser.yaml. It is the one that Flux's catalogue
// asks for (fluxcd/plugins, AGENTS.md).
var archiveName = regexp.MustCompile(`^(kubectl-fluxtune|flux-tune)_([^_]+)_([a-z]+)_([a-z0-9]+)\.(?:tar\.gz|zip)$`)

// archives reads lines of sha256sum and gives the archives among them, sorted by program and platform. That they are of
// two versions is an error: a release is of one.
func archives(checksums string) ([]archive, error) {
	var all []archive
	for line := range strings.Lines(checksums) {
		sum, file, ok := strings.Cut(strings.TrimSpace(line), "  ")
		match := archiveName.FindStringSubmatch(file)
		if !ok || match == nil {
			continue
		}
		one := archive{program: match[1], version: match[2], os: match[3], arch: match[4], file: file, sha256: sum}
		if len(all) > 0 && all[0].version != one.version {
			return nil, fmt.Errorf("the checksums are of two versions, %s and %s: run make clean first", all[0].version, one.version)
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, errors.New("the checksums name no archive: run make dist")
	}
	slices.SortFunc(all, func(a, b archive) int {
		return cmp.Or(cmp.Compare(a.program, b.program), cmp.Compare(a.os, b.os), cmp.Compare(a.arch, b.arch))
	})
	return all, nil
}

// address is where a file of a release is to be had: below base, or on the releases page where base is empty.
func address(base, version, file string) string {
	if base == "" {
		base = "https://github.com/fluxtune/kubectl-fluxtune/releases/download/v" + version
	}
	return strings.TrimSuffix(base, "/") + "/" + file
}
