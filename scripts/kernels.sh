#!/usr/bin/env bash
# Runs the kernel-dependent mounted tests under other kernels: Debian's kernel packages, in QEMU
# without KVM, with the test programs built here. The guest mounts this machine's files read-only,
# and has its own disk as /tmp. Prints the number of passed tests for each kernel. The exit status
# is 1 if a test failed or none ran. Takes hours on two cores: for weekly and manual runs. Needs
# root, and the package sources of Debian 12.
#
#   scripts/kernels.sh [KERNEL...]     such as 6.1 and 6.12, the default, or a
#                                      package: linux-image-6.1.0-50-amd64
#
# ARRAYFS_KERNELS_ONLY="semantics claim_24 claim_47" runs one test program only, here with two
# filters.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh

install_packages fuse3 gcc libc6-dev qemu-system-x86 busybox-static cpio kmod xz-utils \
    e2fsprogs xfsprogs btrfs-progs acl attr strace mount procps fio rsync make
need_rust
need_numpy
need_fsx

kernels=("$@")
if [ ${#kernels[@]} = 0 ]; then
    kernels=(6.1 6.12)
fi
# Test programs, each followed by its filters.
suites=(syscalls semantics backing users ends
    "stress pairs_ writes_ writers copies_ opens_ truncat killed_ aborted_ mapped mappings fsx fio")
if [ -n "${ARRAYFS_KERNELS_ONLY:-}" ]; then
    suites=("$ARRAYFS_KERNELS_ONLY")
fi
store="$(realpath "${CARGO_TARGET_DIR:-target}")/kernels"
disk=$(mktemp)
trap 'rm -f "$disk"' EXIT
mkdir -p "$store/programs"

# Prints the newest package of a kernel version, or the package name given.
package_of() {
    case "$1" in
        linux-image-*) echo "$1" ;;
        *)
            local pattern="^linux-image-${1//./\\.}\.[0-9][0-9a-z.+-]*-amd64$"
            apt-cache search --names-only "$pattern" | cut -d ' ' -f 1 |
                grep -v -e -cloud- -e -rt- | sort -V | tail -n 1 || true
            ;;
    esac
}

