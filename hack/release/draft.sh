#!/usr/bin/env bash
# Uploads the files of dist/ as a draft of the release $TAG, which nobody sees. What an earlier run left as a draft is
# replaced; what is published stays as it is.
#
# It needs gh (https://cli.github.com) with GH_TOKEN, and PRERELEASE=true|false.
set -euo pipefail

(cd dist && sha256sum --check --quiet --strict checksums.txt)

draft=$(gh release view "$TAG" --json isDraft --jq .isDraft 2>/dev/null || echo none)
case $draft in
none) ;;
true) gh release delete "$TAG" --yes ;;
*)
    echo "error: $TAG is published already: make a new version" >&2
    exit 1
    ;;
esac

gh release create "$TAG" --verify-tag --draft --prerelease="$PRERELEASE" --title "$TAG" --notes \
    "What is new: [CHANGELOG](https://github.com/$GITHUB_REPOSITORY/blob/$TAG/.github/CHANGELOG.md). How to verify a download: [SECURITY](https://github.com/$GITHUB_REPOSITORY/blob/$TAG/.github/SECURITY.md#verify-a-download)." \
    dist/*
