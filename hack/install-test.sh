#!/usr/bin/env bash
# Installs the plugin as users do. From source: the README's lines, as pasted. From the archives of make
# dist: with the real krew and the real kubectl it validates the manifest as krew-index's continuous
# integration does, installs, upgrades and uninstalls the archive of every platform, and runs the installed
# plugin on a real control plane. Everything is in a temporary folder; the user's own Krew, kubeconfig
# and PATH are not touched.
#
#   hack/install-test.sh [DIST [TESTBED]]    (make install-test builds both)
set -euo pipefail
cd "$(dirname "$0")/.."
dist=$(cd "${1:-dist}" && pwd) testbed=$(cd "$(dirname "${2:-bin/testbed}")" && pwd)/testbed

repository=$PWD work=$(mktemp -d)
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    "$testbed" down --state "$work/testbed" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT
step() { printf '\n# %s\n' "$1"; }
fail() { printf 'error: %s\n' "$1" >&2; exit 1; }
# Reads all of its input before it looks: grep -q in a pipe leaves at the first match, and what still
# writes is then killed, which pipefail reports as a failure.
has() { # GREP'S ARGUMENTS
    local input
    input=$(cat)
    grep -q "$@" <<<"$input" || { printf '%s\n' "$input" >&2; return 1; }
}

step "A second build of the same commit is equal byte for byte"
if [ -n "$(git status --porcelain)" ]; then
    echo "skipped: there are changes that are not committed"
else
    git clone -q . "$work/again"
    hack/dist.sh "$work/again" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "the second build"; }
    diff "$dist/checksums.txt" "$work/again/dist/checksums.txt" || fail "the archives differ"
    rm -rf "$work/again"
    echo "$(wc -l <"$dist/checksums.txt") files have the same checksums"
fi

step "The real krew, kubectl and flux, and a server in place of the releases page"
mkdir -p "$work/bin" "$work/home/.local/bin"
ln -s "$("$testbed" build krew | cut -f2)/krew" "$work/bin/kubectl-krew"
ln -s "$("$testbed" build krew | cut -f2)/validate-krew-manifest" "$work/bin/"
ln -s "$("$testbed" build kube | cut -f2)/kubectl" "$work/bin/"
# The build of flux takes long: WITH_FLUX=1 has it built, and tried at the end.
[ -z "${WITH_FLUX:-}" ] || ln -s "$("$testbed" build flux | cut -f2)/flux" "$work/bin/"
go build -o "$work/bin/release" ./hack/release
mkdir "$work/releases"
ln -s "$dist"/* "$work/releases/"
"$work/bin/release" serve "$work/releases" >"$work/address" &
server=$!
for _ in $(seq 100); do [ -s "$work/address" ] || sleep 0.1; done
base=$(cat "$work/address")

# A Krew index is a Git repository with manifests in plugins/: this one stands for ours.
index=$work/index
mkdir -p "$index/plugins"
publish() { # VERSION: the manifest as of that version, with the archives of now
    "$work/bin/release" krew --dist "$dist" --base "$base" |
        sed -E "s/^  version: .*/  version: $1/" >"$index/plugins/fluxtune.yaml"
    git -C "$index" add plugins
    git -C "$index" -c user.name=test -c user.email=test@localhost commit -q --allow-empty -m "fluxtune $1"
}
git init -q "$index"
publish v0.0.1
manifest=$index/plugins/fluxtune.yaml

KUBECONFIG=$("$testbed" up --detach --state "$work/testbed" --fleet)
export KUBECONFIG
# Go's caches stay where they are, all else is a newcomer's.
GOPATH=$(go env GOPATH) GOCACHE=$(go env GOCACHE) GOMODCACHE=$(go env GOMODCACHE)
export GOPATH GOCACHE GOMODCACHE
export HOME=$work/home PATH=$work/bin:$work/home/.local/bin:$PATH

step "From source: the README's lines, with this repository in the place of the published one"
mkdir "$work/source"
awk '/^## Install/ { here = 1 } here && /^```$/ { exit } lines { print } here && /^```console/ { lines = 1 }' README.md >"$work/lines"
grep -q '^git clone ' "$work/lines" || fail "the README says nothing about installing from source"
(
    cd "$work/source"
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_VALUE_0=https://github.com/fluxtune/kubectl-fluxtune
    export GIT_CONFIG_KEY_0="url.$repository.insteadOf"
    bash -euxo pipefail "$work/lines"
)
[ "$(command -v kubectl-fluxtune)" = "$HOME/.local/bin/kubectl-fluxtune" ] || fail "it is not on PATH"
rm "$HOME/.local/bin/kubectl-fluxtune"