# Prints the init script of the guest. It mounts the file systems, then becomes the script named on
# the kernel command line. Its root is the root of the mount namespace, so that a test which leaves
# the namespace can return to it.
write_init() {
    cat <<'INIT'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in virtio_pci virtio_blk 9pnet_virtio 9p fuse ext4 xfs btrfs overlay loop unix_diag; do
    modprobe $module 2>/dev/null
done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=524288,cache=loose host /host || poweroff -f
mkdir -p /dev/pts /dev/shm
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
mount --bind /dev /host/dev
mount -t devpts devpts /host/dev/pts
mount -t tmpfs tmpfs /host/dev/shm
mount -t proc proc /host/proc
mount -t sysfs sys /host/sys
mount -t fusectl none /host/sys/fs/fuse/connections
mount -t ext4 /dev/vda /host/tmp || poweroff -f
for folder in run var/tmp mnt usr/local/sbin; do
    mount -t tmpfs tmpfs /host/$folder
done
ip link set lo up
read -r line </proc/cmdline
script=${line##*script=}
exec switch_root /host /bin/bash "${script%% *}"
INIT
}

# Unpacks a kernel package and builds its initramfs.
prepare() {
    local package=$1 to="$store/$1" modules version
    if [ "$to/initrd.img" -nt scripts/kernels.sh ]; then
        return
    fi
    rm -rf "$to"
    mkdir -p "$to/initrd"/{bin,sbin,proc,sys,dev,host,lib/modules}
    (cd "$to" && apt-get download -qq -o APT::Sandbox::User=root "$package")
    dpkg -x "$to"/*.deb "$to/package"
    modules=$(find "$to/package" -type d -path '*lib/modules' -print -quit)
    version=$(ls "$modules")
    (cd "$modules" &&
        find "$version"/kernel/{drivers/{virtio,block},fs,lib,net/{9p,unix},crypto,arch/x86/crypto} \
            -name '*.ko*' -print0 2>/dev/null | cpio -0 -pdm --quiet "$to/initrd/lib/modules")
    cp "$modules/$version"/modules.* "$to/initrd/lib/modules/$version/"
    find "$to/initrd/lib/modules" -name '*.ko.xz' -exec unxz {} +
    depmod -b "$to/initrd" "$version"
    cp /bin/busybox "$to/initrd/bin/"
    for name in bin/{sh,mount,mkdir,ln,poweroff,ip} sbin/{modprobe,switch_root}; do
        ln -s /bin/busybox "$to/initrd/$name"
    done
    write_init >"$to/initrd/init"
    chmod +x "$to/initrd/init"
    mv "$to"/package/boot/vmlinuz-* "$to/vmlinuz"
    (cd "$to/initrd" && find . | cpio -o -H newc --quiet | gzip -1) >"$to/initrd.new"
    rm -rf "$to/initrd" "$to/package" "$to"/*.deb
    mv "$to/initrd.new" "$to/initrd.img"
}

# Builds a test program and copies it, so that later builds do not replace it.
copy_program() {
    local built
    built=$(cargo test --release --no-run --message-format json --test "$1" 2>/dev/null |
        grep -o '"executable":"[^"]*/'"$1"'-[0-9a-f]*"' | cut -d '"' -f 4 | tail -n 1)
    cp "$built" "$store/programs/$1"
}

# Prints the script of the guest, which runs the test programs with long deadlines.
write_script() {
    cat <<END
export PATH=$PATH HOME=/tmp LANG=C.UTF-8 ARRAYFS_TEST_DEADLINE=600
cd $PWD
chmod 1777 /tmp
mount --bind $store/programs/arrayfs $(realpath "${CARGO_TARGET_DIR:-target}")/release/arrayfs
END
    local suite
    for suite in "${suites[@]}"; do
        echo "$store/programs/$suite --color never --test-threads 1 --show-output 2>&1"
    done
    echo "dmesg | grep -E -A 30 'BUG|Oops|WARNING|blocked for more than'"
    echo "echo all tests have run"
    echo "busybox poweroff -f"
}

# Boots a kernel, which runs the script. Prints its console output.
boot() {
    truncate -s 0 "$disk"
    truncate -s 12G "$disk"
    mkfs.ext4 -q -F "$disk"
    timeout 6h qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 6G \
        -nographic -no-reboot -nic none \
        -kernel "$store/$1/vmlinuz" -initrd "$store/$1/initrd.img" \
        -append "console=ttyS0 loglevel=1 panic=-1 script=$store/script" \
        -drive "file=$disk,format=raw,if=virtio,cache=unsafe" \
        -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
        </dev/null | stdbuf -o0 tr -d '\r'
}

# count passed|failed LOG: sums the test results in a log.
count() {
    grep -o '^test result: .*' "$2" | grep -o "[0-9]* $1" | awk '{ n += $1 } END { print n + 0 }'
}

# Runs all test programs under a kernel and prints a summary.
try() {
    local package log passed failed skipped
    package=$(package_of "$1")
    if [ -z "$package" ]; then
        echo "Linux $1: no such package; are the sources of Debian 12 and its security updates configured?" >&2
        return 1
    fi
    prepare "$package"
    log="$store/$package.log"
    echo "$package: $log"
    boot "$package" >"$log" || true
    passed=$(count passed "$log") failed=$(count failed "$log")
    skipped=$(grep -c '^skipped: ' "$log" || true)
    grep -E '^test .*FAILED$' "$log" || true
    echo "$package: $passed passed, of which $skipped were skipped; $failed failed"
    if ! grep -qx 'all tests have run' "$log"; then
        echo "$package: the guest stopped before all tests had run" >&2
        return 1
    fi
    [ "$passed" != 0 ] && [ "$failed" = 0 ]
}

for suite in "${suites[@]}"; do
    copy_program "${suite%% *}"
done
cp "${CARGO_TARGET_DIR:-target}/release/arrayfs" "$store/programs/"
write_script >"$store/script"
status=0
for kernel in "${kernels[@]}"; do
    try "$kernel" || status=1
done
exit "$status"
