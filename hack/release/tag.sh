#!/usr/bin/env bash
# Tells the later jobs what $TAG is: newest=true|false and prerelease=true|false go to $GITHUB_OUTPUT. A tag that is no
# version ends the release here.
set -euo pipefail
git tag --list | go run ./hack/release tag "$TAG" >>"$GITHUB_OUTPUT"
