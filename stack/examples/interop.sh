#!/usr/bin/env bash
# Real programs against the stack: curl and netcat, through the kernel's TCP and a TUN device, in a
# network namespace of their own. Every content is compared by SHA-256. Leaves nothing behind.
#
#   stack/examples/interop.sh                       1 GiB each way on a good link, 64 MiB on a lossy one
#   stack/examples/interop.sh --bytes N --lossy-bytes N --profile NAME
#   stack/examples/interop.sh --only REGEX          rows whose text matches, such as 'IPv6.*lossy'
#
# Exit status: 0 all equal, 1 something differs or failed, 77 the machine cannot do it (it says why).
set -euo pipefail

bytes=$((1 << 30)) lossy_bytes=$((64 << 20)) profile=linux only=.
lossy=(--loss 1 --delay 5 --reorder 1)
# Longest time for one row, in seconds.
limit=${INTEROP_LIMIT:-3600}

self=$(realpath "${BASH_SOURCE[0]}")
arguments=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    --bytes) bytes=$2 ;;
    --lossy-bytes) lossy_bytes=$2 ;;
    --profile) profile=$2 ;;
    --only) only=$2 ;;
    *) echo "unknown option $1; see the head of $self" >&2; exit 2 ;;
  esac
  shift 2
done

cannot() { echo "SKIPPED: $*"; exit 77; }

# Outside: build, then go into namespaces whose processes all end with the first.
if [ -z "${INTEROP_INSIDE:-}" ]; then
  [ "$(uname -s)" = Linux ] || cannot "the TUN device is Linux's"
  for tool in unshare ip sha256sum; do
    command -v "$tool" >/dev/null || cannot "$tool is not installed"
  done
  [ -r /dev/net/tun ] && [ -w /dev/net/tun ] || cannot "/dev/net/tun cannot be opened"
  namespaces=(--net --pid --fork --kill-child)
  [ "$(id -u)" -eq 0 ] || namespaces+=(--map-root-user)
  unshare "${namespaces[@]}" ip tuntap add dev tun0 mode tun 2>/dev/null ||
    cannot "no TUN device can be made in a namespace"
  cd "$(dirname "$self")/../.."
  cargo build --quiet --release -p tcpdrill-stack --example tun
  INTEROP_TUN=${CARGO_TARGET_DIR:-$PWD/target}/release/examples/tun
  INTEROP_INSIDE=$(mktemp -d)
  export INTEROP_TUN INTEROP_INSIDE
  trap 'rm -rf "$INTEROP_INSIDE"' EXIT
  unshare "${namespaces[@]}" bash "$self" ${arguments[@]+"${arguments[@]}"} && exit 0
  exit 1
fi

cd "$INTEROP_INSIDE"
ip link set lo up
ip tuntap add dev tun0 mode tun
ip address add 10.77.0.1/24 dev tun0
ip address add fd77::1/64 dev tun0 nodad
ip link set tun0 up

failed=0 stack='' size='' content_size='' expected='' link=()

# start ARGUMENTS: the stack in the background, and a moment for it to take the device.
start() {
  timeout "$limit" "$INTEROP_TUN" --profile "$profile" ${link[@]+"${link[@]}"} "$@" >stack.out 2>stack.err &
  stack=$!
  for _ in $(seq 100); do
    # A short flow that the stack itself began may be over by now.
    if ip link show dev tun0 | grep -q LOWER_UP || ! kill -0 "$stack" 2>/dev/null; then return; fi
    sleep 0.05
  done
}

stop() { kill "$stack" 2>/dev/null || true; wait "$stack" 2>/dev/null || true; }

# The stack's last word: "BYTES HASH".
stack_hash() { wait "$stack" || true; cut -d ' ' -f 2 stack.out; }

sum() { sha256sum | cut -d ' ' -f 1; }

# Each prints the hash of what arrived.
curl_download() {
  start serve-http
  timeout "$limit" curl -sS --noproxy '*' "http://$host/$size" | sum
  stop
}
curl_upload() {
  start serve-http
  timeout "$limit" curl -sS --noproxy '*' -X POST -T content "http://$host/" | tr -d '\n'
  stop
}
nc_download() {
  start source --listen 5000 --bytes "$size"
  timeout "$limit" nc -d "$address" 5000 | sum
  stop
}
nc_upload() {
  start sink --listen 5000
  timeout "$limit" nc -N "$address" 5000 <content >/dev/null
  stack_hash
}
# The stack opens actively: nc listens.
nc_listening_download() {
  timeout "$limit" nc -l -d "$own" 6000 >arrived &
  local listener=$!
  sleep 0.3
  start source --connect "$own_socket:6000" --bytes "$size"
  wait "$listener"
  sum <arrived
  rm -f arrived
  stop
}
nc_listening_upload() {
  timeout "$limit" nc -l -N "$own" 6000 <content >/dev/null &
  local listener=$!
  sleep 0.3
  start sink --connect "$own_socket:6000"
  stack_hash
  wait "$listener" || true
}

# The bytes of both ends, made once a size.
prepare() {
  if [ "$content_size" = "$size" ]; then return; fi
  "$INTEROP_TUN" pattern "$size" >content
  expected=$(sum <content) content_size=$size
}

# Of the programs called nc this is about OpenBSD's: the others know no -N.
usable() {
  command -v "$1" >/dev/null && { [ "$1" != nc ] || nc -h 2>&1 | grep -q OpenBSD; }
}

row='%-9s %-21s %-4s %-5s %11s %8s %8s  %s\n'
# run PROGRAM DIRECTION FUNCTION: one line of the table.
run() {
  local program=$1 direction=$2 function=$3 found began took equal=yes
  if ! echo "$program $direction $family $link_name" | grep -qE -- "$only"; then return; fi
  if ! usable "$program"; then
    printf "$row" "$program" "$direction" "$family" "$link_name" - - - "SKIPPED: not installed"
    return
  fi
  prepare
  began=$(date +%s%N)
  found=$("$function" || true)
  took=$((($(date +%s%N) - began) / 1000000))
  if [ "$found" != "$expected" ]; then
    equal=NO failed=1
    sed 's/^/  stack: /' stack.err >&2
    echo "  expected $expected, found ${found:-nothing}" >&2
  fi
  printf "$row" "$program" "$direction" "$family" "$link_name" "$size" \
    "$((took / 1000)).$(printf %03d $((took % 1000)))" \
    "$(awk "BEGIN { printf \"%.1f\", $size / 1000 / ($took + 0.001) }")" "$equal"
}

echo "Linux $(uname -r) sends by $(cat /proc/sys/net/ipv4/tcp_congestion_control);" \
  "the stack has the profile $profile; the lossy link: ${lossy[*]}, both ways"
printf "$row" program direction IP link bytes seconds MB/s 'hash equal'
for link_name in good lossy; do
  if [ "$link_name" = good ]; then link=() size=$bytes; else link=("${lossy[@]}") size=$lossy_bytes; fi
  for family in IPv4 IPv6; do
    if [ "$family" = IPv4 ]; then
      address=10.77.0.2 host=10.77.0.2 own=10.77.0.1 own_socket=10.77.0.1
    else
      address=fd77::2 host='[fd77::2]' own=fd77::1 own_socket='[fd77::1]'
    fi
    run curl 'from the stack' curl_download
    run curl 'to the stack' curl_upload
    run nc 'from the stack' nc_download
    run nc 'to the stack' nc_upload
    run nc 'from it, it opens' nc_listening_download
    run nc 'to it, it opens' nc_listening_upload
  done
done
exit "$failed"
