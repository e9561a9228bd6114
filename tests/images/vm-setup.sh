# Makes a virtual machine of a fresh Debian: run by build-vm inside it, before it has ever been booted.
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
set -euo pipefail

echo siptune-vm >/etc/hostname
echo '127.0.0.1 localhost siptune-vm' >/etc/hosts
echo '/dev/vda / ext4 noatime,errors=remount-ro 0 0' >/etc/fstab

# --- Who logs in: an ordinary user who may use sudo, with the key that the kernel's command line brings ---

useradd --create-home --shell /bin/bash admin
echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
chmod 0440 /etc/sudoers.d/admin
cat >/usr/local/sbin/key-of-command-line <<'SCRIPT'
#!/bin/sh
exec sed -n 's/.*siptune\.key=\([^ ]*\).*/ssh-ed25519 \1/p' /proc/cmdline
SCRIPT
chmod 0755 /usr/local/sbin/key-of-command-line
cat >/etc/ssh/sshd_config.d/key.conf <<'CONFIG'
AuthorizedKeysCommand /usr/local/sbin/key-of-command-line
AuthorizedKeysCommandUser nobody
HostKey /etc/ssh/ssh_host_ed25519_key
UseDNS no
CONFIG
rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key

# --- Network: named by udev as on any Debian, and told apart by the hardware addresses that guest.py gives ---

# network NUMBER ADDRESS [LINE...]
network() {
    local number=$1 address=$2
    shift 2
    printf '%s\n' '[Match]' "MACAddress=52:54:00:5e:00:$number" '[Network]' "Address=$address" \
        LinkLocalAddressing=ipv6 IPv6AcceptRA=no "$@" >"/etc/systemd/network/$number.network"
}
# The first is the one to come in by. No test touches it, so the default route is another's.
network 01 10.0.2.15/24
network 02 192.0.2.10/24 Gateway=192.0.2.1
network 03 198.51.100.10/24
network 04 203.0.113.10/24
network 05 198.18.5.10/24
network 06 198.18.6.10/24
network 07 198.18.7.10/24
network 09 198.18.9.10/24
systemctl enable systemd-networkd.service

# The eighth is NetworkManager's, with a profile as nmcli writes it.
cat >/etc/NetworkManager/conf.d/eighth.conf <<'CONFIG'
[main]
no-auto-default=*
[keyfile]
unmanaged-devices=*,except:mac:52:54:00:5e:00:08
CONFIG
profile=/etc/NetworkManager/system-connections/eighth.nmconnection
cat >"$profile" <<'CONFIG'
[connection]
id=eighth
uuid=7d8a2f0e-5c0b-4a53-9b35-1c0e6f0a0008
type=ethernet

[ethernet]
mac-address=52:54:00:5E:00:08

[ipv4]
address1=198.18.8.10/24
method=manual

[ipv6]
addr-gen-mode=default
method=disabled

[proxy]
CONFIG
chmod 0600 "$profile"

# No name server answers in here, and Kamailio would wait for one, for each address.
sed -i 's/^hosts:.*/hosts: files/' /etc/nsswitch.conf

# rtpengine relays by itself: there is no kernel module of it, and a thread for each of two processors does. It starts
# before the cards have addresses, as nothing here waits for them.
sed -i 's/^table = 0/table = -1\nnum-threads = 2/; s/^interface = any/interface = 127.0.0.1/' /etc/rtpengine/rtpengine.conf
echo MANAGE_IPTABLES=no >>/etc/default/rtpengine-daemon

# --- A packet filter that tracks connections: it loads nf_conntrack, later than systemd-sysctl sets anything ---

cat >/etc/nftables.conf <<'CONFIG'
flush ruleset
table inet filter {
    chain input {
        type filter hook input priority filter
        ct state established accept
    }
}
CONFIG
systemctl enable nftables.service

# --- Quick to boot: nothing that no test looks at. Rebooting by Ansible needs dbus, logind and user-sessions. ---

systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer getty.target serial-getty@.service modprobe@.service systemd-binfmt.service \
    NetworkManager-dispatcher.service NetworkManager-wait-online.service \
    systemd-journal-flush.service systemd-network-generator.service systemd-networkd-wait-online.service \
    systemd-pstore.service systemd-random-seed.service systemd-timesyncd.service

# --- What boots it: the kernel unpacked, which emulation is slow at, and an initrd that only finds the disk ---
# Debian 13's is packed otherwise than by xz, and unpacks itself.

output=/boot/siptune
mkdir "$output"
cp /etc/ssh/ssh_host_ed25519_key.pub "$output/host_key.pub"
kernel=$(ls /lib/modules)
python3 - "/boot/vmlinuz-$kernel" "$output/vmlinux" <<'SCRIPT'
import lzma, pathlib, sys
packed = pathlib.Path(sys.argv[1]).read_bytes()
start = packed.find(b"\xfd7zXZ\0")  # the signature of an .xz file
unpacked = packed if start < 0 else lzma.LZMADecompressor().decompress(packed[start:])
pathlib.Path(sys.argv[2]).write_bytes(unpacked)
SCRIPT

tree=$(mktemp -d)
mkdir "$tree"/{bin,dev,root}
cp /bin/busybox "$tree/bin/"
for module in virtio_pci virtio_blk ext4; do
    modprobe --set-version "$kernel" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' >"$tree/modules"
xargs cp --parents --target-directory="$tree" <"$tree/modules"
cat >"$tree/init" <<'SCRIPT'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
while read -r module; do /bin/busybox insmod "$module"; done </modules
until [ -b /dev/vda ]; do /bin/busybox usleep 50000; done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
SCRIPT
chmod 0755 "$tree/init"
(cd "$tree" && find . | cpio --quiet --create --format=newc) >"$output/initrd"
rm -rf "$tree"
