#!/usr/bin/env bash
# Draws the README's pictures from what the plugin really prints: a real control plane, a fleet of 26
# projects in three environments, 104 nodes and 2,613 pods. Each comes for light and for dark pages.
#
#   hack/picture/picture.sh PLUGIN TESTBED    (make picture builds both)
set -euo pipefail
cd "$(dirname "$0")/../.."
plugin=$PWD/$1 testbed=$PWD/$2 out=$PWD/hack/picture

work=$(mktemp -d)
cleanup() {
    "$testbed" down --state "$work/testbed" >/dev/null 2>&1 || true
    "$testbed" down --state "$work/many-state" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap cleanup EXIT

CGO_ENABLED=0 go build -C hack/picture -o "$work/freeze" github.com/charmbracelet/freeze
KUBECONFIG=$("$testbed" up --detach --state "$work/testbed" --fleet --nodes 104 --pods 2613)
export KUBECONFIG

# Runs a command as the plugin in a terminal.
run() {
    printf '\e[32m$\e[0m \e[1mkubectl fluxtune %s\e[0m\n' "$*"
    script -qec "stty cols ${columns:-100} rows ${rows:-40}; '$plugin' $*" /dev/null | tr -d '\r'
}
# The verdict of a command that changes things, without what was to be done.
verdict() { sed -nE '1p; /^[0-9]+ (configured|restored)/,$p'; }

tune() {
    run plan -A
    echo
    run apply -A --yes --patches-per-second 0 | verdict
    echo
    run revert -A --yes --patches-per-second 0 | verdict
}
nodes() { run nodes --top 6; }

# A checkout of two clusters that share a base.
checkout() {
    mkdir -p "$work/fleet"/{base,clusters/{development,production}/flux-system}
    cd "$work/fleet"
    cat >base/web.yaml <<'YAML'
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: web, namespace: apps}
spec:
  interval: 5m  # what everybody copies
  url: https://github.com/acme/web
  ref: {branch: main}
YAML
    echo 'resources: [web.yaml]' >base/kustomization.yaml
    for cluster in development production; do
        printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: apps, labels: {environment: %s}}\n' "$cluster" >"clusters/$cluster/namespace.yaml"
        printf 'resources:\n- namespace.yaml\n- ../../base\n' >"clusters/$cluster/kustomization.yaml"
        cat >"clusters/$cluster/flux-system/gotk-sync.yaml" <<YAML
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, url: "https://github.com/acme/fleet", ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m, path: ./clusters/$cluster, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
YAML
    done
}
rewrite() (
    checkout
    run trace -f . gitrepo/web
    echo
    run rewrite -f . --dry-run
)

# 2,028 objects in four environments, decided about on 80 x 24.
many() {
    "$testbed" up --detach --state "$work/many-state" --fleet --fleet-namespaces 13 >"$work/many.kubeconfig"
    local kubectl
    kubectl=$("$testbed" build kube | cut -f2)/kubectl
    KUBECONFIG=$(<"$work/many.kubeconfig")
    for i in 09 10 11 12 13; do "$kubectl" label --overwrite namespace "staging-0$i" environment=acceptance >/dev/null; done
    "$plugin" policy per-environment | sed 's/^    - name: production$/    - name: acceptance\n      kinds:\n        GitRepository: {interval: 2m to 4m}\n        Kustomization: {interval: 2m to 4m}\n&/' >"$work/four.yaml"
    cd "$work"
    columns=80 rows=24 run plan -A --policy four.yaml
}

for picture in tune nodes rewrite many; do
    ("$picture") >"$work/$picture" || { cat "$work/$picture" >&2; exit 1; }
done

# The plugin uses the terminal's own colours; these are GitHub's, which pages have around the picture.
colours() { # THEME: green, yellow, red, faint, cyan
    case $1 in
    dark) echo "63;185;80 210;153;34 248;81;73 145;152;161 57;197;207" ;;
    light) echo "26;127;55 154;103;0 209;36;47 89;99;110 27;124;131" ;;
    esac
}
background() { [ "$1" = dark ] && echo "#0d1117" || echo "#f6f8fa"; }
foreground() { [ "$1" = dark ] && echo "#e6edf3" || echo "#1f2328"; }

for theme in dark light; do
    read -r green yellow red faint cyan <<<"$(colours $theme)"
    for picture in tune nodes rewrite many; do
        sed -E "s/\x1b\[32m/\x1b[38;2;${green}m/g; s/\x1b\[33m/\x1b[38;2;${yellow}m/g; s/\x1b\[31m/\x1b[38;2;${red}m/g; s/\x1b\[90m/\x1b[38;2;${faint}m/g; s/\x1b\[36m/\x1b[38;2;${cyan}m/g" \
            "$work/$picture" >"$work/$picture-$theme"
        "$work/freeze" "$work/$picture-$theme" --language ansi --output "$out/$picture-$theme.svg" \
            --background "$(background $theme)" --padding 20 --border.radius 8 --border.width 1 --border.color "#8b949e" \
            --font.family "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" --font.size 14 --line-height 1.3
        # It writes text without a colour of its own in one that suits dark pages only.
        sed -i -E "s/(<g [^>]*fill=\")#[0-9A-Fa-f]{6}/\1$(foreground $theme)/" "$out/$picture-$theme.svg"
    done
done