export KREW_NO_UPGRADE_CHECK=1 KREW_DEFAULT_INDEX_URI=file://$index

step "validate-krew-manifest, as krew-index runs it: structure, and an install on every platform"
validate-krew-manifest -manifest "$manifest" 2>&1 | sed -E 's/^.*\] //' | grep -v inferred

for platform in linux_amd64 linux_arm64 darwin_amd64 darwin_arm64 windows_amd64 windows_arm64; do
    step "$platform: install from the archive, uninstall; install from the index, upgrade, uninstall"
    export KREW_OS=${platform%_*} KREW_ARCH=${platform#*_} KREW_ROOT=$work/krew-$platform
    file=kubectl-fluxtune
    [ "$KREW_OS" != windows ] || file=kubectl-fluxtune.exe
    archive=$(echo "$dist"/kubectl-fluxtune_*_"$platform".[tz]*)
    krew() { kubectl krew "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "kubectl krew $*"; }; }

    publish v0.0.1
    krew index add own "file://$index"
    krew install --manifest "$manifest" --archive "$archive"
    [ -L "$KREW_ROOT/bin/$file" ] && [ -s "$KREW_ROOT/bin/$file" ] || fail "no $file in $KREW_ROOT/bin"
    [ -s "$(dirname "$(readlink "$KREW_ROOT/bin/$file")")/LICENSE" ] || fail "no LICENSE"
    size=$(stat -Lc %s "$KREW_ROOT/bin/$file")
    [ "$size" -le $((50 * 1024 * 1024)) ] || fail "$file has $size bytes, more than 50 MB"
    krew uninstall fluxtune
    [ ! -e "$KREW_ROOT/bin/$file" ] && [ ! -e "$KREW_ROOT/store/fluxtune" ] || fail "something is left of it"

    krew install own/fluxtune
    publish v0.0.2
    krew update
    krew upgrade fluxtune
    readlink "$KREW_ROOT/bin/$file" | has /v0.0.2/ || fail "it was not upgraded"
    krew uninstall fluxtune
    [ ! -e "$KREW_ROOT/bin/$file" ] || fail "something is left of it"
    printf '%s: %s bytes packed, %s bytes unpacked\n' "$platform" "$(stat -c %s "$archive")" "$size"
done
unset KREW_OS KREW_ARCH

step "Installed here, called through the real kubectl on a real control plane"
export KREW_ROOT=$work/krew PATH=$work/krew/bin:$PATH
krew index add here "file://$repository"
if [ -e "$repository/plugins/fluxtune.yaml" ]; then
    kubectl krew info here/fluxtune | grep '^VERSION:' || fail "this repository is no Krew index"
else
    ! kubectl krew info here/fluxtune >/dev/null 2>&1 || fail "plugins/ names a release that does not exist"
    echo "plugins/ names no release yet"
fi
krew index add own "file://$index"
krew install --manifest "$manifest" --archive "$(echo "$dist"/kubectl-fluxtune_*_"$(go env GOOS)_$(go env GOARCH)".tar.gz)"
kubectl fluxtune version --client -o json
kubectl fluxtune version --client -o json | has '"commit": "[0-9a-f]\{40\}"' || fail "it does not know its commit"

kubectl fluxtune completion kubectl --install
kubectl __completeNoDesc fluxtune plan --env '' | has -x staging || fail "kubectl does not complete it"

kubectl fluxtune plan -A | tail -n 12
[ "$(kubectl fluxtune plan -A -o name | wc -l)" -eq 104 ] || fail "expected 104 objects to differ from the policy"
rm "$KREW_ROOT/bin/kubectl_complete-fluxtune"
krew uninstall fluxtune

if [ -z "${WITH_FLUX:-}" ]; then
    echo "all of it works"
    exit
fi
step "The real flux searches, installs, calls and uninstalls it from a catalogue like fluxcd/plugins"
mkdir "$work/releases/catalogue"
cp "$dist/checksums.txt" "$work/releases/catalogue/"
"$work/bin/release" flux --dist "$work/releases/catalogue" --base "$base"
export FLUXCD_PLUGIN_CATALOG=$base/catalogue/
flux plugin search tune
flux plugin install tune 2>&1
flux plugin list
[ "$(flux tune plan -A -o name | wc -l)" -eq 104 ] || fail "flux tune sees another fleet"
flux tune plan --help | has 'flux tune plan' || fail "it calls itself something else"
flux __complete tune plan --env '' 2>/dev/null | has '^staging' || fail "flux does not complete it"
flux plugin uninstall tune 2>&1
[ -z "$(ls "$HOME/.fluxcd/plugins")" ] || fail "something is left of it"
echo "all of it works"
