#!/usr/bin/env bash
# Runs the tests of the CPU kernels on an emulated processor with AVX-512 and its BF16 instructions, for machines that
# have none. Slow (a quarter of an hour, most of it building the emulator), needs Debian's packages; not part of the suite.
#   scripts/emulate-avx512.sh SOURCE [PATTERN]
# SOURCE is a checkout of the emulator Bochs, 2.8 or later (github.com/bochs-emu/Bochs); it is copied, not changed.
# PATTERN chooses tests as go test -run does; by default all that need no Go tool. Files are kept in ${WORK:-a new folder}.
# Needs: apt-get install g++ make cpio xorriso isolinux syslinux-common, and Go.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,8s/^# \?//p' "$0" >&2; exit 2; }
source=$(realpath "$1") pattern=${2:-} work=${WORK:-$(mktemp -d)}
work=$(realpath -m "$work")
cd "$(dirname "$0")/.."
mkdir -p "$work/root/bin" "$work/disk" "$work/debs"
[ ! -d "$source/bochs" ] || source=$source/bochs

if [ ! -x "$work/bochs/bochs" ]; then
  cp -r "$source" "$work/bochs"
  # VCVTNE2PS2BF16 reads behind its second source (seen in August 2026).
  sed -i 's/bfloat16(op1\.vmm32u(n))/bfloat16(op1.vmm32u(n - DWORD_ELEMENTS(len)))/' "$work/bochs/cpu/avx/avx512_bf16.cc"
  (cd "$work/bochs" && ./configure --enable-cpu-level=6 --enable-x86-64 --enable-avx --enable-evex --enable-fast-function-calls \
    --enable-repeat-speedups --enable-handlers-chaining --disable-logging --disable-docbook --with-nogui >/dev/null &&
    make -j"$(nproc)") >"$work/build.log" 2>&1 || { tail -n 20 "$work/build.log" >&2; exit 1; }
fi

# The system: a kernel, and as its first process a shell script that runs the tests and switches off.
if [ ! -e "$work/disk/vmlinuz" ]; then
  kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' | head -n 1)
  (cd "$work/debs" && apt-get download -q "$kernel" busybox-static && for deb in *.deb; do dpkg -x "$deb" .; done)
  cp "$work"/debs/boot/vmlinuz-* "$work/disk/vmlinuz"
  cp "$(find "$work/debs" -path '*bin/busybox')" "$work/root/bin/busybox"
  cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/disk/"
fi
CGO_ENABLED=0 go test -c -o "$work/root/kernel.test" ./internal/kernel
cat >"$work/root/init" <<END
#!/bin/busybox sh
/bin/busybox mkdir -p /dev /tmp
LLADAV_REQUIRE_CPU=avx512,bf16 /kernel.test -test.v -test.timeout 0 -test.run '$pattern' -test.skip TestGenerated
echo "exit code \$?"
/bin/busybox sleep 1 # for the console to be written out
/bin/busybox poweroff -f
END
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/disk/initrd.gz"
# Bochs moves strings wrongly if a kernel trusts the fast forms, hence clearcpuid.
cat >"$work/disk/isolinux.cfg" <<'END'
default linux
prompt 0
label linux
 kernel vmlinuz
 append initrd=initrd.gz console=ttyS0 quiet mitigations=off nokaslr lsm= clearcpuid=fsrm,erms
END
xorriso -as mkisofs -quiet -o "$work/disk.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table "$work/disk"
cat >"$work/bochsrc" <<END
display_library: nogui
romimage: file=$work/bochs/bios/BIOS-bochs-latest
vgaromimage: file=$work/bochs/bios/VGABIOS-lgpl/VGABIOS-lgpl-latest.bin
megs: 512
cpu: model=sapphire_rapids, count=1, ips=50000000, ignore_bad_msrs=1
ata0-master: type=cdrom, path=$work/disk.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/console
clock: sync=none
log: $work/bochs.log
END
rm -f "$work/console"
"$work/bochs/bochs" -q -f "$work/bochsrc" >"$work/bochs.out" 2>&1 </dev/null || true # it ends with 1 when the guest switches off
tr -d '\r' <"$work/console" | grep -aE '^ *--- |^(ok|PASS|FAIL|panic|LLADAV)|_test.go:|exit code' || tail -n 5 "$work/bochs.out"
grep -aq 'exit code 0' "$work/console"
