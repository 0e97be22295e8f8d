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
    rm -rf "$work"
}
trap cleanup EXIT

CGO_ENABLED=0 go build -C hack/picture -o "$work/freeze" github.com/charmbracelet/freeze
KUBECONFIG=$("$testbed" up --detach --state "$work/testbed" --fleet --nodes 104 --pods 2613)
export KUBECONFIG

# Runs a command as the plugin in a terminal, as wide as the table needs.
run() {
    printf '\e[32m$\e[0m \e[1mkubectl fluxtune %s\e[0m\n' "$*"
    script -qec "stty cols 130; '$plugin' $*" /dev/null | tr -d '\r'
}
# The verdict of a command that changes things, without the rows of all objects.
verdict() { sed -nE '1p; /^[0-9]+ configured/,$p'; }

# One project of each environment stands for all 26.
tune() {
    run plan -A | awk '
        /project-/ && !/project-01/ { left++; next }
        left && !/project-/ { printf "    \033[90m... and %d more objects\033[0m\n", left; left = 0 }
        { print }'
    echo
    run apply -A --yes --patches-per-second 0 | verdict
    echo
    run revert -A --yes --patches-per-second 0 | verdict
}
nodes() { run nodes --top 6; }

for picture in tune nodes; do
    "$picture" >"$work/$picture" || { cat "$work/$picture" >&2; exit 1; }
done

# The plugin uses the terminal's own colours; these are GitHub's, which pages have around the picture.
colours() { # THEME: green, yellow, red, faint
    case $1 in
    dark) echo "63;185;80 210;153;34 248;81;73 145;152;161" ;;
    light) echo "26;127;55 154;103;0 209;36;47 89;99;110" ;;
    esac
}
background() { [ "$1" = dark ] && echo "#0d1117" || echo "#f6f8fa"; }
foreground() { [ "$1" = dark ] && echo "#e6edf3" || echo "#1f2328"; }

for theme in dark light; do
    read -r green yellow red faint <<<"$(colours $theme)"
    for picture in tune nodes; do
        sed -E "s/\x1b\[32m/\x1b[38;2;${green}m/g; s/\x1b\[33m/\x1b[38;2;${yellow}m/g; s/\x1b\[31m/\x1b[38;2;${red}m/g; s/\x1b\[90m/\x1b[38;2;${faint}m/g" \
            "$work/$picture" >"$work/$picture-$theme"
        "$work/freeze" "$work/$picture-$theme" --language ansi --output "$out/$picture-$theme.svg" \
            --background "$(background $theme)" --padding 20 --border.radius 8 --border.width 1 --border.color "#8b949e" \
            --font.family "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" --font.size 14 --line-height 1.3
        # It writes text without a colour of its own in one that suits dark pages only.
        sed -i -E "s/(<g [^>]*fill=\")#[0-9A-Fa-f]{6}/\1$(foreground $theme)/" "$out/$picture-$theme.svg"
    done
done
