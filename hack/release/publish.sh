#!/usr/bin/env bash
# Adds the provenance ($BUNDLE, which actions/attest-build-provenance wrote) to the draft of $TAG and publishes it: the
# last step, so that nothing that fails leaves half a release.
#
# It needs gh with GH_TOKEN, and PRERELEASE and NEWEST, each true or false.
set -euo pipefail

cp "$BUNDLE" "provenance.sigstore.json"
gh release upload "$TAG" provenance.sigstore.json --clobber
gh release edit "$TAG" --draft=false --prerelease="$PRERELEASE" --latest="$NEWEST"
