#!/usr/bin/env bash
# Builds the archives of a release without publishing them, and renders the manifests for Krew and for Flux's CLI.
# Everything comes from the module cache; nothing is asked of the network once that is filled.
#
#   hack/dist.sh [REPOSITORY]    (make dist); the archives are in REPOSITORY/dist, by default here
#
# With TAG=vX.Y.Z they are those of that tag, which has to be at the current commit; otherwise of a snapshot.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/bin/release
mkdir -p "$tools"

# Minutes the first time on a machine, seconds from Go's build cache later.
echo "building goreleaser and cyclonedx-gomod, some minutes the first time" >&2
CGO_ENABLED=0 go build -C hack/release/tools -trimpath -ldflags "-s -w" -o "$tools/goreleaser" github.com/goreleaser/goreleaser/v2
CGO_ENABLED=0 go build -C hack/release/tools -trimpath -ldflags "-s -w" -o "$tools/cyclonedx-gomod" github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod

cd "${1:-.}"
# GoReleaser wants to know where the repository lives, which a clone without a remote cannot say.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url
GIT_CONFIG_VALUE_0=$(git remote get-url origin 2>/dev/null || echo https://github.com/fluxtune/kubectl-fluxtune)
export GIT_CONFIG_VALUE_0
kind=(--snapshot)
if [[ -n ${TAG:-} ]]; then
    kind=()
    export GORELEASER_CURRENT_TAG=$TAG
fi
# Builds side by side take more memory than they save time.
PATH=$tools:$PATH "$tools/goreleaser" release ${kind[@]+"${kind[@]}"} --clean --skip=publish --parallelism "${PARALLELISM:-2}"

go run ./hack/release krew >dist/fluxtune.yaml
go run ./hack/release flux
# The catalogue of Flux's plugins looks for the checksums under this name.
version=$(sed -n 's/^ *- version: //p' dist/tune.yaml)
cp dist/checksums.txt "dist/flux-tune_${version}_checksums.txt"
