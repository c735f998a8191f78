#!/usr/bin/env bash
# Measures arrayfs on GlusterFS with two nodes, for docs/CLUSTER.md. The nodes are two mounts of
# one replicated volume on this machine. The array is mounted r+ on one and r on the other.
# The script measures:
#
# - the delay until the reader sees a write, with several options;
# - the throughput, compared with direct access to the same file.
#
# It uses only the loopback interface and a temporary directory. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_packages fuse3 gcc libc6-dev python3 iproute2 glusterfs-server glusterfs-client
need_rust
need_fuse
cargo build --release --quiet
arrayfs=$(realpath "${CARGO_TARGET_DIR:-target}/release/arrayfs")

# GlusterFS does not accept 127.0.0.1 as the address of a brick.
address=10.111.0.1
work=$(mktemp -d)
gluster=(gluster --mode=script --log-file="$work/cli.log")

clean_up() {
    for point in "$work"/array* "$work"/node*; do
        umount -lq "$point" 2>/dev/null || true
    done
    "${gluster[@]}" volume stop arrays force >/dev/null 2>&1 || true
    "${gluster[@]}" volume delete arrays >/dev/null 2>&1 || true
    pkill -f "$work" 2>/dev/null || true
    ip address del "$address/32" dev lo 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ip address add "$address/32" dev lo
mkdir "$work"/{state,run,brick1,brick2,node1,node2}
cat > "$work/glusterd.vol" <<END
volume management
    type mgmt/glusterd
    option working-directory $work/state
    option run-directory $work/run
    option transport-type socket
    option transport.socket.bind-address $address
end-volume
END
glusterd --no-daemon -f "$work/glusterd.vol" -p "$work/glusterd.pid" -l "$work/glusterd.log" &
until "${gluster[@]}" pool list >/dev/null 2>&1; do
    kill -0 $! || exit 1
    sleep 0.1
done
"${gluster[@]}" volume create arrays replica 2 "$address:$work"/brick{1,2}/arrays force >/dev/null
"${gluster[@]}" volume start arrays >/dev/null
glusterfs --version | head -n 1
uname -sr

mount_nodes() {
    for node in node1 node2; do
        umount -q "$work/$node" 2>/dev/null || true
        glusterfs --volfile-server="$address" --volfile-id=arrays "$@" -l "$work/$node.log" "$work/$node"
        until mountpoint -q "$work/$node"; do sleep 0.1; done
    done
}

mount_nodes
truncate -s 256M "$work/node1/array.bin"
echo
echo "## Delay until node 2 sees a write of node 1 (seconds; medians of 10)"
echo
echo "| mounts and volume | | seconds |"
echo "|---|---|---|"
python3 scripts/cluster/seen.py "$arrayfs" "$work" "defaults"
"${gluster[@]}" volume set arrays performance.md-cache-timeout 0 >/dev/null
mount_nodes --attribute-timeout=0
python3 scripts/cluster/seen.py "$arrayfs" "$work" "\`attribute-timeout=0\`, \`performance.md-cache-timeout 0\`"
"${gluster[@]}" volume reset arrays >/dev/null
echo
echo "## Throughput on node 1, compared with direct access (MB/s; medians of 5, alternating)"
echo
mount_nodes
python3 scripts/cluster/speed.py "$arrayfs" "$work"
