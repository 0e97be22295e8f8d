#!/usr/bin/env bash
# Shows the plugin at work: a real control plane on this machine, a fleet of 26 projects in three
# environments, and the plugin called through kubectl. Every step is checked; nothing outside this
# folder and the user's cache is touched.
#
#   hack/demo.sh PLUGIN TESTBED    (make demo builds both)
set -euo pipefail
cd "$(dirname "$0")/.."
plugin=$1 testbed=$2 state=bin/demo

bold=$(tput bold 2>/dev/null || true) plain=$(tput sgr0 2>/dev/null || true)
step() { printf '\n%s# %s%s\n' "$bold" "$1" "$plain"; }

# Shows a command and the beginning and end of what it prints.
show() {
    printf '%s$ %s%s\n' "$bold" "$*" "$plain"
    local out status=0
    out=$("$@" 2>&1) || status=$?
    if [ "$(wc -l <<<"$out")" -gt 44 ]; then
        head -n 10 <<<"$out"
        printf '  ... %s more lines ...\n' "$(($(wc -l <<<"$out") - 34))"
        tail -n 24 <<<"$out"
    else
        printf '%s\n' "$out"
    fi
    return "$status"
}

step "A control plane: etcd and kube-apiserver with Flux's CRDs, 104 nodes and 2,613 pods"
"$testbed" down --state "$state" >/dev/null 2>&1 || true
KUBECONFIG=$("$testbed" up --detach --state "$state" --fleet --nodes 104 --pods 2613)
export KUBECONFIG
tools=$("$testbed" build kube | cut -f2)
PATH="$(cd "$(dirname "$plugin")" && pwd):$tools:$PATH"
show kubectl get namespaces --show-labels -l environment

step "What is configured: 78 GitRepositories and 78 Kustomizations, all at 5m"
show kubectl fluxtune get -A

step "What the default policy would change, and why"
show kubectl fluxtune plan -A

step "The same as a diff, for one object"
show kubectl fluxtune plan gitrepo/project-01 -n development -o diff

step "What that costs and buys, and what the fast preset would"
show kubectl fluxtune budget -A
show kubectl fluxtune budget -A --policy fast -o jsonpath='{.summary.gitRequests.planned} Git requests/h, {.hosts[0].usedPercent.planned}% of {.hosts[0].limit.perHour}/h'

step "Change it (paced at 40 a second here; 5 a second by default, because each change makes Flux reconcile)"
show kubectl fluxtune apply -A --yes --patches-per-second 40

step "A second plan finds nothing to do"
show kubectl fluxtune plan -A --exit-code -o name

step "Take it all back, and see that it is as it was"
show kubectl fluxtune revert -A --yes --patches-per-second 40 --no-headers
changes=$(kubectl fluxtune plan -A -o name | wc -l)
[ "$changes" -eq 104 ] || { echo "error: expected 104 objects to differ from the policy again, found $changes" >&2; exit 1; }

step "And the other half: pods per node, of 104 nodes and 2,613 pods"
show kubectl fluxtune nodes --sort-by use
show kubectl fluxtune nodes --group-by zone

cat <<END

The control plane is still running. Play on with it:

  export KUBECONFIG=$KUBECONFIG
  export PATH=$(cd "$(dirname "$plugin")" && pwd):$tools:\$PATH
  kubectl fluxtune --help

Stop it and remove everything:

  make demo-stop
END
