#!/usr/bin/env bash
# Walks through the release workflow offline, with the scripts that it runs: a bare repository stands for GitHub's, a
# tag is pushed to it, and a small program in gh's place keeps releases in a folder and pull requests in a file. What it
# shows: a draft is all that is there until the last step; the newest final release reaches plugins/ through a pull
# request that can be made again; a pre-release and a back port do not reach it; what is published stays as it is.
#
#   hack/release/walk.sh [DIST]    (make release-test); builds the archives of a tag, or takes those in DIST
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
step() { printf '\n# %s\n' "$1"; }
fail() { printf 'error: %s\n' "$1" >&2; exit 1; }
export GITHUB_REPOSITORY=fluxtune/kubectl-fluxtune GH_TOKEN=none WORK=$work
export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@localhost GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@localhost

mkdir -p "$work/bin" "$work/releases"
cat >"$work/bin/gh" <<'GH'
#!/usr/bin/env bash
# Stands in for gh: a release is a folder with its files and a state, and calls are logged.
set -euo pipefail
echo "gh ${*:1:3}" >>"$WORK/calls"
what="$1 $2" tag=${3:-} release=$WORK/releases/${3:-}
case $what in
"auth setup-git") ;;
"release view") [[ -d $release ]] || exit 1; grep -q draft=true "$release.state" && echo true || echo false ;;
"release delete") rm -r "$release" "$release.state" ;;
"release create")
    [[ " $* " == *" --draft "* && " $* " == *" --verify-tag "* ]]
    git ls-remote --exit-code origin "refs/tags/$tag" >/dev/null
    mkdir "$release"
    for file in "$@"; do [[ $file != dist/* ]] || cp "$file" "$release/"; done
    echo draft=true >"$release.state"
    ;;
"release upload") cp "$4" "$release/" ;;
"release edit") printf '%s\n' "${@:4}" | sed 's/^--//' >"$release.state" ;;
"pr list") grep -q "^$4\$" "$WORK/pulls" 2>/dev/null && echo 1 || true ;;
"pr create") echo "$6" >>"$WORK/pulls" ;;
*) echo "unexpected: gh $*" >&2; exit 1 ;;
esac
GH
chmod +x "$work/bin/gh"
export PATH=$work/bin:$PATH

step "A repository with its tags; v1.1.0 is pushed"
git clone --quiet --bare . "$work/origin"
git -C "$work/origin" tag --list | xargs -r git -C "$work/origin" tag --delete >/dev/null
git -C "$work/origin" update-ref refs/heads/main "$(git rev-parse HEAD)"
for tag in v0.9.0 v1.0.0 v1.1.0-rc.1 v1.0.1 v1.1.0; do git -C "$work/origin" tag "$tag" main; done

checkout() { # JOB: what actions/checkout leaves
    cd "$work" && rm -rf "${work:?}/$1"
    git clone --quiet --branch "$TAG" "$work/origin" "$work/$1" 2>/dev/null
    cd "$work/$1"
}
decide() { : >"$work/output"; GITHUB_OUTPUT=$work/output hack/release/tag.sh; cat "$work/output"; }

export TAG=v1.1.0
step "build: tag.sh"
checkout build
decide
grep -q newest=true "$work/output" || fail "it is the newest"
step "build: make dist, as part of make install-test"
if [[ -n ${1:-} ]]; then cp -r "$1" dist; else TAG=$TAG hack/dist.sh >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; fail "dist"; }; fi
git diff --quiet || fail "the build changed files of the repository"
mkdir "$work/uploaded"
cp dist/*.tar.gz dist/*.zip dist/*.cdx.json dist/*checksums.txt dist/fluxtune.yaml dist/tune.yaml dist/catalog.yaml "$work/uploaded/"
(cd "$work/uploaded" && ls)
[[ $(find "$work/uploaded" -name '*_1.1.0_*' | wc -l) -eq 19 ]] || fail "expected 12 archives, 6 lists of what is inside and the checksums of 1.1.0"

PRERELEASE=$(sed -n s/prerelease=//p "$work/output") NEWEST=$(sed -n s/newest=//p "$work/output")
export PRERELEASE NEWEST
publish_job() { # the job publish, from its first step
    checkout publish
    cp -r "$work/uploaded" dist
    hack/release/draft.sh
    grep -qx draft=true "$work/releases/$TAG.state" || fail "the release is visible before its last step"
}

step "publish: draft.sh, and a run that ended there"
publish_job
echo "$(find "$work/releases/$TAG" -type f | wc -l) files in a draft, which nobody sees"
step "publish: again from the start; the provenance, which only GitHub can sign, is an empty file here; publish.sh"
publish_job
echo '{}' >"$work/bundle"
BUNDLE=$work/bundle hack/release/publish.sh
cat "$work/releases/$TAG.state"
printf 'draft=false\nprerelease=false\nlatest=true\n' | diff - "$work/releases/$TAG.state" || fail "not published as the newest"
[[ -s $work/releases/$TAG/provenance.sigstore.json ]] || fail "no provenance"

step "publish: a third run leaves what is published alone"
checkout publish
cp -r "$work/uploaded" dist
if hack/release/draft.sh 2>"$work/log"; then fail "it was replaced"; fi
cat "$work/log"
grep -qx draft=false "$work/releases/$TAG.state" || fail "it is a draft again"

step "plugins: plugins.sh, twice, then after the merge"
for _ in 1 2; do
    checkout plugins
    cp -r "$work/uploaded" dist
    hack/release/plugins.sh
done
cat "$work/pulls"
[[ $(wc -l <"$work/pulls") -eq 1 ]] || fail "expected one pull request"
git -C "$work/origin" diff --stat main plugins-v1.1.0 -- | cat
git -C "$work/origin" show plugins-v1.1.0:plugins/fluxtune.yaml | grep '^  version: v1.1.0$' || fail "it names another version"
[[ $(git -C "$work/origin" diff --name-only main plugins-v1.1.0) == plugins/fluxtune.yaml ]] || fail "it changes more than the manifest"
git -C "$work/origin" update-ref refs/heads/main plugins-v1.1.0
checkout plugins
cp -r "$work/uploaded" dist
hack/release/plugins.sh

step "build: tag.sh of a pre-release, a back port, an older one and what is no version"
for TAG in v1.1.0-rc.1 v1.0.1 v0.9.0; do
    checkout build
    decide
    grep -q newest=false "$work/output" || fail "$TAG would replace v1.1.0 in plugins/"
done
if TAG=v1 GITHUB_OUTPUT=$work/output hack/release/tag.sh; then fail "v1 is no version"; fi

step "What was asked of GitHub"
cat "$work/calls"
echo "the release workflow works as far as it goes offline"
