#!/usr/bin/env bash
# Builds the archives of a release without publishing them, and renders the Krew manifest for them.
# Everything comes from the module cache; nothing is asked of the network once that is filled.
#
#   hack/dist.sh [REPOSITORY]    (make dist); the archives are in REPOSITORY/dist, by default here
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/bin/release
mkdir -p "$tools"

# Minutes the first time on a machine, seconds from Go's build cache later.
echo "building goreleaser and cyclonedx-gomod, some minutes the first time" >&2
CGO_ENABLED=0 go build -C hack/release -trimpath -ldflags "-s -w" -o "$tools/goreleaser" github.com/goreleaser/goreleaser/v2
CGO_ENABLED=0 go build -C hack/release -trimpath -ldflags "-s -w" -o "$tools/cyclonedx-gomod" github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

cd "${1:-.}"
# GoReleaser wants to know where the repository lives, which a clone without a remote cannot say.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url
GIT_CONFIG_VALUE_0=$(git remote get-url origin 2>/dev/null || echo https://github.com/fluxtune/kubectl-fluxtune)
export GIT_CONFIG_VALUE_0
# Builds side by side take more memory than they save time.
PATH=$tools:$PATH "$tools/goreleaser" release --snapshot --clean --skip=publish --parallelism "${PARALLELISM:-2}"

# The release workflow puts it into plugins/, which makes this repository a Krew index.
go run ./hack/krew >dist/fluxtune.yaml
