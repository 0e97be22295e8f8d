#!/usr/bin/env bash
# Builds the plugin and checks $CHECKOUT against $BASE: the report goes to the job's summary and its log, and three files
# are left for later steps.
set -euo pipefail

out=$(mktemp -d "${RUNNER_TEMP:-/tmp}/fluxtune.XXXXXX")
plugin=${FLUXTUNE:-} # built already, for whoever brings it
if [[ -z $plugin ]]; then
  plugin=$out/kubectl-fluxtune
  (cd "$SOURCE" && CGO_ENABLED=0 go build -trimpath -o "$plugin" ./cmd/kubectl-fluxtune)
fi

check=("$plugin" check --filename "$CHECKOUT" --policy "$POLICY")
if [[ -n ${BASE:-} ]]; then
  check+=(--base "$BASE")
fi

for format in markdown sarif json; do
  # Exit code 1 without --exit-code: something could not be read. What could is in the report.
  "${check[@]}" --output "$format" >"$out/report.$format" || [[ -s $out/report.$format ]]
  echo "$format=$out/report.$format" >>"$GITHUB_OUTPUT"
done
cat "$out/report.markdown" >>"$GITHUB_STEP_SUMMARY"

judge=()
[[ ${FAIL_ON_FINDINGS:-true} != true ]] || judge+=(--exit-code)
[[ -z ${FAIL_ABOVE:-} ]] || judge+=(--fail-above "$FAIL_ABOVE")
"${check[@]}" ${judge[@]+"${judge[@]}"}
