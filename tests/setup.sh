#!/usr/bin/env bash
# Sets up what `make` needs: the machine's tools, and a virtual environment with pinned packages.
# usage: tests/setup.sh run|dev    (PYTHON names the interpreter)
set -euo pipefail
cd "$(dirname "$0")/.."
mode=$1
python=${PYTHON:-python3}

fail() { echo "l2announcer: $*" >&2; exit 1; }

# Installs by the machine's package manager when root; says what to run otherwise.
install() { # what-for package-of-apt package-of-dnf package-of-apk
    local what=$1 command
    if command -v apt-get >/dev/null; then command="apt-get install -y --no-install-recommends $2"
    elif command -v dnf >/dev/null; then command="dnf install -y $3"
    elif command -v apk >/dev/null; then command="apk add $4"
    else fail "$what is missing; install it with this machine's package manager, then try again"; fi
    [ "$(id -u)" = 0 ] || fail "$what is missing; run: sudo $command"
    echo "l2announcer: $what is missing; running: $command"
    case $command in apt-get*) apt-get update -qq || fail "apt-get update failed; see above" ;; esac
    DEBIAN_FRONTEND=noninteractive $command >/dev/null || fail "could not install $what: $command"
}

[ "$(uname -s)" = Linux ] || fail "needs Linux: it makes network namespaces and packet sockets"
export PATH="$PATH:/usr/sbin:/sbin"
command -v ip >/dev/null || install "the ip command" iproute2 iproute iproute2
command -v setpriv >/dev/null || install "the setpriv command" util-linux util-linux util-linux
command -v nft >/dev/null || install "the nft command" nftables nftables nftables
# for kube-proxy in its mode of that name, which only the tests run
[ "$mode" != dev ] || command -v iptables >/dev/null || install "the iptables command" iptables iptables iptables
command -v "$python" >/dev/null || install "Python" python3 python3 python3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is $("$python" -V 2>&1); Python 3.11 or newer is needed: make PYTHON=python3.12 …"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    install "Python's venv" "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv" python3 py3-pip

stamp=.venv/stamp-$mode
wanted=$("$python" -V; cat "requirements/$mode.txt" | cksum)
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -V >/dev/null 2>&1; then
    rm -rf .venv
    "$python" -m venv .venv
fi
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "l2announcer: installing the pinned packages of requirements/$mode.txt into .venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r "requirements/$mode.txt" || fail "could not install the packages; see above"
    echo "$wanted" >"$stamp"
fi
