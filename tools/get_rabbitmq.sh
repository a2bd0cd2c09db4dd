#!/usr/bin/env bash
# Gets RabbitMQ 4 and mosquitto, as root: from the distribution, where it has RabbitMQ 4; else a Debian
# that does is unpacked into the user's cache, 240 MB, where systems/chroot.py finds it. Nothing of this
# machine is changed by that. Done before, it does nothing; what was interrupted counts for nothing.
set -euo pipefail

suite=trixie # RabbitMQ 4.0.5 on Erlang 27, mosquitto 2.0.21
root=${XDG_CACHE_HOME:-$HOME/.cache}/delivery-semantics/rabbitmq-4
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)

install() {
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq --yes --no-install-recommends "$@" >/dev/null
}
candidate() { # the major version that the distribution has of a package, or that is installed
    apt-cache policy "$1" | sed -n 's/^  Candidate: \([0-9]*\).*/\1/p'
}

if [ -d "$root" ]; then
    echo "RabbitMQ 4 is in $root."
    exit
fi
if [ "$(candidate rabbitmq-server)" -ge 4 ] 2>/dev/null; then
    install rabbitmq-server mosquitto
    exit
fi

command -v mmdebstrap >/dev/null || install mmdebstrap
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || install debian-archive-keyring

# From where this machine has its own packages, if that is a Debian; else from where mmdebstrap has them.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' | head -n 1)
mkdir -p "$(dirname "$root")"
coming=$(mktemp -d "$root.XXXXXX")
trap '"${as_root[@]}" rm -rf "$coming"' EXIT
"${as_root[@]}" mmdebstrap --quiet --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' \
    --include=rabbitmq-server,mosquitto "$suite" "$coming/root" ${mirror:+"$mirror"}
mv -T "$coming/root" "$root" || [ -d "$root" ] # another run was faster
echo "RabbitMQ 4 is in $root."
