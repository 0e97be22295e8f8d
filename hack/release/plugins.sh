#!/usr/bin/env bash
# Proposes dist/fluxtune.yaml, the Krew manifest of $TAG, for plugins/ in a pull request to main. It can run again: the
# branch is made anew, and a pull request that is open stays.
#
# It needs gh with GH_TOKEN. A branch that a workflow's token pushes starts no other workflow: where main wants checks,
# close and open the pull request once.
set -euo pipefail
branch=plugins-$TAG

gh auth setup-git
git fetch --quiet origin main
git switch --quiet --force-create "$branch" FETCH_HEAD
cp dist/fluxtune.yaml plugins/fluxtune.yaml
git add plugins/fluxtune.yaml
if git diff --cached --quiet; then
    echo "plugins/ names $TAG already"
    exit 0
fi
git -c user.name="github-actions[bot]" -c user.email="41898282+github-actions[bot]@users.noreply.github.com" \
    commit --quiet --message "Krew: $TAG"
git push --quiet --force origin "$branch"
if [[ -z $(gh pr list --head "$branch" --state open --json number --jq '.[].number') ]]; then
    gh pr create --base main --head "$branch" --title "Krew: $TAG" \
        --body "The manifest of the release $TAG, which is published. Once this is merged, Krew installs it from this repository."
fi
